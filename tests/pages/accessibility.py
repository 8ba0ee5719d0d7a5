"""What axe-core finds on pages, light and dark, and whether they fit on a telephone."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Browser, Page, ViewportSize

AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
# The violations as texts: rule, impact, and the elements with what is wrong.
RUN = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations.map(
    ({id, impact, nodes}) => [`${id} (${impact})`, ...nodes.map(
        ({target, failureSummary}) => `${target}: ${failureSummary.replace(/\\s+/g, " ")}`)
    ].join("\\n    "))"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# What a page does after it was resized, it does before the frame that follows.
NEXT_FRAME = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 360, "height": 740}

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
Action = Callable[[Page], Awaitable[Any]]
# Of each page: its address, what shows that it is complete, and what somebody does there.
Pages = Mapping[str, tuple[str, str, Action]]


async def nothing(page: Page) -> None:
    """The page as it comes."""


async def check_pages(browser: Browser, base: str, pages: Pages, theme: Theme) -> None:
    """Open each page, do what somebody does there, and fail with all that is wrong."""
    context = await browser.new_context(
        base_url=base, color_scheme=theme, reduced_motion="reduce", viewport=WIDE
    )
    page = await context.new_page()
    faults = {}
    for name, (address, ready, act) in pages.items():
        await page.set_viewport_size(WIDE)
        await page.goto(address)
        await page.wait_for_selector(ready)
        await act(page)
        if result := await find_faults(page, theme):
            faults[name] = result
    await context.close()
    assert faults == {}, "\n".join(f"{name}: {text}" for name in faults for text in faults[name])


async def find_faults(page: Page, theme: Theme) -> list[str]:
    """What is wrong with the page as it is, on a desk and on a telephone."""
    await page.evaluate(AXE.read_text())
    values = [f"on a desk: {text}" for text in await page.evaluate(RUN)]
    values += await _find_overflow(page)
    await page.set_viewport_size(NARROW)
    await page.evaluate(NEXT_FRAME)
    values += await _find_overflow(page)
    # The colours are those of the desk: one theme is enough.
    if theme == "light":
        values += [f"on a telephone: {text}" for text in await page.evaluate(RUN)]
    return values


async def _find_overflow(page: Page) -> list[str]:
    overflow = await page.evaluate(OVERFLOW)
    return [f"{overflow} px wider than {page.viewport_size}"] if overflow else []
