"""Models of the operations with the tag `storages`.

Made by client/generate.py of the description of the API: do not edit.
"""

from dataclasses import dataclass, field
from typing import Optional


@dataclass(frozen=True)
class ArchiveView:
    """Where the archive is, and what it will hold."""

    url: str
    files: int
    bytes: int


@dataclass(frozen=True)
class StorageComputing:
    """A computing resource that reaches a storage."""

    id: str
    name: str


@dataclass(frozen=True)
class StorageUsage:
    """The room of a storage, in bytes; the quota is the account's, null where there is none."""

    total: Optional[int]
    free: Optional[int]
    used: Optional[int]
    quota: Optional[int]
    quota_used: Optional[int]


@dataclass(frozen=True)
class ContactedStorage:
    """A storage with its room, and the account that the user's files are of there."""

    id: str
    name: str
    description: str
    type: str
    computing: list[StorageComputing]
    bind_path: str
    home: bool
    read_only: bool
    usage: StorageUsage
    account: Optional[str]


@dataclass(frozen=True)
class CopySource:
    """Storage and paths of a source; paths are percent-encoded."""

    storage: str
    paths: list[str]


@dataclass(frozen=True)
class CopyTarget:
    """Storage and folder of a target, and the names that the sources get there."""

    storage: str
    path: str
    names: list[str]


@dataclass(frozen=True)
class CopyProblem:
    """An entry that was not copied, and why."""

    path: str
    message: str


@dataclass(frozen=True)
class CopyView:
    """A copy. Times are ISO 8601 in UTC, `rate` is bytes per second."""

    id: str
    state: str
    from_: CopySource = field(metadata={"key": "from"})
    to: CopyTarget
    conflict: str
    task: Optional[str]
    stage: Optional[str]
    cancelling: bool
    bytes: int
    total_bytes: Optional[int]
    files: int
    total_files: Optional[int]
    rate: Optional[float]
    seconds_left: Optional[int]
    message: str
    problems: list[CopyProblem]
    problem_count: int
    created: str
    started: Optional[str]
    ended: Optional[str]


@dataclass(frozen=True)
class CopyPage:
    """Copies, newest first."""

    copies: list[CopyView]
    next: Optional[str] = None


@dataclass(frozen=True)
class EntryView:
    """An entry of a storage: `name` is what is shown, `path` what calls take.

    `size` is in bytes, `modified` in seconds since 1970, `mode` has the permission bits. `target`
    is where a link leads, `target_type` what is there; both are null for what is no link.
    """

    name: str
    path: str
    type: str
    size: int
    modified: float
    mode: int
    owner: str
    group: str
    etag: str
    media_type: str
    target: Optional[str]
    target_type: Optional[str]


@dataclass(frozen=True)
class FolderPage:
    """A page of a folder: `entry` is the folder itself, `total` how many entries there are."""

    path: str
    entry: EntryView
    entries: list[EntryView]
    total: int
    offset: int


@dataclass(frozen=True)
class SourceOfCopy:
    """What is copied: files and folders of a storage, by their percent-encoded paths."""

    storage: str
    paths: list[str]


@dataclass(frozen=True)
class TargetOfCopy:
    """A folder of a storage."""

    storage: str
    path: Optional[str] = None


@dataclass(frozen=True)
class NewCopy:
    """A copy to begin; without `conflict` it is refused where names are taken."""

    from_: SourceOfCopy = field(metadata={"key": "from"})
    to: TargetOfCopy
    conflict: Optional[str] = None


@dataclass(frozen=True)
class OwnStorage:
    """A storage of the user: `bind_path` is where tasks have it."""

    id: str
    name: str
    description: str
    type: str
    computing: list[StorageComputing]
    bind_path: str
    home: bool
    read_only: bool


@dataclass(frozen=True)
class Permissions:
    """Permission bits of an entry, such as 420 (0o644)."""

    path: str
    mode: int


@dataclass(frozen=True)
class Removal:
    """What is removed, folders with all that is in them; with `dry_run` it is counted only."""

    paths: list[str]
    dry_run: Optional[bool] = None


@dataclass(frozen=True)
class Removed:
    """What was removed, or would be."""

    files: int
    folders: int
    bytes: int


@dataclass(frozen=True)
class Renaming:
    """Another name, or another folder, for an entry; `overwrite` replaces a file."""

    from_: str = field(metadata={"key": "from"})
    to: str
    overwrite: Optional[bool] = None


@dataclass(frozen=True)
class Selection:
    """What an archive shall hold, folders with all that is in them."""

    paths: list[str]
    format: Optional[str] = None


@dataclass(frozen=True)
class StorageList:
    """Storages."""

    storages: list[OwnStorage]
