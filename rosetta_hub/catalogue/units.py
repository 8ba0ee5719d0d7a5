"""Sizes and durations as users write them."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

_SIZE = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*$", re.IGNORECASE)
_FACTORS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def parse_size(value: Any) -> int:
    """Bytes from an integer (bytes) or a text such as `512M`, `1.5G`, `2 GiB` (powers of 1024).

    Raises:
        ValueError: anything else, zero, a negative number, or more than 8 EB (64 bits).
    """
    size = 0.0
    if isinstance(value, int) and not isinstance(value, bool):
        size = value
    elif isinstance(value, str) and (match := _SIZE.match(value)):
        size = float(match[1]) * _FACTORS[match[2].upper()]
    if not 0 < size < 1 << 63:
        raise ValueError("a size such as 512M, 2G or a positive number of bytes is expected")
    return int(size)


def format_size(size: int) -> str:
    """A size in bytes for users: `512 MB`, `1.5 GB` (powers of 1024, one decimal at most)."""
    value = float(size)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1024:
            return f"{value:.1f}".removesuffix(".0") + f" {unit}"
        value /= 1024
    return f"{value:.1f}".removesuffix(".0") + " TB"


_DURATION = re.compile(
    r"^\s*(?:(\d+)\s*d)?\s*(?:(\d+)\s*h)?\s*(?:(\d+)\s*m(?:in)?)?\s*(?:(\d+)\s*s)?\s*$"
)
_SECONDS = (86400, 3600, 60, 1)


def parse_duration(value: Any) -> int:
    """Seconds from an integer or a text such as `90m`, `2h`, `1d 12h`, `5400`.

    Raises:
        ValueError: anything else, zero, a negative number, or more than 68 years (32 bits).
    """
    seconds = 0
    if isinstance(value, int) and not isinstance(value, bool):
        seconds = value
    elif isinstance(value, str) and value.strip().isdecimal():
        seconds = int(value)
    elif isinstance(value, str) and (match := _DURATION.match(value.lower())):
        seconds = sum(
            int(part or 0) * unit for part, unit in zip(match.groups(), _SECONDS, strict=True)
        )
    if not 0 < seconds < 1 << 31:
        raise ValueError("a time such as 90m, 2h, 1d 12h or a positive number of seconds is needed")
    return seconds


def format_duration(seconds: int) -> str:
    """A duration for users, in its two largest units: `2 h`, `1 d 12 h`, `1 min 30 s`."""
    parts = []
    for name, unit in zip(("d", "h", "min", "s"), _SECONDS, strict=True):
        count, seconds = divmod(seconds, unit)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"


Duration = Annotated[int, BeforeValidator(parse_duration)]
ByteSize = Annotated[int, BeforeValidator(parse_size)]
