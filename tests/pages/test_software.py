"""The Software page: adding, editing, duplicating and deleting software of one's own."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from .families import catalogue
from .software import DIGEST, GROUP, OTHER_DIGEST, URL, SoftwareStub, make_image, serve_software
from .stub import PREFIX

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVIL = "\"><img src=x onerror=window.hacked=1>'<b>"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360"
    "606060000000050001a5f645400000000049454e44ae426082"
)


@pytest_asyncio.fixture(loop_scope="session")
async def stub() -> AsyncIterator[SoftwareStub]:
    """A service with the platform's catalogue."""
    async with serve_software() as site:
        site.families = catalogue()
        yield site


def card(page: Page, name: str) -> Locator:
    return page.locator(".software-card").filter(has=page.get_by_role("heading", name=name))


async def open_form(page: Page) -> Locator:
    """The form for a new entry."""
    await page.goto(URL)
    await page.get_by_role("button", name="Add software").click()
    return page.get_by_role("dialog")


async def open_menu(page: Page, name: str, entry: str) -> None:
    await card(page, name).get_by_role("button", name="More for").click()
    await card(page, name).get_by_role("button", name=entry).click()


async def test_from_a_reference_to_a_card_with_the_keyboard(page: Page, stub: SoftwareStub) -> None:
    await page.goto(PREFIX)
    await page.get_by_role("link", name="Software", exact=True).click()
    await expect(page.locator("#no-own")).to_be_visible()
    await page.get_by_role("button", name="Add software").focus()
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_label("Image", exact=True)).to_be_focused()
    await page.keyboard.type("ghcr.io/org/sky-viewer:1.2")
    await page.keyboard.press("Tab")
    await expect(dialog.get_by_label("Image", exact=True)).to_have_value("org/sky-viewer")
    await expect(dialog.get_by_label("Registry")).to_have_value("ghcr.io")
    await expect(dialog.get_by_label("Tag", exact=True)).to_have_value("1.2")
    await expect(dialog.get_by_role("status").first).to_contain_text("300 MB · linux/amd64")
    await expect(dialog.get_by_label("Name", exact=True)).to_have_value("Sky viewer")
    await expect(dialog.get_by_label("Port", exact=True)).to_have_value("8080")
    await page.keyboard.press("Enter")
    await expect(card(page, "Sky viewer").get_by_role("heading")).to_be_focused()
    await expect(page.locator("#software-user .software-card")).to_have_count(1)
    assert stub.bodies == [
        {
            "name": "Sky viewer",
            "description": "Shows the sky.",
            "registry": "ghcr.io",
            "image_name": "org/sky-viewer",
            "image_tag": "1.2",
            "image_archs": ["amd64", "arm64"],
            "interface_port": 8080,
        }
    ]


async def test_a_look_up_fills_in_nothing_that_somebody_has_written(
    page: Page, stub: SoftwareStub
) -> None:
    stub.images["ghcr.io/org/other:latest"] = make_image(
        image_name="org/other", ports=["9000"], labels={}
    )
    dialog = await open_form(page)
    await dialog.get_by_label("Name", exact=True).fill("My name")
    await dialog.get_by_label("Image", exact=True).fill("ghcr.io/org/sky-viewer:1.2")
    await expect(dialog.get_by_label("Description")).to_have_value("Shows the sky.")
    await expect(dialog.get_by_label("Name", exact=True)).to_have_value("My name")
    await dialog.get_by_label("Image", exact=True).fill("ghcr.io/org/other")
    await expect(dialog.get_by_label("Port", exact=True)).to_have_value("9000")
    await expect(dialog.get_by_label("Description")).to_have_value("")
    await expect(dialog.get_by_label("Name", exact=True)).to_have_value("My name")


async def test_a_slow_answer_is_not_taken_for_the_present_image(
    page: Page, stub: SoftwareStub
) -> None:
    stub.let_on.clear()
    dialog = await open_form(page)
    await dialog.get_by_label("Image", exact=True).fill("ghcr.io/org/sky-viewer:1.2")
    await expect(dialog.get_by_text("Looking the image up…")).to_be_visible()
    async with page.expect_event("requestfailed"):
        await dialog.get_by_label("Image", exact=True).fill("nothing")
    stub.let_on.set()
    await expect(dialog.get_by_text("There is no image nothing:latest")).to_be_visible()
    await expect(dialog.get_by_label("Description")).to_have_value("")
    assert stub.looked_up == ["ghcr.io/org/sky-viewer:1.2", "nothing:latest"]


async def test_every_key_is_sent(page: Page, stub: SoftwareStub) -> None:
    dialog = await open_form(page)
    await dialog.get_by_label("Image", exact=True).fill("ghcr.io/org/sky-viewer:1.2")
    await expect(dialog.get_by_label("Port", exact=True)).to_have_value("8080")
    await dialog.get_by_label("Keywords").fill("sky, web, sky")
    await dialog.get_by_label("For", exact=True).select_option("The group astro")
    await dialog.get_by_text("Architecture and digest").click()
    await dialog.get_by_label("Architecture", exact=True).fill("arm64")
    await dialog.get_by_role("button", name="Always run exactly this one").click()
    await dialog.get_by_label("Protocol", exact=True).select_option("https")
    await dialog.get_by_label("Path to open").fill("/app")
    await dialog.get_by_label("Authentication").select_option("basic")
    await dialog.get_by_label("User name").fill("me")
    await dialog.get_by_label("The container protects itself").check()
    await dialog.get_by_label("The container listens").check()
    await dialog.get_by_text("Further interfaces").click()
    await dialog.get_by_role("button", name="Add an interface").click()
    row = dialog.locator(".software-row")
    await row.get_by_label("Name").fill("Dashboard")
    await row.get_by_label("Port").fill("8787")
    await dialog.get_by_text("Variables and command").click()
    await dialog.get_by_role("button", name="Add a variable").click()
    await dialog.get_by_label("Name", exact=True).last.fill("GREETING")
    await dialog.get_by_label("Value").fill("two\nlines")
    await dialog.get_by_label("Command").fill("serve --title 'My sky'")
    await dialog.get_by_role("button", name="Add", exact=True).click()
    await expect(card(page, "Sky viewer")).to_contain_text("Group astro")
    assert stub.bodies == [
        {
            "name": "Sky viewer",
            "description": "Shows the sky.",
            "keywords": ["sky", "web"],
            "registry": "ghcr.io",
            "image_name": "org/sky-viewer",
            "image_tag": "1.2",
            "image_arch": "arm64",
            "image_archs": ["amd64", "arm64"],
            "image_digest": DIGEST,
            "interface_port": 8080,
            "interface_protocol": "https",
            "interface_path": "/app",
            "interface_auth": "basic",
            "interface_auth_user": "me",
            "supports_interface_auth": True,
            "supports_custom_interface_port": True,
            "interfaces": [{"name": "Dashboard", "port": 8787, "protocol": "http", "path": "/"}],
            "environment": {"GREETING": "two\nlines"},
            "command": ["serve", "--title", "My sky"],
        }
    ]
    assert next(iter(stub.versions.values()))["owner"] == GROUP


async def test_what_is_wrong_is_said_and_nothing_is_lost(page: Page, stub: SoftwareStub) -> None:
    stub.refusals["POST api/v1/software"] = (422, "Images may come from `ghcr.io` only.")
    dialog = await open_form(page)
    await dialog.get_by_role("button", name="Add", exact=True).click()
    assert stub.bodies == []
    await dialog.get_by_label("Image", exact=True).fill("org/tool")
    await dialog.get_by_label("Name", exact=True).fill("Tool")
    await dialog.get_by_text("Variables and command").click()
    await dialog.get_by_label("Command").fill("it's open")
    await dialog.get_by_role("button", name="Add", exact=True).click()
    assert stub.bodies == []
    await dialog.get_by_label("Command").fill("")
    await dialog.get_by_role("button", name="Add", exact=True).click()
    await expect(dialog.get_by_role("alert")).to_have_text("Images may come from ghcr.io only.")
    await expect(dialog.get_by_label("Name", exact=True)).to_have_value("Tool")
    await page.keyboard.press("Escape")
    question = page.get_by_role("dialog", name="Discard what you have written?")
    await question.get_by_role("button", name="Cancel").click()
    await expect(dialog.get_by_label("Name", exact=True)).to_have_value("Tool")
    await dialog.get_by_role("button", name="Cancel").click()
    await question.get_by_role("button", name="Discard").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_standard_users_are_told_why_there_is_http_alone(
    page: Page, stub: SoftwareStub
) -> None:
    dialog = await open_form(page)
    protocol = dialog.get_by_label("Protocol", exact=True)
    await expect(protocol.locator("option")).to_have_text(["HTTP", "HTTPS"])
    await expect(dialog.get_by_text("They are for members of power.")).to_be_visible()


async def test_power_users_choose_any_protocol(page: Page, stub: SoftwareStub) -> None:
    stub.access["power"] = True
    dialog = await open_form(page)
    await dialog.get_by_label("Image", exact=True).fill("org/shell")
    await dialog.get_by_label("Name", exact=True).fill("Shell")
    await dialog.get_by_label("Port", exact=True).fill("22")
    await dialog.get_by_label("Protocol", exact=True).fill("ssh")
    await expect(dialog.get_by_label("Path to open")).to_be_hidden()
    await dialog.get_by_role("button", name="Add", exact=True).click()
    await expect(card(page, "Shell")).to_be_visible()
    message = stub.bodies[0]
    assert (message["interface_protocol"], message["interface_auth"]) == ("ssh", "password")
    assert message["supports_interface_auth"] is True


async def test_who_may_add_nothing_is_offered_nothing(page: Page, stub: SoftwareStub) -> None:
    stub.access["may_add"] = False
    stub.builds_url = f"{PREFIX}v2/"
    await page.goto(URL)
    await expect(card(page, "CASA")).to_be_visible()
    await expect(page.get_by_role("button", name="Add software")).to_have_count(0)
    await expect(page.get_by_role("link", name="From a repository")).to_have_count(0)
    await card(page, "CASA").get_by_role("button", name="More for").click()
    await expect(card(page, "CASA").get_by_role("button", name="Duplicate")).to_have_count(0)


async def test_a_repository_is_offered_where_there_are_builds(
    page: Page, stub: SoftwareStub
) -> None:
    await page.goto(URL)
    await expect(page.get_by_role("link", name="From a repository")).to_have_count(0)
    stub.builds_url = f"{PREFIX}v2/"
    await page.reload()
    link = page.get_by_role("link", name="From a repository")
    await expect(link).to_have_attribute("href", f"{PREFIX}v2/")


async def test_the_platforms_is_shown_and_duplicated_but_not_edited(
    page: Page, stub: SoftwareStub
) -> None:
    await page.goto(URL)
    casa = card(page, "CASA")
    await expect(casa.get_by_role("button", name="Edit")).to_be_hidden()
    await casa.get_by_label("Version of CASA").select_option("5.6")
    await open_menu(page, "CASA", "Duplicate")
    dialog = page.get_by_role("dialog", name="Edit CASA")
    await expect(dialog.get_by_label("Tag", exact=True)).to_have_value("5.6")
    await dialog.get_by_label("Name", exact=True).fill("My CASA")
    await dialog.get_by_role("button", name="Save").click()
    await expect(page.locator("#software-user h3")).to_have_text(["My CASA"])
    assert ("POST", "api/v1/software/casa/duplicate") in stub.calls


async def test_versions_are_chosen_added_and_deleted(page: Page, stub: SoftwareStub) -> None:
    stub.add("tool", "1.0", environment={"A": "1"}, image_digest=DIGEST)
    await page.goto(URL)
    tool = card(page, "Tool")
    await open_menu(page, "Tool", "Add a version")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_label("Name", exact=True).first).to_have_value("Tool")
    await dialog.get_by_label("Tag", exact=True).fill("2.0")
    await dialog.get_by_role("button", name="Add", exact=True).click()
    await expect(tool.get_by_label("Version of Tool")).to_have_value("2.0")
    assert (stub.bodies[0]["environment"], "image_digest" in stub.bodies[0]) == ({"A": "1"}, False)
    start = tool.get_by_role("link", name="Start Tool")
    await expect(start).to_have_attribute("href", "/hub/spawn?software=tool&version=2.0")
    await tool.get_by_label("Version of Tool").select_option("1.0")
    await expect(start).to_have_attribute("href", "/hub/spawn?software=tool&version=1.0")
    await open_menu(page, "Tool", "Delete…")
    question = page.get_by_role("dialog", name="Delete “Tool”?")
    await expect(question).to_contain_text("Tasks that run go on")
    await question.get_by_role("button", name="Cancel").click()
    assert len(stub.versions) == 2
    await open_menu(page, "Tool", "Delete…")
    await question.get_by_role("button", name="Delete version 1.0").click()
    await expect(tool.get_by_label("Version of Tool")).to_be_hidden()
    await open_menu(page, "Tool", "Delete…")
    await question.get_by_role("button", name="Delete", exact=True).click()
    await expect(page.locator("#no-own")).to_be_visible()
    assert stub.versions == {}


async def test_what_has_changed_meanwhile_is_not_deleted(page: Page, stub: SoftwareStub) -> None:
    stub.add("tool", "1.0")
    version = stub.add("tool", "2.0")
    await page.goto(URL)
    await card(page, "Tool").get_by_label("Version of Tool").select_option("2.0")
    stub.change(version, description="Newer words")
    await open_menu(page, "Tool", "Delete…")
    await page.get_by_role("button", name="Delete version 2.0").click()
    await expect(page.get_by_role("alert")).to_contain_text("Bob has changed it meanwhile.")
    await expect(card(page, "Tool").get_by_label("Version of Tool")).to_be_visible()
    assert version["id"] in stub.versions


async def test_a_digest_is_fixed_until_the_image_is_another(page: Page, stub: SoftwareStub) -> None:
    dialog = await open_form(page)
    await dialog.get_by_label("Image", exact=True).fill("ghcr.io/org/sky-viewer:1.2")
    await expect(dialog.get_by_label("Command")).to_have_attribute("placeholder", "serve")
    await dialog.get_by_text("Architecture and digest").click()
    await dialog.get_by_role("button", name="Always run exactly this one").click()
    await expect(dialog.get_by_label("Digest", exact=True)).to_have_value(DIGEST)
    await dialog.get_by_label("Tag", exact=True).fill("1.0")
    await expect(dialog.get_by_label("Digest", exact=True)).to_have_value("")


async def test_the_second_editor_keeps_the_input_beside_the_newer_version(
    page: Page, stub: SoftwareStub
) -> None:
    version = stub.add("tool", description="Old words", answer_timeout=300)
    await page.goto(URL)
    await card(page, "Tool").get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name", exact=True).fill("Mine")
    await dialog.get_by_label("Description").fill("My words")
    stub.change(version, name="Bob's", image_tag="2.0")
    await dialog.get_by_role("button", name="Save").click()
    alert = dialog.get_by_role("alert").first
    await expect(alert).to_contain_text("Bob has changed it meanwhile.")
    await expect(alert.locator(".conflict-line")).to_have_count(1)
    await expect(alert.locator(".conflict-line")).to_contain_text("Bob's")
    await expect(dialog.get_by_label("Name", exact=True)).to_have_value("Mine")
    await expect(dialog.get_by_label("Description")).to_have_value("My words")
    await expect(dialog.get_by_label("Tag", exact=True)).to_have_value("2.0")
    assert version["entry"]["name"] == "Bob's"
    await dialog.get_by_role("button", name="Take the newer Name").click()
    await expect(dialog.get_by_label("Name", exact=True)).to_have_value("Bob's")
    await dialog.get_by_role("button", name="Save").click()
    await expect(card(page, "Bob's")).to_contain_text("My words")
    assert version["entry"] == {
        "name": "Bob's",
        "description": "My words",
        "registry": "ghcr.io",
        "image_name": "org/tool",
        "image_tag": "2.0",
        "answer_timeout": 300,
    }


async def test_a_refusal_of_the_policy_is_on_the_card(page: Page, stub: SoftwareStub) -> None:
    stub.add("tool", "1.0")
    stub.add("tool", "2.0")["refused"] = "The scanner found `CVE-2026-1`."
    await page.goto(URL)
    refusal = card(page, "Tool").locator(".software-refusal")
    await expect(refusal).to_be_hidden()
    start = card(page, "Tool").get_by_role("link", name="Start Tool")
    await expect(start).to_be_visible()
    await card(page, "Tool").get_by_label("Version of Tool").select_option("2.0")
    await expect(refusal).to_be_visible()
    await expect(refusal).to_have_text("The scanner found CVE-2026-1.")
    await expect(start).to_be_hidden()


async def test_updates_say_which_tags_have_moved(page: Page, stub: SoftwareStub) -> None:
    stub.add("tool", "1.0")
    same = {"recorded": DIGEST, "present": DIGEST, "moved": False, "problem": None}
    moved = {"recorded": DIGEST, "present": OTHER_DIGEST, "moved": True, "problem": None}
    stub.updates = [{"version": "1.0", "id": "1"} | same, {"version": "latest", "id": "2"} | moved]
    await page.goto(URL)
    await open_menu(page, "Tool", "Check for updates")
    news = card(page, "Tool").get_by_role("status")
    await expect(news).to_have_text("Tag latest has moved: it is sha256:cdcdcdcdcdcd now.")
    stub.updates = [{"version": "1.0", "id": "1"} | same]
    await open_menu(page, "Tool", "Check for updates")
    await expect(news).to_have_text("No tag has moved.")


async def test_a_logo_is_chosen_shown_and_sent(page: Page, stub: SoftwareStub) -> None:
    stub.add("tool")
    await page.goto(URL)
    await card(page, "Tool").get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    logo = dialog.get_by_label("Logo")
    await logo.set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"x"})
    await expect(dialog.get_by_text("Choose a PNG, JPEG, WebP or SVG file.")).to_be_visible()
    await dialog.get_by_role("button", name="Save").click()
    assert (stub.logos, stub.bodies) == ({}, [])
    await logo.set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": PNG})
    await expect(dialog.locator(".logo-line img")).to_be_visible()
    await dialog.get_by_role("button", name="Save").click()
    await expect(card(page, "Tool").locator(".tile img")).to_be_visible()
    assert stub.logos == {"tool": ("image/png", PNG)}


async def test_search_and_filter(page: Page, stub: SoftwareStub) -> None:
    stub.add("tool", keywords=["astronomy"], description="\uff32educes spectra")
    await page.goto(URL)
    names = page.locator(".software-card:visible h3")
    await expect(names).to_have_count(1 + len(stub.families))
    await page.get_by_role("button", name="astronomy").click()
    await expect(names).to_have_text(["Tool", "CASA", "Aladin"])
    await page.get_by_role("searchbox").fill("reduces GHCR.io")
    await expect(names).to_have_text(["Tool"])
    await expect(page.locator("#section-platform")).to_be_hidden()
    await page.get_by_role("searchbox").fill("nothing like it")
    await page.get_by_role("button", name="Show everything").click()
    await expect(names).to_have_count(1 + len(stub.families))


@pytest.mark.parametrize(
    "name", [EVIL, "東京天文台 العربية עברית", "W" * 80, "é" * 40, "'; DROP TABLE x; --", "👩‍🚀"]
)
async def test_names_are_text_in_every_script(page: Page, stub: SoftwareStub, name: str) -> None:
    stub.add("tool", name=name, description=name * 3, keywords=[name], environment={"A": name})
    await page.set_viewport_size({"width": 360, "height": 740})
    await page.goto(URL)
    result = page.locator("#software-user .software-card")
    await expect(result.get_by_role("heading")).to_have_text(name)
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await page.evaluate(wide) <= 0
    await result.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_label("Value")).to_have_value(name)
    assert await page.evaluate(wide) <= 0
    assert await dialog.evaluate("box => box.scrollWidth - box.clientWidth") <= 0
    await dialog.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert stub.bodies[0]["name"] == name
    assert await page.evaluate("window.hacked") is None


async def test_a_service_that_does_not_answer_is_asked_again(
    page: Page, stub: SoftwareStub
) -> None:
    stub.refusals["GET api/v1/software"] = (503, "Try again later.")
    await page.goto(URL)
    await expect(page.get_by_role("alert")).to_contain_text("Try again later.")
    stub.refusals.clear()
    await page.get_by_role("button", name="Try again").click()
    await expect(card(page, "CASA")).to_be_visible()
    await expect(page.get_by_role("alert")).to_be_hidden()
