"""A process beside the service that outlives it: found, started detached, adopted, stopped.

Edge and tunnels are such processes. Each answers on a unix socket, and holds a lock file as long as
it lives, so that there is one however many start it.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import json
import logging
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Generic, NoReturn, TypeVar, cast

from rosetta_hub.errors import RosettaError, Unavailable
from rosetta_hub.sidecar_client import SidecarStatus

log = logging.getLogger(__name__)

STOP_TIMEOUT = 10.0
POLL_INTERVAL = 0.05
# Nothing else of the service's environment, such as its tokens, is a sidecar process's business.
ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "SSL_CERT_DIR", "SSL_CERT_FILE")

_children: list[subprocess.Popen[bytes]] = []


R = TypeVar("R", bound=SidecarStatus)


@dataclass(frozen=True)
class Launch:
    """A command line, and the document that it reads from standard input."""

    command: list[str]
    document: dict[str, Any]


def find_fingerprint(settings: dict[str, Any]) -> str:
    """What differs for every other configuration."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class SidecarProcess(Generic[R]):
    """How one is started and asked."""

    name: str
    """Of its lock and log in `state_dir`, and in messages."""
    state_dir: Path
    fingerprint: str
    build_launch: Callable[[], Launch]
    """Raises ConfigError when something is missing."""
    status: Callable[[], Awaitable[R]]
    """Raises Unavailable when nobody answers."""
    error: type[RosettaError]
    """Raised when it ends at once, or runs already."""
    unavailable: type[Unavailable]
    start_timeout: float = 20.0

    @property
    def log_file(self) -> Path:
        """Where it writes when it is detached."""
        return self.state_dir / f"{self.name}.log"

    async def ensure(self) -> R:
        """Adopt the one that runs, or start one that outlives this process.

        One with another configuration is replaced, which cuts its connections. Raises ConfigError,
        `error` when it ends at once (with its last words), `unavailable` after `start_timeout`.
        """
        process = None
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.start_timeout
        while loop.time() < deadline:
            _reap()
            status = await self._status_or_none()
            if status is not None and status.fingerprint == self.fingerprint:
                return status
            if status is not None:
                log.warning("%s runs with another configuration: starting it again", self.name)
                await self.stop()
            elif process is None:
                process = self._try_start()
            elif process.poll() is not None:
                raise self.error(f"{self.name} ended at once:\n{self._last_words()}")
            await asyncio.sleep(POLL_INTERVAL)
        raise self.unavailable(f"{self.name} did not answer within {self.start_timeout:g} s")

    async def stop(self) -> bool:
        """Stop the one that answers, and wait until it is gone; False when none does.

        Raises `unavailable` when it is still there after 10 seconds.
        """
        status = await self._status_or_none()
        if status is None:
            return False
        os.kill(status.pid, signal.SIGTERM)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + STOP_TIMEOUT
        while loop.time() < deadline:
            _reap()
            lock = self._lock()
            if lock is not None:
                os.close(lock)
                return True
            await asyncio.sleep(POLL_INTERVAL)
        raise self.unavailable(f"{self.name}, process {status.pid}, does not stop")

    def become(self) -> NoReturn:
        """Become it, in the foreground, with its log on standard error.

        Raises ConfigError, and `error` when one runs already.
        """
        launch = self.build_launch()
        lock = self._lock()
        if lock is None:
            raise self.error(f"{self.name} runs already in {self.state_dir}")
        os.set_inheritable(lock, True)
        read_end, write_end = os.pipe()
        # Far below the 64 KiB that a pipe takes without a reader.
        os.write(write_end, json.dumps(launch.document).encode())
        os.close(write_end)
        os.dup2(read_end, 0)
        os.close(read_end)
        os.execve(launch.command[0], launch.command, build_environment())  # noqa: S606

    async def _status_or_none(self) -> R | None:
        try:
            return await self.status()
        except Unavailable:
            return None

    def _lock(self) -> int | None:
        """A locked file, which the process inherits and holds as it lives; None if taken."""
        self.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.state_dir / f"{self.name}.lock"
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        return lock

    def _try_start(self) -> subprocess.Popen[bytes] | None:
        lock = self._lock()
        if lock is None:
            return None
        try:
            return self._start(lock)
        finally:
            os.close(lock)

    def _start(self, lock: int) -> subprocess.Popen[bytes]:
        launch = self.build_launch()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        log_file = os.open(self.log_file, flags, 0o600)
        try:
            process = subprocess.Popen(
                launch.command,
                stdin=subprocess.PIPE,
                stdout=log_file,
                stderr=log_file,
                cwd="/",
                env=build_environment(),
                start_new_session=True,
                pass_fds=[lock],
            )
        finally:
            os.close(log_file)
        _children.append(process)
        # One that ends before it reads leaves its reason in the log.
        with contextlib.suppress(BrokenPipeError), cast(IO[bytes], process.stdin) as stdin:
            stdin.write(json.dumps(launch.document).encode())
        return process

    def _last_words(self) -> str:
        try:
            return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-10:])
        except OSError:
            return ""


def build_environment() -> dict[str, str]:
    """The environment of a sidecar process."""
    return {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}


def _reap() -> None:
    _children[:] = [process for process in _children if process.poll() is None]
