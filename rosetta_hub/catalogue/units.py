"""Sizes as people write them."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

_SIZE = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*$", re.IGNORECASE)
_FACTORS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def parse_size(value: Any) -> int:
    """Bytes from an integer (bytes) or a text such as `512M`, `1.5G`, `2 GiB` (powers of 1024).

    Raises:
        ValueError: anything else, zero or a negative number.
    """
    size = 0
    if isinstance(value, int) and not isinstance(value, bool):
        size = value
    elif isinstance(value, str) and (match := _SIZE.match(value)):
        size = int(float(match[1]) * _FACTORS[match[2].upper()])
    if size <= 0:
        raise ValueError("a size such as 512M, 2G or a positive number of bytes is expected")
    return size


def format_size(size: int) -> str:
    """A size in bytes for people: `512 MB`, `1.5 GB` (powers of 1024, one decimal at most)."""
    value = float(size)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1024:
            return f"{value:.1f}".removesuffix(".0") + f" {unit}"
        value /= 1024
    return f"{value:.1f}".removesuffix(".0") + " TB"


Size = Annotated[int, BeforeValidator(parse_size)]
