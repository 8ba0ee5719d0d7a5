"""What the operations on files take and return. Paths and names are bytes, as on the disk."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

EntryType = Literal["file", "directory", "link", "fifo", "socket", "device"]
Sort = Literal["name", "size", "modified", "type"]
Conflict = Literal["fail", "overwrite", "rename", "skip"]
Paths = tuple[bytes, ...]
ArchiveFormat = Literal["tar", "zip"]


@dataclass(frozen=True)
class FileEntry:
    """A file, a directory, or whatever else has a name."""

    name: bytes
    """The last part of the path; empty for the root."""
    path: bytes
    """Relative to the root of the storage; empty for the root."""
    type: EntryType
    """Of the entry itself: a link is a link, wherever it leads."""
    size: int
    mtime_ns: int
    mode: int
    """Permission bits."""
    uid: int
    gid: int
    owner: str
    """Name of the account, or its number where it has none."""
    group: str
    etag: str
    """Another one whenever the content has changed."""
    target: bytes | None
    """Where a link leads, as it stands in the link."""
    target_type: EntryType | None
    """What a link leads to; None where that is outside of the storage, or does not exist."""


@dataclass(frozen=True)
class ListOptions:
    """Which entries of a directory are returned, and in which order."""

    sort: Sort = "name"
    reverse: bool = False
    filter: str = ""
    """A part of the name; upper and lower case are the same."""
    hidden: bool = False
    """Whether names that begin with a dot are listed."""
    offset: int = 0
    limit: int = 500


@dataclass(frozen=True)
class Listing:
    """A page of a directory."""

    entries: list[FileEntry]
    total: int
    """Entries that the filter lets through, of all pages."""


@dataclass(frozen=True)
class Usage:
    """Bytes of the file system that holds a storage."""

    total: int
    free: int
    """What the account may still write."""
    used: int
    quota: int | None
    """Limit of the account, where one is set and the host tells."""
    quota_used: int | None


@dataclass(frozen=True)
class Opened:
    """What the storage says about itself when it is opened."""

    uid: int
    account: str
    """Who the files program runs as."""
    usage: Usage
    """Without the quota: asking for it takes time."""


@dataclass(frozen=True)
class Summary:
    """What trees of files hold."""

    files: int
    """Everything that is no directory."""
    folders: int
    bytes: int
    skipped: Paths = ()
    """Paths that were left out: they can't be copied or read. At most a hundred are named."""
    skipped_total: int = 0


@dataclass(frozen=True)
class Copied:
    """What came of a copy."""

    path: bytes
    """Another one than was asked for where the name was taken, and `rename` was."""
    summary: Summary


@dataclass(frozen=True)
class OperationProgress:
    """How far an operation is."""

    files: int
    bytes: int


@dataclass(frozen=True)
class Part:
    """An upload that is not complete."""

    offset: int
    """Bytes that are there."""
    length: int
    """Bytes of the complete file."""
    mtime_ns: int | None
    """Time of the last change that the file gets, if any."""


@dataclass(frozen=True)
class Reading:
    """A file that is being read."""

    entry: FileEntry
    chunks: AsyncIterator[bytes]
    """Raises FilesError (`changed`) where the file gets shorter meanwhile."""
