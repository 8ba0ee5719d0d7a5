"""Those who are inside a task: who they are, and how they get out when a share ends."""

import asyncio
from datetime import UTC, datetime

from rosetta_hub.database.models import BrowserSession, Task, utc_now
from rosetta_hub.ingress.edge_publisher import EdgePublisher
from rosetta_hub.sharing.principals import Principals
from rosetta_hub.sharing.session_check import SessionCheck
from rosetta_hub.sharing.view import VisitorView
from rosetta_hub.tasks.events import Broadcaster, Event

# Seconds. Open pages send something at least this often, as a rule.
PRESENT = 60


class Guests:
    """Sessions of a task's guests, and the news of who may see it."""

    def __init__(
        self, edge: EdgePublisher, check: SessionCheck, principals: Principals, events: Broadcaster
    ) -> None:
        self._edge = edge
        self._check = check
        self._principals = principals
        self._events = events

    def changed(self, task: Task, kind: str = "", name: str = "") -> None:
        """A share has changed: nothing that is kept counts any more, and open pages look again."""
        self._principals.forget()
        self._events.publish(
            Event("shares", task.id, task.user, task.server_name, share=(kind, name))
        )

    async def cut(self, task: Task, kind: str = "", name: str = "") -> None:
        """End the sessions of those who may not enter any more, WebSockets and tickets included.

        Without `kind` and `name` everybody is looked at, else a user or all but the owner. Where
        the hub does not say whether somebody may still enter, the session ends, too.

        Raises:
            EdgeUnavailable: the edge does not answer; who is inside stays there.
        """
        self._principals.forget()
        rows = [
            row
            for row in self._edge.sessions_of(task)
            if row.user != task.user and (kind != "user" or row.user == name)
        ]
        await asyncio.gather(*(self._cut(row) for row in rows))
        self.changed(task, kind, name)

    async def _cut(self, row: BrowserSession) -> None:
        if await self._check.may_enter(row) is not True:
            await self._edge.end_session(row)

    async def visitors(self, task: Task) -> list[VisitorView]:
        """Who has used the task within the last minute, the owner included, latest first.

        Raises:
            EdgeUnavailable: the edge does not answer.
        """
        activity = (await self._edge.activity()).get(task.id)
        if activity is None:
            return []
        users = {row.digest: row.user for row in self._edge.sessions_of(task)}
        earliest = (utc_now().timestamp() - PRESENT) * 1000
        last: dict[str, int] = {}
        for session, used in activity.sessions.items():
            if used > earliest and (user := users.get(session)) is not None:
                last[user] = max(used, last.get(user, 0))
        return [
            VisitorView(user=user, last_seen=datetime.fromtimestamp(used / 1000, UTC))
            for user, used in sorted(last.items(), key=lambda item: -item[1])
        ]
