"""Reverse tunnels: the node has dialled, and dials again for each connection."""

import asyncio
import hmac
import json
import secrets
from hashlib import sha256

from rosetta_hub.background import spawn
from rosetta_hub.tunnels.client import TunnelState
from rosetta_hub.tunnels.relay import Half
from rosetta_hub.tunnels.routes import ReverseRoute
from rosetta_hub.tunnels.transport import CONNECT_TIMEOUT, TransportError, TunnelTransport

PING_INTERVAL = 15.0
DEAD_AFTER = 45.0
# Of the node's lines, which are pongs.
LONGEST_LINE = 4096


class Control(asyncio.Protocol):
    """A control connection: lines of JSON. It is closed when the node is silent for too long."""

    def __init__(self, owner: "ReverseTransport", transport: asyncio.Transport) -> None:
        self._owner = owner
        self._transport = transport
        self._line = bytearray()
        self._heard = self._now()
        self._pinging = spawn(self._ping_loop(), "pings of a node")

    def send(self, message: dict[str, object]) -> None:
        """One line to the node."""
        self._transport.write(json.dumps(message).encode() + b"\n")

    def close(self) -> None:
        """End it."""
        self._pinging.cancel()
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Whatever comes proves life."""
        self._heard = self._now()
        self._line += data
        del self._line[: self._line.rfind(b"\n") + 1]
        if len(self._line) > LONGEST_LINE:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The node dials again."""
        self._pinging.cancel()
        self._owner.lose(self)

    async def _ping_loop(self) -> None:
        number = 0
        while self._now() - self._heard < DEAD_AFTER:
            number += 1
            self.send({"ping": number})
            await asyncio.sleep(PING_INTERVAL)
        self._transport.abort()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


class ReverseTransport(TunnelTransport):
    """Asks the node, over its control connection, to dial for each stream."""

    def __init__(self, route: ReverseRoute) -> None:
        self._route = route
        self._control: Control | None = None
        self._connected = asyncio.Event()
        self._streams: dict[str, asyncio.Future[Half]] = {}

    def is_secret(self, secret: str) -> bool:
        """Whether it is the agent's."""
        digest = sha256(secret.encode()).hexdigest()
        return hmac.compare_digest(digest, self._route.secret_sha256)

    def take_control(self, transport: asyncio.Transport) -> Control:
        """A node has dialled; an older connection of it is closed."""
        before, self._control = self._control, Control(self, transport)
        if before is not None:
            before.close()
        self._connected.set()
        return self._control

    def take_stream(self, stream: str) -> Half | None:
        """A node has dialled for a stream; None when nobody waits for this one."""
        waiting = self._streams.pop(stream, None)
        if waiting is None or waiting.done():
            return None
        half = Half()
        waiting.set_result(half)
        return half

    def lose(self, control: Control) -> None:
        """A control connection has ended."""
        if self._control is control:
            self._control = None
            self._connected.clear()

    def close(self) -> None:
        """The tunnel is no more."""
        if self._control is not None:
            self._control.close()
        for waiting in self._streams.values():
            waiting.cancel()

    async def connect(self, port: int | None = None) -> Half:
        """Raises TransportError."""
        stream = secrets.token_hex(16)
        waiting: asyncio.Future[Half] = asyncio.get_running_loop().create_future()
        self._streams[stream] = waiting
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._connected.wait()
                if self._control is not None:
                    # Agents of the former version know no ports, and are asked for none.
                    choice = {} if port is None else {"port": port}
                    self._control.send({"open": stream, **choice})
                return await waiting
        except TimeoutError as error:
            raise TransportError("The node does not dial.") from error
        finally:
            self._streams.pop(stream, None)

    def state(self) -> TunnelState:
        """Open when the node has dialled."""
        if self._control is not None:
            return TunnelState("open", None)
        return TunnelState("waiting", "The node has not dialled yet, or not again.")
