"""That containers of other tests, which come and go, break off nothing in a browser."""

import asyncio
import contextlib
import secrets
import subprocess
from collections.abc import AsyncIterator, Iterator
from functools import partial

import pytest
from playwright.async_api import async_playwright

from tests.support.chromium import launch
from tests.support.eventually import until

pytestmark = pytest.mark.system


# Chromium has six connections to a host; what else it wants there waits for one of them.
CONNECTIONS = 6
# Modules of a page, say.
FETCH = """() => {
  const fetchOne = () => fetch("/slow").then((answer) => answer.text()).catch(String);
  window.slow = Promise.all(Array.from({length: 20}, fetchOne));
}"""


class SlowServer:
    """Shows a page at once; the rest of an answer waits until it is released."""

    def __init__(self) -> None:
        self.asked, self.released = 0, asyncio.Event()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n")
        if head.startswith(b"GET /slow "):
            writer.write(b"all")
            await writer.drain()
            self.asked += 1
            await self.released.wait()
            writer.write(b" of it")
        await writer.drain()
        writer.close()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Serve within the block; gives the address."""
        async with await asyncio.start_server(self.answer, "127.0.0.1", 0) as server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def ip(*words: str) -> str:
    """What ip(8) prints."""
    return subprocess.run(["ip", *words], capture_output=True, text=True, check=True).stdout


def addresses(interface: str) -> str:
    """The link-local addresses of an interface that count already."""
    return ip("-6", "address", "show", "dev", interface, "scope", "link", "-tentative")


@contextlib.contextmanager
def pair_of_interfaces() -> Iterator[str]:
    """What a container's start makes; gives the name of the one."""
    name = f"rt{secrets.token_hex(4)}"
    ip("link", "add", name, "type", "veth", "peer", "name", f"{name}p")
    try:
        for item in (name, f"{name}p"):
            ip("link", "set", item, "up")
        yield name
    finally:
        ip("link", "delete", name)


async def test_an_interface_that_gets_an_address_breaks_off_nothing() -> None:
    server = SlowServer()
    async with server.running() as url, async_playwright() as playwright:
        browser = await launch(playwright)
        page = await browser.new_page()
        await page.goto(url)
        await page.evaluate(FETCH)
        await until(lambda: server.asked == CONNECTIONS)
        # The kernel takes a second for each address: when the last is there, what the first does to
        # a browser has been done.
        for _ in range(3):
            with pair_of_interfaces() as name:
                await until(partial(addresses, name))
        server.released.set()
        assert await page.evaluate("window.slow") == ["all of it"] * 20
        await browser.close()
