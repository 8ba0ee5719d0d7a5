"""`GET api/v1/tasks/<id>/connection`: a TCP connection to a task, inside of a WebSocket.

It speaks the subprotocol `rosetta.tcp.v1`. Binary messages are bytes of the connection, of at most
`LARGEST_MESSAGE` each. The text message `end` says that its sender has no more bytes; the other
direction goes on (RFC 6455 has no half-close). The service closes with 1000 after both ends, and
with one of `CloseCode` otherwise.
"""

import asyncio
import contextlib
from enum import IntEnum

from pydantic import Field
from tornado import web
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from rosetta_hub.background import spawn
from rosetta_hub.catalogue.interfaces import find_interface
from rosetta_hub.database.models import Task
from rosetta_hub.errors import HubUnavailable, NotAllowed, NotFound
from rosetta_hub.sidecar_client import Upgraded
from rosetta_hub.tasks.events import Event
from rosetta_hub.tasks.interfaces import further_interfaces
from rosetta_hub.web.bodies import RequestModel
from rosetta_hub.web.handlers import HubHandler
from rosetta_hub.web.operations import Content, operation
from rosetta_hub.web.rights import ENTER_TASK

SUBPROTOCOL = "rosetta.tcp.v1"
END = "end"
# Bytes of one message, from clients and to them.
LARGEST_MESSAGE = 1 << 20
CHUNK = 1 << 16
# Seconds. Proxies close what is silent for a minute. A missing answer is no reason to close: a
# client that is suspended, or that does not read, can't give one, and TCP notices one that is gone.
PING_INTERVAL = 30
# Seconds between two looks at whether the user may still be there.
CHECK_INTERVAL = 60


class CloseCode(IntEnum):
    """Why the service has closed a connection."""

    DONE = 1000
    PROTOCOL = 1002
    TASK_ENDED = 4000
    NOT_ALLOWED = 4001
    LOST = 4002


class ConnectionQuery(RequestModel):
    """Which interface it is."""

    port: int | None = Field(
        default=None, ge=1, le=65535, description="Of a further interface; by default the main one"
    )


class ConnectionHandler(HubHandler, WebSocketHandler):
    """Carries the bytes of one connection between a client and the edge.

    The service does this, not the edge: it knows the hub's tokens, and its address is the one that
    clients reach in every deployment, while the ports of the edge may be closed to them. The edge
    does the rest, as for every other connection.
    """

    path = "tasks/{task}/connection"
    renews_rights = True
    ping_interval = PING_INTERVAL
    ping_timeout = 0
    max_message_size = LARGEST_MESSAGE

    _stream: Upgraded | None = None
    _relay: asyncio.Task[None] | None = None
    _client_ended = False
    _task_ended = False

    @operation(
        id="connect_task",
        right=ENTER_TASK,
        answer=Content(),
        status=101,
        refuses=(409, 426, 429),
    )
    async def get(self, task_id: str, query: ConnectionQuery) -> None:
        """Carry a TCP connection to an interface of a task inside of a WebSocket."""
        self.principal.check("access:servers", self.task)
        port = _find_port(self.task, query.port)
        if not self._asks_for_stream():
            return
        with self.services.connections.admit(self.principal.name):
            self._stream = await self.services.edge.connect(self.task, port)
            try:
                self.audit_entry(self.task)
                await super().get()
            finally:
                self._let_go()

    def _asks_for_stream(self) -> bool:
        """Whether the request opens such a WebSocket; answers it where it opens none.

        Raises:
            NotAllowed: it has no token, or is a browser's, which can't send one.
            HTTPError: it does not offer the subprotocol.
        """
        headers = self.request.headers
        if "Authorization" not in headers or "Origin" in headers:
            raise NotAllowed(
                "This address is for programs that send a token of the hub in 'Authorization',"
                " and not for pages in browsers."
            )
        if headers.get("Upgrade", "").lower() != "websocket":
            self.set_header("Upgrade", "websocket")
            self.refuse(426, "Open a WebSocket at this address.")
            return False
        offered = headers.get("Sec-WebSocket-Protocol", "").split(",")
        if SUBPROTOCOL not in (name.strip() for name in offered):
            raise web.HTTPError(400, f"Offer the subprotocol {SUBPROTOCOL}.")
        return True

    def select_subprotocol(self, _subprotocols: list[str]) -> str:
        """The only one that there is."""
        return SUBPROTOCOL

    def open(self, *_: str) -> None:
        """Begin to carry the bytes of the task."""
        self.set_nodelay(True)
        self._relay = spawn(self._serve(), f"connection to {self.task.id}")

    async def on_message(self, message: str | bytes) -> None:
        """Pass bytes of the client on; the next message is read when the task has taken them."""
        if self._client_ended or (isinstance(message, str) and message != END):
            self._end(CloseCode.PROTOCOL, "This message does not belong here.")
        elif isinstance(message, bytes):
            await self._pass_on(message)
        else:
            self._client_ended = True
            self._writer.write_eof()
            self._end_if_done()

    async def _pass_on(self, data: bytes) -> None:
        # What is lost is told by the end of the task's direction.
        with contextlib.suppress(ConnectionError):
            self._writer.write(data)
            await self._writer.drain()
        # A connection at full speed lets others have their turn.
        await asyncio.sleep(0)

    def on_close(self) -> None:
        """Let go of the task, also while it takes no bytes."""
        self._let_go()

    async def _serve(self) -> None:
        """Carry the task's bytes, until the user may be there no more."""
        try:
            async with asyncio.timeout(None) as limit, asyncio.TaskGroup() as group:
                group.create_task(self._send_all())
                with self.services.streams.watch(self.principal.name, limit):
                    await self._watch()
        except TimeoutError:
            self._end(CloseCode.NOT_ALLOWED, "Your session has ended: log in again.")

    async def _send_all(self) -> None:
        try:
            while data := await self._reader.read(CHUNK):
                await self.write_message(data, binary=True)
                await asyncio.sleep(0)
            self._task_ended = True
            await self.write_message(END)
            self._end_if_done()
        except ConnectionError:
            self._end(CloseCode.LOST, "The connection to the task was lost.")
        except (WebSocketClosedError, StreamClosedError):
            # The client has gone, of which `on_close` is told.
            return

    async def _watch(self) -> None:
        """Return when the connection has been ended: the task is over, or not this user's."""
        with self.services.tasks.events.listen(self.task.id) as queue:
            while not self._is_over():
                news = await _next_news(queue)
                if news in (None, "shares") and not await self._may_stay():
                    self._end(CloseCode.NOT_ALLOWED, "You may not use this task any more.")
                    return
        self._end(CloseCode.TASK_ENDED, "The task has ended.")

    def _is_over(self) -> bool:
        try:
            task = self.services.tasks.find(self.task.id)
        except NotFound:
            return True
        return task.attempt != self.task.attempt or task.state.final

    async def _may_stay(self) -> bool:
        """Whether the hub still says so; nobody is thrown out while it says nothing."""
        try:
            if not await self.renew():
                return False
        except HubUnavailable:
            return True
        return self.principal.may("access:servers", self.task.user, self.task.server_name)

    def _end(self, code: CloseCode, reason: str) -> None:
        self.close(code, reason)
        self._writer.transport.abort()

    def _end_if_done(self) -> None:
        if self._client_ended and self._task_ended:
            self.close(CloseCode.DONE)

    def _let_go(self) -> None:
        if self._relay is not None:
            self._relay.cancel()
        if self._stream is None:
            return
        # What the client sent before it ended its direction still goes to the task.
        if self._client_ended:
            self._writer.close()
        else:
            self._writer.transport.abort()

    @property
    def _reader(self) -> asyncio.StreamReader:
        return self._opened.reader

    @property
    def _writer(self) -> asyncio.StreamWriter:
        return self._opened.writer

    @property
    def _opened(self) -> Upgraded:
        if self._stream is None:
            raise RuntimeError("the connection to the task is not open yet")
        return self._stream


async def _next_news(queue: asyncio.Queue[Event | None]) -> str | None:
    """What kind of event came next, logs aside; None after a while without any, or too many."""
    try:
        async with asyncio.timeout(CHECK_INTERVAL):
            while (event := await queue.get()) is not None and event.kind == "log":
                pass
    except TimeoutError:
        return None
    return None if event is None else event.kind


def _find_port(task: Task, port: int | None) -> int | None:
    """The port of the further interface that is asked for; None for the main one.

    Raises:
        NotFound: the task's software declares no interface with that port.
    """
    main = task.software.get("interface_port")
    if port in (None, main):
        return None
    declared = further_interfaces(task)
    interface = find_interface(declared, str(port))
    if interface is None:
        ports = ", ".join(map(str, [main, *(interface.port for interface in declared)]))
        raise NotFound(f"This task has no interface with that port. It has: {ports}.")
    return interface.port
