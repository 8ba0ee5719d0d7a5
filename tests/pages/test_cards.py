"""Cards: uses, favourites, where software runs, and links that start it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from .families import AMONRA, LOCAL, PERUN, catalogue
from .software import URL, SoftwareStub, serve_software
from .stub import Stub
from .tasks import make_task

pytestmark = pytest.mark.asyncio(loop_scope="session")

PICTURE = "/hub/logo"


@pytest_asyncio.fixture(loop_scope="session")
async def stub() -> AsyncIterator[SoftwareStub]:
    """A service with software and a form."""
    async with serve_software() as site:
        site.families = catalogue()
        site.put(make_task())
        yield site


def casa(stub: Stub) -> dict[str, Any]:
    return next(family for family in stub.families if family["id"] == "casa")


async def test_the_form_tells_uses_favourites_and_a_screenshot(
    page: Page, stub: SoftwareStub
) -> None:
    casa(stub).update(uses=12, last_used="2025-03-03T12:00:00+00:00", favourite=True)
    casa(stub)["screenshot"] = PICTURE
    await page.goto("/hub/spawn")
    card = page.locator(".card-choice").filter(has=page.get_by_role("radio", name="CASA"))
    await expect(card).to_contain_text("Used 12 times, last on 3 March 2025")
    await expect(card.get_by_role("img", name="Favourite")).to_be_visible()
    await page.get_by_role("radio", name="CASA").check()
    await expect(page.get_by_role("img", name="Screenshot of CASA")).to_be_visible()
    await page.get_by_role("radio", name="Aladin").check()
    await expect(page.get_by_role("img", name="Screenshot")).to_have_count(0)


async def test_a_favourite_is_marked_with_the_keyboard(page: Page, stub: SoftwareStub) -> None:
    await page.goto(URL)
    star = page.get_by_role("button", name="Favourite: Aladin")
    await expect(star).to_have_attribute("aria-pressed", "false")
    await star.focus()
    await page.keyboard.press("Enter")
    await expect(star).to_have_attribute("aria-pressed", "true")
    await expect(page.locator("#software-platform h3").first).to_have_text("Aladin")
    await star.click()
    await expect(star).to_have_attribute("aria-pressed", "false")
    assert stub.favourites == set()


async def test_a_link_shows_one_button(page: Page, stub: SoftwareStub) -> None:
    query = "software=casa&version=6.5&computing=amonra&cpus=4&start=1"
    await page.goto(f"/hub/spawn?{query}")
    button = page.get_by_role("button", name="Start CASA 6.5 on Amonra with 4 CPUs")
    await expect(button).to_be_visible()
    await expect(page.get_by_label("Computing resource")).to_be_hidden()
    await expect(page.locator("#cards")).to_be_hidden()
    assert stub.spawned == []
    await button.focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/tasks/**")
    path, fields = stub.spawned[0]
    assert path == "/hub/spawn/alice/casa"
    by_name = {key: fields[key] for key in ("software", "version", "computing", "cpus")}
    assert by_name == {"software": "casa", "version": "6.5", "computing": "amonra", "cpus": "4"}
    assert "start" not in fields


async def test_the_button_leads_to_the_form(page: Page, stub: SoftwareStub) -> None:
    await page.goto("/hub/spawn?software=casa&cpus=2&start=1")
    await page.get_by_role("button", name="Change what it starts with").click()
    await expect(page.get_by_label("CPUs")).to_have_value("2")
    await expect(page.locator("#options-title")).to_be_focused()
    await expect(page.locator("#one-button")).to_be_hidden()


@pytest.mark.parametrize(
    "query",
    [
        "software=casa&start=1&binds=/data/m31:/storages/m31",
        "software=unknown&start=1",
        "software=casa&start=0",
        "start=1",
    ],
)
async def test_what_one_button_can_not_tell_is_shown_in_the_form(
    page: Page, stub: SoftwareStub, query: str
) -> None:
    await page.goto(f"/hub/spawn?{query}")
    await expect(page.locator("#cards")).to_be_visible()
    await expect(page.locator("#one-button")).to_be_hidden()


async def test_a_question_is_not_hidden_behind_one_button(page: Page, stub: SoftwareStub) -> None:
    casa(stub)["versions"][1]["computing"] = [AMONRA | {"support": "emulated"}]
    await page.goto("/hub/spawn?software=casa&start=1")
    await expect(page.get_by_role("checkbox", name="Run it emulated")).to_be_visible()
    casa(stub)["versions"][1]["computing"] = [PERUN]
    await page.goto("/hub/spawn?software=casa&start=1")
    await expect(page.get_by_role("link", name="Set up my key")).to_be_visible()
    casa(stub)["versions"][1]["computing"] = [LOCAL]
    await page.goto("/hub/spawn?software=casa&cpus=400&start=1")
    await page.get_by_role("button", name="Start CASA").click()
    await expect(page.get_by_text("At most 4 here.")).to_be_visible()
    assert stub.spawned == []


async def test_links_are_copied_with_what_is_chosen(page: Page, stub: SoftwareStub) -> None:
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    read = "navigator.clipboard.readText()"
    await page.goto("/hub/spawn")
    await page.get_by_role("radio", name="CASA").check()
    await page.get_by_label("CPUs").fill("2")
    await page.get_by_role("button", name="Copy a link to this").click()
    await expect(page.get_by_text("Copied")).to_be_visible()
    query = "software=casa&version=6.5&computing=local&cpus=2&start=1"
    assert await page.evaluate(read) == f"{stub.base}/hub/spawn?{query}"
    await page.goto(URL)
    await page.get_by_role("button", name="Copy link that starts CASA").click()
    await expect(page.get_by_text("Copied")).to_be_visible()
    assert await page.evaluate(read) == f"{stub.base}/hub/spawn?software=casa&version=6.5&start=1"
