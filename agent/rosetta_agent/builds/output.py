"""What an engine prints while it builds: lines, bounded, and the steps that they tell."""

import collections
import re
from typing import Any, Callable, Deque, Dict, List, NamedTuple, Optional

#: Lines that are shown of a build that failed.
TAIL = 40
#: Characters of a line; what is behind them is left out.
LONGEST_LINE = 2000
#: Bytes without a line's end that are kept.
_LONGEST_PIECE = 64 << 10

_STEPS = (
    # Podman; of several stages each counts its own.
    re.compile(r"(?:\[\d+/\d+\] )?STEP (\d{1,5})/(\d{1,5}): (.*)"),
    # Docker's classic builder.
    re.compile(r"Step (\d{1,5})/(\d{1,5}) : (.*)"),
    # BuildKit: `#9 [ 7/23] RUN …`, `#9 [stage-1 2/5] RUN …`.
    re.compile(r"#\d+ \[(?:[^\]\s]+ +)? *(\d{1,5})/(\d{1,5})\] (.*)"),
)

# Codes of ECMA-48, with which programs write to terminals: strings that end with BEL or ST (titles,
# links), sequences (colours, the cursor), and single characters of control, but for the tab.
_CODES = re.compile(
    r"\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)"
    r"|\x1b\[[0-?]*[ -/]*[@-~]?"
    r"|\x1b[ -/]*[0-~]"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
)

Step = NamedTuple("Step", [("number", int), ("total", int), ("text", str)])


def parse_step(line: str) -> Optional[Step]:
    """The step that begins with a line of the engine's."""
    for pattern in _STEPS:
        match = pattern.match(line)
        if match and 0 < int(match.group(1)) <= int(match.group(2)):
            return Step(int(match.group(1)), int(match.group(2)), match.group(3))
    return None


class Output:
    """Takes what an engine prints; tells new steps, and the first ``limit`` bytes of the log."""

    def __init__(self, tell: Callable[[Dict[str, Any]], None], limit: int) -> None:
        self._tell = tell
        self._limit = limit
        self._is_full = False
        self._rest = b""
        self._tail: Deque[str] = collections.deque(maxlen=TAIL)
        self.step: Optional[Step] = None

    @property
    def tail(self) -> List[str]:
        """The last lines."""
        return list(self._tail)

    def feed(self, data: bytes) -> None:
        """Take a piece of the output."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LONGEST_PIECE:
            lines.append(self._rest)
            self._rest = b""
        self._take([_clean(line) for line in lines])

    def end(self) -> None:
        """Take what was printed without a line's end."""
        if self._rest:
            self._take([_clean(self._rest)])
        self._rest = b""

    def _take(self, lines: List[str]) -> None:
        for line in lines:
            self._tail.append(line)
            step = parse_step(line)
            if step is not None:
                self.step = step
                self._tell({"step": step.number, "steps": step.total})
        if lines:
            self._log("".join(line + "\n" for line in lines))

    def _log(self, text: str) -> None:
        if self._is_full:
            return
        self._limit -= len(text)
        if self._limit < 0:
            self._is_full = True
            text = text[: self._limit] + "\n[The log is too long: the rest of it is left out.]\n"
        self._tell({"log": text})


def _clean(line: bytes) -> str:
    """A line as a terminal shows it at its end, without colours.

    Progress bars write over themselves.
    """
    text = _CODES.sub("", line.decode("utf-8", "replace"))
    return text.rstrip("\r").rsplit("\r", 1)[-1][:LONGEST_LINE]
