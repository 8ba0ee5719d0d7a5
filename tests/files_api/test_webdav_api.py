"""The API of files on a storage of a WebDAV server."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.files.remote.conftest import PASSWORD, Dav, dav
from tests.support.eventually import until

from . import conftest
from .conftest import Site, run_site
from .test_uploads_api import address_of, append, begin_piece, offset_of

__all__ = ["dav"]
MIB = 1 << 20


@pytest.fixture
async def site(tmp_path: Path, dav: Dav, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    (tmp_path / "password").write_text(PASSWORD)
    conf = {"url": dav.url, "user": "hub", "password_file": str(tmp_path / "password")}
    storage = {"id": "home", "name": "Cloud", "type": "webdav", "base_path": "/$USER", "conf": conf}
    monkeypatch.setattr(conftest, "storages", lambda folder: [storage])
    async with run_site(tmp_path) as running:
        yield running


async def test_an_upload_that_is_cut_and_resumed(site: Site, dav: Dav) -> None:
    content = os.urandom(20 * MIB)
    address = await address_of(site, "large", len(content))
    writer = await begin_piece(site, address, 0, len(content))
    writer.write(content[: 17 * MIB])
    await until(lambda: len(list(dav.folder.glob("alice/.*/0*"))) == 2)
    writer.transport.abort()
    await until(lambda: not site.services.uploads._holders)
    offset = await offset_of(site, address)
    assert 16 * MIB <= offset <= 17 * MIB
    assert not (dav.folder / "alice" / "large").exists()
    response = await append(site, address, offset, content[offset:])
    assert response.code == 204
    assert (dav.folder / "alice" / "large").read_bytes() == content
    found = await site.fetch("GET", "home/file/large", Range=f"bytes={MIB}-{2 * MIB - 1}")
    assert (found.code, found.body) == (206, content[MIB : 2 * MIB])


async def test_files_of_others_and_conditions(site: Site, dav: Dav) -> None:
    (dav.folder / "bob" / "file").write_bytes(b"of bob")
    assert (await site.fetch("GET", "home/file/file")).code == 404
    assert (await site.fetch("GET", "home/file/..%2Fbob%2Ffile")).code == 400
    new = {"If_None_Match": "*"}
    assert (await site.fetch("PUT", "home/file/file", b"1", **new)).code == 201
    assert (await site.fetch("PUT", "home/file/file", b"2", **new)).code == 409
    status, listed = await site.call("GET", "home/list/")
    assert (status, [one["name"] for one in listed["entries"]]) == (200, ["file"])
    status, refused = await site.call("POST", "home/mode", {"path": "file", "mode": 0o600})
    assert (status, refused["code"]) == (400, "invalid")
