"""The directories of a task: in the form, in links, and on the task's page."""

import pytest
from playwright.async_api import Page, expect

from .families import AMONRA, ATLAS, HOME, storage
from .form import open_form, start
from .stub import PREFIX, Stub
from .tasks import make_task

pytestmark = pytest.mark.asyncio(loop_scope="session")


BINDS = "Additional directories"


@pytest.fixture
def with_storages(stub: Stub) -> Stub:
    """Two resources with storages, one of which allows binds; the cluster has none."""
    stub.put(make_task())
    computing = stub.families[0]["versions"][0]["computing"]
    computing[1] = AMONRA | {"storages": [HOME, ATLAS], "extra_binds": []}
    return stub


async def test_what_will_be_where(page: Page, with_storages: Stub) -> None:
    await open_form(page, "local")
    choices = page.get_by_role("group", name="Storages").get_by_role("checkbox")
    await expect(choices).to_have_count(3)
    for name in (
        "Home at /home/metauser",
        "Scratch at /storages/scratch",
        "Atlas at /data (read-only)",
    ):
        await expect(page.get_by_role("checkbox", name=name, exact=True)).to_be_checked()
    await expect(page.get_by_text("Kept, and saved every night.")).to_be_visible()
    await expect(page.locator("#disclaimer-text")).to_contain_text("outside of the storages")
    task = await start(page, with_storages)
    assert not {"without_storages", "binds"} & task.keys()


async def test_storages_are_left_out_with_the_keyboard(page: Page, with_storages: Stub) -> None:
    await open_form(page, "local")
    await page.get_by_role("checkbox", name="Home").focus()
    await page.keyboard.press("Space")
    await expect(page.get_by_text("begins with an empty home directory")).to_be_visible()
    await page.get_by_role("checkbox", name="Atlas").focus()
    await page.keyboard.press("Space")
    assert (await start(page, with_storages))["without_storages"] == "home,atlas"


async def test_storages_follow_the_resource(page: Page, with_storages: Stub) -> None:
    await open_form(page, "local")
    await page.get_by_role("checkbox", name="Scratch").uncheck()
    await page.get_by_role("checkbox", name="Atlas").uncheck()
    await page.get_by_label("Computing resource").select_option("amonra")
    await expect(page.get_by_role("checkbox", name="Scratch")).to_have_count(0)
    await expect(page.get_by_role("checkbox", name="Atlas")).not_to_be_checked()
    await expect(page.locator("#extra-binds")).to_be_hidden()
    await page.get_by_label("Computing resource").select_option("vega")
    await expect(page.get_by_role("group", name="Storages")).to_be_hidden()
    await expect(page.locator("#disclaimer-text")).to_contain_text("not saved in a persistent")
    await page.get_by_label("Computing resource").select_option("amonra")
    assert (await start(page, with_storages))["without_storages"] == "atlas"


async def test_directories_are_added_and_removed_with_the_keyboard(
    page: Page, with_storages: Stub
) -> None:
    await open_form(page, "local")
    await page.get_by_text(BINDS).first.click()
    await expect(
        page.get_by_text("Directories of This machine in /data or /scratch.")
    ).to_be_visible()
    add = page.get_by_role("button", name="Add a directory")
    await add.focus()
    await page.keyboard.press("Enter")
    await page.keyboard.type("/data/m31")
    await page.keyboard.press("Tab")
    await page.keyboard.type("/m31")
    await add.press("Enter")
    await page.keyboard.type("/scratch/wrong")
    await add.press("Enter")
    await page.keyboard.type("/scratch/x y/")
    # The second line goes; the focus stays among the lines.
    await page.get_by_role("button", name="Remove this directory").nth(1).press("Enter")
    await expect(page.get_by_label("Directory", exact=True)).to_have_count(2)
    await expect(page.get_by_label("Directory", exact=True).last).to_be_focused()
    task = await start(page, with_storages)
    assert task["binds"] == "/data/m31:/m31,/scratch/x y/:/storages/x y"


@pytest.mark.parametrize(
    ("source", "target", "text"),
    [
        ("/etc", "/x", "Write a directory in /data or /scratch."),
        ("/database", "/x", "Write a directory in /data or /scratch."),
        ("data", "/x", "Write an absolute path, which begins with /."),
        ("/data/../etc", "/x", "without '.', '..' and double slashes"),
        ("/data/a,b", "/x", "no colons and no commas"),
        ("/data/a", "x", "Write an absolute path, which begins with /."),
        ("/data/a", "/x:ro", "no colons and no commas"),
    ],
)
async def test_directories_that_can_not_be(
    page: Page, with_storages: Stub, source: str, target: str, text: str
) -> None:
    await open_form(page, "local")
    await page.get_by_text(BINDS).first.click()
    await page.get_by_role("button", name="Add a directory").click()
    await page.get_by_label("Directory", exact=True).fill(source)
    await page.get_by_label("Path in the task").fill(target)
    await expect(page.locator(".bind-line .form-fault")).to_contain_text(text)
    # Closed, it opens again for what has to be mended.
    await page.get_by_text(BINDS).first.click()
    await page.get_by_role("button", name="Start").click()
    await expect(page.locator(".bind-line .form-fault")).to_be_visible()
    assert with_storages.spawned == []


async def test_a_link_may_name_storages_and_directories(page: Page, with_storages: Stub) -> None:
    await page.goto(
        "/hub/spawn?software=jupyter-notebook&computing=local&without_storages=scratch,of-bob"
        "&binds=/data/m31:/m31"
    )
    await expect(page.get_by_role("checkbox", name="Scratch")).not_to_be_checked()
    await expect(page.get_by_label("Directory", exact=True)).to_be_visible()
    task = await start(page, with_storages)
    assert (task["without_storages"], task["binds"]) == ("scratch", "/data/m31:/m31")


async def test_what_was_chosen_is_put_back_after_an_error(page: Page, with_storages: Stub) -> None:
    with_storages.spawn_error = "The directory '/data/m31' does not exist."
    await open_form(page, "local")
    await page.get_by_role("checkbox", name="Scratch").uncheck()
    await page.get_by_text(BINDS).first.click()
    await page.get_by_role("button", name="Add a directory").click()
    await page.get_by_label("Directory", exact=True).fill("/data/m31")
    await page.get_by_role("button", name="Start").click()
    await expect(page.get_by_text("does not exist")).to_be_visible()
    with_storages.spawn_error = ""
    await expect(page.get_by_role("checkbox", name="Scratch")).not_to_be_checked()
    await expect(page.get_by_label("Directory", exact=True)).to_have_value("/data/m31")
    task = await start(page, with_storages)
    assert (task["without_storages"], task["binds"]) == ("scratch", "/data/m31:/storages/m31")


async def test_the_form_fits_on_a_telephone(page: Page, with_storages: Stub) -> None:
    await page.set_viewport_size({"width": 360, "height": 800})
    await open_form(page, "local")
    await page.get_by_text(BINDS).first.click()
    await page.get_by_role("button", name="Add a directory").click()
    await page.get_by_label("Directory", exact=True).fill("/data/" + "long" * 40)
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360
    line = await page.locator(".bind-line").bounding_box()
    assert line is not None
    for field in await page.locator(".bind-line input, .bind-line button").all():
        box = await field.bounding_box()
        assert box is not None
        assert box["x"] >= line["x"]
        assert box["x"] + box["width"] <= line["x"] + line["width"] + 1


async def test_the_page_of_a_task_tells_what_is_where(page: Page, stub: Stub) -> None:
    own = storage("/data/m31", "/m31", id=None, source="/data/m31")
    stub.put(make_task("a1", storages=[HOME, ATLAS, own]))
    await page.goto(f"{PREFIX}tasks/a1?stay")
    entry = page.locator("#details dt", has_text="Storages").locator("+ dd")
    await expect(entry).to_have_text(
        "Home at /home/metauser\nAtlas at /data (read-only)\n/data/m31 at /m31"
    )
    stub.put(make_task("a1", storages=[]))
    await expect(entry).to_be_hidden()
