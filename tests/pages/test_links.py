"""Links to the form: their options are filled in, and nothing starts before somebody says so."""

import pytest
from playwright.async_api import Page, expect

from .cards import cluster_facts
from .form import select, start
from .stub import Stub
from .tasks import make_task

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUERY = (
    "software=jupyter-notebook&version=4.2&computing=vega&name=Lesson+3&cpus=8&memory=16G&time=3h"
    "&partition=gpu&account=astro&qos=gpu&gpus=2&gpu_type=a100&constraint=ib&reservation=course"
    "&engine=docker&runtime=runsc"
)


async def test_all_options_of_a_link_are_filled_in(page: Page, stub: Stub) -> None:
    stub.put(make_task())
    stub.facts["vega"] = cluster_facts()
    await page.goto(f"/hub/spawn/alice?{QUERY}")
    await expect(page.get_by_text("A link has filled in this form.")).to_be_visible()
    await expect(page.get_by_label("Computing resource")).to_have_value("vega")
    await expect(select(page, "Partition")).to_have_value("gpu")
    # Whatever the link asks for can be seen.
    for label in ("CPUs", "Memory", "GPU type", "Account", "Reservation", "Engine", "Runtime"):
        await expect(page.get_by_label(label, exact=True)).to_be_visible()
    assert stub.spawned == []
    sent = await start(page, stub)
    path, fields = stub.spawned[0]
    assert path == "/hub/spawn/alice/lesson-3"
    assert (fields["software"], fields["version"]) == ("jupyter-notebook", "4.2")
    assert sent == {
        "computing": "vega",
        "partition": "gpu",
        "cpus": "8",
        "memory": "16G",
        "time": "3h",
        "gpus": "2",
        "gpu_type": "a100",
        "account": "astro",
        "qos": "gpu",
        "constraint": "ib",
        "reservation": "course",
        "engine": "docker",
        "runtime": "runsc",
    }
    # Its options are in the body alone.
    assert stub.queries == ["_xsrf=abc"]


async def test_a_link_may_name_a_size(page: Page, stub: Stub) -> None:
    stub.put(make_task())
    await page.goto("/hub/spawn?opt-software=jupyter-notebook&opt-computing=vega&opt-size=medium")
    await expect(page.get_by_role("radio", name="medium")).to_be_checked()
    assert (await start(page, stub))["size"] == "medium"


async def test_a_link_with_something_that_is_not_there(page: Page, stub: Stub) -> None:
    stub.put(make_task())
    await page.goto("/hub/spawn?software=nothing&memory=lots")
    await expect(page.get_by_text("A link has filled in this form.")).to_be_hidden()
    await page.get_by_role("radio", name="Jupyter Notebook").check()
    await page.get_by_role("button", name="Start").click()
    await expect(page.get_by_text("Write a size such as 512M or 2G.")).to_be_visible()
    assert stub.spawned == []


async def test_a_link_to_a_native_entry(page: Page, stub: Stub) -> None:
    stub.put(make_task())
    await page.goto("/hub/spawn?software=jupyterhub-as-before&profile=large")
    own = page.locator("[data-own-form=jupyterhub-as-before] [name=profile]")
    await expect(own).to_have_value("large")
    assert (await start(page, stub))["profile"] == "large"


async def test_a_link_goes_before_what_was_left_for_a_key(page: Page, stub: Stub) -> None:
    await page.goto("/hub/spawn?software=jupyter-notebook&computing=perun&name=Old")
    await page.get_by_role("link", name="Set up my key").click()
    await page.goto("/hub/spawn?software=casa&name=New")
    await expect(page.get_by_role("radio", name="CASA")).to_be_checked()
    await expect(page.get_by_label("Task name")).to_have_value("New")
    await page.goto("/hub/spawn")
    await expect(page.get_by_role("radio", name="CASA")).not_to_be_checked()
