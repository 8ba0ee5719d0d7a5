"""What the operations need of a store, and what they say when it fails."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from rosetta_agent.files.errors import FilesError, refuse, show
from rosetta_agent.files.frames import PART_SUFFIX, encode_path

_PART = PART_SUFFIX.encode("ascii")


class StoreUnavailable(Exception):
    """The store does not answer; the message is for the user."""


@dataclass(frozen=True)
class StoreItem:
    """A file or a folder of a store."""

    path: bytes
    is_directory: bool
    size: int
    mtime_ns: int
    version: str
    """What the store calls the present content; another one when that has changed."""

    @property
    def name(self) -> bytes:
        """The last part of the path."""
        return self.path.rpartition(b"/")[2]

    @property
    def etag(self) -> str:
        """The version, or time and size where the store has none, as it stands in entries."""
        text = self.version or f"{self.mtime_ns} {self.size}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @property
    def is_part(self) -> bool:
        """Whether it belongs to an upload that is not complete."""
        return self.name.endswith(_PART)

    def entry(self, account: str) -> dict[str, Any]:
        """The entry of the protocol. Copies of it are private: a store has no permissions."""
        return {
            "name": encode_path(self.name),
            "type": "directory" if self.is_directory else "file",
            "size": 0 if self.is_directory else self.size,
            "mtime_ns": self.mtime_ns,
            "mode": 0o700 if self.is_directory else 0o600,
            "uid": 0,
            "gid": 0,
            "owner": account,
            "group": "",
            "etag": self.etag,
        }


class Store(Protocol):
    """A user's part of a store. Paths are relative to it.

    All raise FilesError where the store refuses, and StoreUnavailable where it does not answer.
    """

    account: str
    """Who the store takes the service for."""

    def open_root(self, create: bool) -> None:
        """See that the root is a folder; with `create` make it where it is absent."""

    def usage(self) -> dict[str, int]:
        """Bytes: `total`, `free` and `used`; zeros where the store does not tell."""

    def stat(self, path: bytes) -> StoreItem:
        """The item of a path."""

    def children(self, path: bytes) -> list[StoreItem]:
        """What a folder holds."""

    def exact(self, item: StoreItem) -> StoreItem:
        """An item of `children` with its time, where those may have another one."""

    def read(self, item: StoreItem, offset: int, length: int) -> Iterator[bytes]:
        """So many bytes of a file; FilesError (`changed`) where it is another one by now."""

    def put(self, path: bytes, content: bytes | Iterable[bytes], length: int | None) -> None:
        """Write a file of `length` bytes; None: it is not known before."""

    def join(self, parts: Sequence[StoreItem], target: bytes) -> None:
        """Write a file that has the contents of others, one after the other."""

    def check_target(self, path: bytes) -> None:
        """Refuse a path to which the store can't move a file; FilesError (`invalid`)."""

    def set_time(self, path: bytes, mtime_ns: int) -> None:
        """Set the time of a file that is moved next; nothing happens where that can't be."""

    def mkdir(self, path: bytes) -> None:
        """Make a folder; FilesError (`exists`) where the name is taken."""

    def remove(self, path: bytes) -> None:
        """Remove a file, or a folder with all that it holds."""

    def remove_items(self, items: Sequence[StoreItem]) -> None:
        """Remove items that are known; folders come after what they hold."""

    def move(self, source: bytes, target: bytes, overwrite: bool) -> None:
        """Give an item another path; FilesError (`exists`) where it is taken."""

    def copy(self, source: bytes, target: bytes) -> None:
        """Copy a file within the store."""


def find(store: Store, path: bytes) -> StoreItem | None:
    """The item of a path; None where there is none."""
    try:
        return store.stat(path)
    except FilesError as error:
        if error.code != "not_found":
            raise
        return None


def file_at(store: Store, path: bytes) -> StoreItem:
    """The file of a path; FilesError where it is none."""
    item = store.stat(path)
    if item.is_directory:
        raise refuse("is_directory", path)
    return item


def check_names(path: bytes) -> None:
    """Refuse names that servers take for something else; FilesError (`invalid`)."""
    try:
        text = path.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FilesError("invalid", f"{show(path)}: names have to be UTF-8 here.") from error
    if any(ord(character) < 0x20 or character in "\x7f\\" for character in text):
        message = f"{show(path)}: names have no control characters and no backslashes here."
        raise FilesError("invalid", message)


def join(folder: bytes, name: bytes) -> bytes:
    """The path of a name in a folder."""
    return folder + b"/" + name if folder else name


def parent(path: bytes) -> bytes:
    """The folder of a path."""
    return path.rpartition(b"/")[0]
