"""Links to the form, with options or with a path for the inside of a task."""

from urllib.parse import parse_qs, urlencode

import pytest
from playwright.async_api import Page, expect

from .families import inventory
from .form import select, start
from .stub import PREFIX, Stub
from .tasks import make_task, running

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUERY = (
    "software=jupyter-notebook&version=4.2&computing=vega&name=Lesson+3&cpus=8&memory=16G&time=3h"
    "&partition=gpu&account=astro&qos=gpu&gpus=2&gpu_type=a100&constraint=ib&reservation=course"
    "&engine=docker&runtime=runsc"
)


async def test_all_options_of_a_link_are_filled_in(page: Page, stub: Stub) -> None:
    stub.put(make_task())
    stub.inventory["vega"] = inventory()
    await page.goto(f"/hub/spawn/alice?{QUERY}")
    await expect(page.get_by_text("A link has filled in this form.")).to_be_visible()
    await expect(page.get_by_label("Computing resource")).to_have_value("vega")
    await expect(select(page, "Partition")).to_have_value("gpu")
    # Whatever the link asks for can be seen.
    for label in ("CPUs", "Memory", "GPU type", "Account", "Reservation", "Engine", "Runtime"):
        await expect(page.get_by_label(label, exact=True)).to_be_visible()
    assert stub.spawned == []
    task = await start(page, stub)
    path, fields = stub.spawned[0]
    assert path == "/hub/spawn/alice/lesson-3"
    assert (fields["software"], fields["version"]) == ("jupyter-notebook", "4.2")
    assert task == {
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


GIT_PULL = "git-pull?repo=https%3A%2F%2Fexample.org%2Fa&urlpath=lab%2Ftree%2Fa%2Fone+two.ipynb"


def spawn_link(target: str) -> str:
    return f"/hub/spawn/alice?{urlencode({'next': target})}"


@pytest.mark.parametrize("prefix", ["/user/alice/", "/hub/user/alice/"])
async def test_a_path_in_a_server_is_opened_in_the_task_that_is_started(
    page: Page, stub: Stub, prefix: str
) -> None:
    stub.put(make_task())
    stub.taken = ["", "jupyter-notebook"]
    await page.goto(spawn_link(f"{prefix}{GIT_PULL}"))
    await expect(page.locator("#link-target code")).to_have_text("git-pull")
    await expect(page.get_by_text("a task that you have already")).to_be_hidden()
    await page.get_by_role("radio", name="Jupyter Notebook").check()
    await start(page, stub)
    assert stub.spawned[0][0] == "/hub/spawn/alice/jupyter-notebook-2"
    assert parse_qs(stub.queries[0]) == {
        "_xsrf": ["abc"],
        "next": [f"/user/alice/jupyter-notebook-2/{GIT_PULL}"],
    }


async def test_a_path_in_a_server_is_opened_in_a_running_task(page: Page, stub: Stub) -> None:
    stub.run("lab-1", software="jupyter-notebook", name="My lab")
    stub.run("shell", software="ssh-server")
    stub.run("old", software="jupyterhub-as-before", spawner_options={})
    await page.goto(spawn_link("/user/alice/lab/tree/a%20b?x=1"))
    links = page.locator("#link-target a")
    await expect(links).to_have_text(["My lab", "old"])
    await expect(links.first).to_have_attribute("href", "/user/alice/lab-1/lab/tree/a%20b?x=1")
    await expect(page.locator("#link-target code")).to_have_text("lab/tree/a b")


@pytest.mark.parametrize(
    "target", ["/hub/home", "/user/bob/lab", "/user/alice/taken/lab", "https://example.org/", ""]
)
async def test_other_targets_of_a_link_stay_as_they_are(
    page: Page, stub: Stub, target: str
) -> None:
    stub.put(make_task())
    stub.taken = ["", "taken"]
    await page.goto(spawn_link(target))
    await page.get_by_role("radio", name="Jupyter Notebook").check()
    await expect(page.locator("#link-target")).to_be_hidden()
    await start(page, stub)
    assert parse_qs(stub.queries[0]).get("next", [""]) == [target]


async def test_a_link_to_the_default_server_alone(page: Page, stub: Stub) -> None:
    stub.put(make_task())
    await page.goto(spawn_link("/hub/user/alice/"))
    await page.get_by_role("radio", name="Jupyter Notebook").check()
    await expect(page.locator("#link-target")).to_be_hidden()
    await start(page, stub)
    assert parse_qs(stub.queries[0])["next"] == ["/user/alice/jupyter-notebook/"]


async def test_the_waiting_room_opens_the_path_of_a_link(page: Page, stub: Stub) -> None:
    task = stub.put(make_task())
    waiting = urlencode({"wait": "1", "next": f"/{GIT_PULL}"})
    await page.goto(f"{PREFIX}tasks/{task['id']}?{waiting}")
    await page.get_by_role("button", name="Cancel").wait_for()
    task = stub.put(task, **running())
    inside = f"{PREFIX}open/{task['id']}?{urlencode({'next': f'/{GIT_PULL}'})}"
    await expect(page).to_have_url(f"{stub.base}{inside}")
    await page.go_back()
    # Opened once by itself; the button still leads there.
    await expect(page.get_by_role("link", name="Connect")).to_have_attribute("href", inside)
    await expect(page.locator("#opening")).to_be_hidden()
