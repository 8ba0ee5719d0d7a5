"""Sharing in a whole deployment: who gets in, and that the end of a share is the end at once."""

import asyncio
import json
from datetime import timedelta
from typing import Any

from tornado.websocket import WebSocketClientConnection, websocket_connect

from rosetta_hub.database.models import utc_now

from .deployment import Deployment, User

# Seconds; much less than the minute after which the edge is swept.
DEADLINE = 10


async def share(owner: User, task: dict[str, Any], **what: Any) -> dict[str, Any]:
    """Share a task; returns the share or the link."""
    answer = await owner.api("POST", f"tasks/{task['id']}/shares", what)
    assert answer.code == 201, answer.body
    made: dict[str, Any] = json.loads(answer.body)
    return made


async def open_socket(user: User, task: dict[str, Any]) -> WebSocketClientConnection:
    """A WebSocket of a browser that is inside, and works."""
    opened = await user.enter(task)
    socket = await websocket_connect(opened.websocket_request("/"))
    await socket.write_message("hello")
    assert await socket.read_message() == "hello"
    return socket


async def is_cut(socket: WebSocketClientConnection, seconds: float = DEADLINE) -> bool:
    """Whether the other side closes the socket, without waiting for a sweep."""
    async with asyncio.timeout(seconds):
        message = await socket.read_message()
    # The client warns of sockets that were not closed here, too.
    socket.close()
    return message is None


async def listed(user: User) -> list[str]:
    """The ids of the tasks that somebody sees."""
    return [task["id"] for task in json.loads((await user.api("GET", "tasks")).body)["tasks"]]


async def test_a_guest_of_each_kind_is_cut_off_at_once(
    deployment: Deployment, alice: User, bob: User
) -> None:
    """Shares with a user and with a group: inside, ended, out; the owner stays."""
    task = await alice.until((await alice.start(software="chatty"))["id"], "running", "failed")
    await deployment.fetch("POST", "/hub/api/groups/team", deployment.admin_token, {})
    for name in ("alice", "bob"):
        await deployment.hub_api("POST", "/groups/team/users", {"users": [name]})
    mine = await open_socket(alice, task)
    for what in ({"user": "bob"}, {"group": "team"}):
        assert task["id"] not in await listed(bob)
        made = await share(alice, task, **what)
        assert task["id"] in await listed(bob)
        socket = await open_socket(bob, task)
        visitors = json.loads((await alice.api("GET", f"tasks/{task['id']}/visitors")).body)
        assert {one["user"] for one in visitors["visitors"]} == {"alice", "bob"}
        ended = await alice.api("DELETE", f"tasks/{task['id']}/shares/{made['id']}")
        assert ended.code == 200, ended.body
        assert await is_cut(socket)
        assert task["id"] not in await listed(bob)
        for path in (f"tasks/{task['id']}", f"tasks/{task['id']}/log"):
            assert (await bob.api("GET", path)).code == 404
    await mine.write_message("still here")
    assert await mine.read_message() == "still here"
    mine.close()


async def test_a_share_ends_when_its_time_is_over(alice: User, bob: User) -> None:
    task = await alice.until((await alice.start(software="chatty"))["id"], "running", "failed")
    await share(alice, task, user="bob", until=(utc_now() + timedelta(seconds=8)).isoformat())
    socket = await open_socket(bob, task)
    assert await is_cut(socket, 60)
    assert task["id"] not in await listed(bob)
