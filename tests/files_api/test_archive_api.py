"""Folders and selections as one download."""

import io
import os
import tarfile
import zipfile

import pytest

from rosetta_hub.catalogue.storage_paths import encode_path
from rosetta_hub.files import archives
from tests.support.eventually import until

from .conftest import Site
from .test_file_api import open_files, read_head


async def address_of(site: Site, paths: list[str], kind: str = "zip", token: str = "alice") -> str:
    """The address of a new archive."""
    body = {"paths": paths, "format": kind}
    status, answer = await site.call("POST", "home/archive", body, token)
    assert status == 200, answer
    return str(answer["url"])


def make_tree(site: Site) -> None:
    """A folder with folders, links and names of all sorts."""
    folder = site.home / "folder"
    (folder / "empty").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"content of a")
    (folder / "caf\u00e9").write_bytes(b"text")
    (folder / "link").symlink_to("a.txt")
    (folder / "away").symlink_to(site.folder / "data" / "secret")
    (site.folder / "data" / "secret").write_bytes(b"a secret")
    (folder / "-rf").write_bytes(b"")
    os.mkfifo(folder / "fifo")
    with open(os.fsencode(folder) + b"/caf\xe9", "wb") as odd:
        odd.write(b"odd")
    (site.home / "alone").write_bytes(b"alone")


async def test_zip(site: Site) -> None:
    make_tree(site)
    status, answer = await site.call("POST", "home/archive", {"paths": ["folder", "alone"]})
    assert status == 200
    assert (answer["files"] >= 6, answer["bytes"] >= 24) == (True, True)
    response = await site.fetch("GET", answer["url"])
    assert response.code == 200
    headers = response.headers
    assert headers["Content-Type"] == "application/zip"
    assert headers["Content-Disposition"].startswith('attachment; filename="Home.zip"')
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]
    with zipfile.ZipFile(io.BytesIO(response.body)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert archive.read("folder/a.txt") == b"content of a"
        assert archive.read("folder/caf\u00e9") == b"text"
        assert archive.read("alone") == b"alone"
        assert "folder/empty/" in names
        assert all(not name.startswith("/") and ".." not in name for name in names)
        assert sorted(archive.read(name) for name in names if "caf" in name) == [b"odd", b"text"]
    assert b"a secret" not in response.body


async def test_tar(site: Site) -> None:
    make_tree(site)
    response = await site.fetch("GET", await address_of(site, ["folder"], "tar"))
    assert response.headers["Content-Type"] == "application/x-tar"
    assert 'filename="folder.tar"' in response.headers["Content-Disposition"]
    with tarfile.open(fileobj=io.BytesIO(response.body), encoding="utf-8") as archive:
        names = {member.name: member for member in archive}
        assert names["folder/link"].issym()
        assert os.fsencode("folder/caf\udce9") in map(os.fsencode, names)
        extracted = archive.extractfile("folder/a.txt")
        assert extracted is not None
        assert extracted.read() == b"content of a"
    assert b"a secret" not in response.body


async def test_a_whole_storage(site: Site) -> None:
    (site.home / "a").write_bytes(b"1")
    response = await site.fetch("GET", await address_of(site, [""]))
    with zipfile.ZipFile(io.BytesIO(response.body)) as archive:
        assert [name for name in archive.namelist() if name.endswith("a")] != []


async def test_a_ticket_is_good_once_and_for_its_user(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    (site.home / "a").write_bytes(b"1")
    address = await address_of(site, ["a"])
    assert (await site.fetch("GET", address, token="bob")).code == 404
    assert (await site.fetch("GET", address, token="")).code == 403
    assert (await site.fetch("GET", address.replace("/home/", "/alices/"))).code == 404
    assert (await site.fetch("GET", address)).code == 200
    assert (await site.fetch("GET", address)).code == 404
    monkeypatch.setattr(archives, "LIFETIME", 0.0)
    response = await site.fetch("GET", await address_of(site, ["a"]))
    assert (response.code, b"expired" in response.body) == (404, True)


async def test_tickets_are_not_kept_for_ever(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_TICKETS", 2)
    (site.home / "a").write_bytes(b"1")
    addresses = [await address_of(site, ["a"]) for _ in range(4)]
    codes = [(await site.fetch("GET", address)).code for address in addresses]
    assert codes[0] == 404
    assert codes[-1] == 200


async def test_what_is_not_there(site: Site) -> None:
    status, answer = await site.call("POST", "home/archive", {"paths": ["no"]})
    assert (status, answer["code"]) == (404, "not_found")
    status, answer = await site.call("POST", "home/archive", {"paths": ["../bob"]})
    assert (status, answer["code"]) == (400, "invalid")


async def test_a_client_that_goes_away_ends_the_reading(site: Site) -> None:
    (site.home / "large").touch()
    os.truncate(site.home / "large", 256 << 20)
    reader, writer = await site.connect("GET", await address_of(site, ["large"], "tar"))
    assert (await read_head(reader))[0] == 200
    await until(lambda: open_files(site) == 1)
    writer.transport.abort()
    await until(lambda: open_files(site) == 0)


async def test_a_file_that_shrinks_makes_no_sound_archive(site: Site) -> None:
    (site.home / "large").touch()
    os.truncate(site.home / "large", 256 << 20)
    reader, writer = await site.connect("GET", await address_of(site, ["large"], "tar"))
    status, headers = await read_head(reader)
    assert (status, headers["transfer-encoding"]) == (200, "chunked")
    await until(lambda: open_files(site) == 1)
    os.truncate(site.home / "large", 1 << 20)
    received = await reader.read()
    writer.close()
    # The end of a chunked body is missing.
    assert not received.endswith(b"0\r\n\r\n")


def test_names_of_downloads() -> None:
    def name(*paths: bytes) -> bytes:
        return archives.Archive("alice", "home", paths, "zip").file_name("My home")

    assert name(b"a/b") == b"b.zip"
    assert name(b"a", b"b") == b"My home.zip"
    assert name(b"") == b"My home.zip"
    assert encode_path(name(b"\xff")) == "%FF.zip"
