"""Keeps the edge equal to what the database says."""

import logging
import secrets
from collections.abc import Mapping

from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import BrowserSession, Task
from rosetta_hub.edge.client import (
    Activity,
    EdgeClient,
    NotConnected,
    PortInUse,
    TaskListener,
    merge_activity,
)
from rosetta_hub.edge.process import ensure_edge
from rosetta_hub.errors import Conflict, EdgeUnavailable, NotFound, ResourceUnavailable
from rosetta_hub.ingress.listeners import ListenerBuilder
from rosetta_hub.ingress.publisher import Publisher
from rosetta_hub.ingress.sessions import BrowserSessions, NewSession
from rosetta_hub.keys import Keys
from rosetta_hub.resources.resource import Resource
from rosetta_hub.sidecar_client import Upgraded
from rosetta_hub.sidecar_settings import edge_config
from rosetta_hub.tasks.interfaces import further_ports
from rosetta_hub.tasks.manager import TaskManager
from rosetta_hub.tasks.ports import assign_ports
from rosetta_hub.tasks.queries import ABSENT
from rosetta_hub.tasks.task_urls import edge_port, listener_id, needs_port

log = logging.getLogger(__name__)

# Seconds between the redirect with the ticket and its use by the same browser.
TICKET_SECONDS = 60


class EdgePublisher(Publisher[EdgeClient]):
    """Opens and closes tasks at the edge, and lets browsers in."""

    def __init__(
        self,
        tasks: TaskManager,
        resources: Mapping[str, Resource],
        settings: Rosetta,
        keys: Keys,
    ) -> None:
        self._settings = settings
        self._config = edge_config(settings)
        super().__init__(EdgeClient(self._config.socket), tasks)
        self._listeners = ListenerBuilder(resources, settings, keys)
        self._sessions = BrowserSessions(tasks.database, keys, settings.session_hours)

    async def open(self, task: Task) -> None:
        """Open the task, or bring it up to date; assigns a port where it needs one.

        Raises:
            PortsExhausted: no port is free.
            ResourceUnavailable: it is not known where the task is.
            NotFound: the attempt is over.
        """
        async with self._lock:
            await self._open(self._read(task))

    async def close(self, task: Task) -> None:
        """Close the task, and end all its sessions.

        Raises:
            EdgeUnavailable: it is not known to be closed; its port must not be given away.
        """
        async with self._lock:
            self._sessions.end_all(task)
            await self._client.delete_task(task.id)

    def start_session(self, task: Task, user: str, token: str) -> NewSession:
        """Begin a session of a browser; `token` is its OAuth token for the service.

        Raises:
            Conflict: the user has too many sessions in the task.
        """
        return self._sessions.start(task, user, token)

    async def issue_ticket(
        self, task: Task, user: str, new: NewSession, browser: str, interface: int | None = None
    ) -> str:
        """A one-time ticket with which one browser gets the session for an interface of the task.

        `browser` is the SHA-256 by which the edge knows the browser.

        Raises:
            NotFound: the session was ended meanwhile.
            EdgeUnavailable: the edge does not answer.
        """
        ticket = secrets.token_urlsafe(32)
        # The end of a session voids its tickets, so none may be issued after it.
        async with self._lock:
            if self._sessions.find(new) is None:
                raise NotFound(ABSENT)
            await self._client.post_ticket(
                listener_id(task, interface),
                ticket,
                browser,
                new.cookie,
                user,
                TICKET_SECONDS,
                new.expires.timestamp(),
            )
        return ticket

    async def cancel_session(self, new: NewSession) -> None:
        """End a session that has just begun.

        Raises:
            EdgeUnavailable: the edge does not answer; the session stays to be ended.
        """
        row = self._sessions.find(new)
        if row is not None:
            await self.end_session(row)

    def sessions_of(self, task: Task) -> list[BrowserSession]:
        """The sessions of browsers in a task."""
        return self._sessions.rows(task)

    async def end_session(self, session: BrowserSession) -> None:
        """Let a browser in no more.

        Raises:
            EdgeUnavailable: the edge does not answer; the session stays to be ended.
        """
        async with self._lock:
            await self._client.delete_session(session.task_id, session.digest)
            self._sessions.end(session)

    async def cut_connections(self, user: str) -> None:
        """Close the connections to a user's tasks that have no session: protocols other than HTTP.

        Raises:
            EdgeUnavailable: the edge does not answer.
        """
        for task in self._tasks.active():
            if task.user == user:
                await self._client.delete_connections(task.id)

    async def connect(self, task: Task, interface: int | None) -> Upgraded:
        """A stream of bytes to an interface of the task, for a user who may enter it.

        Raises:
            Conflict: the task is not open.
            EdgeUnavailable: the edge does not answer.
        """
        try:
            return await self._client.connect(listener_id(task, interface))
        except NotConnected as error:
            raise Conflict("This task is not ready for connections: wait until it runs.") from error

    async def activity(self) -> dict[str, Activity]:
        """The traffic of each open task, that of its further interfaces included.

        Raises:
            EdgeUnavailable: the edge does not answer.
        """
        return merge_activity(await self._client.activity())

    async def _find_instance(self) -> str:
        if not self._settings.manage_edge:
            return (await self._client.status()).instance
        # Also while one answers: it may have been started before the settings changed.
        return (await ensure_edge(self._config)).instance

    async def _push_all(self) -> dict[str, str]:
        listeners, kept_ids = [], []
        sessions = self._sessions.by_task()
        for task in self._tasks.active():
            if task.port is None and needs_port(task, self._settings):
                continue
            try:
                listeners += self._listeners.build(task, sessions[task.id])
                continue
            except ResourceUnavailable as error:
                # The reconciler asks the resource; until then, what is open stays open.
                log.info("%s: the edge keeps it as it is: %s", task.id, error)
                self._tasks.wake(task.id)
            except Exception:
                log.exception("%s can't be described to the edge, which keeps it as it is", task.id)
            kept_ids += [listener_id(task, port) for port in (None, *further_ports(task))]
        return await self._client.put_tasks(listeners, kept_ids)

    async def _open(self, task: Task) -> None:
        # Not kept for longer: what holds a port now may have ended when the next task is opened.
        refused: set[int] = set()
        while True:
            task = self._with_ports(task, refused)
            try:
                busy = await self._put_each(
                    self._listeners.build(task, self._sessions.of_task(task))
                )
            except EdgeUnavailable as error:
                self._miss(task, error)
                return
            if busy is None:
                return
            log.warning("%s: port %s is used by another program", task.id, busy)
            refused.add(busy)

    async def _put_each(self, listeners: list[TaskListener]) -> int | None:
        """Open these; returns the first port that another program holds."""
        for listener in listeners:
            try:
                await self._client.put_task(listener)
            except PortInUse:
                return listener.port
        return None

    def _with_ports(self, task: Task, refused: set[int]) -> Task:
        interfaces = [
            key for key in (None, *further_ports(task)) if needs_port(task, self._settings, key)
        ]
        ports = {key: edge_port(task, key) for key in interfaces}
        if all(port is not None and port not in refused for port in ports.values()):
            return task
        with self._tasks.database.session() as session:
            row = session.get(Task, task.id, with_for_update=True)
            if row is None or row.attempt != task.attempt:
                raise NotFound("The attempt is over.")
            assign_ports(session, row, interfaces, self._settings.port_range, refused)
        return row
