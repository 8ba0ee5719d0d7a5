"""Logos of users' software: what is a picture, and how it is served."""

import base64
import struct
import zlib

import pytest
from sqlalchemy import select

from rosetta_hub.database.models_software import SoftwareLogo
from rosetta_hub.errors import InvalidOptions
from rosetta_hub.software.logo_format import LARGEST_LOGO, check_logo

from .test_api import Site
from .test_api import site as site
from .test_user_software import TEAM, add, families
from .test_user_software import grouped as grouped


def png(width: int = 2, height: int = 2) -> bytes:
    """A picture of that size, as its header says."""
    header = struct.pack(">II5B", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0\0\0\0\0\0")), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def svg(inside: str = "", attributes: str = "") -> bytes:
    """A picture as a document."""
    return f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}>{inside}</svg>'.encode()


# One pixel each, as encoders write them.
JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffc0000b080001000101011100ffd9")
WEBP = base64.b64decode("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (png(), "image/png"),
        (JPEG, "image/jpeg"),
        (WEBP, "image/webp"),
        (svg('<path d="M0 0" fill="url(#a)" style="stroke: url(#b)"/>'), "image/svg+xml"),
        (svg("<title>Größe &amp; Maß</title>"), "image/svg+xml"),
    ],
)
def test_pictures(content: bytes, kind: str) -> None:
    assert check_logo(content) == kind


XLINK = 'xmlns:xlink="http://www.w3.org/1999/xlink"'
NESTED = b'<!DOCTYPE svg [<!ENTITY a "b">]>' + svg("&a;")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no picture"),
        (b"<html><body>no</body></html>", "an element 'html'"),
        (b"GIF89a", "is no picture"),
        (png()[:17], "0 by 0 pixels"),
        (png(1 << 31, 2), "2147483648 by 2 pixels"),
        (png(0, 5), "0 by 5 pixels"),
        (JPEG[:20], "is damaged"),
        (JPEG[:2] + b"\xff\xe0\0\0" * 3, "is damaged"),
        (WEBP[:25], "is damaged"),
        (svg(" " * LARGEST_LOGO), "larger than 256 KiB"),
        (svg("<script>alert(1)</script>"), "an element 'script'"),
        (svg("<foreignObject/>"), "an element 'foreignObject'"),
        (svg('<use href="#a"/>'), "an element 'use'"),
        (svg('<image href="x.png"/>'), "an element 'image'"),
        (svg('<x:script xmlns:x="http://www.w3.org/1999/xhtml"/>'), "an element 'script'"),
        (svg(attributes='onload="alert(1)"'), "an attribute 'onload'"),
        (svg(attributes='ONCLICK="alert(1)"'), "an attribute 'onclick'"),
        (svg('<path xlink:href="https://x/"/>', XLINK), "an attribute 'href'"),
        (svg('<path href="javascript:alert(1)"/>'), "an attribute 'href'"),
        (svg('<path style="fill: url( &quot;//x/y&quot;)"/>'), "an attribute 'style'"),
        (svg(r'<path style="fill: u\72l(//x)"/>'), "an attribute 'style'"),
        (svg("<style>@import '//x';</style>"), "a style that loads something"),
        (svg("<style>a { fill: url(https://x) }</style>"), "a style that loads something"),
        (NESTED, "a DOCTYPE"),
        (b'<?xml-stylesheet href="x.css"?>' + svg(), "a processing instruction"),
        (svg("<g>")[:-6], "is no picture"),
    ],
)
def test_what_is_no_picture(content: bytes, message: str) -> None:
    with pytest.raises(InvalidOptions) as error:
        check_logo(content)
    assert message in str(error.value)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_logo_is_seen_by_who_sees_the_family(grouped: Site) -> None:
    family_id = (await add(grouped, owner=TEAM))["family"]
    path = f"api/v1/software/{family_id}/logo"
    assert (await grouped.fetch("GET", path)).code == 404
    assert (await grouped.fetch("PUT", path, svg(), "bob")).code == 404
    assert (await grouped.fetch("PUT", path, svg("<script/>"), "carol")).code == 422
    assert (await grouped.fetch("PUT", path, png(), "carol")).code == 204
    first = (await families(grouped))[family_id]["logo"]
    assert first.startswith(f"/services/rosetta/{path}?v=")
    answer = await grouped.fetch("GET", path)
    assert (answer.code, answer.body) == (200, png())
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert policy.endswith("; sandbox")
    for other in ("bob", "root"):
        assert (await grouped.fetch("GET", path, token=other)).code == 404
        assert (await grouped.fetch("DELETE", path, token=other)).code == 404
    assert (await grouped.fetch("PUT", path, svg())).code == 204
    assert (await families(grouped))[family_id]["logo"] != first
    assert (await grouped.fetch("DELETE", path)).code == 204
    assert (await families(grouped))[family_id]["logo"] == ""


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_logo_goes_with_its_family_and_is_duplicated(grouped: Site) -> None:
    version = await add(grouped)
    await grouped.fetch("PUT", f"api/v1/software/{version['family']}/logo", png())
    path = f"api/v1/software/versions/{version['id']}/duplicate"
    status, copy = await grouped.call("POST", path, {})
    assert (status, copy["entry"]["name"]) == (201, "App (copy)")
    assert (await grouped.fetch("GET", f"api/v1/software/{copy['family']}/logo")).body == png()
    assert (await grouped.fetch("DELETE", f"api/v1/software/{copy['family']}")).code == 204
    with grouped.bench.tasks.database.session() as session:
        assert [logo.family for logo in session.scalars(select(SoftwareLogo))] == [
            version["family"]
        ]
