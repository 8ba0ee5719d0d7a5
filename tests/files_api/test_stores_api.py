"""The API of files on storages of a WebDAV and of an S3 server."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.files.remote.conftest import Dav, Server, dav, s3, s3_server, server
from tests.support.eventually import until

from . import conftest
from .conftest import Site, run_site
from .test_uploads_api import address_of, append, begin_piece, offset_of

__all__ = ["dav", "s3", "s3_server", "server"]
MIB = 1 << 20


@pytest.fixture
async def site(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Site]:
    settings = server.settings()
    (tmp_path / "secret").write_text(settings["password" if "user" in settings else "secret_key"])
    if isinstance(server, Dav):
        conf = {key: settings[key] for key in ("url", "user")}
        conf["password_file"] = str(tmp_path / "secret")
    else:
        conf = {key: settings[key] for key in ("url", "region", "bucket", "access_key_id")}
        conf["secret_key_file"] = str(tmp_path / "secret")
    storage = {"id": "home", "name": "Cloud", "type": settings["type"], "conf": conf}
    storage["base_path"] = "/$USER"
    monkeypatch.setattr(conftest, "storages", lambda folder: [storage])
    async with run_site(tmp_path) as running:
        yield running


async def test_an_upload_that_is_cut_and_resumed(site: Site, server: Server) -> None:
    content = os.urandom(20 * MIB)
    address = await address_of(site, "large", len(content))
    writer = await begin_piece(site, address, 0, len(content))
    writer.write(content[: 17 * MIB])
    await until(lambda: len([name for name in server.names() if "/0" in name]) == 2)
    writer.transport.abort()
    await until(lambda: not site.services.uploads._holders)
    offset = await offset_of(site, address)
    assert 16 * MIB <= offset <= 17 * MIB
    assert "alice/large" not in server.names()
    response = await append(site, address, offset, content[offset:])
    assert response.code == 204
    assert server.get("alice/large") == content
    answer = await site.fetch("GET", "home/file/large", Range=f"bytes={MIB}-{2 * MIB - 1}")
    assert (answer.code, answer.body) == (206, content[MIB : 2 * MIB])


async def test_files_of_others_and_conditions(site: Site, server: Server) -> None:
    server.put("bob/file", b"of bob")
    assert (await site.fetch("GET", "home/file/file")).code == 404
    assert (await site.fetch("GET", "home/file/..%2Fbob%2Ffile")).code == 400
    new = {"If_None_Match": "*"}
    assert (await site.fetch("PUT", "home/file/file", b"1", **new)).code == 201
    assert (await site.fetch("PUT", "home/file/file", b"2", **new)).code == 409
    status, listed = await site.call("GET", "home/list/")
    assert (status, [entry["name"] for entry in listed["entries"]]) == (200, ["file"])
    status, refused = await site.call("POST", "home/mode", {"path": "file", "mode": 0o600})
    assert (status, refused["code"]) == (400, "invalid")
