"""Makes a copy out of what a user asks for, and finds the names that are taken before."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.catalogue.storage_paths import (
    base_name,
    decode_path,
    display_name,
    encode_path,
    join_path,
)
from rosetta_hub.copies.names import free_name
from rosetta_hub.copies.records import new_copy
from rosetta_hub.copies.session_lender import SessionOpener
from rosetta_hub.copies.walk import below
from rosetta_hub.database.models_copies import Copy, OnConflict
from rosetta_hub.errors import Conflict, FilesError, InvalidOptions
from rosetta_hub.files.session import FilesSession

# Sources of one copy.
MOST_SOURCES = 1000
# Conflicts that an answer names.
MOST_CONFLICTS = 100


class NamesTaken(Conflict):
    """Files of these names are at the target; the user has to say what happens to them.

    `paths` are the first of them, percent-encoded; `total` is how many there are.
    """

    def __init__(self, paths: Sequence[bytes]) -> None:
        count = len(paths)
        what = "file has its name" if count == 1 else "files have their names"
        super().__init__(
            f"{count} {what} taken at the target. Say what to do: skip, overwrite or rename."
        )
        self.paths = [encode_path(path) for path in paths[:MOST_CONFLICTS]]
        self.total = count

    @property
    def members(self) -> dict[str, Any]:
        """Which names they are."""
        return {"conflicts": self.paths, "total": self.total}


@dataclass(frozen=True)
class CopyRequest:
    """What is asked for: sources into a folder. `conflict` is None where it was not said."""

    source_storage: str
    sources: tuple[bytes, ...]
    target_storage: str
    folder: bytes
    conflict: OnConflict | None

    @property
    def within_one_storage(self) -> bool:
        """Whether source and target are the same storage."""
        return self.source_storage == self.target_storage


def parse_request(body: dict[str, Any]) -> CopyRequest:
    """The request of `POST api/v1/copies`.

    Raises:
        InvalidOptions: what is wrong with it.
    """
    source, target = _part(body, "from"), _part(body, "to")
    paths = source.get("paths")
    if not isinstance(paths, list) or not 1 <= len(paths) <= MOST_SOURCES:
        raise InvalidOptions(f"'from.paths' has to be a list of 1 to {MOST_SOURCES} paths.")
    sources = tuple(dict.fromkeys(_path(path) for path in paths))
    if b"" in sources:
        raise InvalidOptions("A whole storage can't be copied: select files or folders in it.")
    request = CopyRequest(
        source_storage=_storage(source, "from"),
        sources=sources,
        target_storage=_storage(target, "to"),
        folder=_path(target.get("path", "")),
        conflict=_conflict(body.get("conflict")),
    )
    _check(request)
    return request


async def plan_copy(access: SessionOpener, user: User, request: CopyRequest) -> Copy:
    """The copy, with the names that its sources get at the target.

    Raises:
        NamesTaken: names are taken, and the request does not say what to do.
        FilesError: a source or the folder is not there.
        StorageUnavailable, NotFound: see `SessionOpener.open`.
    """
    names = [base_name(path) for path in request.sources]
    async with access.open(user, request.target_storage, "browse") as session:
        await _check_folder(session, request.folder)
        if request.conflict is OnConflict.RENAME:
            names = await _free_names(session, request.folder, names)
        existing = await _existing(session, request) if request.conflict is None else {}
    if conflicts := await _find_conflicts(access, user, request, existing):
        raise NamesTaken(conflicts)
    copy = new_copy(
        user,
        (request.source_storage, [encode_path(path) for path in request.sources]),
        (
            request.target_storage,
            encode_path(request.folder),
            [encode_path(name) for name in names],
        ),
    )
    copy.conflict = request.conflict or OnConflict.FAIL
    return copy


def _check(request: CopyRequest) -> None:
    """Refuse what can't come out well whatever is there.

    Raises:
        InvalidOptions: a folder into itself, a file onto itself, or two sources of one name.
    """
    names = [base_name(path) for path in request.sources]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None and request.conflict is not OnConflict.RENAME:
        raise InvalidOptions(
            f"Two of the sources are named {display_name(twice)}: copy one by one."
        )
    if not request.within_one_storage:
        return
    for path in request.sources:
        if (request.folder + b"/").startswith(path + b"/"):
            raise InvalidOptions(f"{display_name(path)} can't be copied into itself.")
        is_same = join_path(request.folder, base_name(path)) == path
        if is_same and request.conflict is OnConflict.OVERWRITE:
            raise InvalidOptions(f"{display_name(path)} can't be copied onto itself.")


async def _check_folder(session: FilesSession, folder: bytes) -> None:
    """See that the target is a folder.

    Raises:
        FilesError: it is none.
    """
    entry = await session.stat(folder)
    if "directory" not in (entry.type, entry.target_type):
        raise FilesError("not_directory", f"{display_name(folder)} is no folder.")


async def _free_names(session: FilesSession, folder: bytes, names: Sequence[bytes]) -> list[bytes]:
    """The names, with numbers where they are taken at the target."""
    free: list[bytes] = []
    for name in names:
        excluded = set(free)
        candidate = free_name(name, excluded)
        while await _exists(session, join_path(folder, candidate)):
            excluded.add(candidate)
            candidate = free_name(name, excluded)
        free.append(candidate)
    return free


async def _exists(session: FilesSession, path: bytes) -> bool:
    try:
        await session.stat(path)
    except FilesError as error:
        if error.code == "not_found":
            return False
        raise
    return True


async def _existing(session: FilesSession, request: CopyRequest) -> dict[bytes, dict[bytes, str]]:
    """For each source whose name is taken: what is there, by paths below it (see `_types`)."""
    existing = {}
    for source in request.sources:
        try:
            existing[source] = await _types(session, join_path(request.folder, base_name(source)))
        except FilesError as error:
            if error.code != "not_found":
                raise
    return existing


async def _find_conflicts(
    access: SessionOpener, user: User, request: CopyRequest, existing: dict[bytes, dict[bytes, str]]
) -> list[bytes]:
    """The paths at the target that are taken. Folders are merged: those of both don't count."""
    conflicts: list[bytes] = []
    for source, present in existing.items():
        root = join_path(request.folder, base_name(source))
        async with access.open(user, request.source_storage, "browse") as session:
            types = await _types(session, source)
        conflicts += [
            join_path(root, path) if path else root
            for path, kind in types.items()
            if path in present and (kind, present[path]) != ("directory", "directory")
        ]
    return conflicts


async def _types(session: FilesSession, root: bytes) -> dict[bytes, str]:
    """The types of all entries of a tree, by their paths below its root."""
    async with aclosing(session.walk([root])) as entries:
        return {below(entry.path, root): entry.type async for entry in entries}


def _part(body: dict[str, Any], key: str) -> dict[str, Any]:
    value = body.get(key)
    if not isinstance(value, dict):
        raise InvalidOptions(f"{key!r} has to be an object with the key 'storage'.")
    return value


def _path(value: object) -> bytes:
    if not isinstance(value, str):
        raise InvalidOptions("A path has to be text.")
    return decode_path(value)


def _storage(part: dict[str, Any], key: str) -> str:
    value = part.get("storage")
    if not isinstance(value, str):
        raise InvalidOptions(f"'{key}.storage' has to be the id of a storage.")
    return value


def _conflict(value: object) -> OnConflict | None:
    if value is None:
        return None
    if value not in (OnConflict.SKIP, OnConflict.OVERWRITE, OnConflict.RENAME):
        raise InvalidOptions("'conflict' has to be skip, overwrite or rename.")
    return OnConflict(str(value))
