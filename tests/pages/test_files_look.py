"""The file manager for everybody: what axe-core finds, and whether it fits a telephone."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from .accessibility import OVERFLOW, THEMES, WIDE, Theme, find_faults
from .files import URL, FilesStub, fill_storage, make_copy, serve_files
from .files_page import choose, open_folder, payload, select
from .test_files_open import CARDS, PIXEL, notebook

pytestmark = pytest.mark.asyncio(loop_scope="session")

LONG = "W" * 120

Scene = Callable[[Page], Awaitable[Any]]


async def show_storages(page: Page) -> None:
    await page.goto(URL)
    await expect(page.locator(".usage:visible")).to_have_count(2)


async def show_folder(page: Page) -> None:
    await open_folder(page)
    await expect(page.locator("#tray")).to_be_visible()


async def show_empty_folder(page: Page) -> None:
    await open_folder(page, "scratch/")


async def show_selection(page: Page) -> None:
    await open_folder(page)
    await select(page, "data", "notes.md")
    await page.get_by_role("link", name="reduce.py").press("Control+x")


async def show_fault(page: Page) -> None:
    await page.goto(f"{URL}home/gone")
    await expect(page.locator("#fault")).to_be_visible()


def opened(name: str, ready: str) -> Scene:
    async def show(page: Page) -> None:
        await page.goto(f"{URL}home/{name}")
        await expect(page.locator(ready).first).to_be_visible()

    return show


async def show_editor(page: Page) -> None:
    await opened("reduce.py", ".viewer-text")(page)
    await page.get_by_role("button", name="Edit").click()
    await expect(page.locator(".cm-content")).to_be_focused()
    await page.keyboard.type("# more\n")


async def ask_for_a_name(page: Page) -> None:
    await open_folder(page)
    await page.get_by_role("link", name="notes.md").press("F2")
    await page.get_by_label("New name").fill("a/b")
    await page.keyboard.press("Enter")


async def ask_about_deleting(page: Page) -> None:
    await open_folder(page)
    await page.get_by_role("link", name="data").press("Delete")
    await expect(page.get_by_role("dialog")).to_be_visible()


async def ask_about_a_conflict(page: Page) -> None:
    await open_folder(page)
    await choose(page, payload("notes.md"), payload("reduce.py"), payload("sources.csv"))
    await expect(page.get_by_role("dialog")).to_be_visible()


async def pick_a_folder(page: Page) -> None:
    await open_folder(page)
    await select(page, "data")
    await page.get_by_role("button", name="Copy to…").click()
    await expect(page.locator(".picker-list li").first).to_be_visible()


SCENES: dict[str, Scene] = {
    "storages": show_storages,
    "folder": show_folder,
    "empty": show_empty_folder,
    "selection": show_selection,
    "fault": show_fault,
    "text": opened("reduce.py", ".viewer-text"),
    "table": opened("sources.csv", ".viewer-table"),
    "fits": opened("spectrum.fits", ".viewer-hdu"),
    "notebook": opened("analysis.ipynb", "iframe"),
    "no preview": opened("pipe", ".viewer-note"),
    "editor": show_editor,
    "name": ask_for_a_name,
    "delete": ask_about_deleting,
    "conflict": ask_about_a_conflict,
    "picker": pick_a_folder,
}


@pytest_asyncio.fixture(loop_scope="session")
async def stub(tmp_path: Path) -> AsyncIterator[FilesStub]:
    """A service with something of everything, and copies."""
    async with serve_files(tmp_path) as site:
        fill_storage(site)
        site.usage["scratch"] = {"total": 1000, "used": 950, "free": 50}
        site.file(f"home/{LONG}.txt", "x")
        site.file(f"home/{LONG}/a.txt", "x")
        half = {"bytes": 50 << 20, "total_bytes": 100 << 20, "files": 3, "total_files": 8}
        site.put_copy(make_copy("c0", **half, rate=10 << 20, seconds_left=5))
        ended = datetime.now(UTC).isoformat()
        site.put_copy(make_copy("c1", state="failed", message=f"{LONG} is full.", ended=ended))
        site.previews["sources.csv"] = {"rows": [["name"] * 9, ["L1448"] * 9], "truncated": True}
        hdu = {"index": 0, "name": "SCI", "kind": "IMAGE", "shape": [20, 10], "is_image": True}
        site.previews["spectrum.fits"] = {"hdus": [hdu | {"cards": CARDS}], "truncated": False}
        site.images["spectrum.fits"] = PIXEL
        site.previews["analysis.ipynb"] = notebook()
        yield site


@pytest.mark.parametrize("theme", THEMES)
async def test_scenes(browser: Browser, stub: FilesStub, theme: Theme) -> None:
    faults = {}
    for name, show in SCENES.items():
        context = await browser.new_context(
            base_url=stub.base, viewport=WIDE, color_scheme=theme, reduced_motion="reduce"
        )
        page = await context.new_page()
        await show(page)
        if result := await find_faults(page, theme):
            faults[name] = result
        await context.close()
    assert faults == {}, "\n".join(f"{name}: {text}" for name in faults for text in faults[name])


async def test_a_long_name_does_not_widen_the_page(page: Page, stub: FilesStub) -> None:
    await page.set_viewport_size({"width": 360, "height": 740})
    await open_folder(page, f"home/{LONG}")
    assert await page.evaluate(OVERFLOW) <= 0
    await page.get_by_role("link", name="a.txt").click()
    await expect(page.locator(".viewer-text")).to_be_visible()
    assert await page.evaluate(OVERFLOW) <= 0
