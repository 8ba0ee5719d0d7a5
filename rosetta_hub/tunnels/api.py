"""The API of the tunnels' process, on its unix socket (its calls are those of `client.py`)."""

import asyncio
import dataclasses
import json
import logging
import os
import secrets
import socket
from typing import Any

from tornado.iostream import IOStream, StreamClosedError
from tornado.web import Application, RequestHandler

from rosetta_hub.sidecar_client import STREAM_LIMIT
from rosetta_hub.ssh.endpoint import Endpoint
from rosetta_hub.ssh.errors import SshError
from rosetta_hub.tunnels.command_streams import CommandHalf, CommandStreams
from rosetta_hub.tunnels.registry import TunnelRegistry
from rosetta_hub.tunnels.relay import Half, pair
from rosetta_hub.tunnels.routes import KubernetesRoute, Tunnel, parse_route
from rosetta_hub.tunnels.transport import TransportError

log = logging.getLogger(__name__)


class _BadRequest(Exception):
    """The body can't be read; the message says what is wrong, and quotes nothing of it."""


class _Handler(RequestHandler):
    def initialize(self, registry: TunnelRegistry) -> None:
        self.registry = registry

    def read_body(self) -> dict[str, Any]:
        try:
            document = json.loads(self.request.body)
        except ValueError:
            raise _BadRequest("the body is not JSON") from None
        if not isinstance(document, dict):
            raise _BadRequest("the body is not an object")
        return document

    def read_tunnel(self, document: Any) -> Tunnel:
        try:
            return Tunnel.from_document(document)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise _BadRequest(f"no description of a tunnel: {type(error).__name__}") from None

    def read_endpoint(self, document: Any) -> Endpoint:
        try:
            return Endpoint.from_document(document)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise _BadRequest(f"no description of an endpoint: {type(error).__name__}") from None

    def read_command(self, body: dict[str, Any]) -> tuple[list[str], float]:
        argv, timeout = body.get("argv"), body.get("timeout")
        if not (isinstance(argv, list) and argv and all(isinstance(word, str) for word in argv)):
            raise _BadRequest("argv is no list of words")
        if not isinstance(timeout, int | float):
            raise _BadRequest("timeout is no number")
        return argv, timeout

    def write_ssh_error(self, error: SshError) -> None:
        self.set_status(502)
        self.write({"error": error.kind, "message": str(error)})

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        # tornado's own would print the request.
        if not isinstance(value, _BadRequest):
            log.error("%s %s failed", self.request.method, self.request.path, exc_info=value)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None))[1]
        if isinstance(error, _BadRequest):
            self.set_status(400)
            self.finish({"error": "bad_request", "message": str(error)})
            return
        self.finish({"error": "failed", "message": f"{type(error).__name__}: see the log"})


class _Status(_Handler):
    def initialize(self, registry: TunnelRegistry, status: dict[str, Any]) -> None:  # type: ignore[override]
        super().initialize(registry)
        self.status = status

    def get(self) -> None:
        self.write(self.status)


class _Tunnels(_Handler):
    def get(self) -> None:
        states = self.registry.states()
        self.write({"tunnels": {task: dataclasses.asdict(state) for task, state in states.items()}})

    async def put(self) -> None:
        body = self.read_body()
        kept_ids = body.get("kept", [])
        if not (isinstance(kept_ids, list) and all(isinstance(task, str) for task in kept_ids)):
            raise _BadRequest("kept is no list of ids")
        self.write({"errors": await self.registry.put_all(self.read_tunnels(body), kept_ids)})

    async def patch(self) -> None:
        tunnels = self.read_tunnels(self.read_body())
        self.write({"errors": await self.registry.put_more(tunnels)})

    def read_tunnels(self, body: dict[str, Any]) -> list[Tunnel]:
        documents = body.get("tunnels")
        if not isinstance(documents, list):
            raise _BadRequest("there is no list of tunnels")
        return [self.read_tunnel(document) for document in documents]


class _Tunnel(_Handler):
    async def put(self, task: str) -> None:
        tunnel = self.read_tunnel(self.read_body())
        if tunnel.id != task:
            raise _BadRequest("the tunnel is another task's")
        try:
            await self.registry.put(tunnel)
        except OSError as error:
            self.set_status(500)
            message = f"the socket of the tunnel can't be made: {error}"
            self.write({"error": "not_opened", "message": message})
            return
        self.write({})

    async def delete(self, task: str) -> None:
        if not await self.registry.delete(task):
            self.set_status(404)
            self.write({"error": "no_such_tunnel", "message": "there is no such tunnel"})
            return
        self.write({})


class _Run(_Handler):
    async def post(self) -> None:
        body = self.read_body()
        endpoint = self.read_endpoint(body.get("endpoint"))
        argv, timeout = self.read_command(body)
        stdin = body.get("stdin", "")
        if not isinstance(stdin, str):
            raise _BadRequest("stdin is no text")
        try:
            result = await self.registry.pool.run(endpoint, argv, stdin, timeout)
        except SshError as error:
            self.write_ssh_error(error)
        else:
            self.write(dataclasses.asdict(result))


class _Stream(_Handler):
    """A command's input and output, as the bytes of this connection after an upgrade."""

    def initialize(self, registry: TunnelRegistry, streams: CommandStreams) -> None:  # type: ignore[override]
        super().initialize(registry)
        self.streams = streams

    async def post(self) -> None:
        body = self.read_body()
        endpoint = self.read_endpoint(body.get("endpoint"))
        argv, timeout = self.read_command(body)
        try:
            async with self.streams.open(endpoint, argv, timeout) as (stream_id, half):
                await self.carry(stream_id, half)
        except SshError as error:
            self.write_ssh_error(error)

    async def carry(self, stream_id: str, half: CommandHalf) -> None:
        head = f"Upgrade: rosetta-stream\r\nRosetta-Stream: {stream_id}\r\n"
        if await _upgrade(self.detach(), head, half):
            await half.ended.wait()


async def _upgrade(stream: IOStream, head: str, half: Half) -> bool:
    """Let the client's connection and the other one be one from now on; False: the client left."""
    text = f"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n{head}\r\n"
    try:
        await stream.write(text.encode())
    except StreamClosedError:
        return False
    local = Half()
    await asyncio.get_running_loop().connect_accepted_socket(lambda: local, _take(stream))
    for side in (local, half):
        side.buffer(STREAM_LIMIT)
    pair(local, half)
    return True


def _take(stream: IOStream) -> socket.socket:
    """The socket of a stream, without the stream: nothing of the client's was read ahead."""
    copy = stream.socket.dup()
    stream.close()
    return copy


class _StreamEnd(_Stream):
    """How a command of a stream ended, and its end."""

    async def get(self, stream_id: str) -> None:
        half = self.streams.get(stream_id)
        if half is None:
            self.set_status(404)
            self.write({"error": "no_such_stream", "message": "there is no such stream"})
            return
        self.write(dataclasses.asdict(await half.wait_end()))

    def delete(self, stream_id: str) -> None:
        half = self.streams.get(stream_id)
        if half is not None:
            half.close()
        self.write({})


class _Forward(_Handler):
    """A connection to the port of a pod, as the bytes of this connection after an upgrade."""

    async def post(self) -> None:
        transport = self.registry.make_transport(self.read_route(self.read_body().get("route")))
        try:
            half = await transport.connect()
        except TransportError as error:
            self.set_status(502)
            self.write({"error": "not_connected", "message": str(error)})
            return
        if not await _upgrade(self.detach(), "Upgrade: rosetta-forward\r\n", half):
            half.abort()

    def read_route(self, document: Any) -> KubernetesRoute:
        try:
            route = parse_route(document)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise _BadRequest(f"no description of a route: {type(error).__name__}") from None
        if not isinstance(route, KubernetesRoute):
            raise _BadRequest("the route leads to no pod")
        return route


class _ForgetKey(_Handler):
    def post(self) -> None:
        self.registry.pool.forget(self.read_endpoint(self.read_body().get("endpoint")))
        self.write({})


def build_application(registry: TunnelRegistry, fingerprint: str) -> Application:
    """The API of one start of the process."""
    status = {"instance": secrets.token_hex(8), "pid": os.getpid(), "fingerprint": fingerprint}
    with_registry = {"registry": registry}
    with_streams = {**with_registry, "streams": CommandStreams(registry.pool)}
    return Application(
        [
            (r"/status", _Status, {**with_registry, "status": status}),
            (r"/tunnels", _Tunnels, with_registry),
            (r"/tunnels/(\w+)", _Tunnel, with_registry),
            (r"/run", _Run, with_registry),
            (r"/stream", _Stream, with_streams),
            (r"/stream/(\w+)", _StreamEnd, with_streams),
            (r"/forward", _Forward, with_registry),
            (r"/keys/forget", _ForgetKey, with_registry),
        ],
        log_function=lambda handler: None,
    )
