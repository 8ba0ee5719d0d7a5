"""Sharing in a whole deployment: who gets in, and that the end of a share is the end at once."""

import asyncio
import json
from datetime import timedelta
from typing import Any

from playwright.async_api import Browser, Page, expect
from tornado.websocket import WebSocketClientConnection, websocket_connect

from rosetta_hub.database.models import utc_now
from tests.support.browsing import visit

from .browser import chromium, keep_picture, log_in
from .deployment import Deployment, User

# Seconds; much less than the minute after which the edge is swept.
DEADLINE = 10


async def share(owner: User, task: dict[str, Any], **what: Any) -> dict[str, Any]:
    """Share a task; returns the share or the link."""
    answer = await owner.api("POST", f"tasks/{task['id']}/shares", what)
    assert answer.code == 201, answer.body
    document: dict[str, Any] = json.loads(answer.body)
    return document


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
        result = await share(alice, task, **what)
        assert task["id"] in await listed(bob)
        socket = await open_socket(bob, task)
        visitors = json.loads((await alice.api("GET", f"tasks/{task['id']}/visitors")).body)
        assert {visitor["user"] for visitor in visitors["visitors"]} == {"alice", "bob"}
        ended = await alice.api("DELETE", f"tasks/{task['id']}/shares/{result['id']}")
        assert ended.code == 204, ended.body
        assert await is_cut(socket)
        assert task["id"] not in await listed(bob)
        for path in (f"tasks/{task['id']}", f"tasks/{task['id']}/log"):
            assert (await bob.api("GET", path)).code == 404
    await mine.write_message("still here")
    assert await mine.read_message() == "still here"
    mine.close()


async def test_a_share_ends_when_its_time_is_over(alice: User, bob: User) -> None:
    task = await alice.until((await alice.start(software="chatty"))["id"], "running", "failed")
    await share(alice, task, user="bob", until=(utc_now() + timedelta(seconds=15)).isoformat())
    socket = await open_socket(bob, task)
    assert await is_cut(socket, 60)
    assert task["id"] not in await listed(bob)


# Opens a WebSocket; `socketClosed` is settled when the other side closes it.
OPEN_SOCKET = """() => new Promise((resolve, reject) => {
  const socket = new WebSocket(location.origin.replace("http", "ws") + "/");
  window.socketClosed = new Promise((done) => { socket.onclose = done; });
  socket.onopen = () => socket.send("hello");
  socket.onmessage = resolve;
  socket.onerror = reject;
})"""


async def make_link(page: Page) -> str:
    """Have the owner's page make a link for one user."""
    panel = page.get_by_role("region", name="Sharing")
    await panel.get_by_text("Share this task", exact=True).click()
    await panel.get_by_label("Share with").select_option("link")
    await panel.get_by_role("button", name="Share", exact=True).click()
    by_label = panel.get_by_label("The link. It is shown this once: hand it on.")
    await expect(by_label).to_be_visible()
    return await by_label.input_value()


async def follow(browser: Browser, link: str, name: str) -> Page:
    """Open a link without being logged in, and log in where that leads."""
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    page = await context.new_page()
    await visit(page, link)
    await page.fill("#username_input", name)
    await page.fill("#password_input", "any")
    await page.click("#login_submit")
    await page.wait_for_url(link)
    return page


async def enter(page: Page) -> None:
    """From the task's page to the inside, with a WebSocket that works."""
    await page.get_by_role("link", name="Connect", exact=True).click()
    await page.wait_for_url(lambda url: "/services/rosetta/" not in url)
    await page.evaluate(OPEN_SOCKET)


async def test_owner_guest_and_outsider(deployment: Deployment, alice: User) -> None:
    """A link is made, accepted, used up; the guest is seen inside, and is out when that ends."""
    task = await alice.until((await alice.start(software="chatty"))["id"], "running", "failed")
    async with chromium() as browser:
        owner = await log_in(await browser.new_context(), deployment, "alice")
        await visit(owner, f"{deployment.url}/services/rosetta/tasks/{task['id']}?stay")
        link = await make_link(owner)
        guest = await follow(browser, link, "bob")
        await expect(guest.get_by_text("alice's files and rights")).to_be_visible()
        await keep_picture(guest, "join")
        await guest.get_by_role("button", name="Join the task").click()
        await guest.wait_for_url(f"**/tasks/{task['id']}")
        await expect(guest.get_by_role("region", name="Sharing")).to_have_count(0)
        dashboard = await guest.context.new_page()
        await visit(dashboard, f"{deployment.url}/services/rosetta/")
        shared = dashboard.get_by_role("region", name="Shared with me")
        await expect(shared.get_by_text("of alice")).to_be_visible()
        await enter(guest)
        await expect(owner.get_by_text("Inside now:")).to_contain_text("bob", timeout=30_000)
        await keep_picture(owner, "sharing")
        outsider = await follow(browser, link, "carol")
        await expect(outsider.get_by_text("used as often as it may")).to_be_visible()
        await owner.get_by_role("button", name="End: User bob").click()
        await guest.evaluate("window.socketClosed.then(() => true)")
        await expect(shared).to_be_hidden()
        await visit(guest, link)
        await expect(guest.get_by_text("Your access to this task has been ended")).to_be_visible()
        refused = await visit(guest, f"{deployment.url}/services/rosetta/open/{task['id']}")
        assert refused is not None
        assert refused.status == 404
