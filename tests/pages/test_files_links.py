"""The ways from a task to its storages in the file manager."""

from typing import Any

import pytest
from playwright.async_api import Page, expect

from .stub import PREFIX, Stub
from .tasks import make_task

pytestmark = pytest.mark.asyncio(loop_scope="session")


def bound(storage: str | None, name: str, **changes: Any) -> dict[str, Any]:
    """A storage of a task as the API shows it."""
    path = f"/storages/{storage}"
    return {"id": storage, "name": name, "path": path, "home": False, "read_only": False} | changes


STORAGES = [bound("scratch", "Scratch"), bound("home", "Home", home=True), bound(None, "m31")]


async def test_a_row_of_the_dashboard_leads_to_the_home(page: Page, stub: Stub) -> None:
    stub.put(make_task("a1", name="Survey", storages=STORAGES))
    await page.goto(PREFIX)
    link = page.get_by_role("link", name="Files Survey")
    await expect(link).to_have_attribute("href", f"{PREFIX}files/home/")


async def test_the_page_of_a_task_leads_to_each_of_its_storages(page: Page, stub: Stub) -> None:
    stub.put(make_task("a1", storages=STORAGES))
    await page.goto(f"{PREFIX}tasks/a1?stay")
    details = page.get_by_role("complementary", name="Details")
    links = details.get_by_role("link")
    await expect(links).to_have_text(["Scratch at /storages/scratch", "Home at /storages/home"])
    await expect(links.first).to_have_attribute("href", f"{PREFIX}files/scratch/")
    # A directory that the user chose is no storage.
    await expect(details).to_contain_text("m31 at /storages/None")
    button = page.locator("#actions").get_by_role("link", name="Files")
    await expect(button).to_have_attribute("href", f"{PREFIX}files/home/")


@pytest.mark.parametrize("changes", [{"user": "bob", "storages": STORAGES}, {"storages": []}, {}])
async def test_somebody_elses_storages_are_no_links(
    page: Page, stub: Stub, changes: dict[str, Any]
) -> None:
    stub.put(make_task("a1", name="Survey", **changes))
    await page.goto(PREFIX)
    await expect(page.get_by_role("link", name="Log Survey")).to_be_visible()
    await expect(page.get_by_role("link", name="Files Survey")).to_be_hidden()
    await page.goto(f"{PREFIX}tasks/a1?stay")
    await expect(page.locator("#details dd").first).to_be_visible()
    await expect(page.locator("main").get_by_role("link", name="Files")).to_have_count(0)
    await expect(page.locator("#details").get_by_role("link")).to_have_count(0)
