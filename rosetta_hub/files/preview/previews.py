"""Makes the previews of all kinds."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from rosetta_hub.files.preview.converter import Converter
from rosetta_hub.files.preview.errors import NoPreview
from rosetta_hub.files.preview.fits_headers import Hdu, header_view, read_headers
from rosetta_hub.files.preview.notebook import MAX_NOTEBOOK
from rosetta_hub.files.preview.table import read_table
from rosetta_hub.files.preview.text import MAX_TEXT, Text, decode_text
from rosetta_hub.files.source import FileSource

# Bytes of an image that is read, and of a plane or a compressed image of a FITS file.
MAX_IMAGE = 50 << 20
MAX_PLANE = 256 << 20

FITS_ENDINGS = (b".fits", b".fit", b".fts", b".fz")

Shown = bytes | dict[str, Any]


class Previews:
    """One instance a service. PNG images are bytes, everything else a JSON object."""

    def __init__(self) -> None:
        self._converter = Converter()
        self._makers: dict[str, Callable[[FileSource, int | None], Awaitable[Shown]]] = {
            "text": self._text,
            "table": self._table,
            "notebook": self._notebook,
            "fits": self._fits,
            "image": self._image,
        }

    @property
    def kinds(self) -> tuple[str, ...]:
        """What can be asked for."""
        return tuple(self._makers)

    async def make(self, source: FileSource, kind: str, hdu: int | None = None) -> Shown:
        """A preview; `hdu` is the image of a FITS file, by default the first one.

        Raises:
            NoPreview: the file is not of this kind, damaged or too large.
            LibraryMissing: what reads such files is not installed.
            RosettaError: the storage refuses or does not answer.
        """
        return await self._makers[kind](source, hdu)

    async def _text(self, source: FileSource, _hdu: int | None) -> Shown:
        text = await _begin(source)
        truncated = source.entry.size > MAX_TEXT
        return {"text": text.text, "encoding": text.encoding, "truncated": truncated}

    async def _table(self, source: FileSource, _hdu: int | None) -> Shown:
        text = await _begin(source)
        table = await asyncio.to_thread(read_table, text.text, source.entry.size <= MAX_TEXT)
        return {
            "rows": table.rows,
            "delimiter": table.delimiter,
            "encoding": text.encoding,
            "truncated": table.is_truncated,
        }

    async def _notebook(self, source: FileSource, _hdu: int | None) -> Shown:
        size = source.entry.size
        if size > MAX_NOTEBOOK:
            raise NoPreview("The notebook is too large for a preview.")
        output = await self._converter.convert("notebook", {}, source.chunks(0, size))
        notebook: dict[str, Any] = json.loads(output)
        return notebook

    async def _fits(self, source: FileSource, _hdu: int | None) -> Shown:
        headers = await read_headers(source.read, source.entry.size)
        hdus = [header_view(hdu) for hdu in headers.hdus]
        return {"hdus": hdus, "truncated": headers.is_truncated}

    async def _image(self, source: FileSource, hdu: int | None) -> Shown:
        if source.entry.path.lower().endswith(FITS_ENDINGS):
            return await self._fits_image(source, hdu)
        size = source.entry.size
        if size > MAX_IMAGE:
            raise NoPreview("The image is too large for a preview.")
        return await self._converter.convert("image", {}, source.chunks(0, size))

    async def _fits_image(self, source: FileSource, index: int | None) -> Shown:
        headers = await read_headers(source.read, source.entry.size)
        images = [hdu for hdu in headers.hdus if hdu.is_image and index in (None, hdu.index)]
        if not images:
            raise NoPreview("There is no image in this part of the FITS file.")
        description, offset, length = describe_plane(images[0])
        if length > MAX_PLANE:
            raise NoPreview("The image is too large for a preview.")
        return await self._converter.convert("fits", description, source.chunks(offset, length))


def describe_plane(hdu: Hdu) -> tuple[dict[str, Any], int, int]:
    """The first plane of an image: what the converter has to know, offset and length in bytes.

    Raises:
        NoPreview: its numbers are none that FITS knows.
    """
    if hdu.is_compressed:
        return {"compressed": True}, hdu.offset, hdu.end - hdu.offset
    bitpix = hdu.value("BITPIX")
    if bitpix not in (8, 16, 32, 64, -32, -64) or type(bitpix) is not int:
        raise NoPreview("The header of this image is damaged.")
    width, height = hdu.shape[:2]
    scale, zero, blank = (hdu.value(name) for name in ("BSCALE", "BZERO", "BLANK"))
    description = {
        "bitpix": bitpix,
        "width": width,
        "height": height,
        "scale": scale if isinstance(scale, int | float) else 1,
        "zero": zero if isinstance(zero, int | float) else 0,
        "blank": blank if type(blank) is int else None,
    }
    return description, hdu.data_offset, abs(bitpix) // 8 * width * height


async def _begin(source: FileSource) -> Text:
    data = await source.read(0, MAX_TEXT)
    return decode_text(data, source.entry.size <= MAX_TEXT)
