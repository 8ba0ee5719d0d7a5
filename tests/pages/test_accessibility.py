"""What axe-core finds on our pages, light and dark, and whether they fit on a telephone."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from .account import URL, AccountStub, make_identity, serve_account, with_key
from .builds import BUILD_PAGE, FORM, LINK, building, failed, make_build, serve_builds
from .families import catalogue
from .look import fill
from .software import URL as SOFTWARE
from .software import fill as fill_software
from .software import serve_software
from .stub import PREFIX

pytestmark = pytest.mark.asyncio(loop_scope="session")

AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
# The violations as texts: rule, impact, and the elements with what is wrong.
RUN = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations.map(
    ({id, impact, nodes}) => [`${id} (${impact})`, ...nodes.map(
        ({target, failureSummary}) => `${target}: ${failureSummary.replace(/\\s+/g, " ")}`)
    ].join("\\n    "))"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

Action = Callable[[Page], Awaitable[Any]]


async def nothing(page: Page) -> None:
    """The page as it comes."""


async def filter_catalogue(page: Page) -> None:
    await page.get_by_role("button", name="astronomy").click()
    await page.get_by_role("radio", name="CASA").check()


async def open_advanced(page: Page) -> None:
    await page.get_by_role("radio", name="Jupyter Notebook").check()
    await page.get_by_label("Computing resource").select_option("vega")
    await page.get_by_role("button", name="Advanced").click()
    await page.get_by_label("Time limit").fill("4d")
    await page.locator("#advanced summary").click()


async def choose_storages(page: Page) -> None:
    await page.get_by_role("radio", name="Jupyter Notebook").check()
    await page.get_by_role("checkbox", name="Home").uncheck()
    await page.locator("#extra-binds summary").click()
    await page.get_by_role("button", name="Add a directory").click()
    await page.get_by_label("Directory", exact=True).fill("/etc")


# Address, what shows that the page is complete, and what somebody does there.
PAGES: dict[str, tuple[str, str, Action]] = {
    "dashboard": (PREFIX, "#ended-list .task-row", nothing),
    **{
        task: (f"{PREFIX}tasks/{task}?stay", "#details dd", nothing)
        for task in ("a2", "a3", "a4", "a5", "a7", "a9")
    },
    "no task": (f"{PREFIX}tasks/ffff", ".notice", nothing),
    "account": (URL, ".identity", nothing),
    "catalogue": ("/hub/spawn", "#cards", nothing),
    "filter": ("/hub/spawn", "#chips button", filter_catalogue),
    "form": ("/hub/spawn", "#chips button", open_advanced),
    "storages": ("/hub/spawn", "#chips button", choose_storages),
    "link": ("/hub/spawn?software=casa&next=/user/alice/lab", "#link-target a", nothing),
    "servers": ("/hub/home", ".server-row", nothing),
    "error": ("/hub/error", ".notice", nothing),
    "not running": ("/hub/not_running", ".notice", nothing),
    "starting": ("/hub/spawn_pending", ".notice", nothing),
    # JupyterHub's own, in our frame.
    "token": ("/hub/token", "#api-tokens-table", nothing),
    "login": ("/hub/login", "#username_input", nothing),
}


async def fill_in_link(page: Page) -> None:
    await page.get_by_label("Repository", exact=True).fill(
        "an-organisation/a-long-name-" + "x" * 60
    )
    await page.get_by_label("Computing resource").select_option("vega")


async def choose_missing_key(page: Page) -> None:
    await page.get_by_label("Computing resource").select_option("perun")


async def choose_sizes(page: Page) -> None:
    await page.get_by_label("Computing resource").select_option("vega")


BUILD_PAGES: dict[str, tuple[str, str, Action]] = {
    "form of links": (FORM, "#link-form", fill_in_link),
    "add": (f"{FORM}?add", "#link-form", nothing),
    "refused": (f"{FORM}?refused=1", ".banner", nothing),
    "link": (LINK, "#found", choose_sizes),
    "key": (LINK, "#found", choose_missing_key),
    "building": (f"{BUILD_PAGE}?urlpath=doc/tree/a.ipynb", "#progress", nothing),
    "failed": (f"{PREFIX}builds/{'c' * 12}", "#tail", nothing),
    "done": (f"{PREFIX}builds/{'d' * 12}", "#actions button", nothing),
    "builds": (f"{PREFIX}builds", "#builds li", nothing),
}


async def open_menu(page: Page) -> None:
    await page.get_by_role("button", name="More for Old tool").click()


async def fill_in_software(page: Page) -> None:
    await page.get_by_role("button", name="Add software").click()
    await page.get_by_label("Image", exact=True).fill("ghcr.io/org/sky-viewer:1.2")
    await page.get_by_text("Found · 300 MB").wait_for()
    for part in ("Architecture and digest", "Further interfaces", "Variables and command"):
        await page.get_by_text(part).click()
    await page.get_by_role("button", name="Add an interface").click()
    await page.get_by_role("button", name="Add a variable").click()


async def ask_to_delete(page: Page) -> None:
    await page.get_by_role("button", name="More for Sky-Viewer").click()
    await page.get_by_role("button", name="Delete…").click()
    await page.get_by_role("dialog").wait_for()


SOFTWARE_PAGES: dict[str, tuple[str, str, Action]] = {
    "cards": (SOFTWARE, ".software-card", open_menu),
    "entry": (SOFTWARE, ".software-card", fill_in_software),
    "deletion": (SOFTWARE, ".software-card", ask_to_delete),
    "one button": ("/hub/spawn?software=casa&cpus=2&start=1", "#one-button", nothing),
}


@pytest_asyncio.fixture(loop_scope="session")
async def stub() -> AsyncIterator[AccountStub]:
    """Hub and service with something of everything."""
    async with serve_account() as made:
        fill(made)
        made.add(make_identity(), make_identity("other", name="Other") | with_key("alice"))
        made.native = {"old": True, "older": False}
        made.run("lab-1", software="casa", name="My lab")
        yield made


THEMES = [("light", 1280), ("dark", 1280), ("light", 360)]


@pytest.mark.parametrize(("theme", "width"), THEMES)
async def test_pages(browser: Browser, stub: AccountStub, theme: Any, width: int) -> None:
    await check_pages(browser, stub.base, PAGES, theme, width)


@pytest.mark.parametrize(("theme", "width"), THEMES)
async def test_pages_of_builds(browser: Browser, theme: Any, width: int) -> None:
    async with serve_builds() as builds:
        builds.put_build(building(waiting=3))
        builds.put_build(failed(id="c" * 12))
        builds.put_build(make_build(id="d" * 12, state="done", message="The image is ready."))
        builds.build_log = "STEP 7/23: RUN pip install -r requirements.txt\n" * 40
        await check_pages(browser, builds.base, BUILD_PAGES, theme, width)


@pytest.mark.parametrize(("theme", "width"), THEMES)
async def test_pages_of_software(browser: Browser, theme: Any, width: int) -> None:
    async with serve_software() as software:
        software.families = catalogue()
        fill_software(software)
        await check_pages(browser, software.base, SOFTWARE_PAGES, theme, width)


async def check_pages(
    browser: Browser, base: str, pages: dict[str, tuple[str, str, Action]], theme: Any, width: int
) -> None:
    """Open each page, do what somebody does there, and fail with all that is wrong."""
    context = await browser.new_context(
        base_url=base,
        viewport={"width": width, "height": 900},
        color_scheme=theme,
        reduced_motion="reduce",
    )
    page = await context.new_page()
    faults = {}
    for name, (address, ready, act) in pages.items():
        await page.goto(address)
        await page.wait_for_selector(ready)
        await act(page)
        await page.evaluate(AXE.read_text())
        found = list(await page.evaluate(RUN))
        if overflow := await page.evaluate(OVERFLOW):
            found.append(f"{overflow} px too wide")
        if found:
            faults[name] = found
    await context.close()
    assert faults == {}, "\n".join(f"{name}: {text}" for name in faults for text in faults[name])
