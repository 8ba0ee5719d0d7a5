"""Who uses what: told to the hub for its idle culler, and asked of the hub for its logouts."""

import logging
from datetime import UTC, datetime

from sqlalchemy import delete, select

from rosetta_hub.database.models import BrowserSession, Task, utc_now
from rosetta_hub.edge.client import Activity
from rosetta_hub.errors import HubUnavailable, UserError
from rosetta_hub.hub.client import HubClient
from rosetta_hub.ingress.edge_publisher import EdgePublisher
from rosetta_hub.sharing.session_check import SessionCheck
from rosetta_hub.tasks.manager import TaskManager

log = logging.getLogger(__name__)


class ActivityReporter:
    """Reads the edge's counters every few seconds.

    A task's last request (or traffic of an open connection) becomes its last activity, here and
    on the hub. The sessions that were used are checked with the hub: a browser whose user has
    logged out, or has lost access to the server, is let in no more.
    """

    def __init__(
        self,
        tasks: TaskManager,
        edge: EdgePublisher,
        hub: HubClient,
        check: SessionCheck,
    ) -> None:
        self._tasks = tasks
        self._edge = edge
        self._hub = hub
        self._check = check
        self._since_ms = _now_ms()
        # By user and server, what the hub has not been told yet.
        self._untold: dict[str, dict[str, str]] = {}

    async def step(self) -> None:
        """One round.

        Raises:
            EdgeUnavailable: the edge does not answer.
            HubUnavailable: the hub does not answer; activity is told in the next round.
        """
        activity = await self._edge.activity()
        began = _now_ms()
        self._forget_expired()
        await self._check_sessions(activity)
        for task in self._record(activity):
            if task.last_activity is not None:
                self.note(task, task.last_activity)
        self._since_ms = began
        await self._tell_hub()

    def note(self, task: Task, time: datetime) -> None:
        """Have the hub told in the next round that the task was used at that time."""
        self._untold.setdefault(task.user, {})[task.server_name] = time.isoformat()

    def _record(self, activity: dict[str, Activity]) -> list[Task]:
        changed = []
        for task_id, traffic in activity.items():
            if traffic.last_request is None or traffic.last_request <= self._since_ms:
                continue
            with self._tasks.database.session() as session:
                task = session.get(Task, task_id)
                if task is not None:
                    task.last_activity = datetime.fromtimestamp(traffic.last_request / 1000, UTC)
                    changed.append(task)
        return changed

    async def _tell_hub(self) -> None:
        for user in list(self._untold):
            servers = self._untold.pop(user)
            try:
                await self._report(user, servers)
            except HubUnavailable:
                # At the end: if only reports of this user fail, the others come first.
                self._untold[user] = servers
                raise

    async def _report(self, user: str, servers: dict[str, str]) -> None:
        """Report a user's activity; what the hub refuses is dropped, server by server.

        The hub refuses a whole report for one server that it does not have.
        """
        try:
            await self._hub.report_activity(user, servers)
        except UserError as error:
            if len(servers) == 1:
                log.warning("the hub refuses activity of %s %s: %s", user, list(servers), error)
                return
            for name, time in servers.items():
                await self._report(user, {name: time})

    async def _check_sessions(self, activity: dict[str, Activity]) -> None:
        used = {
            name
            for traffic in activity.values()
            for name, last in traffic.sessions.items()
            if last > self._since_ms
        }
        if not used:
            return
        query = select(BrowserSession).where(BrowserSession.digest.in_(used))
        with self._tasks.database.session() as session:
            rows = list(session.scalars(query))
        for row in rows:
            # Where the hub did not say no, nobody is thrown out: it may be restarting.
            if await self._check.may_enter(row) is False:
                log.info("%s: the session of %s ends with its login", row.task_id, row.user)
                await self._edge.end_session(row)

    def _forget_expired(self) -> None:
        with self._tasks.database.session() as session:
            session.execute(delete(BrowserSession).where(BrowserSession.expires < utc_now()))


def _now_ms() -> int:
    return int(utc_now().timestamp() * 1000)
