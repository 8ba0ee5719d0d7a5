"""A disk that is full: nothing is half-written, nothing that has arrived is lost."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import Site
from .test_uploads_api import begin_upload

pytestmark = pytest.mark.system

SIZE = 4 << 20


@pytest.fixture
def disk(site: Site) -> Iterator[Path]:
    """A file system of four MiB."""
    folder = site.folder / "small"
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    subprocess.run(mount, check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def test_a_write_keeps_the_old_file(site: Site, disk: Path) -> None:
    (disk / "a").write_bytes(b"old")
    (disk / "ballast").write_bytes(bytes(SIZE - (1 << 19)))
    content = os.urandom(1 << 20)
    response = await site.fetch("PUT", "small/file/a", content, If_Match="*")
    assert (response.code, b'"no_space"' in response.body) == (507, True)
    assert (disk / "a").read_bytes() == b"old"
    assert sorted(path.name for path in disk.iterdir()) == ["a", "ballast"]


async def test_an_upload_that_will_not_fit_is_refused_at_once(site: Site, disk: Path) -> None:
    response = await begin_upload(site, "a", 8 << 20, storage="small")
    assert (response.code, b'"no_space"' in response.body) == (507, True)
    assert list(disk.iterdir()) == []


async def test_an_upload_goes_on_when_there_is_room(site: Site, disk: Path) -> None:
    content = os.urandom(3 << 20)
    address = (await begin_upload(site, "a", len(content), storage="small")).headers["Location"]
    (disk / "ballast").write_bytes(bytes(2 << 20))
    tus: dict[str, Any] = {
        "Tus_Resumable": "1.0.0",
        "Content_Type": "application/offset+octet-stream",
    }
    response = await site.fetch("PATCH", address, content, Upload_Offset="0", **tus)
    assert (response.code, b'"no_space"' in response.body) == (507, True)
    assert not (disk / "a").exists()
    offset = (await site.fetch("HEAD", address, **tus)).headers["Upload-Offset"]
    assert 0 < int(offset) < len(content)
    (disk / "ballast").unlink()
    rest = content[int(offset) :]
    response = await site.fetch("PATCH", address, rest, Upload_Offset=offset, **tus)
    assert response.code == 204
    assert (disk / "a").read_bytes() == content
    assert [path.name for path in disk.iterdir()] == ["a"]
