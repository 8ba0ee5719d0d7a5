"""The program that keeps a `kubectl proxy`, on this machine or on a host: one at a time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

from rosetta_agent.files.frames import HEADER, JSON, FrameError, parse_document
from rosetta_hub.background import spawn
from rosetta_hub.ssh.command import NOT_FOUND, missing_python
from rosetta_hub.ssh.endpoint import Endpoint
from rosetta_hub.ssh.errors import SshError
from rosetta_hub.ssh.pool import Pool
from rosetta_hub.ssh.streams import StreamSession
from rosetta_hub.tunnels.command_streams import CommandHalf
from rosetta_hub.tunnels.routes import KubectlRoute
from rosetta_hub.tunnels.transport import TransportError

# Seconds until its socket has to be there: the program gives kubectl 15, twice.
START_TIMEOUT = 35.0
OPEN_TIMEOUT = 20.0
END_TIMEOUT = 6.0
# Seconds between heartbeats; the program ends after 90 without.
HEARTBEAT_INTERVAL = 20.0
SHORTEST_DELAY, LONGEST_DELAY = 0.5, 15.0
# One that ends sooner counts as one that failed.
SHORT_LIFE = 10.0
# Bytes without a frame, such as the greeting of a login shell, that are kept.
LARGEST_GREETING = 1 << 20


class KubectlProgram:
    """Started when its socket is asked for, and again when it has ended.

    After a failure the next start waits, longer each time; who asks meanwhile gets the failure.
    """

    def __init__(self, pool: Pool, route: KubectlRoute) -> None:
        self._pool = pool
        self._route = route
        self._running: asyncio.Task[None] | None = None
        self._report = _Report()
        self._failures = 0
        self._not_before = 0.0
        self.failure: str | None = None
        """Why there is none; None while it runs, or was not wanted yet."""

    @property
    def words(self) -> str:
        """What kubectl and the programs that it logs in with have printed last."""
        return self._report.words

    async def socket(self) -> str:
        """The path of the unix socket that kubectl listens on.

        Raises:
            TransportError: there is none now; the message says why, in kubectl's words.
        """
        if self._running is None or self._running.done():
            if self.failure is not None and self._now() < self._not_before:
                raise TransportError(self.failure)
            self._report = _Report()
            self._running = spawn(self._run(self._report), "kubectl")
        report = self._report
        try:
            async with asyncio.timeout(START_TIMEOUT):
                await report.is_ready.wait()
        except TimeoutError as error:
            raise TransportError("kubectl did not start in time.") from error
        if report.socket is None:
            raise TransportError(self.failure or "kubectl has ended.")
        return report.socket

    async def has_ended(self, seconds: float) -> bool:
        """Whether it is over, or will be within so many seconds."""
        if self._running is not None:
            await asyncio.wait([self._running], timeout=seconds)
        return self._running is None or self._running.done()

    def close(self) -> None:
        """End it."""
        if self._running is not None:
            self._running.cancel()

    async def _run(self, report: "_Report") -> None:
        start = self._now()
        self.failure = None
        try:
            if self._route.endpoint is None:
                await self._run_here(report)
            else:
                await self._run_there(self._route.endpoint, report)
            text = f"kubectl: {report.error}" if report.error else "kubectl has ended."
        except (SshError, TransportError) as error:
            text = str(error)
        except OSError as error:
            text = f"kubectl could not be started: {error.strerror}."
        finally:
            report.is_ready.set()
        self._fail(text, self._now() - start)
        report.socket = None

    def _fail(self, text: str, lived: float) -> None:
        self.failure = text
        self._failures = 0 if lived > SHORT_LIFE else self._failures + 1
        delay = SHORTEST_DELAY * 2 ** (self._failures - 1) if self._failures > 1 else 0.0
        self._not_before = self._now() + min(delay, LONGEST_DELAY)

    async def _run_here(self, report: "_Report") -> None:
        process = await asyncio.create_subprocess_exec(
            *self._route.argv, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        stdin = cast(asyncio.StreamWriter, process.stdin)
        stdout = cast(asyncio.StreamReader, process.stdout)
        try:
            async with _heartbeats(stdin.write, self._route.program):
                while data := await stdout.read(1 << 16):
                    report.feed(data)
        finally:
            # The end of its input ends it.
            stdin.close()
            try:
                async with asyncio.timeout(END_TIMEOUT):
                    await process.wait()
            except TimeoutError:
                process.kill()

    async def _run_there(self, endpoint: Endpoint, report: "_Report") -> None:
        half = _ProgramHalf(report)
        opening = self._pool.open_command(
            endpoint, lambda: cast(StreamSession, half), self._route.argv, OPEN_TIMEOUT
        )
        async with opening:
            try:
                async with _heartbeats(half.write, self._route.program):
                    await half.ended.wait()
            finally:
                half.close()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(END_TIMEOUT):
                        await half.ended.wait()
        if report.error is None:
            raise TransportError(await _explain(half, endpoint, self._route.argv[0]))

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


@contextlib.asynccontextmanager
async def _heartbeats(write: Callable[[bytes], Any], program: str) -> AsyncIterator[None]:
    """Send the program, and then heartbeats within the block."""
    write(program.encode())

    async def heartbeat_loop() -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_INTERVAL)
            write(b"\n")

    sending = spawn(heartbeat_loop(), "heartbeats for kubectl")
    try:
        yield
    finally:
        sending.cancel()


async def _explain(half: CommandHalf, endpoint: Endpoint, python: str) -> str:
    end = await half.wait_end()
    lines = end.stderr.strip().splitlines()
    if end.returncode == NOT_FOUND:
        return missing_python(endpoint.host, python)
    if end.returncode and lines:
        return f"The program beside kubectl on {endpoint.host} has ended: {lines[-1]}"
    return f"The connection to {endpoint.host} was lost."


class _Report:
    """What the program has told."""

    def __init__(self) -> None:
        self.is_ready = asyncio.Event()
        """Set when there is a socket, and when there will be none."""
        self.socket: str | None = None
        self.error: str | None = None
        self.words = ""
        self._buffer = b""

    def feed(self, data: bytes) -> None:
        """Take its output as it comes; what a login shell prints is passed over."""
        self._buffer += data
        while (frame := self._take_frame()) is not None:
            self._apply(frame)
        if JSON + b"\0" not in self._buffer:
            self._buffer = self._buffer[-LARGEST_GREETING:]

    def _take_frame(self) -> bytes | None:
        # Text has no zero bytes, and the length of a document begins with one.
        begin = self._buffer.find(JSON + b"\0")
        head = self._buffer[begin : begin + HEADER.size]
        if begin < 0 or len(head) < HEADER.size:
            return None
        end = begin + HEADER.size + HEADER.unpack(head)[1]
        if len(self._buffer) < end:
            return None
        frame, self._buffer = self._buffer[begin + HEADER.size : end], self._buffer[end:]
        return frame

    def _apply(self, frame: bytes) -> None:
        try:
            document = parse_document(frame)
        except FrameError:
            return
        self.words = str(document.get("words", self.words))
        if "error" in document:
            self.error = str(document.get("message", ""))
        if "socket" in document:
            self.socket = str(document["socket"])
            self.is_ready.set()


class _ProgramHalf(CommandHalf):
    """The program on a host, whose output is its report."""

    def __init__(self, report: _Report) -> None:
        super().__init__()
        self._report = report

    def data_received(self, data: bytes, datatype: int | None = None) -> None:
        """Output, or standard error."""
        if datatype is None:
            self._report.feed(data)
            return
        super().data_received(data, datatype)
