"""`api/v1/storages/<id>/file/<path>`: the bytes of a file, or a part of them."""

from collections.abc import AsyncIterator

from pydantic import Field
from tornado import web
from tornado.httputil import format_timestamp
from tornado.iostream import StreamClosedError

from rosetta_agent.files.frames import NEW
from rosetta_hub.catalogue.storage_paths import base_name
from rosetta_hub.errors import FilesError, MatchRequired, RosettaError
from rosetta_hub.files.entries import FileEntry
from rosetta_hub.files.media_types import BINARY
from rosetta_hub.files.session import FilesSession
from rosetta_hub.files.source import find_file
from rosetta_hub.web.bodies import RequestModel
from rosetta_hub.web.conditional import (
    Range,
    Unsatisfiable,
    matches_strongly,
    matches_weakly,
    parse_etags,
    quote_etag,
    select_range,
)
from rosetta_hub.web.downloads import FileSender, break_off
from rosetta_hub.web.file_headers import UNTRUSTED_HEADERS, content_headers
from rosetta_hub.web.files_api import WritingHandler
from rosetta_hub.web.files_base import EntryView, view_entry
from rosetta_hub.web.operations import NOTHING, Answer, Content, operation
from rosetta_hub.web.rights import ENTER_OWN

# Bytes that PUT takes; what is larger is uploaded.
MAX_FILE = 2 << 20
# Bytes up to which one that is too large is told so; above, the connection is closed.
MAX_REFUSED = 64 << 20
# How often a file may change between the look at it and its first bytes.
TRIES = 3


class FileQuery(RequestModel):
    """How the file is sent."""

    download: str = Field(default="", description="1: as an attachment, whatever it is")


@web.stream_request_body
class FileHandler(WritingHandler):
    """Reads are conditional and partial as in RFC 9110; a write names the version it replaces."""

    path = "storages/{storage}/file/{entry}"

    async def prepare(self) -> None:
        """Besides, let a body come that is larger than others; see `data_received`."""
        self._body = bytearray()
        self._is_too_large = self._download = False
        self.request.connection.set_max_body_size(MAX_REFUSED)  # type: ignore[union-attr]
        await super().prepare()

    def data_received(self, chunk: bytes) -> None:
        """Keep a piece of the body; what is too large is read to its end, so that the client reads
        the answer.
        """
        self._is_too_large = self._is_too_large or len(self._body) + len(chunk) > MAX_FILE
        if self._is_too_large:
            self._body.clear()
        else:
            self._body += chunk

    @operation(
        id="look_at_file",
        right=ENTER_OWN,
        answer=NOTHING,
        also=(206, 304),
        refuses=(412, 416),
    )
    async def head(self, storage_id: str, path: str, query: FileQuery) -> None:
        """The headers of a file."""
        await self._answer(storage_id, path, query)

    @operation(
        id="read_file",
        right=ENTER_OWN,
        answer=Content("*/*"),
        also=(206, 304),
        refuses=(412, 416),
    )
    async def get(self, storage_id: str, path: str, query: FileQuery) -> None:
        """A file, or a range of it."""
        await self._answer(storage_id, path, query)

    async def _answer(self, storage_id: str, path: str, query: FileQuery) -> None:
        self._download = query.download not in ("", "0")
        self.storage(storage_id)
        file_path = self.read_path(path)
        for last in (*[False] * (TRIES - 1), True):
            async with self.open(storage_id) as session:
                entry = await find_file(session, file_path)
            part = self._select(entry)
            if part is None:
                return
            self._set_headers(entry, part)
            if self.request.method == "HEAD":
                self.finish()
                return
            if await self._send(storage_id, entry, part, last):
                return

    @operation(
        id="write_file",
        right=ENTER_OWN,
        answer=EntryView,
        also=(201,),
        refuses=(409, 412, 413, 428, 507),
        body=Content(BINARY),
    )
    async def put(self, storage_id: str, path: str) -> Answer:
        """Write a small file.

        `If-Match` has the tag of the version to replace; `If-None-Match: *` makes a new file, which
        is answered with 201.
        """
        self.writable(storage_id)
        file_path = self.read_path(path)
        if self._is_too_large:
            raise FilesError(
                "too_large",
                f"A file that is written at once has at most {MAX_FILE} bytes: upload it.",
            )
        async with self.open(storage_id) as session:
            version = await self._version(session, file_path)
            entry = await session.write(file_path, _chunks(bytes(self._body)), version)
        status = 201 if version == NEW else 200
        return Answer(view_entry(entry), status, {"ETag": quote_etag(entry.etag)})

    async def _version(self, session: FilesSession, path: bytes) -> str:
        """The tag of the version that may be replaced; NEW: there must be none.

        Raises:
            FilesError: `changed`, where the file is another one already.
            MatchRequired: the request does not say.
        """
        if self.request.headers.get("If-None-Match", "").strip() == "*":
            return NEW
        header = self.request.headers.get("If-Match", "")
        if not header:
            raise MatchRequired(
                "Say which version is replaced: 'If-Match' with its tag, or 'If-None-Match: *'."
            )
        tags = parse_etags(header)
        if tags is not None and len(tags) == 1 and tags[0][1]:
            return tags[0][0]
        entry = await session.stat(path)
        if not matches_strongly(header, entry.etag):
            raise FilesError("changed", "Somebody has changed the file meanwhile.")
        return entry.etag

    def _select(self, entry: FileEntry) -> Range | None:
        """What to send; None where the answer is complete without it."""
        headers, etag = self.request.headers, entry.etag
        if "If-Match" in headers and not matches_strongly(headers["If-Match"], etag):
            raise FilesError("changed", "The file has changed since.")
        if matches_weakly(headers.get("If-None-Match", ""), etag):
            self._set_headers(entry, Range(0, entry.size, False))
            self.set_status(304)
            self.finish()
            return None
        try:
            value, if_range = headers.get("Range", ""), headers.get("If-Range", "")
            return select_range(value, if_range, etag, entry.size)
        except Unsatisfiable:
            self.set_header("Content-Range", f"bytes */{entry.size}")
            self.refuse(416, f"The file has {entry.size} bytes: the range is behind.")
            return None

    def _set_headers(self, entry: FileEntry, part: Range) -> None:
        names = content_headers(base_name(entry.path), self._download)
        for name, value in (*UNTRUSTED_HEADERS.items(), *names.items()):
            self.set_header(name, value)
        self.set_header("Accept-Ranges", "bytes")
        self.set_header("ETag", quote_etag(entry.etag))
        self.set_header("Last-Modified", format_timestamp(entry.mtime_ns / 1e9))
        self.set_header("Content-Length", str(part.length))
        self.set_status(206 if part.partial else 200)
        if part.partial:
            self.set_header("Content-Range", part.content_range(entry.size))

    async def _send(self, storage_id: str, entry: FileEntry, part: Range, last: bool) -> bool:
        """Send the part; False where the file is another one already, and nothing was sent."""
        sender = FileSender(self, lambda: self.open(storage_id, "transfer"), entry)
        try:
            await self.until_closed(sender.send(part.offset, part.length), "send a file")
        except StreamClosedError:
            return True
        except RosettaError as error:
            if sender.has_begun:
                break_off(self, error)
                return True
            if last or not (isinstance(error, FilesError) and error.code == "changed"):
                raise
            return False
        self.finish()
        return True


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    if data:
        yield data
