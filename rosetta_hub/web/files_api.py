"""Storages and their entries: `api/v1/storages`, lists, folders, renaming, removing.

All of it is about files of the principal. A path in an address or in JSON is relative to its
storage; every byte outside of unreserved characters and `/` is percent-encoded.
"""

from dataclasses import asdict
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from rosetta_hub.catalogue.storage_paths import decode_path, encode_path
from rosetta_hub.catalogue.storages import Storage
from rosetta_hub.errors import FilesError
from rosetta_hub.files.entries import ListOptions, Sort
from rosetta_hub.web.bodies import RequestModel
from rosetta_hub.web.files_base import EntryView, FilesHandler, view_entry
from rosetta_hub.web.operations import operation
from rosetta_hub.web.rights import ENTER_OWN

# Entries of one answer.
MAX_LIMIT = 1000
_FARTHEST = 10**9
# Paths of one request.
MAX_PATHS = 10_000


class Renaming(RequestModel):
    """Another name, or another folder, for an entry; `overwrite` replaces a file."""

    model_config = ConfigDict(strict=True)

    from_: str = Field(alias="from")
    to: str
    overwrite: bool = False


class Removal(RequestModel):
    """What is removed, folders with all that is in them; with `dry_run` it is counted only."""

    model_config = ConfigDict(strict=True)

    paths: Annotated[list[str], Field(min_length=1, max_length=MAX_PATHS)]
    dry_run: bool = False


class Permissions(RequestModel):
    """Permission bits of an entry, such as 420 (0o644)."""

    model_config = ConfigDict(strict=True)

    path: str
    mode: Annotated[int, Field(ge=0, le=0o7777)]


class ListQuery(RequestModel):
    """Which entries of a folder, in which order; `filter` is a part of the name."""

    sort: Sort = "name"
    reverse: bool = False
    filter: str = Field(default="", max_length=255)
    hidden: bool = Field(default=False, description="Names that begin with a dot, too")
    offset: int = Field(default=0, ge=0, le=_FARTHEST)
    limit: int = Field(default=MAX_LIMIT, ge=0, le=MAX_LIMIT)


class StorageComputing(BaseModel):
    """A computing resource that reaches a storage."""

    id: str
    name: str


class OwnStorage(BaseModel):
    """A storage of the user: `bind_path` is where tasks have it."""

    id: str
    name: str
    description: str
    type: str
    computing: list[StorageComputing]
    bind_path: str
    home: bool
    read_only: bool


class StorageList(BaseModel):
    """Storages."""

    storages: list[OwnStorage]


class StorageUsage(BaseModel):
    """The room of a storage, in bytes; the quota is the account's, null where there is none."""

    total: int | None
    free: int | None
    used: int | None
    quota: int | None
    quota_used: int | None


class ContactedStorage(OwnStorage):
    """A storage with its room, and the account that the user's files are of there."""

    usage: StorageUsage
    account: str | None


class FolderPage(BaseModel):
    """A page of a folder: `entry` is the folder itself, `total` how many entries there are."""

    path: str
    entry: EntryView
    entries: list[EntryView]
    total: int
    offset: int


class Removed(BaseModel):
    """What was removed, or would be."""

    files: int
    folders: int
    bytes: int


class StoragesHandler(FilesHandler):
    """`api/v1/storages`."""

    path = "storages"

    @operation(id="list_storages", right=ENTER_OWN, answer=StorageList)
    def get(self) -> StorageList:
        """The user's storages; none of them is contacted."""
        storages = self.services.files.storages(self.principal.user)
        return StorageList(storages=[view_storage(self, storage) for storage in storages])


def view_storage(handler: FilesHandler, storage: Storage) -> OwnStorage:
    """A storage as the API shows it."""
    computing = handler.services.tasks.catalogue.computing
    return OwnStorage(
        id=storage.id,
        name=storage.name,
        description=storage.description,
        type=storage.type,
        computing=[
            StorageComputing(id=name, name=computing[name].name if name in computing else name)
            for name in storage.computing
        ],
        bind_path=storage.bind_path,
        home=storage.home,
        read_only=storage.read_only,
    )


class StorageHandler(FilesHandler):
    """`api/v1/storages/<id>`."""

    path = "storages/{storage}"

    @operation(id="get_storage", right=ENTER_OWN, answer=ContactedStorage)
    async def get(self, storage_id: str) -> ContactedStorage:
        """A storage with its room and the account of its files; it is contacted."""
        storage = self.storage(storage_id)
        async with self.open(storage_id) as session:
            usage, opened = await session.usage(), session.opened
        account = opened.account if opened else None
        view = view_storage(self, storage).model_dump()
        return ContactedStorage(**view, usage=StorageUsage(**asdict(usage)), account=account)


class ListHandler(FilesHandler):
    """`api/v1/storages/<id>/list/<path>`."""

    path = "storages/{storage}/list/{entry}"

    @operation(id="list_folder", right=ENTER_OWN, answer=FolderPage, refuses=(409,))
    async def get(self, storage_id: str, path: str, query: ListQuery) -> FolderPage:
        """A page of a folder."""
        self.storage(storage_id)
        folder, options = self.read_path(path), ListOptions(**query.model_dump())
        async with self.open(storage_id) as session:
            entry, listing = await session.stat(folder), await session.list(folder, options)
        return FolderPage(
            path=encode_path(folder),
            entry=view_entry(entry),
            entries=[view_entry(child) for child in listing.entries],
            total=listing.total,
            offset=options.offset,
        )


class EntryHandler(FilesHandler):
    """`api/v1/storages/<id>/entry/<path>`."""

    path = "storages/{storage}/entry/{entry}"

    @operation(id="get_entry", right=ENTER_OWN, answer=EntryView)
    async def get(self, storage_id: str, path: str) -> EntryView:
        """An entry of a storage; of a link the link itself, with where it leads."""
        self.storage(storage_id)
        entry_path = self.read_path(path)
        async with self.open(storage_id) as session:
            return view_entry(await session.stat(entry_path))


class WritingHandler(FilesHandler):
    """A handler that changes something."""

    def writable(self, storage_id: str) -> Storage:
        """The storage.

        Raises:
            NotFound: there is none that the principal may use.
            FilesError: it is read-only for everybody.
        """
        storage = self.storage(storage_id)
        if storage.read_only:
            raise FilesError("read_only", f"{storage.name} is read-only.")
        return storage


class FolderHandler(WritingHandler):
    """`api/v1/storages/<id>/folder/<path>`."""

    path = "storages/{storage}/folder/{entry}"

    @operation(id="make_folder", right=ENTER_OWN, answer=EntryView, status=201, refuses=(409, 507))
    async def post(self, storage_id: str, path: str) -> EntryView:
        """Make a folder, and those above it that are missing."""
        self.writable(storage_id)
        folder = self.read_path(path)
        async with self.open(storage_id) as session:
            await session.mkdir(folder, parents=True)
            return view_entry(await session.stat(folder))


class RenameHandler(WritingHandler):
    """`api/v1/storages/<id>/rename`."""

    path = "storages/{storage}/rename"

    @operation(id="rename_entry", right=ENTER_OWN, answer=EntryView, refuses=(409, 507))
    async def post(self, storage_id: str, body: Renaming) -> EntryView:
        """Give an entry another name, or move it to another folder of the storage."""
        self.writable(storage_id)
        old, new = _not_root(body.from_), _not_root(body.to)
        async with self.open(storage_id) as session:
            await session.rename(old, new, body.overwrite)
            return view_entry(await session.stat(new))


class RemoveHandler(WritingHandler):
    """`api/v1/storages/<id>/remove`."""

    path = "storages/{storage}/remove"

    @operation(id="remove_entries", right=ENTER_OWN, answer=Removed, refuses=(409,))
    async def post(self, storage_id: str, body: Removal) -> Removed:
        """Remove entries, or count what would be removed."""
        self.writable(storage_id)
        paths = [_not_root(path) for path in body.paths]
        async with self.open(storage_id) as session:
            summary = await session.summary(paths)
            if not body.dry_run:
                await session.remove(paths)
        return Removed(files=summary.files, folders=summary.folders, bytes=summary.bytes)


class ModeHandler(WritingHandler):
    """`api/v1/storages/<id>/mode`."""

    path = "storages/{storage}/mode"

    @operation(id="set_mode", right=ENTER_OWN, answer=EntryView, refuses=(409,))
    async def post(self, storage_id: str, body: Permissions) -> EntryView:
        """Set the permission bits of an entry."""
        self.writable(storage_id)
        path = _not_root(body.path)
        async with self.open(storage_id) as session:
            await session.chmod(path, body.mode)
            return view_entry(await session.stat(path))


def _not_root(text: str) -> bytes:
    """The path from JSON.

    Raises:
        FilesError: it is the storage's root, or can't be a path.
    """
    path = decode_path(text)
    if not path:
        raise FilesError("invalid", "The storage itself can't be renamed, changed or removed.")
    return path
