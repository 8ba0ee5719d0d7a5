"""What can go wrong with files, as the hub is told.

FilesError     the answer to a request: one of the protocol's codes and a message for the user
ChannelEnded   nobody waits for the answer any more: the program ends
"""

import contextlib
import errno
import os
from typing import Iterator

_CODES = {
    errno.ENOENT: "not_found",
    errno.EACCES: "permission",
    errno.EPERM: "permission",
    errno.EEXIST: "exists",
    errno.ENOTDIR: "not_directory",
    errno.EISDIR: "is_directory",
    errno.ENOTEMPTY: "not_empty",
    errno.EXDEV: "outside",
    errno.ELOOP: "outside",
    errno.ENXIO: "special",
    errno.ENODEV: "special",
    errno.ENOSPC: "no_space",
    errno.EDQUOT: "quota",
    errno.EROFS: "read_only",
    errno.ESTALE: "stale",
    errno.ENAMETOOLONG: "name_too_long",
    errno.EFBIG: "too_large",
    errno.EINVAL: "invalid",
    errno.EILSEQ: "invalid",
}
_MESSAGES = {
    "not_found": "{} does not exist.",
    "permission": "{}: permission denied.",
    "exists": "{} exists already.",
    "not_directory": "{} is not a directory, or something above it is not.",
    "is_directory": "{} is a directory.",
    "not_empty": "{} is not empty.",
    "outside": "{} leads out of the storage. Only links within it can be followed.",
    "special": "{} is not a regular file. It can't be opened here.",
    "no_space": "{}: the file system is full. Remove what is not needed, and try again.",
    "quota": "{}: the quota is used up. Remove what is not needed, and try again.",
    "read_only": "{} can't be changed: the file system is read-only.",
    "stale": "{}: the file server does not know the file any more. Try again later.",
    "name_too_long": "{}: the name is too long.",
    "too_large": "{}: the file is too large for the file system.",
    "invalid": "{}: the file system does not accept this name or this operation.",
}
_SHOWN_CHARACTERS = 200


class FilesError(Exception):
    """A request can't be carried out; ``code`` is one of ``frames.CODES``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ChannelEnded(Exception):
    """The other side has closed the channel."""


def escape(path: bytes) -> str:
    """A path as text that can be printed."""
    text = path.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def show(path: bytes) -> str:
    """A path for messages: in quotes, what can't be printed escaped."""
    if not path:
        return "The storage"
    text = escape(path)
    if len(text) > _SHOWN_CHARACTERS:
        text = "…" + text[-_SHOWN_CHARACTERS:]
    return "“{}”".format(text)


def translate(error: OSError, path: bytes) -> FilesError:
    """What the user is told when an operation on a path fails."""
    code = _CODES.get(error.errno or 0, "failed")
    if code == "failed":
        return FilesError(code, "{}: {}.".format(show(path), os.strerror(error.errno or 0)))
    return FilesError(code, _MESSAGES[code].format(show(path)))


def refuse(code: str, path: bytes) -> FilesError:
    """The error of a code, with its message."""
    return FilesError(code, _MESSAGES[code].format(show(path)))


@contextlib.contextmanager
def explained(path: bytes) -> Iterator[None]:
    """Raise FilesError where the system refuses an operation on a path."""
    try:
        yield
    except OSError as error:
        raise translate(error, path) from error


def parse_path(text: str) -> bytes:
    """A path from a request, without empty parts.

    Raises:
        FilesError: it is absolute, or has a part that leads upwards.
    """
    try:
        path = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise FilesError("invalid", "A path is not valid text.") from error
    parts = [part for part in path.split(b"/") if part not in (b"", b".")]
    if path.startswith(b"/") or b".." in parts or b"\0" in path:
        raise FilesError("invalid", "{} is not a path below the storage.".format(show(path)))
    return b"/".join(parts)
