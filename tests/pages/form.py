"""What a user does with the form of a cluster."""

from typing import Any

from playwright.async_api import Locator, Page

from .families import inventory
from .stub import Stub
from .tasks import make_task


async def open_form(page: Page, resource: str = "vega") -> None:
    """The form for a notebook on a cluster."""
    await page.goto("/hub/spawn")
    await page.get_by_role("radio", name="Jupyter Notebook").check()
    await page.get_by_label("Computing resource").select_option(resource)


async def open_advanced(page: Page, stub: Stub, cluster: dict[str, Any] | None = None) -> None:
    """The advanced form, with what the cluster has."""
    stub.put(make_task())
    stub.inventory["vega"] = cluster or inventory()
    await open_form(page)
    await page.get_by_role("button", name="Advanced").click()


async def start(page: Page, stub: Stub) -> dict[str, str]:
    """What is sent, beside what is the same for each start."""
    count = len(stub.spawned)
    await page.get_by_role("button", name="Start").click()
    await page.wait_for_url("**/tasks/**")
    assert len(stub.spawned) == count + 1
    same = ("software", "version", "name")
    return {key: value for key, value in stub.spawned[-1][1].items() if key not in same}


def select(page: Page, label: str) -> Locator:
    """A select that the inventory has filled."""
    return page.get_by_role("combobox", name=label, exact=True)
