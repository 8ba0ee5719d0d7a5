"""`GET api/v1/storages/<id>/preview/<path>?kind=`: what can be shown of a file, as JSON or PNG."""

import re
from typing import Any

from tornado.iostream import StreamClosedError

from rosetta_hub.errors import InvalidOptions
from rosetta_hub.files.paths import base_name, display_name
from rosetta_hub.files.source import Source, find_file
from rosetta_hub.web.conditional import matches_weakly, quote_etag
from rosetta_hub.web.file_headers import UNTRUSTED_HEADERS
from rosetta_hub.web.files_base import FilesHandler


class PreviewHandler(FilesHandler):
    """A part of a file, prepared for showing; nothing that the file holds is executed."""

    async def get(self, storage_id: str, path: str) -> None:
        """JSON for `?kind=text|table|notebook|fits`, PNG for `image` (`&hdu=` of a FITS file)."""
        self.storage(storage_id)
        wanted, kinds = self.path(path), self.services.previews.kinds
        kind = self.get_query_argument("kind", "text")
        if kind not in kinds:
            raise InvalidOptions(f"'kind' must be one of {', '.join(kinds)}.")
        hdu = self.get_query_argument("hdu", "")
        if hdu and not re.fullmatch(r"[0-9]{1,4}", hdu):
            raise InvalidOptions("'hdu' is not a number.")
        for name, value in UNTRUSTED_HEADERS.items():
            self.set_header(name, value)
        making = self._make(storage_id, wanted, kind, int(hdu) if hdu else None)
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
        source = Source(lambda: self.open(storage_id, "transfer"), entry)
        shown = await self.services.previews.make(source, kind, hdu)
        if isinstance(shown, bytes):
            self.set_header("Content-Type", "image/png")
            self.finish(shown)
        else:
            common = {"kind": kind, "name": display_name(base_name(path)), "size": entry.size}
            self.answer({**common, "etag": entry.etag, **shown})


def preview_routes(prefix: str, arguments: dict[str, Any]) -> list[tuple[str, Any, dict[str, Any]]]:
    """The routes of this module below `prefix`."""
    return [(rf"{prefix}api/v1/storages/([^/]+)/preview/(.*)", PreviewHandler, arguments)]
