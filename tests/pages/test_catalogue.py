"""The catalogue: finding software, choosing it, and what is sent then."""

import pytest
from playwright.async_api import Browser, Page, expect

from .families import AMONRA, LOCAL
from .stub import Stub
from .tasks import make_task

pytestmark = pytest.mark.asyncio(loop_scope="session")

GB = 1 << 30


async def test_with_the_keyboard_alone(page: Page, stub: Stub) -> None:
    stub.put(make_task())
    await page.goto("/hub/spawn")
    search = page.get_by_role("searchbox")
    await search.focus()
    await page.keyboard.type("sky atlas")
    await expect(page.locator(".card-choice:visible")).to_have_count(1)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("radio", name="Aladin")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Task name")).to_be_focused()
    await page.keyboard.type("My Sky")
    await page.keyboard.press("Tab")
    await expect(page.get_by_label("Computing resource")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Tab")
    await expect(page.get_by_label("CPUs")).to_be_focused()
    await page.keyboard.type("2.5")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{stub.base}/services/rosetta/tasks/3f9a1c22b7e4")
    path, fields = stub.spawned[0]
    assert path == "/hub/spawn/alice/my-sky"
    assert fields == {
        "software": "aladin",
        "version": "latest",
        "computing": "amonra",
        "engine": "singularity",
        "name": "My Sky",
        "cpus": "2.5",
    } | {key: "" for key in ("memory", "runtime") if key in fields}


async def test_arrow_keys_choose(page: Page, stub: Stub) -> None:
    await page.goto("/hub/spawn")
    await expect(page.locator("#options-body")).to_be_hidden()
    await page.get_by_role("radio", name="Jupyter Notebook").focus()
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("radio", name="CASA")).to_be_checked()
    await expect(page.locator("#options-title")).to_have_text("CASA")
    outline = "card => getComputedStyle(card).outlineStyle"
    assert await page.locator(".card-choice.chosen").evaluate(outline) == "solid"


async def test_filter_by_tag_and_search(page: Page, stub: Stub) -> None:
    await page.goto("/hub/spawn")
    families = page.locator(".card-choice:visible .card-name")
    await page.get_by_role("button", name="astronomy").click()
    await expect(families).to_have_text(["CASA", "Aladin"])
    await page.get_by_role("searchbox").fill("desktop carta")
    await expect(families).to_have_text(["CASA"])
    await page.get_by_role("searchbox").fill("nothing like it")
    await expect(page.locator("#nothing-found")).to_be_visible()
    await page.get_by_role("button", name="Show everything").click()
    await expect(families).to_have_count(len(stub.families))


async def test_options_follow_version_and_resource(page: Page, stub: Stub) -> None:
    await page.goto("/hub/spawn")
    await page.get_by_role("radio", name="CASA").check()
    version, computing = page.get_by_label("Version"), page.get_by_label("Computing resource")
    await expect(version).to_have_value("6.5")
    await expect(computing.locator("option")).to_have_text(["This machine", "Amonra"])
    await expect(page.locator("#cpus-limit")).to_have_text("Up to 4")
    await expect(page.locator("#memory-limit")).to_have_text("Up to 8 GB")
    await page.get_by_text("Container engine").click()
    await expect(page.get_by_label("Runtime").locator("option")).to_have_text(["runc", "runsc"])
    await page.get_by_label("Engine").select_option("podman")
    await expect(page.get_by_label("Runtime").locator("option")).to_have_text(["Default"])

    await version.select_option("5.6")
    await expect(computing.locator("option")).to_have_text(["Amonra"])
    await expect(page.locator("#cpus-limit")).to_have_text("No limit")


async def test_what_is_for_others_has_a_reason_and_a_link_to_ask(page: Page, stub: Stub) -> None:
    reason, request = "For members of the group astro.", "https://wiki.example.org/access"
    survey = {"name": "Survey", "reason": reason, "request": request}
    resource = LOCAL | {"support": "native", "storages": [], "denied_storages": [survey]}
    vega = {"id": "vega", "name": "Vega", "reason": reason, "request": request}
    version = {"tag": "1", "default": True, "computing": [resource], "unavailable": [vega]}
    next(family for family in stub.families if family["name"] == "Aladin")["versions"] = [version]
    await page.goto("/hub/spawn")
    await page.get_by_role("radio", name="Aladin").check()
    await expect(page.locator("#computing-unavailable")).to_have_text(
        f"Not on Vega: {reason} Ask for access"
    )
    await expect(page.locator("#storage-list")).to_have_text(f"Survey: {reason} Ask for access")
    links = page.get_by_role("link", name="Ask for access")
    assert [await row.get_attribute("href") for row in await links.all()] == [request, request]


async def test_an_emulated_start_is_asked_about(page: Page, stub: Stub) -> None:
    stub.put(make_task())
    native, emulated = LOCAL | {"support": "native"}, AMONRA | {"support": "emulated"}
    version = {"tag": "1", "default": True, "computing": [native, emulated]}
    unavailable = [{"id": "vega", "name": "Vega", "reason": "Its image is for amd64."}]
    aladin = next(family for family in stub.families if family["name"] == "Aladin")
    aladin["versions"] = [version | {"unavailable": unavailable}]
    await page.goto("/hub/spawn")
    await page.get_by_role("radio", name="Aladin").check()
    await expect(page.get_by_text("Not on Vega: Its image is for amd64.")).to_be_visible()
    consent = page.get_by_role("checkbox", name="Run it emulated")
    await expect(consent).to_be_hidden()
    await page.get_by_label("Computing resource").select_option("amonra")
    await page.get_by_role("button", name="Start").click()
    await expect(consent).to_be_focused()
    assert stub.spawned == []
    await consent.check()
    await page.get_by_role("button", name="Start").click()
    await page.wait_for_url("**/tasks/**")
    assert stub.spawned[0][1]["emulated"] == "true"


async def test_too_much_is_not_sent(page: Page, stub: Stub) -> None:
    await page.goto("/hub/spawn")
    await page.get_by_role("radio", name="CASA").check()
    memory = page.get_by_label("Memory")
    await memory.fill("9G")
    await page.get_by_role("button", name="Start").click()
    assert await memory.evaluate("field => field.validationMessage") == "At most 8 GB here."
    await memory.fill("512 MB")
    await page.get_by_label("CPUs").fill("5")
    await page.get_by_role("button", name="Start").click()
    assert not await page.get_by_label("CPUs").evaluate("field => field.checkValidity()")
    assert stub.spawned == []


async def test_server_names_are_free_and_valid(page: Page, stub: Stub) -> None:
    stub.put(make_task())
    stub.taken = ["", "casa", "casa-2"]
    expected = {
        "": "casa-3",
        "Ünïcode & Söhne": "unicode-sohne",
        "3D view": "task-3d-view",
        "東京": "task",
        "x" * 80: "x" * 30,
        "../../admin?a=b": "admin-a-b",
    }
    for name, server in expected.items():
        await page.goto("/hub/spawn")
        await page.get_by_role("radio", name="CASA").check()
        await page.get_by_label("Task name").fill(name)
        await page.get_by_role("button", name="Start").click()
        await page.wait_for_url("**/tasks/**")
        assert stub.spawned[-1][0] == f"/hub/spawn/alice/{server}"


async def test_an_error_keeps_what_was_chosen(page: Page, stub: Stub) -> None:
    stub.spawn_error = "Amonra gives a task at most 4 CPUs, not 64."
    await page.goto("/hub/spawn")
    await page.get_by_role("radio", name="CASA").check()
    await page.get_by_label("Task name").fill("Big one")
    await page.get_by_label("Version").select_option("5.6")
    await page.get_by_label("CPUs").fill("64")
    await page.get_by_role("button", name="Start").click()
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("The task was not started.")
    await expect(alert).to_contain_text("at most 4 CPUs, not 64")
    await expect(alert).to_be_focused()
    await expect(page.get_by_role("radio", name="CASA")).to_be_checked()
    await expect(page.get_by_label("Task name")).to_have_value("Big one")
    await expect(page.get_by_label("Version")).to_have_value("5.6")
    await expect(page.get_by_label("Computing resource")).to_have_value("amonra")
    await expect(page.get_by_label("CPUs")).to_have_value("64")

    stub.spawn_error = ""
    stub.put(make_task())
    await page.get_by_label("CPUs").fill("2")
    await page.get_by_role("button", name="Start").click()
    await page.wait_for_url("**/tasks/**")
    assert stub.spawned[-1][0] == "/hub/spawn/alice/big-one"


async def test_a_native_entry_brings_its_own_form(page: Page, stub: Stub) -> None:
    stub.put(make_task())
    await page.goto("/hub/spawn")
    await page.get_by_role("radio", name="CASA").check()
    await expect(page.get_by_label("Profile")).to_be_hidden()
    await page.get_by_role("radio", name="JupyterHub as before").check()
    await expect(page.get_by_label("Computing resource")).to_be_hidden()
    await page.get_by_label("Profile").fill("large")
    await page.get_by_role("button", name="Start").click()
    await page.wait_for_url("**/tasks/**")
    path, fields = stub.spawned[0]
    assert path == "/hub/spawn/alice/jupyterhub-as-before"
    assert fields == {"software": "jupyterhub-as-before", "profile": "large"} | (
        {"name": ""} if "name" in fields else {}
    )


async def test_without_scripts_it_is_a_plain_form(browser: Browser, stub: Stub) -> None:
    stub.families = [family for family in stub.families if family["kind"] == "container"]
    stub.put(make_task())
    context = await browser.new_context(base_url=stub.base, java_script_enabled=False)
    page = await context.new_page()
    await page.goto("/hub/spawn")
    await page.get_by_role("radio", name="CASA").check()
    await page.get_by_label("Task name").fill("Plain")
    await page.get_by_role("button", name="Start").click()
    await page.wait_for_url("**/tasks/**")
    path, fields = stub.spawned[0]
    assert path == "/hub/spawn"
    assert {key: value for key, value in fields.items() if value} == {
        "software": "casa",
        "name": "Plain",
    }
    await context.close()


async def test_a_catalogue_of_strange_words(page: Page, stub: Stub) -> None:
    evil = "\"><script>window.hacked=1</script>'<b>"
    stub.families[0] |= {"name": evil, "description": evil, "tags": [evil], "id": "evil"}
    stub.families[0]["versions"] = [{"tag": evil, "default": True, "computing": []}]
    await page.goto("/hub/spawn")
    await expect(page.locator(".card-name").first).to_have_text(evil)
    await page.get_by_role("radio").first.check()
    await expect(page.locator("#options-title")).to_have_text(evil)
    assert await page.evaluate("window.hacked") is None


async def test_an_empty_catalogue(page: Page, stub: Stub) -> None:
    stub.families = []
    await page.goto("/hub/spawn")
    await expect(page.locator("main")).to_contain_text("The catalogue is empty")
