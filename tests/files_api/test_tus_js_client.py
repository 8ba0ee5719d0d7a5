"""tus-js-client, which the pages use, against the service as a process that is killed."""

import asyncio
import contextlib
import hashlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .conftest import PREFIX

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("upload.mjs")

pytestmark = pytest.mark.system


@dataclass
class Killable:
    """The service, on a socket that outlives it."""

    folder: Path
    listener: socket.socket
    process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """Where uploads to alice's home begin."""
        port = self.listener.getsockname()[1]
        return f"http://127.0.0.1:{port}{PREFIX}api/v1/storages/home/uploads"

    @property
    def home(self) -> Path:
        """Alice's home."""
        return self.folder / "homes" / "alice"

    def start(self) -> None:
        """Start the service."""
        number = self.listener.fileno()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.files_api.serve", str(self.folder), str(number)],
            cwd=ROOT,
            pass_fds=[number],
        )

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Killable]:
    """The service with alice's home."""
    (tmp_path / "homes" / "alice").mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        service = Killable(tmp_path, listener)
        service.start()
        yield service
        service.kill()


@contextlib.asynccontextmanager
async def upload(service: Killable, file: Path, path: str) -> AsyncIterator[Any]:
    """The client's steps."""
    process = await asyncio.create_subprocess_exec(
        *("node", str(SCRIPT), service.endpoint, str(file), path),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdout is not None

    async def steps(output: asyncio.StreamReader) -> AsyncGenerator[dict[str, Any], None]:
        async for line in output:
            yield json.loads(line)

    async with contextlib.aclosing(steps(process.stdout)) as lines:
        yield lines
    assert await process.wait() == 0


def make_file(folder: Path, size: int) -> Path:
    """A file to be uploaded."""
    file = folder / "to be uploaded"
    file.write_bytes(os.urandom(size))
    return file


def checksum(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


async def test_an_upload(service: Killable, tmp_path: Path) -> None:
    file = make_file(tmp_path, (9 << 20) + 1)
    async with upload(service, file, "folder/caf\u00e9 1.bin") as steps:
        message = [step async for step in steps]
    assert message[-1] == {"success": True}
    assert [step["accepted"] for step in message[:-1]] == [4 << 20, 8 << 20, (9 << 20) + 1]
    arrived = service.home / "folder" / "caf\u00e9 1.bin"
    assert checksum(arrived) == checksum(file)
    assert int(arrived.stat().st_mtime) == int(file.stat().st_mtime)
    assert [path.name for path in arrived.parent.iterdir()] == [arrived.name]


async def test_the_service_is_killed_again_and_again(service: Killable, tmp_path: Path) -> None:
    file = make_file(tmp_path, 40 << 20)
    kills, calls = 0, []
    async with upload(service, file, "a.bin") as steps:
        async for step in steps:
            calls.append(step)
            if "accepted" in step and kills < 3:
                service.kill()
                assert not (service.home / "a.bin").exists()
                service.start()
                kills += 1
    assert (kills, calls[-1]) == (3, {"success": True})
    assert checksum(service.home / "a.bin") == checksum(file)
    assert [path.name for path in service.home.iterdir()] == ["a.bin"]


async def test_an_empty_file(service: Killable, tmp_path: Path) -> None:
    file = make_file(tmp_path, 0)
    async with upload(service, file, "empty") as steps:
        assert {"success": True} in [step async for step in steps]
    assert (service.home / "empty").read_bytes() == b""
