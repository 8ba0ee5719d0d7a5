"""Storages and their entries: `api/v1/storages`, lists, folders, renaming, removing.

All of it is about files of the principal. A path in an address or in JSON is relative to its
storage; every byte outside of unreserved characters and `/` is percent-encoded.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rosetta_hub.catalogue.storages import Storage
from rosetta_hub.errors import InvalidOptions
from rosetta_hub.files.entries import ListOptions, Usage
from rosetta_hub.files.errors import FilesError
from rosetta_hub.files.paths import decode_path, encode_path
from rosetta_hub.web.bodies import parse_body
from rosetta_hub.web.files_base import FilesHandler, entry_view

# Entries of one answer.
MAX_LIMIT = 1000
# Paths of one request.
MAX_PATHS = 10_000
_SORTS: dict[str, Literal["name", "size", "modified", "type"]] = {
    "name": "name",
    "size": "size",
    "modified": "modified",
    "type": "type",
}
_TRUE = frozenset({"1", "true", "yes", "on"})


class Renaming(BaseModel):
    """Another name, or another folder, for an entry; `overwrite` replaces a file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    from_: str = Field(alias="from")
    to: str
    overwrite: bool = False


class Removal(BaseModel):
    """What is removed, folders with all that is in them; with `dry_run` it is counted only."""

    model_config = ConfigDict(extra="forbid", strict=True)

    paths: Annotated[list[str], Field(min_length=1, max_length=MAX_PATHS)]
    dry_run: bool = False


class Permissions(BaseModel):
    """Permission bits of an entry, such as 420 (0o644)."""

    model_config = ConfigDict(extra="forbid", strict=True)

    path: str
    mode: Annotated[int, Field(ge=0, le=0o7777)]


class StoragesHandler(FilesHandler):
    """`api/v1/storages`."""

    def get(self) -> None:
        """All storages of the principal; none of them is contacted."""
        storages = self.services.files.storages(self.principal.user)
        self.answer({"storages": [self.view(storage) for storage in storages]})

    def view(self, storage: Storage) -> dict[str, Any]:
        """A storage as the API shows it."""
        computing = self.services.tasks.catalogue.computing
        return {
            "id": storage.id,
            "name": storage.name,
            "description": storage.description,
            "type": storage.type,
            "computing": [
                {"id": name, "name": computing[name].name if name in computing else name}
                for name in storage.computing
            ],
            "bind_path": storage.bind_path,
            "home": storage.home,
            "read_only": storage.read_only,
        }


class StorageHandler(StoragesHandler):
    """`api/v1/storages/<id>`."""

    async def get(self, storage_id: str) -> None:  # type: ignore[override]
        """The storage with its room and the account of its files; it is contacted."""
        storage = self.storage(storage_id)
        async with self.open(storage_id) as session:
            usage, opened = await session.usage(), session.opened
        account = opened.account if opened else None
        self.answer({**self.view(storage), "usage": _usage_view(usage), "account": account})


class ListHandler(FilesHandler):
    """`api/v1/storages/<id>/list/<path>`."""

    async def get(self, storage_id: str, path: str) -> None:
        """A page of a folder: `?sort=&reverse=&filter=&hidden=&offset=&limit=`."""
        self.storage(storage_id)
        folder, options = self.path(path), self._options()
        async with self.open(storage_id) as session:
            entry, listing = await session.stat(folder), await session.list(folder, options)
        self.answer(
            {
                "path": encode_path(folder),
                "entry": entry_view(entry),
                "entries": [entry_view(each) for each in listing.entries],
                "total": listing.total,
                "offset": options.offset,
            }
        )

    def _options(self) -> ListOptions:
        sort = self.get_query_argument("sort", "name")
        if sort not in _SORTS:
            raise InvalidOptions(f"'sort' must be one of {', '.join(_SORTS)}.")
        return ListOptions(
            sort=_SORTS[sort],
            reverse=self._flag("reverse"),
            filter=self.get_query_argument("filter", ""),
            hidden=self._flag("hidden"),
            offset=self._number("offset", 0, 10**9),
            limit=self._number("limit", MAX_LIMIT, MAX_LIMIT),
        )

    def _flag(self, name: str) -> bool:
        return self.get_query_argument(name, "").lower() in _TRUE

    def _number(self, name: str, default: int, largest: int) -> int:
        text = self.get_query_argument(name, str(default))
        if not re.fullmatch(r"[0-9]{1,10}", text):
            raise InvalidOptions(f"{name!r} is not a number.")
        return min(int(text), largest)


class EntryHandler(FilesHandler):
    """`api/v1/storages/<id>/entry/<path>`."""

    async def get(self, storage_id: str, path: str) -> None:
        """What is there; of a link the link itself, with where it leads."""
        self.storage(storage_id)
        wanted = self.path(path)
        async with self.open(storage_id) as session:
            self.answer(entry_view(await session.stat(wanted)))


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

    async def post(self, storage_id: str, path: str) -> None:
        """Make a folder, and those above it that are missing."""
        self.writable(storage_id)
        folder = self.path(path)
        async with self.open(storage_id) as session:
            await session.mkdir(folder, parents=True)
            self.answer(entry_view(await session.stat(folder)), 201)


class RenameHandler(WritingHandler):
    """`api/v1/storages/<id>/rename`."""

    async def post(self, storage_id: str) -> None:
        """Give an entry another name, or move it to another folder of the storage."""
        self.writable(storage_id)
        renaming = parse_body(Renaming, self.json_body())
        old, new = _not_root(renaming.from_), _not_root(renaming.to)
        async with self.open(storage_id) as session:
            await session.rename(old, new, renaming.overwrite)
            self.answer(entry_view(await session.stat(new)))


class RemoveHandler(WritingHandler):
    """`api/v1/storages/<id>/remove`."""

    async def post(self, storage_id: str) -> None:
        """Remove entries, or count what would be removed."""
        self.writable(storage_id)
        removal = parse_body(Removal, self.json_body())
        paths = [_not_root(path) for path in removal.paths]
        async with self.open(storage_id) as session:
            summary = await session.summary(paths)
            if not removal.dry_run:
                await session.remove(paths)
        self.answer({"files": summary.files, "folders": summary.folders, "bytes": summary.bytes})


class ModeHandler(WritingHandler):
    """`api/v1/storages/<id>/mode`."""

    async def post(self, storage_id: str) -> None:
        """Set the permission bits of an entry."""
        self.writable(storage_id)
        permissions = parse_body(Permissions, self.json_body())
        path = _not_root(permissions.path)
        async with self.open(storage_id) as session:
            await session.chmod(path, permissions.mode)
            self.answer(entry_view(await session.stat(path)))


def _not_root(text: str) -> bytes:
    """The path from JSON.

    Raises:
        FilesError: it is the storage's root, or can't be a path.
    """
    path = decode_path(text)
    if not path:
        raise FilesError("invalid", "The storage itself can't be renamed, changed or removed.")
    return path


def _usage_view(usage: Usage) -> dict[str, int]:
    view = {"total": usage.total, "free": usage.free, "used": usage.used}
    more = {"quota": usage.quota, "quota_used": usage.quota_used}
    return {**view, **{key: value for key, value in more.items() if value is not None}}


def storages_routes(
    prefix: str, arguments: dict[str, Any]
) -> list[tuple[str, Any, dict[str, Any]]]:
    """The routes of this module below `prefix`."""
    storage = rf"{prefix}api/v1/storages/([^/]+)"
    return [
        (rf"{prefix}api/v1/storages", StoragesHandler, arguments),
        (storage, StorageHandler, arguments),
        (rf"{storage}/list/(.*)", ListHandler, arguments),
        (rf"{storage}/entry/(.*)", EntryHandler, arguments),
        (rf"{storage}/folder/(.*)", FolderHandler, arguments),
        (rf"{storage}/rename", RenameHandler, arguments),
        (rf"{storage}/remove", RemoveHandler, arguments),
        (rf"{storage}/mode", ModeHandler, arguments),
    ]
