"""An API server that keeps pods and secrets, and answers as a test says; HTTPS, with a token."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_unix_socket
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketHandler

from rosetta_hub.kubernetes.api_server import ApiServer
from rosetta_hub.kubernetes.client import KubernetesClient
from rosetta_hub.tunnels.websocket_stream import SUBPROTOCOL
from tests.support.certificates import make_certificate

from . import fake_spdy

Document = dict[str, Any]
# A document with nothing but `plain` is answered as that text.
Answer = tuple[int, Document]
TOKEN = "the hub's token"
# The query of a request that creates nothing.
DRY_RUN = {"dryRun": "All"}


def failure(code: int, reason: str, message: str) -> Answer:
    """As the server refuses."""
    return code, {
        "kind": "Status",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
    }


class FakeApi:
    """`asked` has the requests; `refuse` may answer one in the place of the server.

    `ports` has those that were forwarded; a proxy in front may pass fewer `upgrades`. `deletions`
    has the options of requests that deleted something. `log` is that of each container: times and
    what was written then.
    """

    def __init__(self, directory: Path) -> None:
        self.folder = directory
        certificate, key = make_certificate(directory)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        socket, port = bind_unused_port()
        self.http = HTTPServer(self._application(), ssl_options=context)
        self.http.add_sockets([socket])
        self._proxy: HTTPServer | None = None
        self.server = ApiServer(f"https://127.0.0.1:{port}", certificate.read_text(), token=TOKEN)
        self.token = TOKEN
        self.asked: list[tuple[str, str]] = []
        self.queries: list[dict[str, str]] = []
        self.forward_error = b""
        self.ports: list[str] = []
        self.upgrades = ["SPDY/3.1", "websocket"]
        self.objects: dict[str, Document] = {}
        self.deletions: list[Document] = []
        self.refuse: Callable[[str, str], Answer | None] = lambda method, path: None
        self.watches: list[_Handler] = []
        self.log: list[tuple[str, str]] = []
        self._version = 0

    def _application(self, is_proxy: bool = False, prefix: str = "") -> Application:
        options = {"api": self, "is_proxy": is_proxy}
        return Application(
            [
                (rf"{prefix}(/.*/portforward)", _Forward, {"api": self}),
                (rf"{prefix}(/.*)", _Handler, options),
            ]
        )

    def proxied(self) -> ApiServer:
        """The server behind a unix socket, as `kubectl proxy` offers it: nobody else logs in."""
        path = self.folder / "kubectl.sock"
        self._proxy = HTTPServer(self._application(is_proxy=True))
        self._proxy.add_sockets([bind_unix_socket(str(path))])
        return ApiServer.behind_socket(path)

    def below(self, prefix: str) -> ApiServer:
        """The server from now on: below a path, as Rancher's proxy has it, and nowhere else."""
        self.http.request_callback = self._application(prefix=prefix)
        self.server = replace(self.server, url=f"{self.server.url}{prefix}")
        return self.server

    def client(self) -> KubernetesClient:
        """One that knows the server."""
        return KubernetesClient(lambda: self.server)

    def server_with(self, token: str) -> ApiServer:
        """The server, with another account."""
        return replace(self.server, token=token)

    async def close(self) -> None:
        """Stop answering."""
        for server in filter(None, (self.http, self._proxy)):
            server.stop()
            await server.close_all_connections()

    def answer(self, method: str, path: str, body: Document) -> Answer:
        """What the server does with a request."""
        if (refused := self.refuse(method, path)) is not None:
            return refused
        if method == "POST" and self.queries[-1:] == [DRY_RUN]:
            return 201, body
        if method == "POST":
            return self._create(f"{path}/{body['metadata']['name']}", body)
        result = self.objects.get(path)
        if method == "DELETE" and result is not None:
            conditions = body["preconditions"].items()
            if any(result["metadata"][key] != value for key, value in conditions):
                return failure(409, "Conflict", "the object is another one, or has changed")
            self.deletions.append(body)
            del self.objects[path]
            self.tell("DELETED", result)
            return 200, result
        if result is not None:
            return 200, result
        if path.endswith(("/pods", "/events")):
            items = [item for key, item in self.objects.items() if key.startswith(f"{path}/")]
            return 200, {"items": items, "metadata": {"resourceVersion": str(self._version)}}
        return failure(404, "NotFound", f"{path} not found")

    def _create(self, path: str, body: Document) -> Answer:
        if path in self.objects:
            return failure(409, "AlreadyExists", f"{path} already exists")
        self._version += 1
        version = str(self._version)
        metadata = {**body["metadata"], "uid": f"uid-{version}", "resourceVersion": version}
        self.objects[path] = {"status": {"phase": "Pending"}, **body, "metadata": metadata}
        self.tell("ADDED", self.objects[path])
        return 201, self.objects[path]

    def tell(self, kind: str, document: Document) -> None:
        """An event of all watches."""
        self._version += 1
        document["metadata"]["resourceVersion"] = str(self._version)
        for watch in self.watches:
            watch.write(json.dumps({"type": kind, "object": document}) + "\n")
            watch.flush()


def _query(handler: RequestHandler) -> dict[str, str]:
    return {name: handler.get_query_argument(name) for name in handler.request.query_arguments}


class _Forward(WebSocketHandler):
    """Forwards to a port that echoes, over SPDY or a WebSocket."""

    def initialize(self, api: FakeApi) -> None:
        self.api = api

    async def prepare(self) -> None:
        """Refuse where the test does."""
        if refused := self.api.refuse(str(self.request.method), self.request.path):
            self.set_status(refused[0])
            self.finish(json.dumps(refused[1]))

    async def post(self, path: str) -> None:
        """SPDY."""
        self.api.asked.append(("POST", path))
        if self.request.headers["Upgrade"] not in self.api.upgrades:
            self.set_status(400)
            self.finish("Upgrade request required")
            return
        await fake_spdy.echo(self.detach(), self.api.forward_error, self.api.ports)

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        return SUBPROTOCOL if SUBPROTOCOL in subprotocols else None

    def open(self, path: str) -> None:
        self.api.asked.append(("GET", path))
        self.api.ports.append(self.get_query_argument("ports"))
        port = int(self.api.ports[-1]).to_bytes(2, "little")
        error = self.api.forward_error
        self.write_message(b"\0" + port, binary=True)
        self.write_message(b"\1" + port, binary=True)
        if error:
            self.write_message(b"\1" + error, binary=True)

    def on_message(self, message: str | bytes) -> None:
        self.write_message(message, binary=True)


class _Handler(RequestHandler):
    def initialize(self, api: FakeApi, is_proxy: bool) -> None:
        self.api = api
        self.is_proxy = is_proxy
        self.closed = asyncio.Event()

    async def handle(self, path: str) -> None:
        method = str(self.request.method)
        self.api.asked.append((method, path))
        self.api.queries.append(_query(self))
        expected = None if self.is_proxy else f"Bearer {self.api.token}"
        if self.request.headers.get("Authorization") != expected:
            self._answer(failure(401, "Unauthorized", "Unauthorized"))
            return
        body = json.loads(self.request.body) if self.request.body else {}
        if path.endswith("/log") and self.api.refuse(method, path) is None:
            self.finish(self._container_log())
            return
        answer = self.api.answer(method, path, body)
        if answer[0] == 200 and self.get_query_argument("watch", ""):
            await self._watch()
            return
        self._answer(answer)

    def _container_log(self) -> bytes:
        """The lines since a second, each with its time where that is asked for."""
        since = self.get_query_argument("sinceTime", "")[:19]
        has_times = self.get_query_argument("timestamps", "") == "true"
        lines = [
            f"{time} {text}" if has_times else text
            for time, text in self.api.log
            if time[:19] >= since
        ]
        return "".join(lines).encode()[: int(self.get_query_argument("limitBytes"))]

    async def _watch(self) -> None:
        self.api.watches.append(self)
        try:
            await self.flush()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(float(self.get_query_argument("timeoutSeconds"))):
                    await self.closed.wait()
        finally:
            self.api.watches.remove(self)

    def on_connection_close(self) -> None:
        self.closed.set()

    def _answer(self, answer: Answer) -> None:
        self.set_status(answer[0])
        self.set_header("Content-Type", "application/json")
        self.finish(answer[1].get("plain") or json.dumps(answer[1]))

    get = post = delete = handle
