"""One identity of a computing resource, and the one connection that it has."""

import asyncio
import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager

from rosetta_hub.background import spawn
from rosetta_hub.ssh.connection import SshConnection
from rosetta_hub.ssh.endpoint import Endpoint
from rosetta_hub.ssh.errors import SshError, Unreachable, build_error

log = logging.getLogger(__name__)

SHORTEST_DELAY = 0.5
LONGEST_DELAY = 30.0
# A connection that ends sooner counts as one that failed.
SHORT_LIFE = 10.0
IDLE_TIME = 300.0


class IdentityConnection:
    """Opens the connection when it is needed, and again when it was lost.

    After a failure the next attempt waits, longer each time: servers shut out those who knock too
    often. Who asks meanwhile, and may not wait so long, gets the last failure.
    """

    def __init__(self, endpoint: Endpoint, gate: asyncio.Semaphore) -> None:
        self.endpoint = endpoint
        self._gate = gate
        self._connection: SshConnection | None = None
        self._opening: asyncio.Task[None] | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._failure: SshError | None = None
        self._failures = 0
        self._not_before = 0.0
        self._holders = 0
        self._users = 0
        self._idle_since = self._now()

    @property
    def failure(self) -> SshError | None:
        """Why there is no connection; None while there is one, or none was tried."""
        return None if self.is_connected else self._failure

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return self._connection is not None and self._connection.is_open

    @property
    def is_idle(self) -> bool:
        """Whether nobody has needed it for some minutes."""
        used = self._holders or self._users
        return not used and self._now() - self._idle_since > IDLE_TIME

    def update(self, endpoint: Endpoint) -> None:
        """Use this from the next attempt on; one with another route is opened anew at once."""
        if endpoint == self.endpoint:
            return
        before, self.endpoint = self.endpoint, endpoint
        if endpoint.route != before.route:
            self.reset()
        elif (endpoint.private_key, endpoint.known_hosts) != (
            before.private_key,
            before.known_hosts,
        ):
            # A certificate is new each time, and gives no reason to hope.
            self._forget_failures()

    def hold(self) -> None:
        """Keep it connected from now on, until as many calls of `release`."""
        self._holders += 1
        if self._keeping is None:
            self._keeping = spawn(self._keep_loop(), f"connection of {self._name}")

    def release(self) -> None:
        """The inverse of `hold`; the connection is closed when it has been idle for minutes."""
        self._holders -= 1
        self._idle_since = self._now()
        if not self._holders and self._keeping is not None:
            self._keeping.cancel()
            self._keeping = None

    @contextmanager
    def use(self) -> Iterator[None]:
        """Not idle within the block."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            self._idle_since = self._now()

    def reset(self) -> None:
        """Close the connection and forget what has failed."""
        self._forget_failures()
        if self._opening is not None:
            self._opening.cancel()
            self._opening = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def close(self) -> None:
        """Close the connection for good."""
        connection = self._connection
        if self._keeping is not None:
            self._keeping.cancel()
        self.reset()
        if connection is not None:
            await connection.end()

    async def connection(self, wait: float) -> SshConnection:
        """The connection, which is opened when there is none.

        `wait` is in seconds. When the last attempt failed so shortly before that the next one may
        not be made within it, that failure is raised.

        Raises:
            SshError: see `errors.py`.
        """
        deadline = self._now() + wait
        while self._connection is None or not self._connection.is_open:
            delay = self._not_before - self._now()
            if delay > 0 and self._opening is None:
                if self._now() + delay > deadline:
                    self._raise_failure()
                await asyncio.sleep(delay)
                continue
            await self._attempt(deadline)
        return self._connection

    async def _attempt(self, deadline: float) -> None:
        if self._opening is None:
            self._opening = spawn(self._open(), f"opening {self._name}")
        opening = self._opening
        # Others may wait for it, too: it is not cancelled when this one gives up.
        await asyncio.wait([opening], timeout=max(0.0, deadline - self._now()))
        if not opening.done():
            raise Unreachable(f"{self.endpoint.host} did not answer in time.")
        if not opening.cancelled() and not self.is_connected:
            self._raise_failure()
        if not self.is_connected and self._now() >= deadline:
            raise Unreachable(f"{self.endpoint.host} could not be connected to in time.")

    async def _open(self) -> None:
        try:
            async with self._gate:
                connection = await SshConnection.open(self.endpoint)
        except SshError as error:
            self._fail(error)
        except Exception:
            # An error that the ssh package does not translate must not end the retries' backoff.
            log.exception("%s: connecting failed unexpectedly", self._name)
            self._fail(
                Unreachable(
                    f"The connection to {self.endpoint.host} failed for an unexpected reason. The"
                    " administrator finds the cause in the log of the tunnels' process."
                )
            )
        else:
            log.info("connected: %s", self._name)
            self._connection = connection
            self._failure = None
            spawn(self._watch(connection), f"watching {self._name}")
        finally:
            if self._opening is asyncio.current_task():
                self._opening = None

    async def _watch(self, connection: SshConnection) -> None:
        since = self._now()
        await connection.wait_closed()
        if self._connection is not connection:
            return
        failure = Unreachable(f"The connection to {self.endpoint.host} was lost.")
        if self._now() - since < SHORT_LIFE:
            self._fail(failure)
            return
        log.warning("%s: %s", self._name, failure)
        self._forget_failures()
        self._failure = failure
        # Many lose theirs at once, when the server is started again.
        self._not_before = self._now() + random.uniform(0, SHORTEST_DELAY)  # noqa: S311

    async def _keep_loop(self) -> None:
        while True:
            try:
                connection = await self.connection(wait=2 * LONGEST_DELAY)
            except SshError as error:
                # The next call waits until the next attempt is due.
                log.debug("%s: %s", self._name, error)
            else:
                await connection.wait_closed()

    def _fail(self, error: SshError) -> None:
        if str(error) != str(self._failure):
            log.warning("%s: %s", self._name, error)
        # A copy: the raised one refers to all that its frames hold.
        self._failure = build_error(error.kind, str(error))
        delay = min(LONGEST_DELAY, SHORTEST_DELAY * 2**self._failures)
        self._failures += 1
        self._not_before = self._now() + delay * random.uniform(0.5, 1)  # noqa: S311

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise build_error(self._failure.kind, str(self._failure))

    def _forget_failures(self) -> None:
        self._failure = None
        self._failures = 0
        self._not_before = 0.0

    @property
    def _name(self) -> str:
        return " of ".join(reversed(self.endpoint.key))

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
