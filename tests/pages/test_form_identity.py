"""The form of a cluster that wants to know the user: the user's key there, and at the service."""

import pytest
from playwright.async_api import Page, expect

from .families import inventory
from .form import open_advanced, open_form, select, start
from .stub import PREFIX, Stub
from .tasks import make_task

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_missing_key_leads_to_the_account_and_back(page: Page, stub: Stub) -> None:
    stub.put(make_task())
    stub.inventory["perun"] = inventory()
    await open_form(page, "perun")
    notice = page.locator("#identity")
    await expect(notice).to_contain_text("Perun does not know you yet.")
    button = page.get_by_role("button", name="Start")
    await expect(button).to_be_disabled()
    await page.get_by_label("Computing resource").select_option("vega")
    await expect(notice).to_be_hidden()
    await expect(button).to_be_enabled()

    await page.get_by_label("Computing resource").select_option("perun")
    await page.get_by_label("Task name").fill("My cube")
    await page.get_by_label("CPUs").fill("3")
    await notice.get_by_role("link", name="Set up my key").click()
    await expect(page).to_have_url(f"{stub.base}{PREFIX}account#key-perun")
    stub.identities["perun"] = True
    await page.get_by_role("link", name="New task").click()
    await expect(page.get_by_label("Computing resource")).to_have_value("perun")
    await expect(page.get_by_label("Task name")).to_have_value("My cube")
    await expect(select(page, "Partition")).to_have_value("main")
    await expect(notice).to_be_hidden()
    assert (await start(page, stub))["cpus"] == "3"


async def test_a_key_set_up_in_another_tab_is_noticed(page: Page, stub: Stub) -> None:
    await open_form(page, "perun")
    await expect(page.locator("#identity")).to_be_visible()
    stub.identities["perun"] = True
    stub.inventory["perun"] = inventory()
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(page.locator("#identity")).to_be_hidden()
    await expect(select(page, "Partition")).to_have_value("main")
    await expect(page.get_by_role("button", name="Start")).to_be_enabled()


async def test_who_has_not_been_at_the_service_is_logged_in(page: Page, stub: Stub) -> None:
    stub.at_service = False
    await open_advanced(page, stub)
    await expect(select(page, "Partition")).to_have_value("main")


async def test_a_form_for_somebody_else_asks_nothing_of_ones_own(page: Page, stub: Stub) -> None:
    stub.user = "bob"
    await open_form(page, "perun")
    await expect(page.get_by_role("textbox", name="Partition")).to_be_visible()
    await expect(page.get_by_role("button", name="Start")).to_be_enabled()
    assert stub.calls == []
