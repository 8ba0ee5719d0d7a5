"""Typed operations on the files of one storage, over one channel."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from rosetta_agent.files.frames import VERSION, encode_path
from rosetta_hub.files.answer import ANSWER_TIMEOUT, Answer
from rosetta_hub.files.channel import Channel
from rosetta_hub.files.documents import (
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
    Entry,
    Listing,
    ListOptions,
    Opened,
    Part,
    Progress,
    Reading,
    Summary,
    Usage,
)
from rosetta_hub.files.errors import FilesError, ended, malformed

OnProgress = Callable[[Progress], None]
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
        self.is_closed = False
        """Whether no operation is possible any more."""
        self.opened: Opened | None = None
        """What `open` has returned."""

    # --- the session itself ----------------------------------------------------------------------

    async def open(self, root: bytes, *, create: bool = False, read_only: bool = False) -> Opened:
        """Open the storage: the first operation. `create`: make the root where it is absent."""
        done = await self._call(
            version=VERSION, root=encode_path(root), create=create, read_only=read_only
        )
        self.opened = parse_opened(done)
        return self.opened

    def close(self) -> None:
        """End the session and whatever is under way. May be called again."""
        self.is_closed = True
        self._channel.close()

    async def wait_closed(self) -> None:
        """Wait, after `close`, until nothing of the channel is left."""
        await self._channel.wait_closed()

    # --- looking ---------------------------------------------------------------------------------

    async def usage(self) -> Usage:
        """How full the storage is, and the quota of the account."""
        done = await self._call("usage")
        return parse_usage(done.get("usage", {}))

    async def stat(self, path: bytes) -> Entry:
        """The entry itself: of a link, the link."""
        done = await self._call("stat", path=encode_path(path))
        return parse_entry(done.get("entry", {}), path)

    async def list(self, path: bytes, options: ListOptions = _ALL) -> Listing:
        """A page of a directory; a link to one inside of the storage is followed."""
        entries: list[Entry] = []
        request = {"path": encode_path(path), **vars(options)}
        async with self._operation("list", request) as answer:
            async for document in answer.documents("entries"):
                entries += parse_children(document, path)
            return Listing(entries, parse_total(answer.done))

    async def walk(
        self, paths: Sequence[bytes], on_problem: OnProblem | None = None
    ) -> AsyncGenerator[Entry, None]:
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
        return parse_summary(await self._run("summary", on_progress, paths=_encode(paths)))

    async def checksum(self, path: bytes, on_progress: OnProgress | None = None) -> str:
        """SHA-256 of a file, in hexadecimal; FilesError (`changed`) where it changes meanwhile."""
        return parse_checksum(await self._run("checksum", on_progress, path=encode_path(path)))

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
            yield Reading(parse_entry(document.get("entry", {}), path), answer.data())

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
    ) -> Entry:
        """Write a whole file: it has the new content, or the old one, and nothing between.

        `if_match`: the etag that it must have; `NEW` (of the frames): it must not exist. `mode`:
        the permission bits of a file that is new.
        """
        request: dict[str, Any] = {"path": encode_path(path), "if_match": if_match}
        request |= {"mtime_ns": mtime_ns, "mode": mode}
        done = await self._feed("write", request, chunks)
        return parse_entry(done.get("entry", {}), path)

    async def part_create(
        self, path: bytes, upload: str, length: int, mtime_ns: int | None = None
    ) -> Part:
        """Begin an upload of `length` bytes to `path`; it is kept for seven days."""
        request = {"length": length, "mtime_ns": mtime_ns}
        return parse_part(await self._part("part_create", path, upload, request))

    async def part_stat(self, path: bytes, upload: str) -> Part:
        """How far an upload is."""
        return parse_part(await self._part("part_stat", path, upload))

    async def part_write(
        self, path: bytes, upload: str, offset: int, chunks: AsyncIterator[bytes]
    ) -> Part:
        """Append to an upload; FilesError (`changed`) where it has not `offset` bytes.

        What was written stays, also where an error or the end of the session comes between.
        """
        request = {"path": encode_path(path), "upload": upload, "offset": offset}
        return parse_part(await self._feed("part_write", request, chunks))

    async def part_truncate(self, path: bytes, upload: str, offset: int) -> Part:
        """Drop all of an upload behind `offset`; FilesError (`changed`) where it has less."""
        return parse_part(await self._part("part_truncate", path, upload, {"offset": offset}))

    async def part_finish(
        self,
        path: bytes,
        upload: str,
        conflict: Conflict = "fail",
        mtime_ns: int | None = None,
        mode: int | None = None,
    ) -> Entry:
        """Give a complete upload its name; with `rename` another one where that is taken.

        `mode`: the permission bits of a file that is new.
        """
        request = {"conflict": conflict, "mtime_ns": mtime_ns, "mode": mode}
        done = await self._part("part_finish", path, upload, request)
        return parse_named(done)

    async def part_remove(self, path: bytes, upload: str) -> None:
        """Give an upload up; nothing happens where there is none."""
        await self._part("part_remove", path, upload)

    # --- changing --------------------------------------------------------------------------------

    async def mkdir(self, path: bytes, parents: bool = False) -> Entry:
        """Make a directory; with `parents` those above it, too, and it may exist."""
        done = await self._call("mkdir", path=encode_path(path), parents=parents)
        return parse_entry(done.get("entry", {}), path)

    async def link(self, path: bytes, target: bytes) -> Entry:
        """Make a symbolic link to `target`, which need not exist."""
        done = await self._call("link", path=encode_path(path), target=encode_path(target))
        return parse_entry(done.get("entry", {}), path)

    async def rename(self, source: bytes, target: bytes, overwrite: bool = False) -> Entry:
        """Give an entry another path in the same storage."""
        paths = {"from": encode_path(source), "to": encode_path(target)}
        done = await self._call("rename", overwrite=overwrite, **paths)
        return parse_entry(done.get("entry", {}), target)

    async def remove(
        self, paths: Sequence[bytes], on_progress: OnProgress | None = None
    ) -> Summary:
        """Remove trees; links are removed, not followed. It stops at the first error."""
        return parse_summary(await self._run("remove", on_progress, paths=_encode(paths)))

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
        done = await self._run("copy", on_progress, conflict=conflict, **paths)
        return parse_copied(done)

    async def chmod(self, path: bytes, mode: int) -> Entry:
        """Set the permission bits of a file or a directory."""
        done = await self._call("chmod", path=encode_path(path), mode=mode)
        return parse_entry(done.get("entry", {}), path)

    # --- how -------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _operation(self, op: str | None, fields: Mapping[str, Any]) -> AsyncIterator[Answer]:
        """Send a request; what does not come to its end closes the session."""
        if self.is_closed:
            raise ended()
        if self._is_busy:
            raise RuntimeError("a session carries out one operation at a time")
        answer = Answer(self._channel, self._answer_timeout)
        self._is_busy = True
        try:
            await answer.send(fields if op is None else {"op": op, **fields})
            yield answer
        finally:
            self._is_busy = False
            if not answer.is_complete:
                self.close()

    async def _call(self, op: str | None = None, **fields: Any) -> Mapping[str, Any]:
        async with self._operation(op, fields) as answer:
            return await answer.end()

    async def _part(
        self, op: str, path: bytes, upload: str, fields: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        return await self._call(op, path=encode_path(path), upload=upload, **(fields or {}))

    async def _run(
        self, op: str, on_progress: OnProgress | None, **fields: Any
    ) -> Mapping[str, Any]:
        """An operation that tells how far it is."""
        async with self._operation(op, fields) as answer:
            async for document in answer.documents("progress"):
                if on_progress is not None:
                    on_progress(parse_progress(document))
            return answer.done

    async def _feed(
        self, op: str, fields: Mapping[str, Any], chunks: AsyncIterator[bytes]
    ) -> Mapping[str, Any]:
        """An operation that takes data; an answer that comes early ends the sending."""
        async with self._operation(op, fields) as answer:
            return await answer.feed(chunks)


def _encode(paths: Sequence[bytes]) -> list[str]:
    return [encode_path(path) for path in paths]
