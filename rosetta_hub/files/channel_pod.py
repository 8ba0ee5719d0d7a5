"""A channel to files that a pod serves: through the API server of its cluster, with a handshake."""

import asyncio
from typing import Protocol

from rosetta_agent.protocol import ANSWER_SIZE, ClientHandshake, HandshakeError
from rosetta_hub.files.channel import StorageUnavailable, StreamChannel
from rosetta_hub.resources.kubernetes.file_pod import ServedPlace
from rosetta_hub.resources.kubernetes.file_pods import FilePod
from rosetta_hub.tunnels.client import TunnelsClient, TunnelsError, TunnelsUnavailable

# Seconds until a pod runs and answers: its image may have to be fetched.
OPEN_TIMEOUT = 45.0
# Seconds that a connection to a pod that runs takes at most.
CONNECT_TIMEOUT = 20.0
# Seconds between two tries: the program of a pod that has just started does not listen yet.
RETRY_INTERVAL = 0.2


class FilePodSource(Protocol):
    """Who has pods (see rosetta_hub.resources.kubernetes.file_pods)."""

    async def ready(self, served: ServedPlace, timeout: float) -> FilePod:
        """A pod that serves the place.

        Raises:
            ResourceUnavailable: there is none within `timeout` seconds.
        """

    def forget(self, served: ServedPlace) -> None:
        """Look again at the next use."""


class _NotConnected(Exception):
    """Nobody who knows the secret answers; the message says what happened."""


async def open_pod_channel(
    tunnels: TunnelsClient, pods: FilePodSource, served: ServedPlace, timeout: float = OPEN_TIMEOUT
) -> "PodChannel":
    """Have a pod serve the place, and connect to it.

    Raises:
        ResourceUnavailable: there is no pod.
        StorageUnavailable: it does not answer.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout
    while True:
        pod = await pods.ready(served, end - loop.time())
        try:
            return await _connect(tunnels, pod)
        except _NotConnected as error:
            pods.forget(served)
            if loop.time() + RETRY_INTERVAL >= end:
                raise StorageUnavailable(
                    f"The pod of the files does not answer: {error}"
                ) from error
        await asyncio.sleep(RETRY_INTERVAL)


class PodChannel(StreamChannel):
    """A stream whose other end is the files program in a pod."""

    def close(self) -> None:
        """End the channel, also where the program does not read what was sent to it."""
        self._writer.transport.abort()


async def _connect(tunnels: TunnelsClient, pod: FilePod) -> PodChannel:
    try:
        reader, writer = await tunnels.open_forward(pod.route, CONNECT_TIMEOUT)
    except (TunnelsUnavailable, TunnelsError) as error:
        raise _NotConnected(str(error)) from error
    channel = PodChannel(reader, writer)
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            await _shake_hands(reader, writer, pod.secret)
    except HandshakeError as error:
        channel.close()
        raise _NotConnected("it does not know its secret.") from error
    except (OSError, asyncio.IncompleteReadError) as error:
        channel.close()
        raise _NotConnected("the connection has ended.") from error
    except BaseException:
        channel.close()
        raise
    return channel


async def _shake_hands(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, secret: str
) -> None:
    handshake = ClientHandshake(bytes.fromhex(secret))
    writer.write(handshake.hello)
    writer.write(handshake.reply(await reader.readexactly(ANSWER_SIZE)))
    await writer.drain()
