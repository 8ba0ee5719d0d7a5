"""A WebDAV storage as the service opens it, and copies between it and a directory."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rosetta_hub.catalogue.catalogue import User, load_catalogue
from rosetta_hub.files.channel import StorageUnavailable
from rosetta_hub.files.file_access import FileAccess
from rosetta_hub.tunnels.client import TunnelsClient

from ..helpers import chunks, read_all
from .conftest import PASSWORD, Dav

ALICE, BOB = User("alice"), User("bob")


@pytest.fixture
async def files(dav: Dav, tmp_path: Path) -> AsyncIterator[FileAccess]:
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    conf = {"url": dav.url, "user": "hub", "password_file": str(tmp_path / "password")}
    storages = [
        {"name": "Cloud", "type": "webdav", "base_path": "/$USER", "create": True, "conf": conf},
        {"name": "Disk", "base_path": f"{tmp_path}/disk/$USER", "create": True},
    ]
    (tmp_path / "disk").mkdir()
    catalogue = load_catalogue([], [], (), storages)
    access = FileAccess(catalogue, {}, TunnelsClient(tmp_path / "no-tunnels.sock"))
    yield access
    await access.close()


async def test_each_user_has_files_of_their_own(dav: Dav, files: FileAccess) -> None:
    for user in (ALICE, BOB, User("carol")):
        async with files.open(user, "cloud", "transfer") as session:
            await session.write(b"file", chunks(user.name.encode()))
            assert await read_all(session, b"file") == user.name.encode()
            assert session.opened is not None
            assert session.opened.account == "hub"
    assert (dav.folder / "carol" / "file").read_bytes() == b"carol"
    assert files.shared(ALICE, "cloud") != files.shared(BOB, "cloud")
    assert files.shared(ALICE, "cloud") != files.shared(ALICE, "disk")


async def test_there_and_back(dav: Dav, files: FileAccess) -> None:
    content = os.urandom(9 << 20)
    async with (
        files.open(ALICE, "disk", "copy") as disk,
        files.open(ALICE, "cloud", "copy") as cloud,
    ):
        source = await disk.write(b"file", chunks(content))
        for origin, target, name in ((disk, cloud, b"file"), (cloud, disk, b"back")):
            await target.part_create(name, "upload01", len(content), source.mtime_ns)
            async with origin.read(b"file") as reading:
                await target.part_write(name, "upload01", 0, reading.chunks)
            entry = await target.part_finish(name, "upload01")
            assert entry.mtime_ns == source.mtime_ns
        sums = {await disk.checksum(b"back"), await cloud.checksum(b"file")}
        assert sums == {await disk.checksum(b"file")}


async def test_password_that_can_not_be_read(tmp_path: Path, files: FileAccess) -> None:
    (tmp_path / "password").unlink()
    with pytest.raises(StorageUnavailable, match="settings of this storage"):
        async with files.open(ALICE, "cloud", "browse"):
            pass
