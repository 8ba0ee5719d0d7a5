"""Conditional and partial requests (RFC 9110, sections 13 and 14), without any I/O.

An entity tag here is the text between the quotes. All of ours are strong.
"""

import re
from dataclasses import dataclass

_TAGS = re.compile(r'\s*(?:(W/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*(?:,|$)|,)')
_RANGE = re.compile(r"bytes=[ \t]*(\d*)-(\d*)[ \t]*", re.IGNORECASE)
# Digits; no file is larger.
_LONGEST = 19


class Unsatisfiable(Exception):
    """The range lies behind the end of the file (416)."""


@dataclass(frozen=True)
class Range:
    """A part of a file, in bytes; `partial` is False where it was not asked for."""

    offset: int
    length: int
    partial: bool

    def content_range(self, size: int) -> str:
        """The value of `Content-Range`, for a file of `size` bytes."""
        return f"bytes {self.offset}-{self.offset + self.length - 1}/{size}"


def quote_etag(etag: str) -> str:
    """A strong entity tag as it stands in a header."""
    return f'"{etag}"'


def parse_etags(header: str) -> list[tuple[str, bool]] | None:
    """The entity tags of a list, each with whether it is strong; None where it is no such list."""
    tags, position, text = list[tuple[str, bool]](), 0, header.strip()
    while position < len(text):
        match = _TAGS.match(text, position)
        if match is None:
            return None
        if match[2] is not None:
            tags.append((match[2], match[1] is None))
        position = match.end()
    return tags or None


def matches_strongly(header: str, etag: str | None) -> bool:
    """Whether `If-Match` holds for a file with this tag; None where there is no file."""
    if header.strip() == "*":
        return etag is not None
    return (etag, True) in (parse_etags(header) or [])


def matches_weakly(header: str, etag: str | None) -> bool:
    """Whether a tag of `If-None-Match` is the file's; the method is not applied then."""
    if header.strip() == "*":
        return etag is not None
    return any(tag == etag for tag, _ in parse_etags(header) or [])


def select_range(range_header: str, if_range: str, etag: str, size: int) -> Range:
    """What to send of a file: one range, or all of it where the request has none that counts.

    Several ranges at once are answered by the whole file, as RFC 9110 allows. An `If-Range` with a
    date never counts, because two versions of a file may be of the same second.

    Raises:
        Unsatisfiable: nothing of the file is in the range.
    """
    whole = Range(0, size, False)
    match = _RANGE.fullmatch(range_header.strip())
    if match is None or not (match[1] or match[2]):
        return whole
    if if_range and parse_etags(if_range) != [(etag, True)]:
        return whole
    first, last = (_number(text) for text in match.groups())
    if first is None:
        first, last = max(0, size - (last or 0)), size - 1
    elif last is None:
        last = size - 1
    elif last < first:
        return whole
    if first >= size:
        raise Unsatisfiable
    return Range(first, min(last, size - 1) - first + 1, True)


def _number(text: str) -> int | None:
    """The number; one of so many digits lies behind the end of every file."""
    return int(text) if 0 < len(text) <= _LONGEST else 10**_LONGEST if text else None
