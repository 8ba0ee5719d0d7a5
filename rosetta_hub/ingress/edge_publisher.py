"""Keeps the edge's open doors equal to what the database says."""

import logging
import secrets
from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import delete, select

from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import BrowserSession, State, Target, Task, utc_now
from rosetta_hub.edge.client import Activity, EdgeClient, Listener, Session, Status
from rosetta_hub.edge.errors import PortInUse
from rosetta_hub.edge.process import ensure_edge
from rosetta_hub.edge.settings import edge_config
from rosetta_hub.errors import EdgeUnavailable, NotFound
from rosetta_hub.keys import Keys, digest
from rosetta_hub.resources.resource import Resource
from rosetta_hub.targets import Target as EdgeTarget
from rosetta_hub.tasks.credentials import authorization_header
from rosetta_hub.tasks.job import software_of
from rosetta_hub.tasks.links import is_http, needs_port, open_url, page_url, task_host
from rosetta_hub.tasks.manager import TaskManager
from rosetta_hub.tasks.ports import assign_port

log = logging.getLogger(__name__)

# Seconds between the redirect with the ticket and its use by the same browser.
TICKET_SECONDS = 60


class EdgePublisher:
    """Opens and closes tasks at the edge, and opens all of them again when the edge is a new one.

    While the edge does not answer, tasks go on; whatever was missed is in the next full push.
    """

    def __init__(
        self,
        tasks: TaskManager,
        resources: Mapping[str, Resource],
        settings: Rosetta,
        keys: Keys,
    ) -> None:
        self._tasks = tasks
        self._resources = resources
        self._settings = settings
        self._keys = keys
        self._config = edge_config(settings)
        self._client = EdgeClient(self._config.socket)
        self._instance: str | None = None

    async def sync(self) -> None:
        """See that the edge runs, with these settings; tell a new one everything.

        Raises:
            EdgeUnavailable: it does not answer.
        """
        status = await self._find_edge()
        if status.instance != self._instance:
            await self._push_all()
            self._instance = status.instance
            log.info("edge %s knows all tasks", status.instance)

    async def open(self, task: Task) -> None:
        """Open the task's door, or bring it up to date; assigns a port where it needs one.

        Raises:
            PortsExhausted: no port is free.
            NotFound: the attempt is over.
        """
        # Not kept for longer: what holds a port now may have ended when the next task is opened.
        refused: set[int] = set()
        while True:
            if needs_port(task, self._settings):
                task = self._with_port(task, refused)
            try:
                await self._client.put_task(self._listener(task, self._sessions(task)))
                return
            except PortInUse:
                log.warning("%s: port %s is used by another program", task.id, task.port)
                refused.add(task.port or 0)
            except EdgeUnavailable as error:
                log.warning("%s: the edge will be told later: %s", task.id, error)
                return

    async def close(self, task: Task) -> None:
        """Close the task's door, and end all its sessions.

        Raises:
            EdgeUnavailable: it is not known to be closed; its port must not be given away.
        """
        with self._tasks.database.session() as session:
            session.execute(delete(BrowserSession).where(BrowserSession.task_id == task.id))
        await self._client.delete_task(task.id)

    async def issue_ticket(self, task: Task, user: str, token: str, browser: str) -> str:
        """A one-time ticket that lets one browser of `user` into the task.

        `token` is the OAuth token that the browser has for the service, `browser` the SHA-256 by
        which the edge knows the browser.

        Raises:
            EdgeUnavailable: the edge does not answer.
        """
        ticket, cookie = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        expires = utc_now() + timedelta(hours=self._settings.session_hours)
        row = BrowserSession(
            digest=digest(cookie),
            task_id=task.id,
            user=user,
            token=self._keys.database.encrypt(token.encode()),
            expires=expires,
        )
        with self._tasks.database.session() as session:
            session.add(row)
        await self._client.post_ticket(
            task.id, ticket, browser, cookie, user, TICKET_SECONDS, expires.timestamp()
        )
        return ticket

    async def check(self) -> None:
        """See that the edge answers.

        Raises:
            EdgeUnavailable: it does not.
        """
        await self._client.status()

    async def end_session(self, session: BrowserSession) -> None:
        """Let a browser in no more.

        Raises:
            EdgeUnavailable: the edge does not answer; the session stays to be ended.
        """
        await self._client.delete_session(session.task_id, session.digest)
        with self._tasks.database.session() as rows:
            rows.execute(delete(BrowserSession).where(BrowserSession.digest == session.digest))

    async def activity(self) -> dict[str, Activity]:
        """The traffic of each open task.

        Raises:
            EdgeUnavailable: the edge does not answer.
        """
        return await self._client.activity()

    async def _find_edge(self) -> Status:
        if self._instance is not None or not self._settings.manage_edge:
            try:
                return await self._client.status()
            except EdgeUnavailable:
                self._instance = None
                if not self._settings.manage_edge:
                    raise
        # Also at first, while one answers: it may have been started before the settings changed.
        return await ensure_edge(self._config)

    async def _push_all(self) -> None:
        listeners = []
        for task in self._tasks.active():
            if task.port is None and needs_port(task, self._settings):
                continue
            listeners.append(self._listener(task, self._sessions(task)))
        for task_id in await self._client.put_tasks(listeners):
            # Its port was taken while no edge held it: the task gets another one.
            await self._move(task_id)

    async def _move(self, task_id: str) -> None:
        try:
            task = self._tasks.find(task_id)
            log.warning("%s: its port %s was taken by another program", task.id, task.port)
            await self.open(task)
        except NotFound:
            return

    def _with_port(self, task: Task, refused: set[int]) -> Task:
        if task.port is not None and task.port not in refused:
            return task
        with self._tasks.database.session() as session:
            row = session.get(Task, task.id, with_for_update=True)
            if row is None or row.attempt != task.attempt:
                raise NotFound("The attempt is over.")
            assign_port(session, row, self._settings.port_range, refused)
        return row

    def _sessions(self, task: Task) -> dict[str, Session]:
        query = select(BrowserSession).where(
            BrowserSession.task_id == task.id, BrowserSession.expires > utc_now()
        )
        with self._tasks.database.session() as session:
            return {
                row.digest: Session(row.user, int(row.expires.timestamp()))
                for row in session.scalars(query)
            }

    def _listener(self, task: Task, sessions: dict[str, Session]) -> Listener:
        software = software_of(task)
        password = self._keys.interface_password(task.id, task.attempt)
        by_port = needs_port(task, self._settings)
        return Listener(
            id=task.id,
            port=task.port if by_port else None,
            host=None if by_port else task_host(task, self._settings),
            protocol="http" if is_http(task) else "tcp",
            target=self._target(task),
            target_tls=software.interface_protocol == "https",
            authorization=authorization_header(software, password),
            name=task.name,
            room_url=page_url(task, self._settings),
            open_url=open_url(task, self._settings),
            cookie_secret=self._keys.task_cookie_secret(task.id, task.attempt),
            sessions=sessions,
        )

    def _target(self, task: Task) -> EdgeTarget | None:
        resource = self._resources.get(task.computing)
        if resource is None or task.state is not State.RUNNING or task.target is Target.STOP:
            return None
        return resource.interface_target(task)
