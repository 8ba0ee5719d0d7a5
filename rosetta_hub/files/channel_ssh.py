"""A channel to files on a host: the files program at the end of an SSH channel, all in memory."""

import asyncio
import contextlib

from rosetta_agent.files.frames import HEADER, JSON, Frame
from rosetta_hub.agents.programs import FILES_PROGRAM, Program
from rosetta_hub.background import spawn
from rosetta_hub.errors import RosettaError
from rosetta_hub.files.channel import StorageUnavailable, StreamChannel, malformed
from rosetta_hub.ssh.command import NOT_FOUND, missing_python
from rosetta_hub.ssh.endpoint import Endpoint
from rosetta_hub.tunnels.client import (
    CommandEnd,
    CommandStream,
    TunnelsClient,
    TunnelsError,
    TunnelsUnavailable,
)

# Seconds until a connection to the host, and a session on it, are open.
OPEN_TIMEOUT = 20.0
# The status of a shell that does not find the program.
# The first frame: a document, which is shorter than 16 MiB.
_FIRST = JSON + b"\0"


async def open_ssh_channel(
    tunnels: TunnelsClient, endpoint: Endpoint, python: str, program: Program = FILES_PROGRAM
) -> "SshChannel":
    """Start a program on the endpoint's host, as the endpoint's account.

    Raises:
        ResourceUnavailable: see `rosetta_hub.ssh.errors`.
        StorageUnavailable: the tunnels' process does not answer.
    """
    try:
        stream = await tunnels.open_stream(endpoint, program.command(python), OPEN_TIMEOUT)
    except (TunnelsUnavailable, TunnelsError) as error:
        raise StorageUnavailable(f"{endpoint.host} can't be reached: {error}") from error
    stream.writer.write(program.stdin())
    return SshChannel(tunnels, stream, endpoint.host, python)


class SshChannel(StreamChannel):
    """A stream whose other end is a program on a host."""

    def __init__(
        self, tunnels: TunnelsClient, stream: CommandStream, host: str, python: str
    ) -> None:
        super().__init__(stream.reader, stream.writer)
        self._tunnels = tunnels
        self._stream = stream
        self._host = host
        self._python = python
        self._has_begun = False
        self._ending: asyncio.Task[None] | None = None

    async def send(self, kind: bytes, payload: bytes) -> None:
        """Send a frame; waits while the other side does not read."""
        try:
            await super().send(kind, payload)
        except StorageUnavailable as error:
            raise StorageUnavailable(await self._explain()) from error

    async def receive(self) -> Frame:
        """The next frame; what a login shell prints before the first one is passed over."""
        try:
            if self._has_begun:
                return await super().receive()
            return await self._receive_first()
        except StorageUnavailable as error:
            if self._reader.at_eof():
                raise StorageUnavailable(await self._explain()) from error
            raise

    def close(self) -> None:
        """End the channel."""
        if self._ending is None:
            self._stream.writer.transport.abort()
            self._ending = spawn(self._end(), f"end of program on {self._host}")

    async def wait_closed(self) -> None:
        """Wait until the tunnels' process knows."""
        if self._ending is not None:
            await asyncio.shield(self._ending)

    async def _receive_first(self) -> Frame:
        try:
            # Files such as ~/.bashrc greet, though nobody reads it; text has no zero bytes.
            await self._reader.readuntil(_FIRST)
            rest = await self._reader.readexactly(HEADER.size - len(_FIRST))
            payload = await self._reader.readexactly(int.from_bytes(rest, "big"))
        except (OSError, asyncio.IncompleteReadError) as error:
            raise StorageUnavailable(await self._explain()) from error
        except asyncio.LimitOverrunError as error:
            raise malformed("a login shell that prints without end") from error
        self._has_begun = True
        return Frame(JSON, payload)

    async def _explain(self) -> str:
        """Why the program has ended."""
        try:
            end = await self._tunnels.stream_end(self._stream)
        except (TunnelsUnavailable, TunnelsError):
            end = CommandEnd(None, "")
        lines = end.stderr.strip().splitlines()
        if end.returncode == NOT_FOUND and not self._has_begun:
            return missing_python(self._host, self._python)
        if end.returncode is not None and lines:
            return f"The program on {self._host} has ended: {lines[-1]}"
        return f"The connection to {self._host} has ended. Try again."

    async def _end(self) -> None:
        # Where the process does not answer, the connection is gone, too.
        with contextlib.suppress(RosettaError):
            await self._tunnels.close_stream(self._stream)
