"""How far a copy is: counted by its transfers, written to its row now and then."""

from collections import deque
from dataclasses import dataclass

from rosetta_hub.catalogue.storage_paths import encode_path
from rosetta_hub.database.models_copies import Copy

# Problems that are kept with their messages; of the others the number.
KEPT_PROBLEMS = 100
# Seconds over which the rate is averaged.
WINDOW = 10.0


@dataclass
class Totals:
    """Bytes and files of a copy."""

    bytes: int = 0
    files: int = 0


class CopyProgress:
    """Counts; `failed` are entries that could not be copied, `skipped` those that never can be."""

    def __init__(self) -> None:
        self.done = Totals()
        self.total: Totals | None = None
        self.problems: list[dict[str, str]] = []
        self.failed = 0
        self.skipped = 0
        self._moved = 0
        self._marks: deque[tuple[float, int]] = deque()

    def moved(self, size: int) -> None:
        """So many bytes have been copied."""
        self.done.bytes += size
        self._moved += size

    def correct(self, size: int) -> None:
        """So many bytes more, or fewer, are there than were copied now: the rate is not theirs."""
        self.done.bytes += size

    def file_done(self) -> None:
        """A file is complete."""
        self.done.files += 1

    def unchanged(self, size: int) -> None:
        """A file is there already: it counts as done, but not for the rate."""
        self.done.bytes += size
        self.done.files += 1

    def fail(self, path: bytes, message: str) -> None:
        """An entry could not be copied."""
        self.failed += 1
        self._keep(path, message)

    def skip(self, path: bytes, message: str) -> None:
        """An entry is left out."""
        self.skipped += 1
        self._keep(path, message)

    def rate(self, now: float) -> float | None:
        """Bytes per second of the last seconds before `now`; None when it is not known yet."""
        marks = self._marks
        marks.append((now, self._moved))
        while len(marks) > 1 and now - marks[1][0] >= WINDOW:
            marks.popleft()
        since, moved = marks[0]
        return (self._moved - moved) / (now - since) if now > since else None

    def write(self, copy: Copy, rate: float | None) -> None:
        """Put the counts into the row."""
        copy.bytes_done, copy.files_done, copy.rate = self.done.bytes, self.done.files, rate
        if self.total is not None:
            copy.bytes_total, copy.files_total = self.total.bytes, self.total.files
        copy.problems, copy.problem_count = list(self.problems), self.failed + self.skipped

    def _keep(self, path: bytes, message: str) -> None:
        if len(self.problems) < KEPT_PROBLEMS:
            self.problems.append({"path": encode_path(path), "message": message})


def describe_end(progress: CopyProgress) -> str:
    """What a copy that has come to its end says."""
    if not progress.problems:
        return ""
    count = progress.failed + progress.skipped
    verb = "was" if count == 1 else "were"
    first = progress.problems[0]
    return f"{count} of the entries {verb} not copied. {first['message']}"
