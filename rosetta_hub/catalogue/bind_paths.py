"""Paths of directories that tasks get bound: what may stand there, in text."""

import re
import unicodedata
from pathlib import PurePosixPath

# Directories that a container needs for itself: nothing may cover them, nor what they are in.
_KEPT = (
    *("/usr", "/proc", "/dev", "/sys", "/etc", "/bin", "/sbin", "/lib", "/lib32", "/lib64"),
    *("/libx32", "/libexec", "/run", "/tmp", "/var", "/opt/rosetta"),  # noqa: S108 - a path in a container
)
# Of these, directories of the image that data may be bound into.
_OPEN_BELOW = ("/usr", "/var")
# Options of the engines end at commas, and their short notations at colons.
_SEPARATORS = re.compile(r"[:,]")


def check_path(text: str) -> str:
    """The path without slashes at its end, where it is absolute and can be bound.

    Raises:
        ValueError: it is relative, has `.` or `..` or an empty name in it, or a character that
            engines or terminals take for something else.
    """
    if not text.startswith("/"):
        raise ValueError("write an absolute path, which begins with /")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValueError("a path has no control characters, and is UTF-8")
    if _SEPARATORS.search(text):
        raise ValueError("a path that is bound has no colons and no commas")
    path = text.rstrip("/") or "/"
    if path != "/" and not all(name not in ("", ".", "..") for name in path[1:].split("/")):
        raise ValueError("write the path without '.', '..' and double slashes")
    return path


def check_target(text: str) -> str:
    """The path in the container, where a directory may be bound.

    Raises:
        ValueError: see `check_path`; or the container needs what is there.
    """
    path = check_path(text)
    for reserved in _KEPT:
        covers = is_below(reserved, path)
        if covers or (is_below(path, reserved) and reserved not in _OPEN_BELOW):
            raise ValueError(
                f"nothing can be bound at {path!r}, because containers need {reserved!r}. Use a"
                " path such as '/storages/data' or '/home/metauser'"
            )
    return path


def is_below(path: str, parent: str) -> bool:
    """Whether a path is the parent, or in it."""
    return PurePosixPath(path).is_relative_to(parent)


def overlap(path: str, other: str) -> bool:
    """Whether of two paths one is the other, or in it."""
    return is_below(path, other) or is_below(other, path)
