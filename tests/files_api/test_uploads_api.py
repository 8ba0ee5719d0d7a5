"""Resumable uploads over HTTP, as tus 1.0.0 has them."""

import asyncio
import base64
import hashlib
import os
from typing import Any

import pytest
from tornado.httpclient import HTTPResponse

from rosetta_hub.catalogue.storage_paths import encode_path
from rosetta_hub.web import upload_work
from tests.files.test_paths import NAMES
from tests.files.test_uploads import metadata
from tests.support.eventually import until

from .conftest import Site, run_site
from .test_file_api import read_head

MIB = 1 << 20
TUS: dict[str, Any] = {"Tus_Resumable": "1.0.0"}
PIECE: dict[str, Any] = {**TUS, "Content_Type": "application/offset+octet-stream"}


async def begin_upload(
    site: Site,
    path: bytes | str,
    length: int,
    storage: str = "home",
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    **values: str,
) -> HTTPResponse:
    """Create an upload."""
    target = encode_path(path if isinstance(path, bytes) else path.encode())
    return await site.fetch(
        "POST",
        f"{storage}/uploads",
        body,
        Upload_Length=str(length),
        Upload_Metadata=metadata(path=target, **values),
        **(TUS if body is None else PIECE),
        **(headers or {}),
    )


async def address_of(site: Site, path: bytes | str, length: int, **options: Any) -> str:
    """The address of a new upload."""
    response = await begin_upload(site, path, length, **options)
    assert response.code == 201, response.body
    return response.headers["Location"]


async def append(
    site: Site, address: str, offset: int, body: bytes, **headers: str
) -> HTTPResponse:
    """Send a piece."""
    return await site.fetch("PATCH", address, body, Upload_Offset=str(offset), **PIECE, **headers)


async def offset_of(site: Site, address: str) -> int:
    """How far an upload is."""
    response = await site.fetch("HEAD", address, **TUS)
    assert response.code == 200, response.headers
    return int(response.headers["Upload-Offset"])


def visible(site: Site) -> list[str]:
    """Names in alice's home."""
    return sorted(path.name for path in site.home.iterdir())


# --- the protocol -----------------------------------------------------------------------------


async def test_what_is_offered(site: Site) -> None:
    response = await site.fetch("OPTIONS", "home/uploads")
    assert response.code == 204
    assert response.headers["Tus-Version"] == "1.0.0"
    offered = "creation,creation-with-upload,termination,expiration,checksum"
    assert response.headers["Tus-Extension"] == offered
    assert "sha1" in response.headers["Tus-Checksum-Algorithm"]


async def test_an_upload_in_pieces(site: Site) -> None:
    content = os.urandom(5 * MIB + 7)
    response = await begin_upload(site, "a.bin", len(content), modified="1700000000.5")
    assert (response.code, response.body) == (201, b"")
    assert response.headers["Tus-Resumable"] == "1.0.0"
    assert response.headers["Upload-Expires"].endswith("GMT")
    assert response.headers["Upload-Offset"] == "0"
    address = response.headers["Location"]
    for begin in range(0, len(content), 2 * MIB):
        assert await offset_of(site, address) == begin
        assert not (site.home / "a.bin").exists()
        response = await append(site, address, begin, content[begin : begin + 2 * MIB])
        assert response.code == 204
    assert response.headers["Upload-Offset"] == str(len(content))
    assert response.headers["Content-Location"] == site.url("home/file/a.bin")
    assert (site.home / "a.bin").read_bytes() == content
    assert (site.home / "a.bin").stat().st_mtime == 1_700_000_000.5
    assert visible(site) == ["a.bin"]
    # Whoever lost the last answer learns that all is there.
    assert await offset_of(site, address) == len(content)
    assert (await append(site, address, len(content), b"")).code == 204


async def test_head_says_what_clients_need(site: Site) -> None:
    address = await address_of(site, "a", 10)
    response = await site.fetch("HEAD", address, **TUS)
    assert response.headers["Upload-Length"] == "10"
    assert response.headers["Cache-Control"] == "no-store"


async def test_each_name(site: Site) -> None:
    for name in NAMES:
        # There has to be room for the name of the part beside one of 255 bytes.
        response = await begin_upload(site, b"folder/" + name, 3, body=b"abc")
        assert (response.code, response.headers["Upload-Offset"]) == (201, "3")
    assert {*os.listdir(os.fsencode(site.home / "folder"))} == {*NAMES}


async def test_empty_files_and_folders_that_are_missing(site: Site) -> None:
    response = await begin_upload(site, "new/deep/empty", 0)
    assert (response.code, response.headers["Upload-Offset"]) == (201, "0")
    assert (site.home / "new" / "deep" / "empty").read_bytes() == b""
    assert visible(site) == ["new"]


async def test_giving_up(site: Site) -> None:
    address = await address_of(site, "a", 10, body=b"12345")
    assert len(visible(site)) > 0
    assert (await site.fetch("DELETE", address, **TUS)).code == 204
    assert visible(site) == []
    for method in ("HEAD", "PATCH"):
        response = await site.fetch(method, address, b"" if method == "PATCH" else None,
                                    Upload_Offset="5", **PIECE)  # fmt: skip
        assert response.code == 404
    assert (await site.fetch("DELETE", address, **TUS)).code == 204


async def test_a_proxy_that_knows_get_and_post(site: Site) -> None:
    address = await address_of(site, "a", 3)
    response = await site.fetch(
        "POST", address, b"abc", X_HTTP_Method_Override="PATCH", Upload_Offset="0", **PIECE
    )
    assert response.code == 204
    assert (site.home / "a").read_bytes() == b"abc"
    address = await address_of(site, "b", 3)
    response = await site.fetch("POST", address, b"", X_HTTP_Method_Override="DELETE", **TUS)
    assert (response.code, visible(site)) == (204, ["a"])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Tus_Resumable": "0.2.2"}, 412),
        ({"Tus_Resumable": ""}, 412),
        ({"Content_Type": "application/octet-stream"}, 415),
        ({"Upload_Offset": "1"}, 409),
        ({"Upload_Offset": "x"}, 400),
        ({"Upload_Offset": ""}, 400),
        ({"Upload_Checksum": "crc32 eA=="}, 400),
        ({"Upload_Checksum": "sha1 ==="}, 400),
    ],
)
async def test_pieces_that_do_not_fit(site: Site, headers: dict[str, str], status: int) -> None:
    address = await address_of(site, "a", 10)
    response = await site.fetch(
        "PATCH", address, b"12345", **{**PIECE, "Upload_Offset": "0", **headers}
    )
    assert response.code == status
    assert response.headers["Tus-Resumable"] == "1.0.0"
    if status == 412:
        assert response.headers["Tus-Version"] == "1.0.0"
    assert await offset_of(site, address) == 0


async def test_more_than_the_length(site: Site) -> None:
    address = await address_of(site, "a", 3)
    response = await append(site, address, 0, b"12345")
    assert (response.code, b"too_large" in response.body) == (413, True)
    chunked = {"Transfer-Encoding": "chunked", "Upload-Offset": "0"}
    named = {name.replace("_", "-"): value for name, value in PIECE.items()}
    reader, writer = await site.connect("PATCH", address, {**named, **chunked})
    writer.write(b"5\r\n12345\r\n0\r\n\r\n")
    assert (await read_head(reader))[0] == 413
    writer.close()
    assert not (site.home / "a").exists()


async def test_uploads_that_do_not_fit(site: Site) -> None:
    for length, values in (("x", {"path": "a"}), ("3", {}), ("3", {"path": "../a"})):
        response = await site.fetch(
            "POST", "home/uploads", Upload_Length=length,
            Upload_Metadata=metadata(**values), **TUS
        )  # fmt: skip
        assert response.code == 400
    response = await site.fetch(
        "POST", "home/uploads", Upload_Defer_Length="1", Upload_Metadata=metadata(path="a"), **TUS
    )
    assert response.code == 400
    assert visible(site) == []


async def test_uploads_of_others(site: Site) -> None:
    address = await address_of(site, "a", 10, body=b"12345")
    for method in ("HEAD", "DELETE", "PATCH"):
        body = b"67890" if method == "PATCH" else None
        response = await site.fetch(method, address, body, "bob", Upload_Offset="5", **PIECE)
        assert response.code in (204, 404)
    assert await offset_of(site, address) == 5
    assert not list((site.folder / "homes" / "bob").iterdir())


# --- checksums --------------------------------------------------------------------------------


def sha1(data: bytes) -> str:
    return f"sha1 {base64.b64encode(hashlib.sha1(data).digest()).decode()}"


async def test_a_damaged_piece_is_dropped(site: Site) -> None:
    address = await address_of(site, "a", 6)
    assert (await append(site, address, 0, b"abc", Upload_Checksum=sha1(b"abc"))).code == 204
    response = await append(site, address, 3, b"d?f", Upload_Checksum=sha1(b"def"))
    assert response.code == 460
    assert await offset_of(site, address) == 3
    assert not (site.home / "a").exists()
    assert (await append(site, address, 3, b"def", Upload_Checksum=sha1(b"def"))).code == 204
    assert (site.home / "a").read_bytes() == b"abcdef"


async def test_a_piece_that_is_cut_can_not_be_compared(site: Site) -> None:
    address = await address_of(site, "a", 2 * MIB)
    sending = await begin_piece(site, address, 0, 2 * MIB, {"Upload-Checksum": sha1(b"x")})
    sending.write(b"x" * MIB)
    await sending.drain()
    sending.transport.abort()
    assert await offset_of(site, address) == 0


# --- cut and taken over -----------------------------------------------------------------------


async def begin_piece(
    site: Site, address: str, offset: int, length: int, headers: dict[str, str] | None = None
) -> asyncio.StreamWriter:
    """A piece whose body is still to be sent."""
    named = {name.replace("_", "-"): value for name, value in PIECE.items()}
    lengths = {"Upload-Offset": str(offset), "Content-Length": str(length)}
    _, writer = await site.connect("PATCH", address, {**named, **lengths, **(headers or {})})
    return writer


def part_size(site: Site) -> int:
    """Bytes of the part file, which is the only one."""
    sizes = [path.stat().st_size for path in site.home.glob(".*.rosetta-part")]
    return sum(sizes)


async def test_an_upload_that_is_cut_at_99_percent(site: Site) -> None:
    content = os.urandom(8 * MIB)
    address = await address_of(site, "a", len(content))
    writer = await begin_piece(site, address, 0, len(content))
    arrived = len(content) * 99 // 100
    writer.write(content[:arrived])
    await until(lambda: part_size(site) == arrived)
    writer.transport.abort()
    # By itself: nobody asks for the upload meanwhile.
    await until(lambda: not site.services.uploads._holders)
    offset = await offset_of(site, address)
    assert offset == arrived
    assert not (site.home / "a").exists()
    assert (await append(site, address, offset, content[offset:])).code == 204
    assert (site.home / "a").read_bytes() == content


async def test_bytes_are_written_as_they_come(site: Site) -> None:
    address = await address_of(site, "a", 100)
    writer = await begin_piece(site, address, 0, 100)
    for arrived in (1, 2, 50):
        writer.write(b"x" * (arrived - part_size(site)))
        await until(lambda arrived=arrived: part_size(site) == arrived)  # type: ignore[misc]
    writer.close()


async def test_a_lost_connection_that_this_side_believes_in(site: Site) -> None:
    """The client comes back while its former request still waits for bytes."""
    address = await address_of(site, "a", 6)
    writer = await begin_piece(site, address, 0, 6)
    writer.write(b"abc")
    await until(lambda: part_size(site) == 3)
    assert await offset_of(site, address) == 3
    assert (await append(site, address, 3, b"def")).code == 204
    # What the former one sends now goes nowhere.
    writer.write(b"???")
    await writer.drain()
    writer.close()
    assert (site.home / "a").read_bytes() == b"abcdef"


async def test_a_client_that_pauses_holds_no_channel(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_work, "STALL", 0.05)
    content = b"abcdef"
    writers = []
    for number in range(3):
        address = await address_of(site, f"{number}", len(content))
        writers.append(await begin_piece(site, address, 0, len(content)))
        writers[-1].write(content[:3])
    await until(lambda: part_size(site) == 9)
    assert (await begin_upload(site, "other", 3, body=b"xyz")).code == 201
    for writer in writers:
        writer.write(content[3:])
    await until(lambda: visible(site) == ["0", "1", "2", "other"])
    for writer in writers:
        writer.close()


async def test_the_service_is_restarted(site: Site) -> None:
    """Nothing is kept of an upload but its part."""
    content = os.urandom(MIB)
    address = await address_of(site, "a", len(content), modified="1700000000")
    await append(site, address, 0, content[:1000])
    async with run_site(site.folder) as other:
        assert await offset_of(other, address) == 1000
        assert (await append(other, address, 1000, content[1000:])).code == 204
        assert (site.home / "a").read_bytes() == content
    # The last answer was lost, and nobody remembers: size and time are those of the upload.
    async with run_site(site.folder) as another:
        assert await offset_of(another, address) == len(content)
        (site.home / "a").write_bytes(b"x")
        assert (await another.fetch("HEAD", address, **TUS)).code == 404


async def test_a_service_that_ends_before_the_file_has_its_name(site: Site) -> None:
    address = await address_of(site, "a", 3)
    (part,) = site.home.glob(".*.rosetta-part")
    part.write_bytes(b"abc")
    assert await offset_of(site, address) == 3
    assert (site.home / "a").read_bytes() == b"abc"


# --- one name ---------------------------------------------------------------------------------


async def test_a_name_that_is_taken_is_told_at_once(site: Site) -> None:
    (site.home / "a").write_bytes(b"old")
    response = await begin_upload(site, "a", 3)
    assert (response.code, b'"exists"' in response.body) == (409, True)
    assert (await begin_upload(site, "a", 3, body=b"new", conflict="overwrite")).code == 201
    assert (site.home / "a").read_bytes() == b"new"
    response = await begin_upload(site, "a", 5, body=b"other", conflict="rename")
    name = response.headers["Content-Location"].rpartition("/")[2]
    assert name != "a"
    assert sorted(path.read_bytes() for path in site.home.iterdir()) == [b"new", b"other"]


async def test_two_uploads_of_one_name(site: Site) -> None:
    first = await address_of(site, "a", 3)
    second = await address_of(site, "a", 3)
    assert first != second
    assert (await append(site, first, 0, b"one")).code == 204
    response = await append(site, second, 0, b"two")
    assert (response.code, b'"exists"' in response.body) == (409, True)
    assert (site.home / "a").read_bytes() == b"one"
    # All of it has arrived: the user decides.
    response = await append(site, f"{second}?conflict=rename", 3, b"")
    assert response.code == 204
    contents = sorted(path.read_bytes() for path in site.home.iterdir())
    assert contents == [b"one", b"two"]


async def test_a_folder_of_that_name(site: Site) -> None:
    (site.home / "a").mkdir()
    response = await begin_upload(site, "a", 3, body=b"new", conflict="overwrite")
    assert response.code in (400, 409)
    assert (site.home / "a").is_dir()


async def test_the_folder_is_removed_meanwhile(site: Site) -> None:
    address = await address_of(site, "folder/a", 6, body=b"abc")
    await site.call("POST", "home/remove", {"paths": ["folder"]})
    response = await append(site, address, 3, b"def")
    assert response.code == 404


async def test_a_refused_piece_is_answered(site: Site) -> None:
    """Also where the client sends much before it reads."""
    address = await address_of(site, "a", 64 * MIB)
    response = await append(site, address, 5, bytes(8 * MIB))
    assert response.code == 409
    assert await offset_of(site, address) == 0
