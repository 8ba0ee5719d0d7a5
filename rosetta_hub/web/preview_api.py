"""`GET api/v1/storages/<id>/preview/<path>?kind=`: what can be shown of a file, as JSON or PNG."""

from pydantic import Field
from tornado.iostream import StreamClosedError

from rosetta_hub.catalogue.storage_paths import base_name, display_name
from rosetta_hub.errors import InvalidOptions
from rosetta_hub.files.source import FileSource, find_file
from rosetta_hub.web.bodies import RequestModel
from rosetta_hub.web.conditional import matches_weakly, quote_etag
from rosetta_hub.web.file_headers import UNTRUSTED_HEADERS
from rosetta_hub.web.files_base import FilesHandler
from rosetta_hub.web.operations import Content, operation
from rosetta_hub.web.rights import ENTER_OWN


class PreviewQuery(RequestModel):
    """What is shown: `hdu` is the part of a FITS file."""

    kind: str = "text"
    hdu: int | None = Field(default=None, ge=0, le=9999)


class PreviewHandler(FilesHandler):
    """A part of a file, prepared for showing; nothing that the file holds is executed."""

    path = "storages/{storage}/preview/{entry}"

    @operation(
        id="preview_file",
        right=ENTER_OWN,
        answer=Content("application/json", "image/png"),
        also=(304,),
        refuses=(409, 412, 413),
    )
    async def get(self, storage_id: str, path: str, query: PreviewQuery) -> None:
        """What can be shown of a file: JSON for `text`, `table`, `notebook` and `fits`.

        It is PNG for `image`.
        """
        self.storage(storage_id)
        file_path, kinds = self.read_path(path), self.services.previews.kinds
        kind = query.kind
        if kind not in kinds:
            raise InvalidOptions(f"'kind' must be one of {', '.join(kinds)}.")
        for name, value in UNTRUSTED_HEADERS.items():
            self.set_header(name, value)
        making = self._make(storage_id, file_path, kind, query.hdu)
        try:
            await self.until_closed(making, f"make a preview: {kind}")
        except StreamClosedError:
            return

    async def _make(self, storage_id: str, path: bytes, kind: str, hdu: int | None) -> None:
        async with self.open(storage_id) as session:
            entry = await find_file(session, path)
        self.set_header("ETag", quote_etag(entry.etag))
        if matches_weakly(self.request.headers.get("If-None-Match", ""), entry.etag):
            self.set_status(304)
            self.finish()
            return
        source = FileSource(lambda: self.open(storage_id, "transfer"), entry)
        preview = await self.services.previews.make(source, kind, hdu)
        if isinstance(preview, bytes):
            self.set_header("Content-Type", "image/png")
            self.finish(preview)
        else:
            common = {"kind": kind, "name": display_name(base_name(path)), "size": entry.size}
            self.answer({**common, "etag": entry.etag, **preview})
