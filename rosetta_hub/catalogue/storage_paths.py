"""Paths in a storage: bytes inside, percent-encoded in addresses and JSON, readable on pages."""

import unicodedata
from urllib.parse import quote_from_bytes, unquote_to_bytes

from rosetta_hub.errors import FilesError

# Bytes; what Linux accepts of a name, and of a path.
MAX_NAME = 255
MAX_PATH = 4095

# Characters that reorder the text around them: a name could look like another one.
_REORDERING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def encode_path(path: bytes) -> str:
    """The path for an address or JSON: every byte outside of unreserved ones and `/` encoded."""
    return quote_from_bytes(path, safe="/")


def decode_path(text: str) -> bytes:
    """The path that `encode_path` encoded.

    Raises:
        FilesError: it leaves the storage, or can't be a path; see `check_path`.
    """
    try:
        return check_path(unquote_to_bytes(text))
    except UnicodeEncodeError as error:
        raise FilesError("invalid", "The path holds characters that can't be sent.") from error


def check_path(path: bytes) -> bytes:
    """The path, without a slash at its end; an empty one is the storage's root.

    Raises:
        FilesError: it is absolute or too long, or has a NUL or an empty, `.` or `..` component.
    """
    path = path[:-1] if path.endswith(b"/") and len(path) > 1 else path
    if not path:
        return path
    parts = path.split(b"/")
    if b"\0" in path or any(part in (b"", b".", b"..") for part in parts):
        raise FilesError(
            "invalid", "A path is relative to its storage, without '.', '..' and empty names."
        )
    if len(path) > MAX_PATH or any(len(part) > MAX_NAME for part in parts):
        raise FilesError(
            "name_too_long",
            f"A name has at most {MAX_NAME} bytes, a path at most {MAX_PATH}. Shorten it.",
        )
    return path


def base_name(path: bytes) -> bytes:
    """The last component; empty for the root."""
    return path.rpartition(b"/")[2]


def parent_path(path: bytes) -> bytes:
    """The folder that holds the entry; the root's is the root."""
    return path.rpartition(b"/")[0]


def join_path(folder: bytes, name: bytes) -> bytes:
    """The path of an entry of a folder."""
    return folder + b"/" + name if folder else name


def display_name(name: bytes) -> str:
    """The name as users read it: what is no text, or could mislead, as `\\x` with its number."""
    text = name.decode("utf-8", "backslashreplace")
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if unicodedata.category(character) in ("Cc", "Zl", "Zp") or character in _REORDERING:
        return f"\\x{ord(character):02x}"
    return character
