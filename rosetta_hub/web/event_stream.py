"""`GET api/v1/events`: live news as a stream of server-sent events (WHATWG HTML, section 9.2)."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import Field
from tornado.iostream import StreamClosedError

from rosetta_hub.database.models import Task
from rosetta_hub.database.paging import Page
from rosetta_hub.errors import HubUnavailable, NotFound
from rosetta_hub.tasks.events import Event
from rosetta_hub.tasks.listing import TaskQuery
from rosetta_hub.web.bodies import RequestModel
from rosetta_hub.web.operations import Content, operation
from rosetta_hub.web.rights import LOGGED_IN
from rosetta_hub.web.task_access import TaskAccess

# Seconds after which a comment is sent, so that proxies keep a silent stream open.
KEEP_ALIVE = 15
# Seconds after which a stream ends: the page connects again, and its rights are looked at anew.
LONGEST = 600


News = TypeVar("News")


class EventStreamHandler(TaskAccess):
    """What streams of server-sent events share."""

    renews_rights = True

    def is_counted(self) -> bool:
        """A browser opens a stream again by itself, whatever it was answered."""
        return False

    @asynccontextmanager
    async def limited(self) -> AsyncIterator[None]:
        """At most `LONGEST` seconds, or until the user's sessions are ended.

        Raises:
            TimeoutError: the time is over.
        """
        streams = self.services.streams
        async with asyncio.timeout(LONGEST) as limit:
            with streams.watch(self.principal.name, limit):
                yield

    async def begin(self) -> None:
        """Send what tells the browser that it is connected; nothing is refused afterwards."""
        self.set_header("Content-Type", "text/event-stream; charset=utf-8")
        self.set_header("X-Accel-Buffering", "no")
        self.write(": connected\n\n")
        await self.flush()

    async def send(self, kind: str, data: dict[str, Any]) -> None:
        """Send an event."""
        self.write(f"event: {kind}\ndata: {json.dumps(data)}\n\n")
        await self.flush()

    async def wait_for(self, take: Callable[[], Awaitable[News]]) -> News:
        """What `take` returns; comments keep the stream open meanwhile."""
        while True:
            try:
                async with asyncio.timeout(KEEP_ALIVE):
                    return await take()
            except TimeoutError:
                self.write(": still here\n\n")
                await self.flush()


class EventsQuery(RequestModel):
    """What is followed."""

    task: str | None = Field(default=None, description="Id of the only task, with its log")
    changes: bool = Field(default=False, description="Only what changes, not what there is")


class EventsHandler(EventStreamHandler):
    """All tasks that the principal sees, then every change; with `?task=` one task and its log.

    With `?changes=1` only what changes: for a page that asks for the list itself.
    """

    path = "events"

    @operation(id="follow_tasks", right=LOGGED_IN, answer=Content("text/event-stream"))
    async def get(self, query: EventsQuery) -> None:
        """The tasks, then what changes, as server-sent events.

        A reader that is too slow is cut off.
        """
        only = query.task
        with self.services.tasks.events.listen(only) as queue:
            # Refused before the first byte, which is a "200".
            page = None if query.changes else self._present(only, None)
            try:
                # A page without tasks, too, has to learn that it is connected.
                await self.begin()
                while page is not None:
                    await self._send_tasks(page.rows, only)
                    page = self._present(only, page.next) if page.next else None
                async with self.limited():
                    await self._follow(queue, only)
            except (StreamClosedError, TimeoutError):
                return

    def _present(self, only: str | None, after: str | None) -> Page[Task]:
        if only is not None:
            return Page([self.visible_task(only)], None)
        return self.visible_tasks(TaskQuery(after=after))

    async def _send_tasks(self, tasks: list[Task], only: str | None) -> None:
        for task in tasks:
            await self.send("task", self._view(task))
            # Others have their turn: a user may have hundreds.
            await asyncio.sleep(0)
            if only is not None:
                await self._send_log(task)

    async def _send_log(self, task: Task) -> None:
        """What is kept of the log, if only that it is empty; offsets tell what was sent before."""
        logs = self.services.tasks.logs
        text = logs.read(task.id, task.attempt)
        if self.principal.may("access:servers", task.user, task.server_name):
            offset = logs.received(task.id, task.attempt) - len(text.encode())
            await self.send("log", {"offset": max(0, offset), "text": text})

    async def _follow(self, queue: asyncio.Queue[Event | None], only: str | None) -> None:
        while (event := await self.wait_for(queue.get)) is not None:
            if event.kind == "shares":
                await self._look_again(event)
            elif self._wanted(event, only):
                await self._tell(event)

    async def _look_again(self, event: Event) -> None:
        """Show a task that is shared now, and no more the one that is not.

        Raises:
            TimeoutError: it is not known who sees it; the page connects again.
        """
        if not self.principal.is_named_by(*event.share):
            return
        saw = self.principal.sees(event.user, event.server_name)
        try:
            renewed = await self.renew()
        except HubUnavailable as error:
            raise TimeoutError from error
        if not renewed:
            raise TimeoutError
        if self.principal.sees(event.user, event.server_name):
            await self._tell(replace(event, kind="task"))
        elif saw:
            await self.send("gone", {"id": event.task_id})

    def _wanted(self, event: Event, only: str | None) -> bool:
        if only is None and self.principal.admin and event.user != self.principal.name:
            return False
        return self.principal.sees(event.user, event.server_name)

    async def _tell(self, event: Event) -> None:
        if event.kind == "gone":
            await self.send("gone", {"id": event.task_id})
        elif event.kind == "log":
            if self.principal.may("access:servers", event.user, event.server_name):
                await self.send("log", {"offset": event.offset, "text": event.text})
        else:
            try:
                await self.send("task", self._view(self.services.tasks.find(event.task_id)))
            except NotFound:
                await self.send("gone", {"id": event.task_id})

    def _view(self, task: Task) -> dict[str, Any]:
        return self.services.viewer.view(task, self.principal.rights(task)).model_dump(mode="json")
