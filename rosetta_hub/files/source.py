"""A file of a storage, read in pieces that are all of one version, each over a pooled channel."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from rosetta_hub.files.entries import FileEntry
from rosetta_hub.files.session import FilesSession

OpenSession = Callable[[], AbstractAsyncContextManager[FilesSession]]


@dataclass(frozen=True)
class FileSource:
    """All reads raise FilesError (`changed`) once the file is another than `entry` says."""

    open_session: OpenSession
    entry: FileEntry

    async def chunks(self, offset: int, length: int) -> AsyncIterator[bytes]:
        """So many bytes from an offset, fewer at the end of the file."""
        length = min(length, self.entry.size - offset)
        if length <= 0:
            return
        path, etag = self.entry.path, self.entry.etag
        async with (
            self.open_session() as session,
            session.read(path, offset, length, etag) as reading,
        ):
            async for chunk in reading.chunks:
                yield chunk

    async def read(self, offset: int, length: int) -> bytes:
        """The same at once; for a few bytes."""
        return b"".join([chunk async for chunk in self.chunks(offset, length)])


async def find_file(session: FilesSession, path: bytes) -> FileEntry:
    """The file that the path leads to, also by links.

    Raises:
        FilesError: it is something else.
    """
    async with session.read(path, 0, 0) as reading:
        async for _ in reading.chunks:
            pass
    return reading.entry
