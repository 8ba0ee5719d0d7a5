"""What carries the bytes of a tunnel: the base class."""

import asyncio
from abc import ABC, abstractmethod

from rosetta_agent.protocol import ANSWER_SIZE, ClientHandshake, HandshakeError
from rosetta_hub.tunnels.client import TunnelState
from rosetta_hub.tunnels.relay import Half

# How long a browser's connection waits for a tunnel that is being opened.
CONNECT_TIMEOUT = 15.0


class TransportError(Exception):
    """A connection could not be made; the message is a message."""


class TunnelTransport(ABC):
    """How the bytes of one tunnel travel."""

    @abstractmethod
    async def connect(self, port: int | None = None) -> Half:
        """A new connection to the task's interface, ready to be paired.

        `port` is that of a further interface of the task.

        Raises:
            TransportError, SshError: there is none now.
        """

    def refusal(self, message: str) -> bytes:
        """What is answered to who asks for a connection that can't be made; nothing, usually."""
        return b""

    @abstractmethod
    def state(self) -> TunnelState:
        """How it is."""

    @abstractmethod
    def close(self) -> None:
        """The tunnel is no more."""


async def greet(half: Half, secret: str, port: int | None) -> None:
    """The handshake, on a connection that was just made; the caller sets its deadline.

    `port` chooses a further interface of the task.

    Raises:
        TransportError: the other end does not know the secret.
    """
    handshake = ClientHandshake(bytes.fromhex(secret), port)
    half.write(handshake.hello)
    try:
        half.write(handshake.reply(await half.read_exactly(ANSWER_SIZE)))
    except (EOFError, HandshakeError) as error:
        half.close()
        raise TransportError(
            "What listens on the node does not know the task's secret: the task has ended there,"
            " and something else has its port."
        ) from error
    except asyncio.CancelledError:
        half.abort()
        raise
