"""Progress of image pulls, read from what the engines show on a terminal.

docker prints one line a layer, redrawn in place (``abc: Downloading [=>  ] 1.2MB/3.4MB``);
podman and apptainer draw bars with ``1.2MiB / 3.4MiB`` behind the start of a blob's digest.
"""

import re
from typing import Dict, NamedTuple, Optional

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY_UNITS = {"ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_AMOUNT = r"([0-9]+(?:\.[0-9]+)?)\s?([kKMGT]?i?)B"
_DOCKER = re.compile(
    r"\b([0-9a-f]{12}): (Downloading|Download complete|Pull complete|Extracting)"
    r"(?:\s+\[[=> ]*\]\s+" + _AMOUNT + "/" + _AMOUNT + ")?"
)
_BLOB = re.compile(r"\b([0-9a-f]{8,64})\b[^\n\r]*?\s" + _AMOUNT + r"\s?/\s?" + _AMOUNT)
_BAR = re.compile(_AMOUNT + r"\s?/\s?" + _AMOUNT)


class Progress(NamedTuple):
    """Bytes that have come, of those known to be needed."""

    done: int
    total: int


def parse_amount(number: str, unit: str) -> int:
    """Bytes in ``number`` of ``unit`` ('', k, M, Ki, Mi, ...)."""
    key = unit.lower()
    return int(float(number) * (_BINARY_UNITS.get(key) or _UNITS[key]))


def strip_terminal(text: str) -> str:
    """The text without control sequences; each of them, and each return, ends a line."""
    return _ANSI.sub("\n", text).replace("\r", "\n")


class PullProgress:
    """Sums up over the layers of one pull; feed it the terminal's output as it comes."""

    def __init__(self) -> None:
        self._blobs: Dict[str, Progress] = {}
        self._rest = ""

    def feed(self, text: str) -> Optional[Progress]:
        """Take in more output; returns the sum, or None as long as no size is known."""
        lines = re.split(r"\n+", strip_terminal(self._rest + text))
        # The last piece may be cut in the middle of a number: keep it for the next time.
        self._rest = lines.pop()[-1000:]
        for line in lines:
            self._parse_line(line)
        if not self._blobs:
            return None
        sizes = self._blobs.values()
        return Progress(sum(s.done for s in sizes), sum(s.total for s in sizes))

    def _parse_line(self, line: str) -> None:
        match = _DOCKER.search(line)
        if match:
            self._parse_docker(match)
            return
        match = _BLOB.search(line)
        if match:
            self._set(match.group(1)[:12], *match.groups()[1:])
            return
        match = _BAR.search(line)
        if match:
            # apptainer names no blob: its size has to do
            self._set("".join(match.groups()[2:]), *match.groups())

    def _parse_docker(self, match: "re.Match[str]") -> None:
        blob, step = match.group(1), match.group(2)
        if step == "Downloading" and match.group(3):
            self._set(blob, *match.groups()[2:])
        elif step != "Downloading" and blob in self._blobs:
            total = self._blobs[blob].total
            self._blobs[blob] = Progress(total, total)

    def _set(self, blob: str, amount: str, amount_unit: str, total: str, total_unit: str) -> None:
        # "12.3 / 45.6 MiB" gives the unit once in some versions.
        size = Progress(
            parse_amount(amount, amount_unit or total_unit), parse_amount(total, total_unit)
        )
        self._blobs[blob] = size
