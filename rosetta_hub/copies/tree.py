"""Copies trees: walks both ends, then copies entry by entry, several small files at once."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, aclosing

from rosetta_hub.catalogue.storage_paths import display_name
from rosetta_hub.copies.progress import CopyProgress, Totals
from rosetta_hub.copies.session_lender import Lender
from rosetta_hub.copies.transfer import FileCopy, Transfer
from rosetta_hub.copies.walk import Item, Spool, is_unchanged, moved_path, pair_items, stays_inside
from rosetta_hub.database.models_copies import OnConflict
from rosetta_hub.errors import FilesError
from rosetta_hub.files.session import FilesSession, OnProblem

# Files that are copied at once; each takes a session at both ends.
AT_ONCE = 2
# Errors that all further files would meet, and what helps.
_FATAL = {
    "no_space": "The target is full. Free some space there, then copy again: what has arrived stays"
    " there and is not copied twice.",
    "quota": "Your quota at the target is used up. Free some space there, then copy again: what has"
    " arrived stays there and is not copied twice.",
    "read_only": "The target is read-only.",
}


class CopyFailed(Exception):
    """Nothing more can be copied; the message is for the user."""


class TreeCopy:
    """One pass over all sources. It may be repeated: what is there already is left as it is."""

    def __init__(
        self, lender: Lender, transfer: Transfer, progress: CopyProgress, conflict: OnConflict
    ) -> None:
        self._lender = lender
        self._transfer = transfer
        self._progress = progress
        self._conflict = conflict

    async def run(self, pairs: Sequence[tuple[bytes, bytes]]) -> None:
        """Copy each source path to its target path.

        Raises:
            CopyFailed: nothing more can be copied.
            StorageUnavailable: a storage does not answer.
        """
        with ExitStack() as stack:
            spools = [stack.enter_context(Spool()) for _ in pairs]
            for (source, _), spool in zip(pairs, spools, strict=True):
                await self._walk_source(source, spool)
            self._progress.total = Totals(
                sum(spool.bytes for spool in spools), sum(spool.files for spool in spools)
            )
            for (source, target), spool in zip(pairs, spools, strict=True):
                await self._copy_tree(spool, source, target)

    async def _walk_source(self, path: bytes, spool: Spool) -> None:
        try:
            await self._fill(self._lender.look_at_source(), path, spool, self._unreadable)
        except FilesError as error:
            self._unreadable(path, error)

    async def _fill(
        self,
        lent: AbstractAsyncContextManager[FilesSession],
        path: bytes,
        spool: Spool,
        on_problem: OnProblem | None,
    ) -> None:
        async with lent as session, aclosing(session.walk([path], on_problem)) as entries:
            await spool.fill(entries)

    def _unreadable(self, path: bytes, error: FilesError) -> None:
        self._progress.fail(path, f"{display_name(path)}: {error}")

    async def _walk_target(self, path: bytes, spool: Spool) -> None:
        try:
            await self._fill(self._lender.look_at_target(), path, spool, None)
        except FilesError as error:
            if error.code != "not_found":
                raise CopyFailed(f"{display_name(path)}: {error}") from error

    async def _copy_tree(self, spool: Spool, source: bytes, target: bytes) -> None:
        with Spool() as existing:
            await self._walk_target(target, existing)
            pairs = pair_items(spool.read(), existing.read(), source, target)
            tree = _Tree(self._lender, self._transfer, self._progress, self._conflict)
            try:
                await tree.copy(pairs, source, target)
            except ExceptionGroup as group:
                # All of its tasks were stopped by the first one that failed.
                raise group.exceptions[0] from group


class _Tree:
    """The copy of one tree."""

    def __init__(
        self, lender: Lender, transfer: Transfer, progress: CopyProgress, conflict: OnConflict
    ) -> None:
        self._lender = lender
        self._transfer = transfer
        self._progress = progress
        self._conflict = conflict
        self._slots = asyncio.Semaphore(AT_ONCE)
        # A directory that could not be made: what is in it can't be copied either.
        self._blocked: bytes | None = None

    async def copy(
        self, pairs: Iterator[tuple[Item, Item | None]], source: bytes, target: bytes
    ) -> None:
        """Copy all items, each with what has its name at the target."""
        async with asyncio.TaskGroup() as group:
            for item, existing in pairs:
                path = moved_path(item.path, source, target)
                if self._blocked is not None and path.startswith(self._blocked):
                    self._progress.fail(
                        item.path, f"{display_name(item.path)}: its folder is missing."
                    )
                elif item.type == "directory":
                    await self._make_directory(item, path, existing)
                elif item.type == "file":
                    await self._begin_file(group, item, path, existing)
                elif item.type == "link":
                    await self._copy_link(item, path, existing, source)
                else:
                    text = f"{display_name(item.path)} is a {item.type}, which can't be copied."
                    self._progress.skip(item.path, text)

    async def _make_directory(self, item: Item, path: bytes, existing: Item | None) -> None:
        if existing is not None and existing.type == "directory":
            return
        try:
            if existing is not None:
                raise FilesError("exists", "At the target something else has this name.")
            async with self._lender.look_at_target() as session:
                await session.mkdir(path)
        except FilesError as error:
            self._failed(item, error)
            self._blocked = path + b"/"

    async def _begin_file(
        self, group: asyncio.TaskGroup, item: Item, path: bytes, existing: Item | None
    ) -> None:
        if existing is not None and is_unchanged(item, existing):
            self._progress.unchanged(item.size)
        elif self._may_write(item, existing):
            await self._slots.acquire()
            file = FileCopy(item, path, existing is not None)
            group.create_task(self._copy_file(file), name=f"copy of {display_name(item.path)}")

    def _may_write(self, item: Item, existing: Item | None) -> bool:
        """Whether an entry is copied although its name may be taken."""
        if existing is None:
            return True
        if self._conflict is OnConflict.SKIP:
            self._progress.unchanged(item.size if item.type == "file" else 0)
            return False
        if self._conflict is OnConflict.OVERWRITE and existing.type != "directory":
            return True
        self._failed(item, FilesError("exists", "At the target something else has this name."))
        return False

    async def _copy_file(self, file: FileCopy) -> None:
        try:
            await self._try_file(file)
            self._progress.file_done()
        except FilesError as error:
            self._failed(file.item, error)
        finally:
            self._slots.release()

    async def _try_file(self, file: FileCopy) -> None:
        """Copy a file, and once more where it changes meanwhile.

        Raises:
            FilesError: it could not be copied.
        """
        try:
            await self._transfer.copy(file)
        except FilesError as error:
            if error.code != "changed":
                raise
            async with self._lender.look_at_source() as session:
                item = Item.of(await session.stat(file.item.path))
            await self._transfer.copy(FileCopy(item, file.target, file.replaces))

    async def _copy_link(
        self, item: Item, path: bytes, existing: Item | None, source: bytes
    ) -> None:
        if item.target is None or not stays_inside(item, source):
            text = f"{display_name(item.path)} leads out of what is copied, and was left out."
            self._progress.skip(item.path, text)
        elif existing is not None and is_unchanged(item, existing):
            self._progress.unchanged(0)
        elif self._may_write(item, existing):
            try:
                async with self._lender.look_at_target() as session:
                    if existing is not None:
                        await session.remove([path])
                    await session.link(path, item.target)
                self._progress.file_done()
            except FilesError as error:
                self._failed(item, error)

    def _failed(self, item: Item, error: FilesError) -> None:
        """Note what could not be copied.

        Raises:
            CopyFailed: nothing else can be, either.
        """
        if error.code in _FATAL:
            raise CopyFailed(_FATAL[error.code]) from error
        text = "It was removed during the copy." if error.code == "not_found" else str(error)
        if error.code == "changed":
            text = "It changes while it is copied. Copy it again when it is at rest."
        self._progress.fail(item.path, f"{display_name(item.path)}: {text}")
