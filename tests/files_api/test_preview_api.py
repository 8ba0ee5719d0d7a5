"""Previews over HTTP, from real files of a storage."""

import io
import json
import os

import numpy as np
import pytest
from PIL import Image

from tests.previews.test_previews import example_fits, notebook, tiff

from .conftest import Site

MIB = 1 << 20


async def test_text(site: Site) -> None:
    (site.home / "a.txt").write_bytes("gr\u00fc\u00df".encode("latin-1"))
    status, answer = await site.call("GET", "home/preview/a.txt?kind=text")
    assert status == 200
    assert (answer["kind"], answer["text"], answer["encoding"]) == (
        "text",
        "gr\u00fc\u00df",
        "latin-1",
    )
    assert (answer["name"], answer["size"], answer["truncated"]) == ("a.txt", 4, False)
    entry = (await site.call("GET", "home/entry/a.txt"))[1]
    assert answer["etag"] == entry["etag"]
    (site.home / "long").write_bytes(b"x" * (3 * MIB))
    _, answer = await site.call("GET", "home/preview/long")
    assert (len(answer["text"]), answer["truncated"], answer["size"]) == (MIB, True, 3 * MIB)


async def test_headers(site: Site) -> None:
    (site.home / "a.html").write_bytes(b"<script>alert(1)</script>")
    response = await site.fetch("GET", "home/preview/a.html")
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    etag = response.headers["ETag"]
    assert (await site.fetch("GET", "home/preview/a.html", If_None_Match=etag)).code == 304


async def test_tables(site: Site) -> None:
    (site.home / "a.csv").write_text("a,b\n1,2\n")
    _, answer = await site.call("GET", "home/preview/a.csv?kind=table")
    assert (answer["rows"], answer["delimiter"]) == ([["a", "b"], ["1", "2"]], ",")


async def test_notebooks(site: Site) -> None:
    (site.home / "a.ipynb").write_bytes(notebook({"cell_type": "markdown", "source": "# T"}))
    _, answer = await site.call("GET", "home/preview/a.ipynb?kind=notebook")
    assert answer["cells"] == [{"type": "markdown", "source": "# T"}]
    (site.home / "bad.ipynb").write_bytes(b"{")
    status, answer = await site.call("GET", "home/preview/bad.ipynb?kind=notebook")
    assert (status, "damaged" in answer["detail"]) == (415, True)
    os.truncate(site.home / "bad.ipynb", 21 * MIB)
    status, answer = await site.call("GET", "home/preview/bad.ipynb?kind=notebook")
    assert (status, "too large" in answer["detail"]) == (415, True)


async def test_fits(site: Site) -> None:
    (site.home / "a.fits").write_bytes(example_fits())
    _, answer = await site.call("GET", "home/preview/a.fits?kind=fits")
    assert [(hdu["name"], hdu["kind"], hdu["is_image"]) for hdu in answer["hdus"]] == [
        ("", "IMAGE", False),
        ("CUBE", "IMAGE", True),
        ("", "BINTABLE", False),
        ("PACKED", "IMAGE", True),
    ]
    shapes = [hdu["shape"] for hdu in answer["hdus"]]
    assert (shapes[0], shapes[1], shapes[3]) == ([], [4, 3, 2], [20, 20])
    assert ["OBJECT", "M 31's", "name / of the target"] in answer["hdus"][0]["cards"]
    for query, size in (("", (4, 3)), ("&hdu=1", (4, 3)), ("&hdu=3", (20, 20))):
        response = await site.fetch("GET", f"home/preview/a.fits?kind=image{query}")
        assert response.headers["Content-Type"] == "image/png"
        with Image.open(io.BytesIO(response.body)) as image:
            assert image.size == size
    for hdu in ("0", "2", "9"):
        status, answer = await site.call("GET", f"home/preview/a.fits?kind=image&hdu={hdu}")
        assert (status, "no image" in answer["detail"]) == (415, True)


async def test_only_the_plane_of_a_huge_cube_is_read(site: Site) -> None:
    cards = ("SIMPLE  = T", "BITPIX  = 16", "NAXIS   = 3", "NAXIS1  = 10", "NAXIS2  = 20")
    header = b"".join(card.encode().ljust(80) for card in (*cards, "NAXIS3  = 1000000000", "END"))
    file = site.home / "huge.fits"
    file.write_bytes(header.ljust(2880) + np.arange(200, dtype=">i2").tobytes())
    os.truncate(file, 2880 + (1 << 33))
    _, answer = await site.call("GET", "home/preview/huge.fits?kind=fits")
    assert answer["hdus"][0]["shape"] == [10, 20, 1_000_000_000]
    response = await site.fetch("GET", "home/preview/huge.fits?kind=image")
    with Image.open(io.BytesIO(response.body)) as image:
        assert image.size == (10, 20)


async def test_images(site: Site) -> None:
    (site.home / "a.tif").write_bytes(tiff(Image.linear_gradient("L")))
    response = await site.fetch("GET", "home/preview/a.tif?kind=image")
    assert response.body.startswith(b"\x89PNG")
    (site.home / "no.tif").write_bytes(b"no image")
    status, answer = await site.call("GET", "home/preview/no.tif?kind=image")
    assert (status, "damaged" in answer["detail"]) == (415, True)


@pytest.mark.parametrize("query", ["kind=script", "kind=image&hdu=x", "kind=image&hdu=-1"])
async def test_requests_that_do_not_fit(site: Site, query: str) -> None:
    (site.home / "a").write_bytes(b"1")
    status, answer = await site.call("GET", f"home/preview/a?{query}")
    assert status == 422
    json.dumps(answer)
