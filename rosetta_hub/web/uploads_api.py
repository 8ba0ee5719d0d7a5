"""Resumable uploads: tus 1.0.0 below `api/v1/storages/<id>/uploads`.

Bytes go to the storage as they come, and stay there whatever ends the request. Extensions:
creation, creation-with-upload, termination, expiration, checksum. `Upload-Metadata` holds `path`
(the percent-encoded target in the storage), `modified` (seconds since 1970) and `conflict`: what
happens where the name is taken at the end (`fail`, `overwrite`, `rename`).
"""

import asyncio
import re
import time
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from pydantic import Field
from tornado import web
from tornado.httputil import format_timestamp

from rosetta_agent.files.frames import PART_SECONDS
from rosetta_hub.catalogue.storage_paths import encode_path, parent_path
from rosetta_hub.errors import FilesError, UserError
from rosetta_hub.files.session import FilesSession
from rosetta_hub.files.uploads import (
    MAX_LENGTH,
    VERSION,
    Upload,
    UploadConflict,
    parse_checksum,
    parse_conflict,
    parse_length,
    protocol_headers,
)
from rosetta_hub.web.bodies import RequestModel
from rosetta_hub.web.files_api import WritingHandler
from rosetta_hub.web.operations import NOTHING, Content, operation
from rosetta_hub.web.rights import ENTER_OWN
from rosetta_hub.web.upload_work import UploadWork

CONTENT_TYPE = "application/offset+octet-stream"
# Bytes of a refused body that are read on, so that the client comes to read the answer.
DRAINED = 16 << 20


class PieceQuery(RequestModel):
    """What happens where the name is taken at the end."""

    conflict: UploadConflict | None = Field(default=None, description="As the upload began with")


class WrongVersion(UserError):
    """The client speaks another version of the protocol."""

    status = 412


class WrongContentType(UserError):
    """The body is not declared as a piece of a file."""

    status = 415


@web.stream_request_body
class TusHandler(WritingHandler):
    """What the handlers of uploads share: the protocol's headers, and the body as it comes."""

    work: UploadWork | None = None
    _task: asyncio.Task[None] | None = None
    _dropped = 0

    def set_default_headers(self) -> None:
        """Besides, the protocol's version."""
        super().set_default_headers()
        self.set_header("Tus-Resumable", VERSION)
        self.set_header("Tus-Version", VERSION)

    async def prepare(self) -> None:
        """Besides, let a body of any size come, and begin to work with it."""
        self.request.connection.set_max_body_size(MAX_LENGTH)  # type: ignore[union-attr]
        await super().prepare()
        # Whether it is the user's at all goes before what is wrong with the request.
        self.storage(self.path_args[0])
        if self.request.method == "OPTIONS":
            return
        if self.request.headers.get("Tus-Resumable") != VERSION:
            raise WrongVersion(f"'Tus-Resumable' must be {VERSION}.")
        override = self.request.headers.get("X-HTTP-Method-Override", "").upper()
        if self.request.method == "POST" and override in ("PATCH", "DELETE"):
            self.request.method = override
        await self.begin()

    async def begin(self) -> None:
        """What is done before the body comes."""

    def start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Work on the body while it comes."""
        self._task = self.services.uploads.start(coroutine, "write an upload")

    async def data_received(self, chunk: bytes) -> None:
        """Hand a piece of the body on; waits while the storage is slower than the client."""
        if self.work is None or self._task is None:
            return
        await self.work.buffer.put(chunk)
        if self._task.done():
            self._dropped += len(chunk)
            error = self._task.exception()
            if self._dropped > DRAINED and not self._finished and error is not None:
                self.send_error(exc_info=(type(error), error, None))

    def on_connection_close(self) -> None:
        """Keep what has come."""
        super().on_connection_close()
        if self.work is not None:
            self.work.cut()

    async def end_body(self, work: UploadWork) -> None:
        """Wait until all of the body is in the storage.

        Raises:
            RosettaError: it is not; see `UploadWork.append`.
        """
        work.buffer.end()
        if self._task is not None:
            # The work goes on when this request is given up.
            await asyncio.shield(self._task)

    def new_work(self, storage_id: str, upload: Upload) -> UploadWork:
        """Work on an upload of the user's."""
        key = (self.principal.name, storage_id, upload.id)
        active = self.services.uploads
        return UploadWork(active, key, upload, lambda: self.open(storage_id, "transfer"))

    def address(self, kind: str, name: str) -> str:
        """An address below the request's storage."""
        prefix = self.services.settings.service_prefix
        return f"{prefix}api/v1/storages/{self.path_args[0]}/{kind}/{name}"

    def finish_empty(self, status: int, work: UploadWork | None = None) -> None:
        """Answer without a body; with how far an upload is, and where it is once complete."""
        if work is not None:
            self.set_header("Upload-Offset", str(work.offset))
            if work.path is None:
                self.set_header("Upload-Expires", format_timestamp(time.time() + PART_SECONDS))
            else:
                self.set_header("Content-Location", self.address("file", encode_path(work.path)))
        self.set_status(status)
        self.clear_header("Content-Type")
        self.finish()


class UploadsHandler(TusHandler):
    """`api/v1/storages/<id>/uploads`."""

    path = "storages/{storage}/uploads"

    @operation(id="describe_uploads", right=ENTER_OWN, answer=NOTHING, status=204)
    def options(self, storage_id: str) -> None:
        """What of tus is offered."""
        self.storage(storage_id)
        for name, value in protocol_headers().items():
            self.set_header(name, value)
        self.finish_empty(204)

    async def begin(self) -> None:
        """Make the part file; the body, if any, is the first piece of it."""
        storage_id, headers = self.path_args[0], self.request.headers
        self.writable(storage_id)
        if self.request.method != "POST":
            return
        upload = Upload.from_headers(
            headers.get("Upload-Length"), headers.get("Upload-Metadata", "")
        )
        checksum = parse_checksum(headers.get("Upload-Checksum", ""))
        async with self.open(storage_id, "transfer") as session:
            if upload.conflict == "fail":
                await _check_free(session, upload.path)
            await _create_part(session, upload)
        self.work = self.new_work(storage_id, upload)
        self.start(self.work.append(0, checksum))

    @operation(
        id="begin_upload",
        right=ENTER_OWN,
        answer=NOTHING,
        status=201,
        refuses=(409, 412, 413, 415, 507),
        headers=("Tus-Resumable", "Upload-Length", "Upload-Metadata"),
        body=Content(CONTENT_TYPE),
    )
    async def post(self, storage_id: str) -> None:
        """Begin an upload (tus 1.0.0); its address is the `Location`."""
        if self.work is not None:
            await self.end_body(self.work)
            self.set_header("Location", self.address("uploads", self.work.upload.name))
        self.finish_empty(201, self.work)


class UploadHandler(TusHandler):
    """`api/v1/storages/<id>/uploads/<upload>`."""

    path = "storages/{storage}/uploads/{upload}"

    async def begin(self) -> None:
        """Find the upload; the body of PATCH is its next piece."""
        storage_id, name = self.path_args
        self.writable(storage_id)
        upload = Upload.from_name(name)
        conflict = parse_conflict(self.get_query_argument("conflict", upload.conflict))
        upload = replace(upload, conflict=conflict)
        self.work = self.new_work(storage_id, upload)
        if self.request.method == "PATCH":
            self._begin_piece(self.work)

    def _begin_piece(self, work: UploadWork) -> None:
        headers = self.request.headers
        if headers.get("Content-Type") != CONTENT_TYPE:
            raise WrongContentType(f"The 'Content-Type' must be {CONTENT_TYPE}.")
        offset = parse_length(headers.get("Upload-Offset"))
        checksum = parse_checksum(headers.get("Upload-Checksum", ""))
        announced = headers.get("Content-Length", "")
        size = int(announced) if re.fullmatch(r"[0-9]{1,19}", announced) else 0
        if offset + size > work.upload.length:
            raise FilesError("too_large", "The piece goes beyond the end of the upload.")
        self.start(work.append(offset, checksum))

    @operation(
        id="look_at_upload",
        right=ENTER_OWN,
        answer=NOTHING,
        status=200,
        refuses=(409, 412),
        headers=("Tus-Resumable",),
    )
    async def head(self, _storage_id: str, _name: str) -> None:
        """How far an upload is."""
        if self.work is not None:
            await self.work.look()
            self.set_header("Upload-Length", str(self.work.upload.length))
        self.finish_empty(200, self.work)

    def is_counted(self) -> bool:
        """A piece of an upload is no request of its user's."""
        return self.request.method != "PATCH"

    @operation(
        id="continue_upload",
        right=ENTER_OWN,
        answer=NOTHING,
        status=204,
        refuses=(409, 412, 413, 415, 460, 507),
        headers=("Tus-Resumable", "Upload-Offset"),
        body=Content(CONTENT_TYPE),
    )
    async def patch(self, _storage_id: str, _name: str, query: PieceQuery) -> None:
        """Append a piece to an upload; with the last one the file gets its name.

        `?conflict=` counts instead of what the upload began with: a piece without bytes at the end
        of an upload tries again to give it its name.
        """
        if self.work is not None:
            await self.end_body(self.work)
        self.finish_empty(204, self.work)

    @operation(
        id="give_up_upload",
        right=ENTER_OWN,
        answer=NOTHING,
        status=204,
        refuses=(409, 412),
        headers=("Tus-Resumable",),
    )
    async def delete(self, _storage_id: str, _name: str) -> None:
        """Give an upload up."""
        if self.work is not None:
            await self.work.remove()
        self.finish_empty(204)


async def _check_free(session: FilesSession, path: bytes) -> None:
    """Refuse a name that is taken before anything has been sent.

    Raises:
        FilesError: `exists`.
    """
    try:
        await session.stat(path)
    except FilesError as error:
        if error.code != "not_found":
            raise
    else:
        raise FilesError("exists", "There is an entry of this name already.")


async def _create_part(session: FilesSession, upload: Upload) -> None:
    """Make the part file, and the folders above it that are missing."""
    fields = (upload.path, upload.id, upload.length, upload.mtime_ns)
    try:
        await session.part_create(*fields)
    except FilesError as error:
        if error.code != "not_found":
            raise
        await session.mkdir(parent_path(upload.path), parents=True)
        await session.part_create(*fields)
