"""All SSH connections of this process: one an identity, whatever goes over it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from rosetta_hub.access import Completed
from rosetta_hub.ssh.endpoint import Endpoint
from rosetta_hub.ssh.identity import IdentityConnection
from rosetta_hub.ssh.streams import StreamSession

# sshd drops some of those who log in while 10 others do (MaxStartups).
LOGINS_AT_ONCE = 4
# How much of a command's time its connection may take.
LONGEST_WAIT = 30.0


class Pool:
    """Identities by their key; one that nobody has needed for minutes is disconnected."""

    def __init__(self) -> None:
        self._identities: dict[tuple[str, str], IdentityConnection] = {}
        self._gates: dict[tuple[str, int | None], asyncio.Semaphore] = {}

    def identity(self, endpoint: Endpoint) -> IdentityConnection:
        """The identity of an endpoint, which is what it connects with from now on."""
        identity = self._identities.get(endpoint.key)
        if identity is None:
            identity = IdentityConnection(endpoint, self._gate(endpoint))
            self._identities[endpoint.key] = identity
        else:
            identity.update(endpoint)
        return identity

    async def run(
        self, endpoint: Endpoint, argv: Sequence[str], stdin: str, timeout: float
    ) -> Completed:
        """Run a command to its end, within `timeout` seconds.

        Raises:
            SshError: see `errors.py`; unless it is `Refused`, the command may have run.
        """
        identity = self.identity(endpoint)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        with identity.use():
            connection = await identity.connection(min(timeout, LONGEST_WAIT))
            return await connection.run(argv, stdin, max(0.0, deadline - loop.time()))

    @asynccontextmanager
    async def open_command(
        self,
        endpoint: Endpoint,
        factory: Callable[[], StreamSession],
        argv: Sequence[str],
        timeout: float,
    ) -> AsyncIterator[StreamSession]:
        """A stream to and from a command; it is opened within `timeout` seconds.

        The block has to last as long as the command. Raises SshError, see `errors.py`.
        """
        identity = self.identity(endpoint)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        with identity.use():
            connection = await identity.connection(min(timeout, LONGEST_WAIT))
            seconds = max(0.0, deadline - loop.time())
            async with connection.open_command(factory, argv, seconds) as session:
                yield session

    def forget(self, endpoint: Endpoint) -> None:
        """Close an identity's connection and use this endpoint for the next one."""
        identity = self._identities.get(endpoint.key)
        if identity is not None:
            identity.update(endpoint)
            identity.reset()

    async def close(self) -> None:
        """Close all connections."""
        identities = list(self._identities.values())
        self._identities.clear()
        await asyncio.gather(*(identity.close() for identity in identities))

    async def drop_idle(self) -> None:
        """Disconnect whom nobody has needed for minutes."""
        for key, identity in list(self._identities.items()):
            if identity.is_idle:
                del self._identities[key]
                await identity.close()

    def _gate(self, endpoint: Endpoint) -> asyncio.Semaphore:
        first = (endpoint.jump_hosts or (endpoint,))[0]
        return self._gates.setdefault((first.host, first.port), asyncio.Semaphore(LOGINS_AT_ONCE))
