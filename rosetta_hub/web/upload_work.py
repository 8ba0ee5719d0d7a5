"""The work of one request on an upload: it writes what comes, and names the complete file."""

import asyncio
import time
from collections.abc import AsyncIterator

from rosetta_hub.errors import Conflict, FilesError, UserError
from rosetta_hub.files.session import FilesSession
from rosetta_hub.files.source import OpenSession
from rosetta_hub.files.uploads import Checksum, Upload
from rosetta_hub.web.active_uploads import ActiveUploads, Key
from rosetta_hub.web.body_buffer import BodyBuffer

# Seconds: a client that sends nothing for so long holds no channel until it goes on.
STALL = 2.0
# Seconds after which a channel is given back, because others may wait for it.
SEGMENT = 4.0


class WrongOffset(Conflict):
    """The client does not go on where the upload ends."""


class ChecksumMismatch(UserError):
    """The piece is not what the client has sent; nothing of it is kept."""

    status = 460


class UploadWork:
    """`offset` is how far the upload is, `path` the completed file's; both change meanwhile."""

    def __init__(
        self, active: ActiveUploads, key: Key, upload: Upload, open_session: OpenSession
    ) -> None:
        self.upload = upload
        self.buffer = BodyBuffer()
        self.offset = 0
        self.path: bytes | None = None
        self._active = active
        self._key = key
        self._open = open_session
        self._is_cut = False

    def cut(self) -> None:
        """Keep what has come, and expect nothing more of the body."""
        self._is_cut = True
        self.buffer.end()

    async def append(self, offset: int, checksum: Checksum | None = None) -> None:
        """Write the body to the upload, which has to have `offset` bytes.

        Raises:
            WrongOffset: it has more or less.
            ChecksumMismatch: the body is damaged, or was cut.
            UploadLocked: another request works on the upload.
            RosettaError: the storage refuses, or does not answer.
        """
        try:
            async with self._active.hold(self._key, self.cut):
                await self._find()
                if self.offset != offset:
                    raise WrongOffset(f"The upload has {self.offset} bytes: go on from there.")
                await self._write(checksum)
                await self._finish()
        finally:
            self.buffer.discard()

    async def look(self) -> None:
        """See how far the upload is; one that is complete gets its name.

        Raises:
            FilesError: there is none, or its name is taken.
            UploadLocked: another request works on the upload.
        """
        async with self._active.hold(self._key, self.cut):
            await self._find()
            await self._finish()

    async def remove(self) -> None:
        """Give the upload up."""
        async with self._active.hold(self._key, self.cut), self._open() as session:
            await session.part_remove(self.upload.path, self.upload.id)

    async def _find(self) -> None:
        async with self._open() as session:
            try:
                part = await session.part_stat(self.upload.path, self.upload.id)
                self.offset = part.offset
            except FilesError as error:
                if error.code != "not_found":
                    raise
                # The answer to the last piece may have been lost.
                self.path = self._active.completed(self._key) or await self._completed(session)
                if self.path is None:
                    raise FilesError(
                        "not_found", "There is no such upload. It was given up, or has expired."
                    ) from error
                self.offset = self.upload.length

    async def _completed(self, session: FilesSession) -> bytes | None:
        """The path of the completed file, recognised by its size and time."""
        upload = self.upload
        try:
            entry = await session.stat(upload.path)
        except FilesError:
            return None
        same_size = entry.type == "file" and entry.size == upload.length
        # Some file systems keep whole seconds.
        second = None if upload.mtime_ns is None else upload.mtime_ns // 10**9
        return upload.path if same_size and entry.mtime_ns // 10**9 == second else None

    async def _write(self, checksum: Checksum | None) -> None:
        begin, hasher = self.offset, checksum and checksum.new_hash()

        async def pieces(piece: bytes) -> AsyncIterator[bytes]:
            end = time.monotonic() + SEGMENT
            while piece:
                if hasher:
                    hasher.update(piece)
                yield piece
                if time.monotonic() > end:
                    return
                try:
                    async with asyncio.timeout(STALL):
                        piece = await self.buffer.get()
                except TimeoutError:
                    return

        while piece := await self.buffer.get():
            path, id_ = self.upload.path, self.upload.id
            async with self._open() as session:
                part = await session.part_write(path, id_, self.offset, pieces(piece))
            self.offset = part.offset
        if checksum and hasher and (self._is_cut or not checksum.matches(hasher)):
            await self._truncate(begin)
            raise ChecksumMismatch("The checksum is not that of the bytes. Send them again.")

    async def _truncate(self, offset: int) -> None:
        async with self._open() as session:
            await session.part_truncate(self.upload.path, self.upload.id, offset)
        self.offset = offset

    async def _finish(self) -> None:
        """Give the file its name, if it is complete and has none yet."""
        upload = self.upload
        if self.offset < upload.length or self.path is not None:
            return
        async with self._open() as session:
            entry = await session.part_finish(
                upload.path, upload.id, upload.conflict, upload.mtime_ns
            )
        self.path = entry.path
        self._active.complete(self._key, entry.path)
