"""Chromium, as users use it."""

import contextlib
import os
from collections.abc import AsyncIterator

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.support.browsing import visit
from tests.support.chromium import launch
from tests.support.pictures import wait_for_change

from .deployment import Deployment


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser; each user of it takes a context of its own."""
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        try:
            yield browser
        finally:
            await browser.close()


async def log_in(context: BrowserContext, deployment: Deployment, name: str) -> Page:
    """Log in to the hub; returns the page, which shows the user's tasks."""
    page = await context.new_page()
    await visit(page, f"{deployment.url}/hub/login")
    await page.fill("#username_input", name)
    await page.fill("#password_input", "any")
    await page.click("#login_submit")
    await page.wait_for_url("**/services/rosetta/")
    return page


async def run_a_cell(page: Page, code: str = "print(6 * 7 * 1000)", output: str = "42000") -> None:
    """A new notebook, one cell, its output."""
    family = page.locator('.jp-LauncherCard[data-category="Notebook"]').first
    await family.click(timeout=90_000)
    cell = page.locator(".jp-Notebook .cm-content").first
    # What is run before the kernel listens is lost, on anybody's JupyterLab.
    await page.get_by_text("(ipykernel) | Idle").wait_for(timeout=60_000)
    await cell.click(timeout=60_000)
    await page.keyboard.type(code)
    await page.keyboard.press("Shift+Enter")
    await page.locator(".jp-OutputArea-output", has_text=output).first.wait_for(timeout=60_000)


# Bytes of a picture of a screen on which nothing is drawn.
EMPTY = 3000


async def click_changes_the_screen(page: Page) -> None:
    """The desktop shows something, and something else after a click with the right button."""
    canvas = page.locator("canvas").first
    await canvas.wait_for(timeout=60_000)

    async def click() -> None:
        box = await canvas.bounding_box()
        assert box is not None
        await page.mouse.click(box["x"] + box["width"] * 0.7, box["y"] + 300, button="right")

    await wait_for_change(canvas.screenshot, click, smallest=EMPTY)


async def keep_picture(page: Page, name: str) -> None:
    """For developers who want to see: `ROSETTA_PICTURES=DIR`."""
    if directory := os.environ.get("ROSETTA_PICTURES"):
        await page.screenshot(path=f"{directory}/{name}.png")
