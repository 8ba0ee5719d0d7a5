"""A browser, and a stub of hub and service for it.

One browser serves all tests of this folder, each in a context of its own; it lives in the event
loop of the session, and so do the tests. Where it does not answer any more, another one serves
those that follow.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest_asyncio
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    async_playwright,
    expect,
)

from tests.support.chromium import launch

from . import stub as stubs
from .families import catalogue

# Seconds for what the browser does at once when it is well, even on a busy machine.
PATIENCE = 30

# Milliseconds that a page has until it shows what a test expects. Playwright's own five seconds are
# short beside two other busy parts of the tests; after ten, lists of the Admin page are read again
# by themselves, which would hide that an action does not do it.
expect.set_options(timeout=9_000)


class Chromium:
    """Debian's Chromium, started anew where it does not answer."""

    def __init__(self, stack: contextlib.AsyncExitStack) -> None:
        self._stack = stack
        self._browser: Browser | None = None

    async def browser(self) -> Browser:
        """A browser that answers."""
        if self._browser is None or not await _answers(self._browser):
            # With a driver of its own: that of a browser that hangs may hang as well.
            playwright = await async_playwright().start()
            self._stack.push_async_callback(_end, playwright.stop)
            self._browser = await launch(playwright)
            self._stack.push_async_callback(_end, self._browser.close)
        return self._browser


@pytest_asyncio.fixture(loop_scope="session")
async def stub() -> AsyncIterator[stubs.Stub]:
    """Hub and service with a catalogue and without tasks."""
    result = stubs.Stub()
    result.families = catalogue()
    server = result.listen()
    yield result
    result.cut()
    server.stop()
    await server.close_all_connections()


async def _answers(browser: Browser) -> bool:
    try:
        async with asyncio.timeout(PATIENCE):
            await (await browser.new_context()).close()
    except (Error, TimeoutError):
        return False
    return True


async def _end(close: Callable[[], Awaitable[None]]) -> None:
    """Close what may hang."""
    with contextlib.suppress(Error, TimeoutError):
        async with asyncio.timeout(PATIENCE):
            await close()


async def close_context(context: BrowserContext) -> None:
    """Close a context in time.

    Raises:
        TimeoutError: the browser does not do it.
    """
    async with asyncio.timeout(PATIENCE):
        await context.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Chromium]:
    """The browser of all tests."""
    async with contextlib.AsyncExitStack() as stack:
        yield Chromium(stack)


@pytest_asyncio.fixture(loop_scope="session")
async def browser(chromium: Chromium) -> Browser:
    """A browser that answers."""
    return await chromium.browser()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, stub: stubs.Stub) -> AsyncIterator[Page]:
    """A page at the stub's address; a broken policy or a fault of a script fails the test."""
    faults: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        # The answers 403, 404 and 503 of a test are errors to the console, not to us.
        if message.type == "error" and "Failed to load resource" not in message.text:
            faults.append(message.text)

    def raised(error: Error) -> None:
        faults.append(str(error))

    context = await browser.new_context(base_url=stub.base, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(15000)
    opened = await context.new_page()
    opened.on("console", heard)
    opened.on("pageerror", raised)
    yield opened
    await close_context(context)
    assert faults == []
