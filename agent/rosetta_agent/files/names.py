"""Names beside one that is taken."""

from typing import Iterator

_LONGEST = 255  # bytes of a name, on nearly all file systems
_MOST = 1000


def free_names(name: bytes) -> Iterator[bytes]:
    """The name, then ``name (1).txt``, ``name (2).txt`` and so on, a thousand at most."""
    yield name
    stem, dot, suffix = name.rpartition(b".")
    if not stem:
        stem, suffix = name, b""
    else:
        suffix = dot + suffix
    for number in range(1, _MOST):
        end = " ({})".format(number).encode("ascii") + suffix
        yield _shorten(stem, _LONGEST - len(end)) + end


def _shorten(stem: bytes, length: int) -> bytes:
    """So many bytes of a name, without a part of a character at its end."""
    if len(stem) <= length:
        return stem
    while length > 0 and stem[length] & 0xC0 == 0x80:
        length -= 1
    return stem[: max(length, 0)]
