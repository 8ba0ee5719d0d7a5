"""The API of the tunnels' process: typed calls over its unix socket."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rosetta_hub.access import Completed
from rosetta_hub.errors import RosettaError, Unavailable
from rosetta_hub.sidecar_client import SidecarApi, Upgraded, split_documents
from rosetta_hub.ssh.endpoint import Endpoint
from rosetta_hub.ssh.errors import build_error
from rosetta_hub.tunnels.routes import KubernetesRoute, Tunnel

# What a call may take beyond the time that its command has.
MARGIN = 10.0
# Bytes of a full state that are sent at once; each tunnel carries the host keys of its resource.
LARGEST_PIECE = 16 << 20


class TunnelsUnavailable(Unavailable):
    """The tunnels' process did not answer on its socket."""


class TunnelsError(RosettaError):
    """The tunnels' process answered with an error; the message is its explanation."""


@dataclass(frozen=True)
class TunnelState:
    """How a tunnel is."""

    state: str
    """`open`; `waiting`: it is being connected, or will be again; `error`: somebody has to act."""
    error: str | None
    """A message: what went wrong last."""


@dataclass(frozen=True)
class CommandEnd:
    """How a command ended."""

    returncode: int | None
    """None: it runs, or the connection was lost before it ended; 128: it was killed."""
    stderr: str
    """The last lines that it wrote there."""


@dataclass(frozen=True)
class CommandStream:
    """A command on a host: what it writes is read here, and the other way round.

    Closing the writer ends it: the command has 3 seconds, and is then terminated.
    """

    id: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class TunnelsClient(SidecarApi):
    """Calls of the API. Each takes at most `timeout` seconds, commands aside.

    All raise TunnelsUnavailable when the process does not answer, TunnelsError when it refuses.
    """

    name = "the tunnels' process"
    unavailable = TunnelsUnavailable
    error = TunnelsError

    async def put_tunnels(
        self, tunnels: Iterable[Tunnel], kept_ids: Iterable[str] = ()
    ) -> dict[str, str]:
        """Make exactly these open: the full state, which may be sent at any time.

        Those of the tasks in `kept_ids` are left as they are, open or not. Connections of tunnels
        that stay as they are go on. Returns what went wrong, by the task's id, for each tunnel that
        could not be opened; the others are open. Each piece of it takes at most `timeout` seconds.
        """
        documents = [tunnel.to_document() for tunnel in tunnels]
        pieces = split_documents(documents, LARGEST_PIECE)
        ids = [*kept_ids, *(document["id"] for document in documents)]
        return await self._put_state("tunnels", pieces, ids)

    async def put_tunnel(self, tunnel: Tunnel) -> None:
        """Open or update one tunnel."""
        await self._call("PUT", f"/tunnels/{tunnel.id}", tunnel.to_document())

    async def delete_tunnel(self, task: str) -> bool:
        """Close a tunnel and cut its connections; False when it was not open."""
        return await self._delete(f"/tunnels/{task}")

    async def states(self) -> Mapping[str, TunnelState]:
        """How each tunnel is, by the task's id."""
        tunnels = (await self._call("GET", "/tunnels"))["tunnels"]
        return {task: TunnelState(**state) for task, state in tunnels.items()}

    async def run(
        self, endpoint: Endpoint, argv: Sequence[str], stdin: str, timeout: float
    ) -> Completed:
        """Run a command on the endpoint's host to its end, within `timeout` seconds.

        Raises:
            SshError: see `rosetta_hub.ssh.errors`.
        """
        body = {
            "endpoint": endpoint.to_document(),
            "argv": list(argv),
            "stdin": stdin,
            "timeout": timeout,
        }
        status, document = await self._sidecar.call("POST", "/run", body, timeout + MARGIN)
        if status == 502:
            raise build_error(document["error"], document["message"])
        self._check(status, document)
        return Completed(**document)

    async def open_stream(
        self, endpoint: Endpoint, argv: Sequence[str], timeout: float
    ) -> CommandStream:
        """Start a command on the endpoint's host, within `timeout` seconds, and be its terminal.

        Its bytes come and go as they are, with backpressure; standard error is kept aside.

        Raises:
            SshError: see `rosetta_hub.ssh.errors`.
        """
        body = {"endpoint": endpoint.to_document(), "argv": list(argv), "timeout": timeout}
        opened = await self._sidecar.upgrade("/stream", body, "rosetta-stream", timeout + MARGIN)
        if isinstance(opened, Upgraded):
            stream_id = opened.headers["rosetta-stream"]
            return CommandStream(stream_id, opened.reader, opened.writer)
        status, document = opened
        if status == 502:
            raise build_error(document["error"], document["message"])
        raise self._refusal(status, document)

    async def stream_end(self, stream: CommandStream) -> CommandEnd:
        """How the command of a stream ended, with its last words."""
        return CommandEnd(**await self._call("GET", f"/stream/{stream.id}"))

    async def close_stream(self, stream: CommandStream) -> None:
        """End the command of a stream, even where it does not read what was sent to it."""
        stream.writer.transport.abort()
        await self._call("DELETE", f"/stream/{stream.id}")

    async def open_forward(
        self, route: KubernetesRoute, timeout: float
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the port of a pod, within `timeout` seconds.

        A port that nobody listens on ends the connection at once.
        """
        body = {"route": route.to_document()}
        opened = await self._sidecar.upgrade("/forward", body, "rosetta-forward", timeout)
        if isinstance(opened, Upgraded):
            return opened.reader, opened.writer
        status, document = opened
        raise self._refusal(status, document)

    async def forget_key(self, endpoint: Endpoint) -> None:
        """Close the identity's connection, and forget what it failed of before.

        For a key that was replaced, and for a test that a user asks for: the next command connects
        at once, with what the endpoint now holds.
        """
        await self._call("POST", "/keys/forget", {"endpoint": endpoint.to_document()})
