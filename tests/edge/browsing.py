"""What a test does with a real browser."""

import asyncio
import secrets
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from playwright.async_api import Page

from tests.support.browsing import visit

if TYPE_CHECKING:
    from tests.edge.conftest import OpenTask


async def build_ticket_url(task: "OpenTask", browser: str, path: str = "/") -> str:
    """The address that opens a task once, in the browser with that SHA-256."""
    ticket, session = secrets.token_urlsafe(16), secrets.token_urlsafe(24)
    await task.rig.client.post_ticket(
        task.id, ticket, browser, session, "alice", 60, time.time() + 3600
    )
    return f"{task.origin}/_rosetta/open?{urlencode({'ticket': ticket, 'next': path})}"


async def open_in(page: Page, task: "OpenTask", path: str = "/") -> None:
    """Go to a task as a user does, with a hub that lets everybody in."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        query = parse_qs(urlsplit(head.split()[1]).query)
        url = await build_ticket_url(task, query["browser"][0], query["next"][0])
        writer.write(f"HTTP/1.1 302 Found\r\nLocation: {url}\r\nConnection: close\r\n".encode())
        writer.write(b"Content-Length: 0\r\n\r\n")
        writer.close()

    hub = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = hub.sockets[0].getsockname()[1]
    listener = task.listener
    await task.update(open_url=f"http://localhost:{port}/open")
    try:
        await visit(page, f"{task.origin}/_rosetta/open?next={quote(path, safe='')}")
    finally:
        hub.close()
        await task.update(open_url=listener.open_url)
