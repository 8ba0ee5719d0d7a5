"""A browser, and a stub of hub and service for it.

One browser serves all tests of this folder, each in a context of its own; it lives in the event
loop of the session, and so do the tests.
"""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Error, Page, async_playwright

from . import stub as stubs
from .families import catalogue

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest_asyncio.fixture(loop_scope="session")
async def stub() -> AsyncIterator[stubs.Stub]:
    """Hub and service with a catalogue and without tasks."""
    made = stubs.Stub()
    made.families = catalogue()
    server = made.listen()
    yield made
    made.cut()
    server.stop()
    await server.close_all_connections()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        await started.close()


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
    await context.close()
    assert faults == []
