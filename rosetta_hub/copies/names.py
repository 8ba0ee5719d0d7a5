"""Names at the target of a copy, and the order of a walk."""

import os
from collections.abc import Container

from rosetta_hub.catalogue.storage_paths import MAX_NAME


def sort_key(path: bytes) -> list[bytes]:
    """The order of a walk: parents first, components as bytes."""
    return path.split(b"/")


def free_name(name: bytes, names: Container[bytes]) -> bytes:
    """The name, or else the first of `name (2)`, `name (3)`… that is not taken.

    The number goes before the extension, and the name is cut so that the result fits.
    """
    if name not in names:
        return name
    stem, extension = os.path.splitext(name)
    number = 2
    while True:
        suffix = b" (%d)%s" % (number, extension[: MAX_NAME // 2])
        candidate = _cut(stem, MAX_NAME - len(suffix)) + suffix
        if candidate not in names:
            return candidate
        number += 1


def _cut(name: bytes, length: int) -> bytes:
    """The name of at most so many bytes, not cut within a character of UTF-8."""
    if len(name) <= length:
        return name
    while length > 0 and name[length] & 0xC0 == 0x80:
        length -= 1
    return name[:length]
