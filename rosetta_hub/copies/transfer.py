"""How one file gets from one storage to another, or to another place of the same."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from rosetta_agent.files.frames import NEW, PART_SUFFIX
from rosetta_hub.catalogue.storage_paths import join_path, parent_path
from rosetta_hub.copies.progress import CopyProgress
from rosetta_hub.copies.session_lender import Lender
from rosetta_hub.copies.walk import Item
from rosetta_hub.errors import FilesError
from rosetta_hub.files.entries import Part
from rosetta_hub.files.session import FilesSession

# Bytes; smaller files are copied several at once, each in one piece.
LARGE = 1 << 20


@dataclass(frozen=True)
class FileCopy:
    """A file of the source, its path at the target, and whether it replaces one there."""

    item: Item
    target: bytes
    replaces: bool


class Transfer(Protocol):
    """How a file is copied."""

    async def copy(self, file: FileCopy) -> None:
        """Copy a file, so that it is complete under its name or not there at all.

        Raises:
            FilesError: it could not be copied; `changed` where the source is another one now.
            StorageUnavailable: a storage does not answer.
        """


class SameStorage:
    """Copies within one storage: no byte leaves its host."""

    def __init__(self, lender: Lender, progress: CopyProgress) -> None:
        self._lender = lender
        self._progress = progress

    async def copy(self, file: FileCopy) -> None:
        """See `Transfer`."""
        async with self._lender.write() as session:
            await session.copy(file.item.path, file.target, _conflict(file))
        self._progress.moved(file.item.size)


class Piped:
    """Reads at one storage and writes at the other, and compares the checksums of both ends.

    `remember` is called with path and id of a part file before it is made.
    """

    def __init__(
        self,
        lender: Lender,
        progress: CopyProgress,
        copy_id: str,
        remember: Callable[[bytes, str], None],
    ) -> None:
        self._lender = lender
        self._progress = progress
        self._copy_id = copy_id
        self._remember = remember
        # More large files at once would only share the same connection.
        self._large = asyncio.Lock()

    async def copy(self, file: FileCopy) -> None:
        """See `Transfer`."""
        if file.item.size < LARGE:
            async with self._lender.transfer() as (source, target):
                await self._copy_small(source, target, file)
            return
        async with self._large:
            try:
                async with self._lender.transfer() as (source, target):
                    await self._copy_large(source, target, file)
            except FilesError:
                await self._remove_part(file)
                raise

    async def _copy_small(self, source: FilesSession, target: FilesSession, file: FileCopy) -> None:
        item = file.item
        async with source.read(item.path, etag=item.etag) as reading:
            content = b"".join([chunk async for chunk in reading.chunks])
        await target.write(
            file.target,
            _chunks(content),
            None if file.replaces else NEW,
            mtime_ns=item.mtime_ns,
            mode=item.mode,
        )
        try:
            await _compare((source, item.path), (target, file.target))
        except FilesError:
            await target.remove([file.target])
            raise
        self._progress.moved(len(content))

    async def _copy_large(self, source: FilesSession, target: FilesSession, file: FileCopy) -> None:
        item, upload, added = file.item, self._upload(file), 0

        async def counted(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
            nonlocal added
            async for chunk in chunks:
                yield chunk
                added += len(chunk)
                self._progress.moved(len(chunk))

        self._remember(file.target, upload)
        try:
            part = await _begin_part(target, file, upload)
            added = part.offset
            self._progress.correct(part.offset)
            async with source.read(item.path, part.offset, etag=item.etag) as reading:
                chunks = counted(reading.chunks)
                await target.part_write(file.target, upload, part.offset, chunks)
            await _compare((source, item.path), (target, _part_path(file, upload)))
            await target.part_finish(file.target, upload, _conflict(file), item.mtime_ns, item.mode)
        except BaseException:
            self._progress.correct(-added)
            raise

    async def _remove_part(self, file: FileCopy) -> None:
        """Remove what is there of a file that can't be completed."""
        async with self._lender.look_at_target() as session:
            with contextlib.suppress(FilesError):
                await session.part_remove(file.target, self._upload(file))

    def _upload(self, file: FileCopy) -> str:
        """An id that is the same after a restart, and another one when the source has changed."""
        text = f"{self._copy_id} {file.item.etag} {file.target!r}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]


async def _begin_part(target: FilesSession, file: FileCopy, upload: str) -> Part:
    """The part file: what is there of it, or a new one."""
    try:
        return await target.part_stat(file.target, upload)
    except FilesError as error:
        if error.code != "not_found":
            raise
    return await target.part_create(file.target, upload, file.item.size, file.item.mtime_ns)


async def _compare(source: tuple[FilesSession, bytes], target: tuple[FilesSession, bytes]) -> None:
    """Compare the checksums of a file and of what has arrived of it, each computed where it is.

    Raises:
        FilesError: they are not the same (`changed`), or one can't be told.
    """
    sums = await asyncio.gather(
        *(session.checksum(path) for session, path in (source, target)), return_exceptions=True
    )
    for result in sums:
        if isinstance(result, BaseException):
            raise result
    if sums[0] != sums[1]:
        raise FilesError("changed", "What has arrived is not what is there now.")


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _conflict(file: FileCopy) -> Literal["overwrite", "fail"]:
    return "overwrite" if file.replaces else "fail"


def _part_path(file: FileCopy, upload: str) -> bytes:
    return join_path(parent_path(file.target), f".{upload}{PART_SUFFIX}".encode())
