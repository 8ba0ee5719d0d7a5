"""The log of a container as the API server gives it with timestamps: a time before each line. Pure.

Who reads on asks for what came after a time, in whole seconds; the lines of that second which were
read before are left out here.
"""

import re
from dataclasses import dataclass

# RFC 3339, with nanoseconds, in the time zone of the node.
_TIME = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) ")


@dataclass(frozen=True)
class LogPart:
    """What is new of a log, and the time of its last line, as the node wrote it."""

    text: str
    last: str | None
    is_cut: bool
    """Whether there is more of it already."""


def parse_log(answer: bytes, last: str | None, limit: int) -> LogPart:
    """The lines of an answer that are newer than `last`, without their times.

    An answer of `limit` bytes was cut off: its last line is left to the next answer, unless it is
    the only one.
    """
    # Not `splitlines`, which also ends lines at a carriage return.
    lines = re.findall(rb"[^\n]*\n|[^\n]+", answer)
    is_cut = len(answer) >= limit
    if is_cut and len(lines) > 1:
        lines.pop()
    parts: list[bytes] = []
    newest, is_new = last, last is None
    for line in lines:
        if match := _TIME.match(line):
            time = match[1].decode()
            # One node writes all its times in one form, so that they compare as texts.
            is_new = last is None or time > last
            newest = time if is_new else newest
        if is_new:
            parts.append(line[match.end() :] if match else line)
    return LogPart(b"".join(parts).decode(errors="replace"), newest, is_cut)
