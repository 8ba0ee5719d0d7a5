"""Screenshots of every page, to look at: `python -m tests.pages.look DIRECTORY [SITE...]`."""

import asyncio
import sys
from pathlib import Path

from playwright.async_api import Browser, ViewportSize, async_playwright

from tests.pages.accessibility import NARROW, WIDE, Theme
from tests.pages.sites import SITES, Site
from tests.support.chromium import launch

SIZES: list[tuple[ViewportSize, Theme]] = [(WIDE, "light"), (NARROW, "dark")]


async def _look(browser: Browser, site: Site, directory: Path) -> None:
    async with site.serve() as stub:
        for size, theme in SIZES:
            context = await browser.new_context(
                base_url=stub.base, viewport=size, color_scheme=theme, reduced_motion="reduce"
            )
            page = await context.new_page()
            for name, (address, ready, act) in site.pages.items():
                await page.goto(address)
                await page.wait_for_selector(ready)
                await act(page)
                file = f"{name.replace(' ', '-')}-{size['width']}-{theme}.png"
                await page.screenshot(path=directory / file, full_page=True)
            await context.close()


async def main(directory: Path, names: list[str]) -> None:
    """All pages of the stubs that are named, or of all of them."""
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        for name in names or SITES:
            folder = directory / name
            folder.mkdir(parents=True, exist_ok=True)
            await _look(browser, SITES[name], folder)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:]))
