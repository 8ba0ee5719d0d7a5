"""Typed operations on the files of one storage, over one channel."""

import contextlib
import functools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Any, TypeVar

from rosetta_agent.files.frames import VERSION, encode_path
from rosetta_hub.errors import FilesError
from rosetta_hub.files.answer import ANSWER_TIMEOUT, WRITTEN_TIMEOUT, FilesAnswer
from rosetta_hub.files.channel import Channel, StorageUnavailable, ended, malformed
from rosetta_hub.files.documents import (
    Document,
    parse_checksum,
    parse_children,
    parse_copied,
    parse_entry,
    parse_named,
    parse_opened,
    parse_part,
    parse_problems,
    parse_progress,
    parse_summary,
    parse_total,
    parse_tree,
    parse_usage,
)
from rosetta_hub.files.entries import (
    ArchiveFormat,
    Conflict,
    Copied,
    FileEntry,
    Listing,
    ListOptions,
    Opened,
    OperationProgress,
    Part,
    Reading,
    Summary,
    Usage,
)

T = TypeVar("T")
Parse = Callable[[Document], T]
OnProgress = Callable[[OperationProgress], None]
OnProblem = Callable[[bytes, FilesError], None]
_ALL = ListOptions()


class FilesSession:
    """Operations on one storage. Paths are bytes, relative to its root; `b""` is the root.

    One operation at a time: a second one raises RuntimeError. All raise FilesError where the
    storage answers with an error, and the session goes on. All raise StorageUnavailable where it
    does not answer within `answer_timeout` seconds, or the channel ends; the session is closed
    then. It is closed, too, when an operation is given up before its end.
    """

    def __init__(self, channel: Channel, answer_timeout: float = ANSWER_TIMEOUT) -> None:
        self._channel = channel
        self._answer_timeout = answer_timeout
        self._is_busy = False
        self._is_closed = False
        self.opened: Opened | None = None
        """What `open` has returned."""

    @property
    def is_closed(self) -> bool:
        """Whether no operation is possible any more."""
        return self._is_closed or self._channel.has_ended

    # --- the session itself ----------------------------------------------------------------------

    async def open(self, root: bytes, *, create: bool = False, read_only: bool = False) -> Opened:
        """Open the storage: the first operation. `create`: make the root where it is absent."""
        request = {"root": encode_path(root), "create": create, "read_only": read_only}
        self.opened = await self._call(parse_opened, None, version=VERSION, **request)
        return self.opened

    def close(self) -> None:
        """End the session and whatever is under way. May be called again."""
        self._is_closed = True
        self._channel.close()

    async def wait_closed(self) -> None:
        """Wait, after `close`, until nothing of the channel is left."""
        await self._channel.wait_closed()

    # --- looking ---------------------------------------------------------------------------------

    async def usage(self) -> Usage:
        """How full the storage is, and the quota of the account."""
        return await self._call(parse_usage, "usage")

    async def stat(self, path: bytes) -> FileEntry:
        """The entry itself: of a link, the link."""
        return await self._call(_entry(path), "stat", path=encode_path(path))

    async def list(self, path: bytes, options: ListOptions = _ALL) -> Listing:
        """A page of a directory; a link to one inside of the storage is followed."""
        entries: list[FileEntry] = []
        request = {"path": encode_path(path), **vars(options)}
        async with self._operation("list", request) as answer:
            async for document in answer.documents("entries"):
                entries += parse_children(document, path)
            return Listing(entries, parse_total(answer.done))

    async def walk(
        self, paths: Sequence[bytes], on_problem: OnProblem | None = None
    ) -> AsyncGenerator[FileEntry, None]:
        """All entries of trees, parents first, each directory sorted by name's bytes.

        `on_problem` is called with each directory that can't be read; without it such a one ends
        the walk with its error. Use it with `contextlib.aclosing` where it may be left before its
        end.
        """
        request = {"paths": _encode(paths), "tolerant": on_problem is not None}
        async with self._operation("walk", request) as answer:
            async for document in answer.documents("entries"):
                for path, error in parse_problems(document):
                    if on_problem is not None:
                        on_problem(path, error)
                for entry in parse_tree(document):
                    yield entry

    async def summary(
        self, paths: Sequence[bytes], on_progress: OnProgress | None = None
    ) -> Summary:
        """What trees hold."""
        return await self._run(parse_summary, "summary", on_progress, paths=_encode(paths))

    async def checksum(self, path: bytes, on_progress: OnProgress | None = None) -> str:
        """SHA-256 of a file, in hexadecimal; FilesError (`changed`) where it changes meanwhile."""
        return await self._run(parse_checksum, "checksum", on_progress, path=encode_path(path))

    # --- reading ---------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def read(
        self, path: bytes, offset: int = 0, length: int | None = None, etag: str | None = None
    ) -> AsyncIterator[Reading]:
        """Read a file; with `etag`, FilesError (`changed`) where it has another one."""
        request = {"path": encode_path(path), "offset": offset, "length": length, "etag": etag}
        async with self._operation("read", request) as answer:
            document = await answer.document("entry")
            if document is None:
                raise malformed("no entry")
            yield Reading(parse_entry(document, path), answer.data())

    async def archive(
        self, paths: Sequence[bytes], format: ArchiveFormat
    ) -> AsyncGenerator[bytes, None]:
        """Trees as one archive, without end known before; names start at their common directory.

        Use it with `contextlib.aclosing` where it may be left before its end.
        """
        async with self._operation(format, {"paths": _encode(paths)}) as answer:
            async for chunk in answer.data():
                yield chunk

    # --- writing ---------------------------------------------------------------------------------

    async def write(
        self,
        path: bytes,
        chunks: AsyncIterator[bytes],
        if_match: str | None = None,
        *,
        mtime_ns: int | None = None,
        mode: int | None = None,
    ) -> FileEntry:
        """Write a whole file: it has the new content, or the old one, and nothing between.

        `if_match`: the etag that it must have; `NEW` (of the frames): it must not exist. `mode`:
        the permission bits of a file that is new.
        """
        request: dict[str, Any] = {"path": encode_path(path), "if_match": if_match}
        request |= {"mtime_ns": mtime_ns, "mode": mode}
        return await self._feed(_entry(path), "write", request, chunks)

    async def part_create(
        self, path: bytes, upload: str, length: int, mtime_ns: int | None = None
    ) -> Part:
        """Begin an upload of `length` bytes to `path`; it is kept for seven days."""
        request = {"length": length, "mtime_ns": mtime_ns}
        return await self._part(parse_part, "part_create", path, upload, request)

    async def part_stat(self, path: bytes, upload: str) -> Part:
        """How far an upload is."""
        return await self._part(parse_part, "part_stat", path, upload)

    async def part_write(
        self, path: bytes, upload: str, offset: int, chunks: AsyncIterator[bytes]
    ) -> Part:
        """Append to an upload; FilesError (`changed`) where it has not `offset` bytes.

        What was written stays, also where an error or the end of the session comes between.
        """
        request = {"path": encode_path(path), "upload": upload, "offset": offset}
        return await self._feed(parse_part, "part_write", request, chunks)

    async def part_truncate(self, path: bytes, upload: str, offset: int) -> Part:
        """Drop all of an upload behind `offset`; FilesError (`changed`) where it has less."""
        return await self._part(parse_part, "part_truncate", path, upload, {"offset": offset})

    async def part_finish(
        self,
        path: bytes,
        upload: str,
        conflict: Conflict = "fail",
        mtime_ns: int | None = None,
        mode: int | None = None,
    ) -> FileEntry:
        """Give a complete upload its name; with `rename` another one where that is taken.

        `mode`: the permission bits of a file that is new.
        """
        request: dict[str, Any] = {"conflict": conflict, "mtime_ns": mtime_ns, "mode": mode}
        request |= {"path": encode_path(path), "upload": upload}
        # All of the file has to be on the disk first.
        async with self._operation("part_finish", request, WRITTEN_TIMEOUT) as answer:
            return parse_named(await answer.end())

    async def part_remove(self, path: bytes, upload: str) -> None:
        """Give an upload up; nothing happens where there is none."""
        await self._part(_nothing, "part_remove", path, upload)

    # --- changing --------------------------------------------------------------------------------

    async def mkdir(self, path: bytes, parents: bool = False) -> FileEntry:
        """Make a directory; with `parents` those above it, too, and it may exist."""
        return await self._call(_entry(path), "mkdir", path=encode_path(path), parents=parents)

    async def link(self, path: bytes, target: bytes) -> FileEntry:
        """Make a symbolic link to `target`, which need not exist."""
        return await self._call(
            _entry(path), "link", path=encode_path(path), target=encode_path(target)
        )

    async def rename(self, source: bytes, target: bytes, overwrite: bool = False) -> FileEntry:
        """Give an entry another path in the same storage."""
        paths = {"from": encode_path(source), "to": encode_path(target)}
        return await self._call(_entry(target), "rename", overwrite=overwrite, **paths)

    async def remove(
        self, paths: Sequence[bytes], on_progress: OnProgress | None = None
    ) -> Summary:
        """Remove trees; links are removed, not followed. It stops at the first error."""
        return await self._run(parse_summary, "remove", on_progress, paths=_encode(paths))

    async def copy(
        self,
        source: bytes,
        target: bytes,
        conflict: Conflict = "fail",
        on_progress: OnProgress | None = None,
    ) -> Copied:
        """Copy a tree to the path `target`; directories that exist there are merged.

        `conflict`: what happens to each file whose name is taken; with `fail` and `rename` the
        top counts alone.
        """
        paths = {"from": encode_path(source), "to": encode_path(target)}
        return await self._run(parse_copied, "copy", on_progress, conflict=conflict, **paths)

    async def chmod(self, path: bytes, mode: int) -> FileEntry:
        """Set the permission bits of a file or a directory."""
        return await self._call(_entry(path), "chmod", path=encode_path(path), mode=mode)

    # --- how -------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _operation(
        self, op: str | None, fields: Document, timeout: float | None = None
    ) -> AsyncIterator[FilesAnswer]:
        """Send a request; what does not come to its end closes the session."""
        if self._is_closed:
            raise ended()
        if self._is_busy:
            raise RuntimeError("a session carries out one operation at a time")
        answer = FilesAnswer(self._channel, timeout or self._answer_timeout)
        self._is_busy = True
        try:
            await answer.send(fields if op is None else {"op": op, **fields})
            yield answer
        except StorageUnavailable:
            self.close()
            raise
        finally:
            self._is_busy = False
            if not answer.is_complete:
                self.close()

    async def _call(self, parse: Parse[T], op: str | None, **fields: Any) -> T:
        async with self._operation(op, fields) as answer:
            return parse(await answer.end())

    async def _part(
        self,
        parse: Parse[T],
        op: str,
        path: bytes,
        upload: str,
        fields: Document | None = None,
    ) -> T:
        return await self._call(parse, op, path=encode_path(path), upload=upload, **(fields or {}))

    async def _run(
        self, parse: Parse[T], op: str, on_progress: OnProgress | None, **fields: Any
    ) -> T:
        """An operation that tells how far it is."""
        async with self._operation(op, fields) as answer:
            async for document in answer.documents("progress"):
                if on_progress is not None:
                    on_progress(parse_progress(document))
            return parse(answer.done)

    async def _feed(
        self, parse: Parse[T], op: str, fields: Document, chunks: AsyncIterator[bytes]
    ) -> T:
        """An operation that takes data; an answer that comes early ends the sending."""
        async with self._operation(op, fields) as answer:
            return parse(await answer.feed(chunks))


def _encode(paths: Sequence[bytes]) -> list[str]:
    return [encode_path(path) for path in paths]


def _entry(path: bytes) -> Parse[FileEntry]:
    return functools.partial(parse_entry, path=path)


def _nothing(_answer: Document) -> None:
    return None
