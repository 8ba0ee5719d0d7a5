"""The files program that listens in a pod, as it is sent: started for real, without a pod."""

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rosetta_agent.protocol import ANSWER_SIZE, HELLO_SIZE, PROOF_SIZE, ClientHandshake
from rosetta_hub.agents.programs import POD_FILES_PROGRAM
from rosetta_hub.files.channel import StreamChannel
from rosetta_hub.files.session import FilesSession

pytestmark = pytest.mark.system
SECRET = "5e" * 32


@dataclass
class Listening:
    """A program that listens, and where its storage is."""

    process: asyncio.subprocess.Process
    port: int
    storage: Path

    async def connect(self, secret: str = SECRET) -> FilesSession:
        """A session of somebody who has this secret."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        handshake = ClientHandshake(bytes.fromhex(secret))
        writer.write(handshake.hello)
        writer.write(handshake.reply(await reader.readexactly(ANSWER_SIZE)))
        return FilesSession(StreamChannel(reader, writer))


@contextlib.asynccontextmanager
async def listening(folder: Path, idle: str = "600") -> AsyncIterator[Listening]:
    program, secret, storage = folder / "program", folder / "secret", folder / "storage"
    program.write_bytes(POD_FILES_PROGRAM.stdin())
    secret.write_text(SECRET)
    storage.mkdir()
    python = os.environ.get("ROSETTA_TEST_OLDEST_PYTHON") or sys.executable
    process = await asyncio.create_subprocess_exec(
        *(python, "-I", "-S", "-B", str(program), "0", idle, str(secret)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
        match = re.fullmatch(r"listening on (\d+)\n", line)
        assert match, line
        yield Listening(process, int(match[1]), storage)
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), 30)


async def write(session: FilesSession, name: bytes, content: bytes) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield content

    await session.write(name, pieces())


async def test_several_sessions_at_once_each_on_its_own_path(tmp_path: Path) -> None:
    async with listening(tmp_path) as program:
        alice, bob = await program.connect(), await program.connect()
        for session, user in ((alice, "alice"), (bob, "bob")):
            await session.open(str(program.storage / user).encode(), create=True)
            await write(session, b"notes.txt", user.encode())
        for session, user in ((alice, "alice"), (bob, "bob")):
            async with session.read(b"notes.txt") as reading:
                assert b"".join([piece async for piece in reading.chunks]) == user.encode()
            session.close()
        assert (program.storage / "bob").stat().st_mode & 0o777 == 0o700


async def test_who_does_not_know_the_secret_gets_nowhere(tmp_path: Path) -> None:
    async with listening(tmp_path) as program:
        reader, writer = await asyncio.open_connection("127.0.0.1", program.port)
        writer.write(ClientHandshake(b"x" * 32).hello)
        await reader.readexactly(ANSWER_SIZE)
        writer.write(b"x" * PROOF_SIZE)
        assert await asyncio.wait_for(reader.read(), 30) == b""
        writer.close()


async def test_a_stranger_that_says_something_else_is_not_answered(tmp_path: Path) -> None:
    async with listening(tmp_path) as program:
        reader, writer = await asyncio.open_connection("127.0.0.1", program.port)
        writer.write(b"GET / HTTP/1.1 ".ljust(HELLO_SIZE))
        assert await asyncio.wait_for(reader.read(), 30) == b""
        writer.close()


async def test_it_ends_by_itself_when_nobody_is_connected_any_more(tmp_path: Path) -> None:
    async with listening(tmp_path, idle="5") as program:
        session = await program.connect()
        await session.open(str(program.storage).encode())
        session.close()
        assert await asyncio.wait_for(program.process.wait(), 60) == 0
