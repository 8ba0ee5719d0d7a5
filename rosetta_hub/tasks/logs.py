"""The logs of a task's last two attempts: files, bounded, oldest lines first out."""

import contextlib
import os
from pathlib import Path


class Logs:
    """Log files below `directory` (made with mode 0700), at most `limit` bytes each.

    Offsets count the bytes of an attempt's whole output as UTF-8, also those no longer kept: an
    agent resumes where the service says, whatever was lost on the way.
    """

    def __init__(self, directory: Path, limit: int) -> None:
        self._directory = directory
        self._limit = limit
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def received(self, task_id: str, attempt: int) -> int:
        """The offset from which on the service wants the agent to send."""
        return self._dropped(task_id, attempt) + self._size(task_id, attempt)

    def append(self, task_id: str, attempt: int, offset: int, text: str) -> str:
        """Keep what is new of a chunk that starts at `offset`; returns the new part.

        What was received before is skipped. A gap is taken as it is: the agent had dropped it.
        """
        data = text.encode()
        end = self.received(task_id, attempt)
        if offset > end:
            self._mark_dropped(task_id, attempt, offset - end)
            end = offset
        new = data[end - offset :]
        if not new:
            return ""
        path = self._path(task_id, attempt)
        with path.open("ab") as file:
            file.write(new)
        self._trim(task_id, attempt)
        return new.decode(errors="replace")

    def read(self, task_id: str, attempt: int) -> str:
        """All that is kept; an empty text when there is none."""
        try:
            return self._path(task_id, attempt).read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def tail(self, task_id: str, attempt: int, lines: int) -> list[str]:
        """The last lines."""
        path = self._path(task_id, attempt)
        try:
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - 400 * lines))
                return file.read().decode(errors="replace").splitlines()[-lines:]
        except FileNotFoundError:
            return []

    def size(self) -> int:
        """The bytes of all logs that are kept; takes as long as there are logs."""
        total = 0
        with os.scandir(self._directory) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    total += entry.stat().st_size
        return total

    def keep_two(self, task_id: str, attempt: int) -> None:
        """Forget all logs but those of this attempt and of the one before."""
        self._remove(task_id, range(1, attempt - 1))

    def remove(self, task_id: str, attempt: int) -> None:
        """Forget the logs of all attempts of a task, the last of which is `attempt`."""
        self._remove(task_id, range(1, attempt + 1))

    def _remove(self, task_id: str, attempts: range) -> None:
        # By name: to look for them in the directory takes as long as there are logs of others.
        for attempt in attempts:
            path = self._path(task_id, attempt)
            path.unlink(missing_ok=True)
            path.with_suffix(".dropped").unlink(missing_ok=True)

    def _path(self, task_id: str, attempt: int) -> Path:
        return self._directory / f"{task_id}-{attempt}.log"

    def _size(self, task_id: str, attempt: int) -> int:
        try:
            return self._path(task_id, attempt).stat().st_size
        except FileNotFoundError:
            return 0

    def _dropped(self, task_id: str, attempt: int) -> int:
        try:
            return int(self._path(task_id, attempt).with_suffix(".dropped").read_text())
        except (FileNotFoundError, ValueError):
            return 0

    def _mark_dropped(self, task_id: str, attempt: int, count: int) -> None:
        total = self._dropped(task_id, attempt) + count
        self._path(task_id, attempt).with_suffix(".dropped").write_text(str(total))

    def _trim(self, task_id: str, attempt: int) -> None:
        path = self._path(task_id, attempt)
        if path.stat().st_size <= self._limit:
            return
        data = path.read_bytes()
        # Half is dropped at once, at a line's end: a chatty task must not rewrite its log with
        # each heartbeat.
        cut = data.find(b"\n", len(data) - self._limit // 2) + 1 or len(data) - self._limit // 2
        path.write_bytes(data[cut:])
        self._mark_dropped(task_id, attempt, cut)
