"""Commands on a host as byte streams: standard input and output of each over one connection."""

import asyncio
import contextlib
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

from rosetta_hub.ssh.endpoint import Endpoint
from rosetta_hub.ssh.pool import Pool
from rosetta_hub.ssh.streams import StreamSession
from rosetta_hub.tunnels.client import CommandEnd
from rosetta_hub.tunnels.relay import Half

# Seconds that a command has to end by itself once its input has ended.
END_GRACE = 3.0
# Seconds from the end of a command's output to its status.
STATUS_TIMEOUT = 2.0
# Bytes of standard error that are kept.
LARGEST_ERROR = 4096
# Commands whose end is remembered after it.
REMEMBERED = 256


class CommandHalf(Half):
    """The side of the host: a session of asyncssh.

    The end of the input, or of the other side, is the end of the command: it has 3 seconds, then
    it is terminated. It is over when the host says so.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ended = asyncio.Event()
        self._returncode: int | None = None
        self._error = bytearray()
        self._ending: asyncio.TimerHandle | None = None

    async def wait_end(self) -> CommandEnd:
        """How it ended, as far as is known; the status comes a moment after the end of output."""
        if self._has_ended:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STATUS_TIMEOUT):
                    await self.ended.wait()
        text = bytes(self._error).decode(errors="replace")
        return CommandEnd(self._returncode, text)

    def close(self) -> None:
        """Let the command end."""
        self.write_end()

    def write_end(self) -> None:
        """Nothing more will be written to the command, which has to end."""
        if self.stream is None or self.is_lost or self._ending is not None:
            return
        self.stream.write_eof()
        self._ending = asyncio.get_running_loop().call_later(END_GRACE, self._terminate)

    def _terminate(self) -> None:
        # sshd ends no command because its channel is closed; but one that writes fails then.
        channel: Any = self.stream
        with contextlib.suppress(OSError):
            channel.terminate()
        channel.abort()

    # What asyncssh calls.

    def data_received(self, data: bytes, datatype: int | None = None) -> None:
        """Output, or standard error."""
        if datatype is None:
            super().data_received(data)
            return
        self._error += data
        del self._error[:-LARGEST_ERROR]

    def exit_status_received(self, status: int) -> None:
        """The command has ended."""
        self._returncode = status

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:
        """The command was killed; nobody needs the signal's number."""
        self._returncode = 128
        self._error += f"{msg or signal}\n".encode()

    def connection_lost(self, exc: Exception | None) -> None:
        """The channel is closed at both ends."""
        if self._ending is not None:
            self._ending.cancel()
        self.ended.set()
        super().connection_lost(exc)


class CommandStreams:
    """The commands that run as streams, and how the last ones ended."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._halves: OrderedDict[str, CommandHalf] = OrderedDict()

    def get(self, stream_id: str) -> CommandHalf | None:
        """One that runs, or that ended not long ago."""
        return self._halves.get(stream_id)

    @contextlib.asynccontextmanager
    async def open(
        self, endpoint: Endpoint, argv: Sequence[str], timeout: float
    ) -> AsyncIterator[tuple[str, CommandHalf]]:
        """Start a command within `timeout` seconds; gives an id, and its stream.

        The end of the block ends the command, and waits until the host says that it is over: until
        then it counts as one of the sessions that the host allows.

        Raises:
            SshError: see `rosetta_hub.ssh.errors`.
        """
        opening = self._pool.open_command(endpoint, _make_session, argv, timeout)
        async with opening as session:
            half, stream_id = cast(CommandHalf, session), secrets.token_hex(8)
            self._halves[stream_id] = half
            try:
                yield stream_id, half
            finally:
                half.close()
                await half.ended.wait()
                self._forget_oldest()

    def _forget_oldest(self) -> None:
        ended = [key for key, half in self._halves.items() if half.ended.is_set()]
        for key in ended[:-REMEMBERED]:
            del self._halves[key]


def _make_session() -> StreamSession:
    return cast(StreamSession, CommandHalf())
