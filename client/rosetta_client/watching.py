"""Waiting for the end of a task by its events, whatever happens to the connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx2

from rosetta_client.calls import Call, backoff
from rosetta_client.decode import decode
from rosetta_client.errors import ConnectionEnded, NotFound, NotLoggedIn, RosettaError
from rosetta_client.events import Event, EventParser
from rosetta_client.models import TaskView
from rosetta_client.waiting import OVER

if TYPE_CHECKING:
    from rosetta_client.async_client import AsyncClient

# Seconds between two comments of a stream, twice over.
_LIVENESS_TIMEOUT = httpx2.Timeout(35.0, connect=10.0)


async def watch_until_over(client: AsyncClient, task: TaskView) -> None:
    """Wait until this attempt of a task is over; while the hub does not answer, it is asked again.

    Raises:
        ConnectionEnded: always, unless one of the others: the attempt is over.
        NotFound: the task was deleted, or is not this user's any more.
        NotLoggedIn: the token is not good any more.
    """
    failures = 0
    while True:
        try:
            # Also where something in between keeps streams back.
            _check(await client.get_task(task.id), task)
            failures = 0
            await _read_events(client, task)
        except (ConnectionEnded, NotFound, NotLoggedIn):
            raise
        except RosettaError:
            failures += 1
        await asyncio.sleep(backoff(failures))


async def _read_events(client: AsyncClient, task: TaskView) -> None:
    """Read one stream to its end."""
    call: Call[None] = Call("GET", "events", None, query={"task": task.id})
    parser = EventParser()
    async with client.transport.stream(call, timeout=_LIVENESS_TIMEOUT) as response:
        async for piece in response.aiter_raw():
            for event in parser.feed(piece):
                _take(event, task)


def _take(event: Event, task: TaskView) -> None:
    if event.kind == "gone":
        raise NotFound(f"The task {task.name!r} has been deleted.")
    if event.kind == "task":
        _check(decode(TaskView, event.data), task)


def _check(present: TaskView, task: TaskView) -> None:
    if present.state in OVER or present.attempt != task.attempt:
        raise ConnectionEnded(f"The task {task.name!r} has ended.", is_final=True)
