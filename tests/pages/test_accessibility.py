"""What axe-core finds on our pages, light and dark, and whether they fit on a telephone."""

import pytest
from playwright.async_api import Browser

from .accessibility import THEMES, Theme, check_pages
from .sites import SITES

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", SITES)
async def test_pages(browser: Browser, name: str, theme: Theme) -> None:
    async with SITES[name].serve() as stub:
        await check_pages(browser, stub.base, SITES[name].pages, theme)
