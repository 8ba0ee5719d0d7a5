"""A request of the hub, read with types."""

import re
from typing import Any, Dict, List, Optional, Sequence

from rosetta_agent.files.errors import FilesError, parse_path

_UPLOAD = re.compile(r"[0-9A-Za-z_-]{1,64}\Z")
_MAX_INTEGER = 1 << 62


class Request:
    """One request; all getters raise FilesError (``invalid``) for what is of another type."""

    def __init__(self, document: Dict[str, Any]) -> None:
        self._document = document

    @property
    def op(self) -> str:
        """The name of the operation."""
        return self.text("op")

    def text(self, key: str) -> str:
        """A text, which is not optional."""
        value = self._document.get(key)
        if not isinstance(value, str):
            raise _wrong(key)
        return value

    def optional_text(self, key: str) -> Optional[str]:
        """A text, or None."""
        return None if self._document.get(key) is None else self.text(key)

    def path(self, key: str = "path") -> bytes:
        """A path below the root."""
        return parse_path(self.text(key))

    def paths(self) -> List[bytes]:
        """Paths below the root, at least one; none is twice there."""
        value = self._document.get("paths")
        if not isinstance(value, list) or not value:
            raise _wrong("paths")
        paths = [parse_path(Request({"path": text}).text("path")) for text in value]
        if len(set(paths)) != len(paths):
            raise _wrong("paths")
        return paths

    def flag(self, key: str) -> bool:
        """A truth value; false where it is absent."""
        value = self._document.get(key, False)
        if not isinstance(value, bool):
            raise _wrong(key)
        return value

    def integer(self, key: str) -> int:
        """A number that is not negative."""
        value = self._document.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _MAX_INTEGER:
            raise _wrong(key)
        return value

    def optional_integer(self, key: str) -> Optional[int]:
        """A number that is not negative, or None."""
        return None if self._document.get(key) is None else self.integer(key)

    def choice(self, key: str, choices: Sequence[str]) -> str:
        """One of several texts; the first one where it is absent."""
        value = self._document.get(key, choices[0])
        if value not in choices:
            raise _wrong(key)
        return str(value)

    def upload(self) -> str:
        """The name of an upload, which is a part of file names."""
        value = self.text("upload")
        if not _UPLOAD.match(value):
            raise _wrong("upload")
        return value


def _wrong(key: str) -> FilesError:
    return FilesError("invalid", "The request has no valid {}.".format(key))
