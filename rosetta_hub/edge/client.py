"""The edge's API: typed calls over its unix socket (the calls are listed in `js/api.mjs`)."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rosetta_hub.errors import EdgeUnavailable, RosettaError
from rosetta_hub.sidecar_client import (
    Document,
    SidecarApi,
    SidecarStatus,
    Upgraded,
    split_documents,
)
from rosetta_hub.targets import Target

# Bytes of a full state that are sent at once: a quarter of what the edge takes.
LARGEST_PIECE = 4 << 20


class EdgeError(RosettaError):
    """The edge answered with an error; the message is its explanation."""


class NotConnected(EdgeError):
    """No connection to an interface: there is none, or it does not answer yet."""


class PortInUse(EdgeError):
    """Another program has the port, or this user may not bind it."""


@dataclass(frozen=True)
class Session:
    """A browser that may use a task: known by the SHA-256 of its cookie's value."""

    user: str
    expires: int
    """Seconds since the epoch."""


@dataclass(frozen=True)
class TaskListener:
    """A task as the edge serves it: on a port, or under a host name of the main port.

    A further interface of a task is one as well, with an origin and cookies of its own.
    """

    id: str
    """12 hexadecimal digits; of a further interface, `-` and its port behind the task's."""
    name: str
    room_url: str
    """The task's own page, for a browser that has to wait."""
    open_url: str
    """Where a browser without a session is sent; the path it wanted is added as `next`."""
    cookie_secret: str = field(repr=False)
    """16 hexadecimal digits, with which the names of the container's cookies begin in browsers.

    Tasks that share a host name share a cookie jar: a page that knew it could set cookies for this
    task.
    """
    port: int | None = None
    host: str | None = None
    """The name that browsers use; with a port, only where it differs from `public_host`."""
    protocol: str = "http"
    """`http` (with WebSockets) or `tcp`."""
    interface_port: int | None = None
    """The port as the container knows it: redirects to this port of `localhost` are its own."""
    target: Target | None = None
    """None while the interface does not answer."""
    target_tls: bool = False
    authorization: str | None = field(default=None, repr=False)
    """The header that the container expects; set on each request towards it."""
    sessions: Mapping[str, Session] = field(default_factory=dict, repr=False)
    """By SHA-256, in hexadecimal, of the cookie's value."""
    interfaces: tuple[int, ...] = ()
    """The ports of the task's further interfaces; an update closes those that it leaves out."""

    def to_document(self) -> Document:
        """As the API takes it."""
        return {
            "id": self.id,
            "name": self.name,
            "room_url": self.room_url,
            "open_url": self.open_url,
            "cookie_secret": self.cookie_secret,
            "port": self.port,
            "host": self.host,
            "protocol": self.protocol,
            "interface_port": self.interface_port,
            "target": self.target.to_document() if self.target else None,
            "target_tls": self.target_tls,
            "authorization": self.authorization,
            "sessions": {
                digest: {"user": session.user, "expires": session.expires}
                for digest, session in self.sessions.items()
            },
            **({"interfaces": list(self.interfaces)} if self.interfaces else {}),
        }


@dataclass(frozen=True)
class EdgeStatus(SidecarStatus):
    """Who answers on the socket, and how many tasks are open."""

    tasks: int


@dataclass(frozen=True)
class Activity:
    """What went through a task since it was opened; times in milliseconds since the epoch."""

    bytes_in: int
    bytes_out: int
    last_request: int | None
    connections: int
    sessions: Mapping[str, int]
    """When each session was used last, by the SHA-256 of its value."""


def parse_activity(document: Document) -> dict[str, Activity]:
    """The activity of each task, by its id."""
    return {task: Activity(**activity) for task, activity in document["tasks"].items()}


def merge_activity(activity: Mapping[str, Activity]) -> dict[str, Activity]:
    """The activity of whole tasks: what went through a further interface is the task's."""
    merged: dict[str, Activity] = {}
    for listener, traffic in activity.items():
        task = listener.partition("-")[0]
        merged[task] = _add(merged[task], traffic) if task in merged else traffic
    return merged


def _add(first: Activity, second: Activity) -> Activity:
    names = first.sessions.keys() | second.sessions.keys()
    return Activity(
        bytes_in=first.bytes_in + second.bytes_in,
        bytes_out=first.bytes_out + second.bytes_out,
        last_request=max(first.last_request or 0, second.last_request or 0) or None,
        connections=first.connections + second.connections,
        sessions={
            name: max(first.sessions.get(name, 0), second.sessions.get(name, 0)) for name in names
        },
    )


def _place_of(listener: Document) -> Document:
    """What tells whether a task stays where it is."""
    return {key: listener[key] for key in ("port", "host", "protocol")}


class EdgeClient(SidecarApi):
    """Calls of the edge's API. Each takes at most `timeout` seconds.

    All raise EdgeUnavailable when the edge does not answer, and EdgeError when it refuses.
    """

    name = "the edge"
    unavailable = EdgeUnavailable
    error = EdgeError

    async def status(self) -> EdgeStatus:
        """Who answers."""
        return EdgeStatus(**await self._call("GET", "/status"))

    async def put_tasks(
        self, listeners: Iterable[TaskListener], kept_ids: Iterable[str] = ()
    ) -> dict[str, str]:
        """Make exactly these tasks open: the full state, which may be sent at any time.

        Those in `kept_ids` are left as they are, open or not. Connections of tasks that stay are
        not touched. Returns what went wrong, by id, for each task that could not be opened or
        updated: the system's error code of a port that could not be bound (such as `EADDRINUSE`),
        or a message; the others are open. Each piece of it takes at most `timeout` seconds.
        """
        documents = [listener.to_document() for listener in listeners]
        pieces = split_documents(documents, LARGEST_PIECE)
        later = {document["id"]: _place_of(document) for piece in pieces[1:] for document in piece}
        return await self._put_state("tasks", pieces, {**dict.fromkeys(kept_ids), **later})

    async def put_task(self, listener: TaskListener) -> None:
        """Open or update one task. Raises PortInUse."""
        await self._call("PUT", f"/tasks/{listener.id}", listener.to_document())

    async def delete_task(self, task: str) -> bool:
        """Close a task with its interfaces, cut its connections; False when it was not open."""
        return await self._delete(f"/tasks/{task}")

    async def post_ticket(
        self,
        task: str,
        ticket: str,
        browser_sha256: str,
        session: str,
        user: str,
        expires_in: float,
        session_expires: float,
    ) -> None:
        """Let a browser trade the ticket, once within `expires_in` seconds, for a session's cookie.

        `task` is the id of a listener, which may be that of a further interface.

        `browser_sha256` is what the edge called the browser when it sent it for a ticket,
        `session` is the cookie's value (16 characters or more of A-Z a-z 0-9 _ - . ~), and
        `session_expires` is in seconds since the epoch.
        """
        body = {
            "ticket_sha256": hashlib.sha256(ticket.encode()).hexdigest(),
            "browser_sha256": browser_sha256,
            "session": session,
            "user": user,
            "expires_in": expires_in,
            "session_expires": session_expires,
        }
        await self._call("POST", f"/tasks/{task}/tickets", body)

    async def delete_session(self, task: str, session_sha256: str) -> bool:
        """End a session in all interfaces of a task and cut its WebSockets; False without one."""
        return await self._delete(f"/tasks/{task}/sessions/{session_sha256}")

    async def delete_connections(self, task: str) -> bool:
        """Cut a task's connections that have no session, such as SSH; False when it is not open."""
        return await self._delete(f"/tasks/{task}/connections")

    async def connect(self, listener: str) -> Upgraded:
        """A stream of bytes to an interface, for a user whom the caller has checked.

        HTTP over it is plain, names a loopback address in `Host`, and needs no cookie. Raises
        NotConnected where the interface is not open.
        """
        path = f"/tasks/{listener}/connection"
        stream = await self._sidecar.upgrade(path, None, "bytes", self.timeout)
        if isinstance(stream, Upgraded):
            return stream
        raise NotConnected(str(stream[1].get("message", stream[0])))

    async def activity(self) -> dict[str, Activity]:
        """What went through each task, by id."""
        return parse_activity(await self._call("GET", "/activity"))

    def _refusal(self, status: int, document: Document) -> RosettaError:
        error = PortInUse if document.get("error") == "port_in_use" else EdgeError
        return error(str(document.get("message", status)))
