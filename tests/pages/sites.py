"""Every page, by the stub that serves it: for tests of all pages, and to look at."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from playwright.async_api import Page

from .accessibility import Pages, nothing
from .account import URL, make_identity, make_session, make_token, serve_account, with_key
from .admin import URL as ADMIN
from .admin import serve_admin
from .builds import BUILD_PAGE, FORM, LINK, building, failed, make_build, serve_builds
from .families import catalogue
from .software import URL as SOFTWARE
from .software import fill as fill_software
from .software import serve_software
from .stock import serve_stock
from .stub import PREFIX, Stub
from .tasks import fill


async def make_token_there(page: Page) -> None:
    await page.get_by_label("What it is for").fill("cron")
    await page.get_by_role("button", name="Make a token").click()
    await page.locator("#new-token").wait_for()


async def open_key_import(page: Page) -> None:
    await page.get_by_role("button", name="Import a key").click()
    await page.get_by_role("dialog").wait_for()


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


async def open_numbers(page: Page) -> None:
    await page.get_by_text("All numbers").click()
    await page.get_by_role("slider", name="Memory over time").press("PageDown")


PAGES: Pages = {
    "dashboard": (PREFIX, "#ended-list .task-row", nothing),
    **{
        task: (f"{PREFIX}tasks/{task}?stay", "#details dd", nothing)
        for task in ("a2", "a4", "a5", "a7", "a9")
    },
    "a3": (f"{PREFIX}tasks/a3?stay", "#usage-panel .usage-plot", open_numbers),
    "no task": (f"{PREFIX}tasks/ffff", ".notice", nothing),
    "account": (URL, ".identity", make_token_there),
    "import": (URL, ".identity", open_key_import),
    "confirm": (f"{URL}/confirm?code=x", "#confirm", nothing),
    "catalogue": ("/hub/spawn", "#cards", nothing),
    "filter": ("/hub/spawn", "#chips button", filter_catalogue),
    "form": ("/hub/spawn", "#chips button", open_advanced),
    "storages": ("/hub/spawn", "#chips button", choose_storages),
    "link": ("/hub/spawn?software=casa&next=/user/alice/lab", "#link-target a", nothing),
    "servers": ("/hub/home", ".server-row", nothing),
    "error": ("/hub/error", ".notice", nothing),
    "not running": ("/hub/not_running", ".notice", nothing),
    "starting": ("/hub/spawn_pending", ".notice", nothing),
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


BUILD_PAGES: Pages = {
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


SOFTWARE_PAGES: Pages = {
    "cards": (SOFTWARE, ".software-card", open_menu),
    "entry": (SOFTWARE, ".software-card", fill_in_software),
    "deletion": (SOFTWARE, ".software-card", ask_to_delete),
    "one button": ("/hub/spawn?software=casa&cpus=2&start=1", "#one-button", nothing),
}


# JupyterHub's own, in our frame.
STOCK_PAGES: Pages = {
    "token": ("/hub/token", "#api-tokens-table", nothing),
    "login": ("/hub/login", "#username_input", nothing),
    "users": ("/hub/admin", "[data-testid=user-row-name], .admin-table-head", nothing),
    "share": ("/hub/accept-share", "button[type=submit]", nothing),
    "consent": ("/hub/oauth", "button[type=submit]", nothing),
    "logout": ("/hub/logout", "#logout-main", nothing),
    "nothing here": ("/hub/404", ".notice", nothing),
}


@asynccontextmanager
async def _everything() -> AsyncIterator[Stub]:
    """Hub and service with something of everything."""
    async with serve_account() as site:
        fill(site)
        site.add(make_identity(), make_identity("other", name="Other") | with_key("alice"))
        site.tokens, site.sessions = [make_token("a1")], [make_session(current=True)]
        document = {"software": ["CASA"], "computing": [], "storages": [], "any_protocol": False}
        site.groups = [{"name": "team", **document}]
        site.mail["pending"] = "alice@example.net"
        site.native = {"old": True, "older": False}
        site.run("lab-1", software="casa", name="My lab")
        yield site


@asynccontextmanager
async def _builds() -> AsyncIterator[Stub]:
    async with serve_builds() as builds:
        builds.put_build(building(waiting=3))
        builds.put_build(failed(id="c" * 12))
        builds.put_build(make_build(id="d" * 12, state="done", message="The image is ready."))
        builds.build_log = "STEP 7/23: RUN pip install -r requirements.txt\n" * 40
        yield builds


@asynccontextmanager
async def _software() -> AsyncIterator[Stub]:
    async with serve_software() as software:
        software.families = catalogue()
        fill_software(software)
        yield software


ADMIN_PAGES: Pages = {
    "computing": (f"{ADMIN}#computing", "#panel-computing :is(table, li, article)", nothing),
    "announcements": (f"{ADMIN}#announcements", "#panel-announcements button", nothing),
    "audit": (f"{ADMIN}#audit", "#panel-audit tbody tr", nothing),
}


@dataclass(frozen=True)
class Site:
    """A stub, and its pages."""

    serve: Callable[[], AbstractAsyncContextManager[Stub]]
    pages: Pages


SITES = {
    "tasks": Site(_everything, PAGES),
    "builds": Site(_builds, BUILD_PAGES),
    "software": Site(_software, SOFTWARE_PAGES),
    "admin": Site(serve_admin, ADMIN_PAGES),
    "hub": Site(serve_stock, STOCK_PAGES),
}
