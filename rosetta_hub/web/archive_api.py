"""`api/v1/storages/<id>/archive`: folders and selections as one zip or tar."""

import contextlib
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from tornado.iostream import StreamClosedError

from rosetta_hub.catalogue.storage_paths import decode_path
from rosetta_hub.errors import RosettaError
from rosetta_hub.files.archives import Archive
from rosetta_hub.web.bodies import RequestModel
from rosetta_hub.web.downloads import ChunkSender, break_off
from rosetta_hub.web.file_headers import UNTRUSTED_HEADERS, content_disposition
from rosetta_hub.web.files_api import MAX_PATHS
from rosetta_hub.web.files_base import FilesHandler
from rosetta_hub.web.operations import Content, operation
from rosetta_hub.web.rights import ENTER_OWN

_TYPES = {"zip": "application/zip", "tar": "application/x-tar"}


class Selection(RequestModel):
    """What an archive shall hold, folders with all that is in them."""

    model_config = ConfigDict(strict=True)

    paths: Annotated[list[str], Field(min_length=1, max_length=MAX_PATHS)]
    format: Literal["zip", "tar"] = "zip"


class ArchiveView(BaseModel):
    """Where the archive is, and what it will hold."""

    url: str
    files: int
    bytes: int


class ArchivesHandler(FilesHandler):
    """`api/v1/storages/<id>/archive`."""

    path = "storages/{storage}/archive"

    @operation(id="prepare_archive", right=ENTER_OWN, answer=ArchiveView, refuses=(409,))
    async def post(self, storage_id: str, body: Selection) -> ArchiveView:
        """The address of an archive, which is good once and for a minute."""
        self.storage(storage_id)
        paths = tuple(decode_path(path) for path in body.paths)
        async with self.open(storage_id) as session:
            summary = await session.summary(paths)
        archive = Archive(self.principal.name, storage_id, paths, body.format)
        ticket = self.services.archives.issue(archive)
        prefix = self.services.settings.service_prefix
        url = f"{prefix}api/v1/storages/{storage_id}/archive/{ticket}"
        return ArchiveView(url=url, files=summary.files, bytes=summary.bytes)


class ArchiveHandler(FilesHandler):
    """`api/v1/storages/<id>/archive/<ticket>`."""

    path = "storages/{storage}/archive/{ticket}"

    @operation(id="get_archive", right=ENTER_OWN, answer=Content(*_TYPES.values()), refuses=(409,))
    async def get(self, storage_id: str, ticket: str) -> None:
        """An archive, once.

        It can't be resumed: what breaks off is begun anew with another ticket.
        """
        storage = self.storage(storage_id)
        archive = self.services.archives.redeem(ticket, self.principal.name, storage_id)
        for name, value in UNTRUSTED_HEADERS.items():
            self.set_header(name, value)
        self.set_header("Content-Type", _TYPES[archive.format])
        file_name = archive.file_name(storage.name)
        self.set_header("Content-Disposition", content_disposition("attachment", file_name))
        sender = ChunkSender(self)
        try:
            await self.until_closed(self._send(sender, archive), "send an archive")
        except StreamClosedError:
            return
        except RosettaError as error:
            if not sender.has_begun:
                raise
            break_off(self, error)
            return
        self.finish()

    async def _send(self, sender: ChunkSender, archive: Archive) -> None:
        async with (
            self.open(archive.storage_id, "transfer") as session,
            contextlib.aclosing(session.archive(archive.paths, archive.format)) as chunks,
        ):
            await sender.send(chunks)
