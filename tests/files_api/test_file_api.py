"""The bytes of files: ranges, conditions, writes, and what goes wrong while they are sent."""

import asyncio
import contextlib
import hashlib
import os
import stat
from pathlib import Path

import pytest

from rosetta_hub.errors import FilesError
from rosetta_hub.web import downloads
from tests.files.helpers import chunks
from tests.files.test_paths import NAMES
from tests.support.eventually import until

from .conftest import Site, file_path

MIB = 1 << 20


async def read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """Status and headers of an answer."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status, *lines = head.strip().split("\r\n")
    fields = (line.split(": ", 1) for line in lines)
    return int(status.split()[1]), {name.lower(): value for name, value in fields}


# --- reading ----------------------------------------------------------------------------------


async def test_a_file_and_its_headers(site: Site) -> None:
    (site.home / "a.txt").write_bytes(b"0123456789")
    response = await site.fetch("GET", "home/file/a.txt")
    assert (response.code, response.body) == (200, b"0123456789")
    headers = response.headers
    assert headers["Content-Length"] == "10"
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["Content-Type"] == "text/plain"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert headers["Content-Disposition"].startswith("inline;")
    assert headers["Cache-Control"] == "private, no-cache"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["ETag"].startswith('"')
    assert headers["Last-Modified"].endswith("GMT")
    head = await site.fetch("HEAD", "home/file/a.txt")
    assert (head.code, head.body, head.headers["Content-Length"]) == (200, b"", "10")
    assert head.headers["ETag"] == headers["ETag"]
    download = await site.fetch("GET", "home/file/a.txt?download=1")
    assert download.headers["Content-Disposition"].startswith("attachment;")


@pytest.mark.parametrize(
    ("header", "status", "body", "content_range"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=7-100", 206, b"789", "bytes 7-9/10"),
        ("bytes=0-1,4-5", 200, b"0123456789", None),
        ("bytes=4-2", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
    ],
)
async def test_ranges(
    site: Site, header: str, status: int, body: bytes, content_range: str | None
) -> None:
    (site.home / "a").write_bytes(b"0123456789")
    response = await site.fetch("GET", "home/file/a", Range=header)
    assert (response.code, response.body) == (status, body)
    assert response.headers.get("Content-Range") == content_range
    head = await site.fetch("HEAD", "home/file/a", Range=header)
    assert head.headers["Content-Length"] == str(len(body))


async def test_a_range_behind_the_end(site: Site) -> None:
    (site.home / "a").write_bytes(b"0123456789")
    (site.home / "empty").write_bytes(b"")
    response = await site.fetch("GET", "home/file/a", Range="bytes=10-")
    assert (response.code, response.headers["Content-Range"]) == (416, "bytes */10")
    assert b"10 bytes" in response.body
    response = await site.fetch("GET", "home/file/empty", Range="bytes=0-0")
    assert (response.code, response.headers["Content-Range"]) == (416, "bytes */0")
    assert (await site.fetch("GET", "home/file/empty")).body == b""


async def test_conditions(site: Site) -> None:
    (site.home / "a").write_bytes(b"0123456789")
    etag = (await site.fetch("GET", "home/file/a")).headers["ETag"]
    same = await site.fetch("GET", "home/file/a", If_None_Match=f'"x", W/{etag}')
    assert (same.code, same.body, same.headers["ETag"]) == (304, b"", etag)
    assert (await site.fetch("HEAD", "home/file/a", If_None_Match=etag)).code == 304
    assert (await site.fetch("GET", "home/file/a", If_Match=etag)).code == 200
    assert (await site.fetch("GET", "home/file/a", If_Match='"x"')).code == 412
    resumed = await site.fetch("GET", "home/file/a", Range="bytes=5-", If_Range=etag)
    assert (resumed.code, resumed.body) == (206, b"56789")
    (site.home / "a").write_bytes(b"9876543210")
    changed = await site.fetch("GET", "home/file/a", Range="bytes=5-", If_Range=etag)
    assert (changed.code, changed.body) == (200, b"9876543210")
    assert (await site.fetch("GET", "home/file/a", If_None_Match=etag)).code == 200


async def test_a_file_of_many_segments(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "SHORTEST", 1 << 18)
    content = os.urandom(9 * MIB + 17)
    (site.home / "large").write_bytes(content)
    response = await site.fetch("GET", "home/file/large")
    assert hashlib.sha256(response.body).digest() == hashlib.sha256(content).digest()
    response = await site.fetch("GET", "home/file/large", Range=f"bytes={MIB - 1}-{8 * MIB}")
    assert response.body == content[MIB - 1 : 8 * MIB + 1]


async def test_links(site: Site) -> None:
    (site.home / "a.txt").write_bytes(b"content")
    (site.home / "inside").symlink_to("a.txt")
    (site.home / "outside").symlink_to(site.folder / "data" / "secret")
    (site.folder / "data" / "secret").write_text("secret")
    response = await site.fetch("GET", "home/file/inside")
    assert (response.code, response.body) == (200, b"content")
    response = await site.fetch("GET", "home/file/outside")
    assert (response.code, b"secret\n" in response.body) == (400, False)


async def test_what_is_no_file(site: Site) -> None:
    (site.home / "folder").mkdir()
    os.mkfifo(site.home / "fifo")
    for name, code in (("folder", "is_directory"), ("fifo", "special"), ("no", "not_found")):
        status, answer = await site.call("GET", f"home/file/{name}")
        assert (status >= 400, answer["code"]) == (True, code)
        status, answer = await site.call("GET", f"home/preview/{name}")
        assert (status >= 400, answer["code"]) == (True, code)


HOSTILE = [
    ("a.html", b"<script>alert(1)</script>"),
    ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
    ("a.xml", b"<?xml-stylesheet href='x'?><a/>"),
    ("a", b"<html><script>alert(1)</script>"),
    ("a.unknown", b"<html>"),
]


async def test_nothing_that_a_browser_executes(site: Site) -> None:
    for name, content in HOSTILE:
        (site.home / name).write_bytes(content)
        response = await site.fetch("GET", f"home/file/{name}")
        assert response.headers["Content-Type"] == "application/octet-stream"
        assert response.headers["Content-Disposition"].startswith("attachment;")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in response.headers["Content-Security-Policy"]
        # A picture that is none is not made into something else.
        (site.home / "a.png").write_bytes(content)
        response = await site.fetch("GET", "home/file/a.png")
        assert response.headers["Content-Type"] == "image/png"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_no_name_adds_a_header(site: Site) -> None:
    for name in NAMES:
        Path(os.fsdecode(os.fsencode(site.home) + b"/" + name)).write_bytes(b"x")
        reader, writer = await site.connect("GET", file_path(name), {"Connection": "close"})
        status, headers = await read_head(reader)
        writer.close()
        assert status == 200
        assert set(headers) <= {
            *("content-type", "content-disposition", "content-length", "content-security-policy"),
            *("x-content-type-options", "cache-control", "cross-origin-resource-policy", "date"),
            *("accept-ranges", "etag", "last-modified", "referrer-policy", "connection"),
            "x-request-id",
        }


# --- while a file is sent ---------------------------------------------------------------------


async def begin_download(
    site: Site, size: int = 64 * MIB
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A download of a file whose client has read its headers alone, and reads no further."""
    file = site.home / "large"
    if not file.exists():
        file.touch()
        os.truncate(file, size)
    reader, writer = await site.connect("GET", "home/file/large", {"Connection": "close"})
    status, headers = await read_head(reader)
    assert (status, headers["content-length"]) == (200, str(size))
    return reader, writer


async def test_a_file_that_shrinks_ends_the_connection(site: Site) -> None:
    reader, writer = await begin_download(site)
    os.truncate(site.home / "large", MIB)
    received = len(await reader.read())
    writer.close()
    assert received < 64 * MIB


async def test_a_file_that_is_replaced_is_not_mixed(site: Site) -> None:
    reader, writer = await begin_download(site)
    other = site.home / "other"
    other.write_bytes(b"x" * (64 * MIB))
    other.rename(site.home / "large")
    received = await reader.read()
    writer.close()
    assert len(received) == 64 * MIB or (len(received) < 64 * MIB and b"x" not in received)


async def test_a_file_that_is_written_to_ends_the_connection(site: Site) -> None:
    reader, writer = await begin_download(site)
    with (site.home / "large").open("r+b") as file:
        file.write(b"x" * (64 * MIB))
    received = await reader.read()
    writer.close()
    assert len(received) < 64 * MIB


async def test_what_was_sent_last_has_to_be_there_still() -> None:
    async def rest(tail: bytes, *pieces: bytes) -> bytes:
        return b"".join([piece async for piece in downloads._without(tail, chunks(*pieces))])

    assert await rest(b"abc", b"ab", b"cd", b"ef") == b"def"
    assert await rest(b"", b"ab") == b"ab"
    with pytest.raises(FilesError, match="changed"):
        await rest(b"abc", b"ab", b"xd")


async def test_a_file_that_grows_is_sent_as_far_as_it_went(site: Site) -> None:
    reader, writer = await begin_download(site)
    with (site.home / "large").open("ab") as log:
        log.write(b"more")
    received = await reader.readexactly(64 * MIB)
    writer.close()
    assert received == bytes(64 * MIB)


def open_files(site: Site) -> int:
    """How often a file of alice's home is open in a child of this process."""
    count = 0
    for process in Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split():
        # It may end, and close the file, meanwhile.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for link in Path(f"/proc/{process}/fd").iterdir():
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    count += os.readlink(link) == str(site.home / "large")
    return count


async def test_a_client_that_goes_away_ends_the_reading(site: Site) -> None:
    _, writer = await begin_download(site)
    assert open_files(site) == 1
    writer.transport.abort()
    await until(lambda: open_files(site) == 0)
    assert (await site.fetch("GET", "home/file/large", Range="bytes=0-9")).body == bytes(10)


async def test_clients_that_take_nothing_hold_no_channel(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "STALL", 0.05)
    downloading = [await begin_download(site) for _ in range(3)]
    await until(lambda: open_files(site) == 0)
    response = await site.fetch("GET", "home/file/large", Range="bytes=0-9")
    assert response.body == bytes(10)
    # They go on where they were.
    for reader, writer in downloading:
        assert len(await reader.readexactly(64 * MIB)) == 64 * MIB
        writer.close()


# --- writing ----------------------------------------------------------------------------------


async def test_a_file_is_made_once(site: Site) -> None:
    response = await site.fetch("PUT", "home/file/new.txt", b"one", If_None_Match="*")
    assert response.code == 201
    assert (site.home / "new.txt").read_bytes() == b"one"
    status, answer = await site.call("PUT", "home/file/new.txt", 2, If_None_Match="*")
    assert (status, answer["code"]) in ((412, "changed"), (409, "exists"))
    assert (site.home / "new.txt").read_bytes() == b"one"


async def test_who_replaces_says_what(site: Site) -> None:
    file = site.home / "a"
    file.write_bytes(b"one")
    status, answer = await site.call("PUT", "home/file/a", 2)
    assert status == 428
    assert "If-Match" in answer["detail"]
    etag = (await site.fetch("HEAD", "home/file/a")).headers["ETag"]
    response = await site.fetch("PUT", "home/file/a", b"two", If_Match=etag)
    assert (response.code, file.read_bytes()) == (200, b"two")
    # The next write needs the next tag.
    status, answer = await site.call("PUT", "home/file/a", 3, If_Match=etag)
    assert (status, answer["code"]) == (412, "changed")
    newer = response.headers["ETag"]
    response = await site.fetch("PUT", "home/file/a", b"three", If_Match=f'"x", {newer}')
    assert response.code == 200
    assert (await site.fetch("PUT", "home/file/a", b"four", If_Match="*")).code == 200
    assert (await site.fetch("PUT", "home/file/a", b"x", If_Match=f"W/{newer}")).code == 412
    assert (await site.fetch("PUT", "home/file/no", b"x", If_Match="*")).code in (404, 412)
    assert (await site.fetch("PUT", "home/file/no", b"x", If_Match=newer)).code in (404, 412)
    assert not (site.home / "no").exists()
    assert file.read_bytes() == b"four"


async def test_of_two_writers_one_is_told(site: Site) -> None:
    file = site.home / "a"
    file.write_bytes(b"one")
    etag = (await site.fetch("HEAD", "home/file/a")).headers["ETag"]
    bodies = [bytes([65 + number]) * 100_000 for number in range(8)]
    responses = await asyncio.gather(
        *(site.fetch("PUT", "home/file/a", body, If_Match=etag) for body in bodies)
    )
    codes = [response.code for response in responses]
    assert codes.count(200) == 1, codes
    assert codes.count(412) == 7, codes
    assert file.read_bytes() == bodies[codes.index(200)]


async def test_permissions_are_kept(site: Site) -> None:
    file = site.home / "a.sh"
    file.write_bytes(b"one")
    file.chmod(0o750)
    await site.fetch("PUT", "home/file/a.sh", b"two", If_Match="*")
    assert stat.S_IMODE(file.stat().st_mode) == 0o750
    assert [path.name for path in site.home.iterdir()] == ["a.sh"]


async def test_a_body_that_is_too_large(site: Site) -> None:
    for length in (2 * MIB + 1, 8 * MIB):
        status, answer = await site.call("PUT", "home/file/a", "x" * length, If_None_Match="*")
        assert (status, answer["code"]) == (413, "too_large")
        assert "upload it" in answer["detail"]
    full = b"x" * (2 * MIB)
    assert (await site.fetch("PUT", "home/file/a", full, If_None_Match="*")).code == 201
    assert (site.home / "a").read_bytes() == full


async def test_a_body_without_a_length(site: Site) -> None:
    for size, expected in ((3, 201), (3 * MIB, 413)):
        headers = {"Transfer-Encoding": "chunked", "If-None-Match": "*"}
        reader, writer = await site.connect("PUT", "home/file/chunked", headers)
        writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (size, b"x" * size))
        assert (await read_head(reader))[0] == expected
        writer.close()
    assert (site.home / "chunked").read_bytes() == b"xxx"


async def test_other_bodies_are_as_small_as_ever(site: Site) -> None:
    reader, writer = await site.connect("POST", "home/rename", {"Content-Length": str(2 * MIB)})
    assert (await read_head(reader))[0] == 400
    writer.close()
