"""One open connection: commands and streams over it."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, TypeVar, cast

import asyncssh

from rosetta_hub.access import Completed
from rosetta_hub.ssh.command import Command, build_remote_command
from rosetta_hub.ssh.endpoint import Endpoint
from rosetta_hub.ssh.errors import SshRefused, TimedOut, Unreachable
from rosetta_hub.ssh.opening import Opening
from rosetta_hub.ssh.streams import StreamSession

# sshd allows 10 at a time (MaxSessions): one is the pty's, one is left to spare.
SESSIONS = 8
# How many of them may be streams, which last: the others are left for commands.
STREAMS = 4
# Bytes that the host may send ahead of what is read.
COMMAND_WINDOW = 2 << 20
STREAM_WINDOW = 4 << 20
# Bytes of the largest packet from the host: each costs asyncssh the same, whatever it holds.
COMMAND_PACKET = 1 << 15
STREAM_PACKET = 1 << 17
OPEN_TRIES = 8
OPEN_DELAY = 0.1
# It reads until its terminal is gone, and prints nothing.
PTY_COMMAND = ("cat",)
PTY_TIMEOUT = 5.0
END_TIMEOUT = 3.0

T = TypeVar("T")
S = TypeVar("S")


class _Idle(asyncssh.SSHClientSession[bytes]):
    """A session for which nothing is to be done."""


class SshConnection:
    """Commands and streams of one identity, over one SSH connection."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._sessions = asyncio.Semaphore(SESSIONS)
        self._streams = asyncio.Semaphore(STREAMS)
        self._closed = asyncio.Event()
        self._pty: asyncssh.SSHClientChannel[bytes] | None = None

    @classmethod
    async def open(cls, endpoint: Endpoint) -> "SshConnection":
        """Connect and log in.

        Raises:
            SshError: see `errors.py`.
        """
        connection = cls(Opening(endpoint))
        await connection._opening.connect(connection._lost)
        try:
            await connection._hold_pty()
        except BaseException:
            connection.close()
            raise
        return connection

    @property
    def is_open(self) -> bool:
        """Whether it can be used, as far as is known."""
        return not self._closed.is_set()

    async def wait_closed(self) -> None:
        """Return when the connection has ended."""
        await self._closed.wait()

    def close(self) -> None:
        """Close it with all that goes over it."""
        self._closed.set()
        self._opening.close()

    async def end(self) -> None:
        """Close it, and wait for some seconds until the servers were told."""
        self.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_TIMEOUT):
                await self._opening.wait_closed()

    async def run(self, argv: Sequence[str], stdin: str, timeout: float) -> Completed:
        """Run a command to its end, within `timeout` seconds; its channel is closed after that.

        Raises:
            TimedOut: it did not end in time.
            Refused: the server opens no session, or the output is longer than 8 MB.
            Unreachable: the connection was lost; it is not known whether it ran.
        """
        try:
            async with asyncio.timeout(timeout), self._sessions:
                return await self._run(build_remote_command(argv), stdin.encode())
        except TimeoutError as error:
            raise TimedOut(
                f"{argv[0]} did not end in time on {self._opening.endpoint.host}."
            ) from error

    @contextlib.asynccontextmanager
    async def open_command(
        self, factory: Callable[[], StreamSession], argv: Sequence[str], timeout: float
    ) -> AsyncIterator[StreamSession]:
        """A stream to and from a command, within `timeout` seconds.

        The block has to last as long as the command: sshd counts its session until then.

        Raises:
            TimedOut: as many streams as one connection may have are in use.
            Refused: the server opens no session.
            Unreachable: the connection was lost.
        """
        async with contextlib.AsyncExitStack() as places:
            try:
                async with asyncio.timeout(timeout):
                    for limit in (self._streams, self._sessions):
                        await places.enter_async_context(limit)
                    channel, session = await self._open_session(
                        factory,
                        build_remote_command(argv),
                        STREAM_WINDOW,
                        STREAM_PACKET,
                    )
            except TimeoutError as error:
                raise TimedOut(
                    f"{self._opening.endpoint.host} opened no session in time. The sessions of this"
                    " connection are in use, or a file system of the host does not answer."
                ) from error
            try:
                yield session
            finally:
                channel.abort()

    async def open_unix(self, factory: Callable[[], StreamSession], path: str) -> StreamSession:
        """A stream to a unix socket of the host.

        Raises:
            Refused: nobody listens there, or the server does not forward.
            Unreachable: the connection was lost.
        """
        make_session = cast(Callable[[], asyncssh.SSHUNIXSession[bytes]], factory)
        opened = await self._open(self._transport.create_unix_connection(make_session, path), path)
        return cast(StreamSession, opened[1])

    async def open_tcp(
        self, factory: Callable[[], StreamSession], host: str, port: int
    ) -> StreamSession:
        """A stream to a port, as the host reaches it. Raises as `open_unix` does."""
        make_session = cast(Callable[[], asyncssh.SSHTCPSession[bytes]], factory)
        opened = await self._open(
            self._transport.create_connection(make_session, host, port), f"{host}, port {port}"
        )
        return cast(StreamSession, opened[1])

    @property
    def _transport(self) -> asyncssh.SSHClientConnection:
        transport = self._opening.last
        if transport is None or not self.is_open:
            raise Unreachable(f"The connection to {self._opening.endpoint.host} was lost.")
        return transport

    def _lost(self, _error: Exception | None) -> None:
        self._closed.set()
        # The hosts on the way are of no use alone.
        self._opening.close()

    async def _hold_pty(self) -> None:
        """Have sshd set TCP_NODELAY, which it does for terminals only.

        Without it, answers stall for 40 ms. It looks at the first session of a connection, so this
        one comes before all others; a server that allows no terminal is used without.
        """
        with contextlib.suppress(asyncssh.Error, OSError, Unreachable):
            async with asyncio.timeout(PTY_TIMEOUT):
                channel, _ = await self._transport.create_session(
                    _Idle,
                    build_remote_command(PTY_COMMAND),
                    request_pty="force",
                    term_type="dumb",
                    encoding=None,
                )
            self._pty = channel

    def _release_pty(self) -> None:
        """Give its place to a command, where the server allows few sessions."""
        if self._pty is not None:
            self._pty.close()
            self._pty = None

    async def _run(self, command: str, stdin: bytes) -> Completed:
        channel, session = await self._open_session(Command, command)
        try:
            with contextlib.suppress(BrokenPipeError):
                channel.write(stdin)
                channel.write_eof()
            # A future that is cancelled with its waiter would look like the command's end.
            await asyncio.shield(session.ended)
        finally:
            self._end(channel, session)
        return session.completed(channel.get_returncode())

    @staticmethod
    def _end(channel: asyncssh.SSHClientChannel[bytes], session: Command) -> None:
        if not session.ended.done():
            with contextlib.suppress(OSError, asyncssh.Error):
                # sshd ends no command because its channel is closed.
                channel.terminate()
            channel.close()

    async def _open_session(
        self,
        factory: Callable[[], S],
        command: str,
        window: int = COMMAND_WINDOW,
        packet: int = COMMAND_PACKET,
    ) -> tuple[asyncssh.SSHClientChannel[bytes], S]:
        make_session = cast(Callable[[], asyncssh.SSHClientSession[bytes]], factory)
        for tries in range(1, OPEN_TRIES + 1):
            try:
                creating = self._transport.create_session(
                    make_session,
                    command,
                    encoding=None,
                    window=window,
                    max_pktsize=packet,
                )
                channel, session = await self._shielded(creating)
                return channel, cast(S, session)
            except asyncssh.ChannelOpenError as error:
                if not self.is_open:
                    raise Unreachable(f"The connection was lost: {error.reason}.") from error
                if tries == OPEN_TRIES:
                    raise SshRefused(
                        f"{self._opening.endpoint.host} opens no session: {error.reason}. Its"
                        " MaxSessions may be too low, or the account may not run commands."
                    ) from error
                self._release_pty()
                await asyncio.sleep(OPEN_DELAY * tries * random.uniform(0.5, 1.5))  # noqa: S311
            except (asyncssh.Error, OSError) as error:
                raise Unreachable(f"The connection was lost: {error}.") from error
        raise AssertionError("the last try returns or raises")

    async def _open(self, opening: Coroutine[Any, Any, T], name: str) -> T:
        try:
            return await self._shielded(opening)
        except asyncssh.ChannelOpenError as error:
            if not self.is_open:
                raise Unreachable(f"The connection was lost: {error.reason}.") from error
            raise SshRefused(
                f"{self._opening.endpoint.host} does not connect to {name}: {error.reason}."
            ) from error
        except (asyncssh.Error, OSError) as error:
            raise Unreachable(f"The connection was lost: {error}.") from error

    @staticmethod
    async def _shielded(opening: Coroutine[Any, Any, T]) -> T:
        """A channel whose opener has gone meanwhile is closed: asyncssh would let it be."""
        task = asyncio.ensure_future(opening)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_close_channel)
            raise


def _close_channel(task: "asyncio.Future[Any]") -> None:
    if not task.cancelled() and task.exception() is None:
        task.result()[0].close()
