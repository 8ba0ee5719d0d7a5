"""Previews: hostile and ordinary files of each kind, read by the real child process."""

import asyncio
import io
import json
import struct
import sys
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from rosetta_hub.files.preview import converter as converters
from rosetta_hub.files.preview import images
from rosetta_hub.files.preview.converter import Converter
from rosetta_hub.files.preview.errors import LibraryMissing, NoPreview, PreviewBusy
from rosetta_hub.files.preview.fits_headers import Card, FitsHeaders, parse_card, read_headers
from rosetta_hub.files.preview.notebook import NotANotebook, read_notebook
from rosetta_hub.files.preview.previews import describe_plane
from rosetta_hub.files.preview.table import MAX_CELL, MAX_COLUMNS, MAX_ROWS, read_table
from rosetta_hub.files.preview.text import decode_text


async def chunks_of(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 1 << 16):
        yield data[start : start + (1 << 16)]


# --- text -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "text", "encoding"),
    [
        (b"", "", "utf-8"),
        ("gr\u00fc\u00df".encode(), "gr\u00fc\u00df", "utf-8"),
        ("gr\u00fc\u00df".encode("latin-1"), "gr\u00fc\u00df", "latin-1"),
        (b"\xef\xbb\xbfx", "x", "utf-8-sig"),
        ("gr\u00fc\u00df".encode("utf-16"), "gr\u00fc\u00df", "utf-16"),
        (b"\xfe\xff\x00x", "x", "utf-16"),
    ],
)
def test_text(data: bytes, text: str, encoding: str) -> None:
    decoded = decode_text(data, True)
    assert (decoded.text, decoded.encoding) == (text, encoding)


def test_a_character_that_is_cut_changes_no_guess() -> None:
    data = "gr\u00fc".encode()[:-1]
    assert decode_text(data, False).text == "gr"
    assert decode_text(data, False).encoding == "utf-8"
    assert decode_text(data, True).encoding == "latin-1"


def test_what_is_no_text() -> None:
    with pytest.raises(NoPreview, match="not text"):
        decode_text(b"\x7fELF\0\0", True)


# --- tables -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "delimiter", "rows"),
    [
        ("a,b\n1,2\n", ",", [["a", "b"], ["1", "2"]]),
        ("a\tb\n1\t2, and 3\n", "\t", [["a", "b"], ["1", "2, and 3"]]),
        ("a;b\n1,5;2,5\n2,5;3,5\n", ";", [["a", "b"], ["1,5", "2,5"], ["2,5", "3,5"]]),
        ('a,b\n"x\ny","q""r"\n', ",", [["a", "b"], ["x\ny", 'q"r']]),
        ("a,b\r\n\r\n1,2\r\n", ",", [["a", "b"], ["1", "2"]]),
        ("", ",", []),
        ("alone\n", ",", [["alone"]]),
    ],
)
def test_tables(text: str, delimiter: str, rows: list[list[str]]) -> None:
    table = read_table(text, True)
    assert (table.delimiter, table.rows, table.is_truncated) == (delimiter, rows, False)


def test_a_large_table_is_cut() -> None:
    wide = ",".join(["x"] * (MAX_COLUMNS + 1))
    assert read_table(wide, True).is_truncated
    table = read_table("a,b\n" * (MAX_ROWS + 1), True)
    assert (len(table.rows), table.is_truncated) == (MAX_ROWS, True)
    assert len(read_table("y" * 5000, True).rows[0][0]) == MAX_CELL
    # One cell of a megabyte, and a last line that is cut.
    assert read_table("z" * (1 << 20), False).rows == [["z" * MAX_CELL]]
    assert read_table("a,b\n1,2\n3,", False).rows == [["a", "b"], ["1", "2"]]


# --- notebooks --------------------------------------------------------------------------------


def notebook(*cells: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"nbformat": 4, "metadata": {}, "cells": [*cells], **more}).encode()


def test_cells_and_harmless_outputs() -> None:
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": ["a\n", "\x1b[31mb\x1b[0m"]},
        {
            "output_type": "execute_result",
            "data": {
                "text/html": "<b>x</b>",
                "text/plain": ["x"],
                "image/png": "iVBO\nRw==",
                "image/svg+xml": "<svg onload=alert(1)>",
                "application/javascript": "alert(1)",
                "application/vnd.jupyter.widget-view+json": {},
            },
        },
        {"output_type": "display_data", "data": {"application/javascript": "alert(1)"}},
        {"output_type": "display_data", "data": {"image/png": "'><script>"}},
        {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["\x1b[1mline"]},
    ]
    view = read_notebook(
        notebook(
            {"cell_type": "markdown", "source": ["# T\n", "x"]},
            {"cell_type": "code", "source": "1", "execution_count": 3, "outputs": outputs},
            {"cell_type": "unheard of", "source": "raw"},
            metadata={"language_info": {"name": "python"}},
        )
    )
    assert view["language"] == "python"
    markdown, code, raw = view["cells"]
    assert markdown == {"type": "markdown", "source": "# T\nx"}
    assert raw == {"type": "raw", "source": "raw"}
    assert code["execution_count"] == 3
    assert code["outputs"] == [
        {"type": "stream", "name": "stdout", "text": "a\nb"},
        {
            "type": "data",
            "data": {"text/plain": "x", "text/html": "<b>x</b>", "image/png": "iVBORw=="},
        },
        {"type": "error", "name": "E", "value": "v", "traceback": "line\n"},
    ]


def test_version_3() -> None:
    cell = {
        "cell_type": "code",
        "input": "1",
        "prompt_number": 2,
        "outputs": [{"output_type": "pyout", "text": ["2"], "png": "AA=="}],
    }
    data = json.dumps({"nbformat": 3, "worksheets": [{"cells": [cell]}]}).encode()
    view = read_notebook(data)["cells"][0]
    assert (view["source"], view["execution_count"]) == ("1", 2)
    assert view["outputs"] == [{"type": "data", "data": {"text/plain": "2", "image/png": "AA=="}}]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"nbformat": 4}',
        b'{"nbformat": 4, "cells": {}}',
        b'{"nbformat": "4", "cells": []}',
        b"[" * 200_000,
        b'{"nbformat": 4, "cells": [',
        b"\xff",
    ],
)
def test_what_is_no_notebook(data: bytes) -> None:
    with pytest.raises(NotANotebook):
        read_notebook(data)


def test_fields_of_the_wrong_type() -> None:
    cells: list[Any] = [
        7,
        {"cell_type": ["code"], "source": {"a": 1}},
        {"cell_type": "code", "source": [1, "x"], "outputs": {"a": 1}, "execution_count": "1"},
        {"cell_type": "code", "outputs": [None, {"output_type": "stream", "text": 7}]},
        {"cell_type": "code", "outputs": [{"data": {"text/plain": {"a": 1}, "image/png": 1}}]},
        {"cell_type": "markdown", "source": "\ud800"},
    ]
    view = read_notebook(notebook(*cells, metadata=[]))
    assert [cell["type"] for cell in view["cells"]] == ["raw", "raw", *["code"] * 3, "markdown"]
    assert view["cells"][2]["source"] == "x"
    json.dumps(view).encode("ascii")
    assert view["cells"][5]["source"] == "?"


def test_a_large_notebook_is_cut() -> None:
    many = read_notebook(notebook(*[{"cell_type": "raw", "source": ""}] * 2500))
    assert (len(many["cells"]), many["total"], many["truncated"]) == (2000, 2500, True)
    image = {"output_type": "display_data", "data": {"image/png": "A" * (3 << 20)}}
    cell = {"cell_type": "code", "source": "", "outputs": [image]}
    heavy = read_notebook(notebook(*[cell] * 8))
    assert len(json.dumps(heavy)) < 17 << 20
    assert heavy["truncated"]


# --- FITS headers -----------------------------------------------------------------------------


async def headers_of(data: bytes, **options: int) -> FitsHeaders:
    async def read(offset: int, length: int) -> bytes:
        return data[offset : offset + length]

    return await read_headers(read, len(data), **options)


def fits_file(*hdus: Any) -> bytes:
    buffer = io.BytesIO()
    fits.HDUList([*hdus]).writeto(buffer)
    return buffer.getvalue()


def example_fits() -> bytes:
    """Four HDUs, of the kinds that telescopes make."""
    primary = fits.PrimaryHDU()
    primary.header["OBJECT"] = ("M 31's", "name / of the target")
    primary.header["LONG"] = "x" * 150
    primary.header["HIERARCH ESO DET ID"] = 7
    primary.header.add_comment("said by hand")
    cube = fits.ImageHDU(np.arange(24, dtype=">i2").reshape(2, 3, 4), name="CUBE")
    table = fits.BinTableHDU.from_columns([fits.Column("a", "J", array=np.arange(5))])
    compressed = fits.CompImageHDU(np.arange(400, dtype="i2").reshape(20, 20), name="PACKED")
    return fits_file(primary, cube, table, compressed)


async def test_all_headers() -> None:
    data = example_fits()
    headers = await headers_of(data)
    assert not headers.is_truncated
    primary, cube, table, packed = headers.hdus
    with fits.open(io.BytesIO(data), disable_image_compression=True) as reference:
        for hdu, theirs in zip(headers.hdus, reference, strict=True):
            info = theirs.fileinfo()
            assert (hdu.offset, hdu.data_offset) == (info["hdrLoc"], info["datLoc"])
            for keyword in ("BITPIX", "NAXIS", "EXTNAME", "PCOUNT"):
                assert hdu.value(keyword) == theirs.header.get(keyword)
    assert primary.value("OBJECT") == "M 31's"
    assert primary.value("LONG") == "x" * 150
    assert primary.value("ESO DET ID") == 7
    assert Card("COMMENT", None, "said by hand") in primary.cards
    assert (cube.shape, cube.is_image) == ((4, 3, 2), True)
    assert (table.kind, table.is_image, primary.is_image) == ("BINTABLE", False, False)
    assert (packed.kind, packed.shape, packed.is_image) == ("IMAGE", (20, 20), True)


@pytest.mark.parametrize(
    ("line", "card"),
    [
        (b"SIMPLE  =                    T / yes", Card("SIMPLE", True, "yes")),
        (b"A       = 'it''s / x '         / c", Card("A", "it's / x", "c")),
        (b"A       =             -1.5D+03", Card("A", -1500.0, "")),
        (b"A       =            1.0E99999", Card("A", "1.0E99999", "")),
        (b"A       = 99999999999999999999", Card("A", 1e20, "")),
        (b"A       =           (1.0, 2.0)", Card("A", "(1.0, 2.0)", "")),
        (b"A       =                      / none", Card("A", None, "none")),
        (b"A       = 'open", Card("A", "'open", "")),
        (b"HISTORY = no value", Card("HISTORY", "no value", "")),
        (b"COMMENT caf\xe9", Card("COMMENT", None, "caf\ufffd")),
        (b"        text", Card("", None, "text")),
    ],
)
def test_cards(line: bytes, card: Card) -> None:
    assert parse_card(line.ljust(80)) == card


def card(text: str) -> bytes:
    return text.encode().ljust(80)


def header(*lines: str) -> bytes:
    text = b"".join(map(card, (*lines, "END")))
    return text.ljust(-(-len(text) // 2880) * 2880)


async def test_damaged_and_hostile_headers() -> None:
    for data in (b"", b"SIMPLE", b"x" * 10_000, header("OTHER   = 1"), b"SIMPLE  =" * 5000):
        with pytest.raises(NoPreview, match="not a FITS file"):
            await headers_of(data)
    huge = "NAXIS{}  = 9999999999999999999"
    axes = [huge.format(number) for number in range(1, 10)]
    for count, is_truncated in ((9, False), (999_999_999, True)):
        greedy = header("SIMPLE  = T", "BITPIX  = 64", f"NAXIS   = {count}", *axes)
        headers = await headers_of(greedy + b"\0" * 100)
        assert (len(headers.hdus), headers.is_truncated) == (1, is_truncated)
    negative = header("SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 1", "NAXIS1  = -2880")
    assert len((await headers_of(negative)).hdus) == 1
    endless = header("SIMPLE  = T") + header("XTENSION= 'IMAGE'") * 400
    headers = await headers_of(endless)
    assert (len(headers.hdus), headers.is_truncated) == (300, True)
    cut = await headers_of(example_fits()[:2880] + b"garbage" * 1000)
    assert (len(cut.hdus), cut.is_truncated) == (1, True)


# --- what a child process makes ----------------------------------------------------------------


async def image_of_fits(data: bytes, index: int) -> np.ndarray[Any, Any]:
    headers = await headers_of(data)
    description, offset, length = describe_plane(headers.hdus[index])
    png = images.convert_fits(json.dumps(description).encode(), data[offset : offset + length])
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image)


@pytest.mark.parametrize("dtype", [">u1", ">i2", ">i4", ">i8", ">f4", ">f8"])
async def test_images_of_fits(dtype: str) -> None:
    ramp = np.arange(120, dtype=dtype).reshape(10, 12)
    image = await image_of_fits(fits_file(fits.PrimaryHDU(ramp)), 0)
    assert image.shape == (10, 12)
    # The first pixel of FITS is at the bottom.
    assert image[-1, 0] == image.min()
    assert image[0, -1] == image.max() == 255


async def test_scaled_blank_and_packed_images_and_the_first_plane_of_a_cube() -> None:
    data = example_fits()
    assert (await image_of_fits(data, 1)).shape == (3, 4)
    packed = await image_of_fits(data, 3)
    assert packed.shape == (20, 20)
    assert packed[0, -1] == 255
    raw = header(
        "SIMPLE  = T",
        "BITPIX  = 16",
        "NAXIS   = 2",
        "NAXIS1  = 2",
        "NAXIS2  = 2",
        "BZERO   = 10.0",
        "BSCALE  = -2.0",
        "BLANK   = -999",
    ) + struct.pack(">4h", 1, 2, -999, 4).ljust(2880, b"\0")
    image = await image_of_fits(raw, 0)
    # Brighter with smaller numbers, and nothing where there is no value.
    assert image[1, 0] == 255
    assert image[0, 0] == 0


async def test_a_large_image_is_made_smaller() -> None:
    image = await image_of_fits(fits_file(fits.PrimaryHDU(np.ones((3000, 2500), ">f4"))), 0)
    assert max(image.shape) <= 1024


def tiff(image: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "TIFF")
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "CMYK", "P", "I", "I;16", "F"])
def test_tiff(mode: str) -> None:
    if mode in ("I", "I;16", "F"):
        kinds = {"I": "i4", "I;16": "u2", "F": "f4"}
        image = Image.fromarray((np.arange(6000).reshape(60, 100) * 10).astype(kinds[mode]))
    else:
        image = Image.linear_gradient("L").resize((100, 60)).convert(mode)
    png = images.convert_image(tiff(image))
    with Image.open(io.BytesIO(png)) as answer:
        assert (answer.format, answer.size) == ("PNG", (100, 60))
        grey = np.asarray(answer.convert("L"))
        assert grey.min() < 10
        assert grey.max() > 240


def bomb() -> bytes:
    """A small TIFF that says that it is 30,000 pixels wide and high."""
    data = bytearray(tiff(Image.new("L", (4, 4))))
    # The entries of the directory: width (256), height (257).
    (start,) = struct.unpack("<I", data[4:8])
    (count,) = struct.unpack("<H", data[start : start + 2])
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind = struct.unpack("<HH", data[entry : entry + 4])
        if tag in (256, 257):
            data[entry + 8 : entry + 12] = struct.pack("<H2x" if kind == 3 else "<I", 30_000)
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no image",
        # Not one of the formats that are read here.
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + zlib.compress(b"x"),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%id) (w) file\n",
    ],
)
def test_no_image(data: bytes) -> None:
    with pytest.raises((images.Unreadable, struct.error)):
        images.convert_image(data)


async def test_images_by_the_child() -> None:
    """Each kind once: nothing that it gives up is needed afterwards."""
    image = Image.linear_gradient("L")
    for kind, mode in (("TIFF", "RGB"), ("TIFF", "CMYK"), ("BMP", "P"), ("PPM", "L")):
        buffer = io.BytesIO()
        options = {"compression": "tiff_lzw"} if kind == "TIFF" else {}
        image.convert(mode).save(buffer, kind, **options)
        png = await Converter().convert("image", {}, chunks_of(buffer.getvalue()))
        assert png.startswith(b"\x89PNG")
    data = example_fits()
    hdus = (await headers_of(data)).hdus
    for hdu in (hdus[1], hdus[3]):
        description, offset, length = describe_plane(hdu)
        plane = chunks_of(data[offset : offset + length])
        assert (await Converter().convert("fits", description, plane)).startswith(b"\x89PNG")
    with pytest.raises(NoPreview, match="damaged"):
        await Converter().convert("image", {}, chunks_of(b"II*\0" + b"\xff" * 100))


async def test_a_decompression_bomb() -> None:
    with pytest.raises(NoPreview):
        await Converter().convert("image", {}, chunks_of(bomb()))


async def test_an_image_that_is_cut() -> None:
    half = tiff(Image.effect_noise((500, 500), 9))[:100_000]
    with pytest.raises(NoPreview):
        await Converter().convert("image", {}, chunks_of(half))
    description = {"bitpix": -32, "width": 1000, "height": 1000, "scale": 1, "zero": 0}
    with pytest.raises(NoPreview, match="damaged"):
        await Converter().convert("fits", {**description, "blank": None}, chunks_of(b"1234"))


async def test_a_notebook() -> None:
    data = notebook({"cell_type": "raw", "source": "x"})
    document = json.loads(await Converter().convert("notebook", {}, chunks_of(data)))
    assert document["cells"] == [{"type": "raw", "source": "x"}]
    with pytest.raises(NoPreview, match="damaged"):
        await Converter().convert("notebook", {}, chunks_of(b"[" * 500_000))


async def test_what_asks_for_too_much_memory() -> None:
    # Millions of small objects.
    data = b'{"nbformat": 4, "cells": [' + b"[]," * 17_000_000
    with pytest.raises(NoPreview, match="too large"):
        await Converter().convert("notebook", {}, chunks_of(data))


async def test_the_service_goes_on_when_a_source_fails() -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield b"{"
        raise NoPreview("gone")

    converter = Converter()
    for _ in range(converters.AT_ONCE + 1):
        with pytest.raises(NoPreview, match="gone"):
            await converter.convert("notebook", {}, failing())


async def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python without what is installed for the service."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nshift\nexec {sys.executable} -I -S "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    for kind in ("image", "fits"):
        with pytest.raises(LibraryMissing, match="administrator"):
            await Converter().convert(kind, {}, chunks_of(b""))
    document = json.loads(await Converter().convert("notebook", {}, chunks_of(notebook())))
    assert document["cells"] == []


async def test_only_a_few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converters, "PATIENCE", 0.05)
    waiting, start = asyncio.Event(), asyncio.Queue[None]()

    async def slow() -> AsyncIterator[bytes]:
        start.put_nowait(None)
        await waiting.wait()
        yield notebook()

    converter = Converter()
    first = [
        asyncio.create_task(converter.convert("notebook", {}, slow()))
        for _ in range(converters.AT_ONCE)
    ]
    for _ in first:
        await start.get()
    with pytest.raises(PreviewBusy):
        await converter.convert("notebook", {}, chunks_of(notebook()))
    waiting.set()
    assert all(await asyncio.gather(*first))
    assert await converter.convert("notebook", {}, chunks_of(notebook()))
