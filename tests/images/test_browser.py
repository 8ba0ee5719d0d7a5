"""A desktop in a real browser: its size, its keyboard, its clipboard, and what a lost line does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.images.conftest import Start
from tests.images.containers import DEADLINE, Container, until
from tests.support.chromium import launch

SIZE = (
    "(() => { const c = document.querySelector('#screen canvas'); return [c.width, c.height]; })()"
)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        yield browser
        await browser.close()


async def until_async(ask: Callable[[], Awaitable[bool]], what: str) -> None:
    """Asks until the answer is yes; fails when it is not before the deadline."""
    end = time.monotonic() + DEADLINE
    while not await ask():
        assert time.monotonic() < end, f"{what}: not within {DEADLINE:.0f} s"
        await asyncio.sleep(0.1)


class Line:
    """A TCP connection to a container that can be cut, and then lead to a waiting room."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writers: set[asyncio.StreamWriter] = set()
        self.leads_to_waiting_room = False
        self.is_down = False

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        if self.is_down:
            writer.transport.abort()
            return
        if self.leads_to_waiting_room:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 503 Wait\r\nConnection: close\r\n\r\nWaiting room")
            writer.close()
            return
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._port)
        await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass  # it was cut
    writer.close()


@asynccontextmanager
async def line_to(container: Container) -> AsyncIterator[tuple[Line, int]]:
    line = Line(container.port)
    server = await asyncio.start_server(line.handle, "127.0.0.1", 0)
    yield line, server.sockets[0].getsockname()[1]
    line.cut()
    server.close()


async def opened(container: Container, browser: Browser, port: int = 0) -> Page:
    # The shell is started by a terminal that has its window, which gets the keys.
    until(lambda: {"fluxbox", "bash"} <= {*container.programs()}, "the shell in the terminal")
    until(lambda: container.status() == 200, "the page")
    origin = f"http://127.0.0.1:{port or container.port}"
    context = await browser.new_context(viewport={"width": 900, "height": 620})
    await context.grant_permissions(["clipboard-read", "clipboard-write"], origin=origin)
    page = await context.new_page()
    await page.goto(origin)
    await expect(page.locator("#overlay")).to_be_hidden(timeout=30_000)
    return page


async def test_the_desktop_has_the_size_of_the_window(start: Start, browser: Browser) -> None:
    page = await opened(start("minimaldesktop"), browser)
    await page.wait_for_function(f"JSON.stringify({SIZE}) === '[900,620]'")
    await page.set_viewport_size({"width": 1111, "height": 555})
    await page.wait_for_function(f"JSON.stringify({SIZE}) === '[1111,555]'")


async def test_the_keyboard_is_the_desktops_at_once(start: Start, browser: Browser) -> None:
    container = start("minimaldesktop")
    page = await opened(container, browser)
    await page.mouse.move(300, 300)
    await page.keyboard.type("touch /tmp/typed\n", delay=20)
    until(lambda: "typed" in container.execute("ls", "/tmp"), "what was typed")


async def test_text_is_pasted_into_the_desktop(start: Start, browser: Browser) -> None:
    container = start("minimaldesktop")
    page = await opened(container, browser)
    await page.evaluate("navigator.clipboard.writeText('pasted £ 你好')")
    await page.mouse.move(300, 300)
    await page.keyboard.type("cat > /tmp/pasted\n", delay=20)
    until(lambda: "pasted" in container.execute("ls", "/tmp"), "the program to paste into")
    await page.keyboard.press("Control+Shift+V")

    async def arrived() -> bool:
        await page.keyboard.press("Enter")
        return "pasted £ 你好" in container.execute("cat", "/tmp/pasted")

    await until_async(arrived, "what was pasted")


async def test_text_is_copied_out_of_the_desktop(start: Start, browser: Browser) -> None:
    page = await opened(start("minimaldesktop"), browser)
    await page.mouse.move(300, 300)
    await page.keyboard.type("yes copied | head -n 60\n", delay=20)

    # A double click selects a word, once the terminal is full of it
    async def selected() -> bool:
        await page.mouse.dblclick(100, 300, delay=20)
        return "copied" in await page.evaluate("navigator.clipboard.readText()")

    await until_async(selected, "the selected word")


async def test_a_lost_connection_is_made_again(start: Start, browser: Browser) -> None:
    container = start("minimaldesktop")
    async with line_to(container) as (line, port):
        page = await opened(container, browser, port)
        # Down for as long as it takes to be seen: half a second is over soon.
        line.is_down = True
        line.cut()
        await expect(page.locator("#overlay")).to_be_visible()
        await expect(page.locator("#overlay-text")).to_contain_text("Connecting again")
        line.is_down = False
        await expect(page.locator("#overlay")).to_be_hidden(timeout=20_000)


async def test_a_page_that_is_not_ours_any_more_is_loaded(start: Start, browser: Browser) -> None:
    container = start("minimaldesktop")
    async with line_to(container) as (line, port):
        page = await opened(container, browser, port)
        line.leads_to_waiting_room = True
        line.cut()
        await expect(page.get_by_text("Waiting room")).to_be_visible(timeout=20_000)


async def test_a_page_that_loaded_in_part_is_loaded_again(start: Start, browser: Browser) -> None:
    container = start("minimaldesktop")
    until(lambda: container.status() == 200, "the page")
    page = await browser.new_page()
    await page.route("**/rfb.js", lambda route: route.abort(), times=1)
    await page.goto(f"http://127.0.0.1:{container.port}")
    await expect(page.locator("#overlay")).to_be_hidden(timeout=20_000)
