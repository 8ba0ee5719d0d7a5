"""Software of users in browsers: from a registry to a task, and who sees and changes what."""

import asyncio
import json
import shlex
import subprocess
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.support.browsing import visit

from .browser import chromium, keep_picture, log_in
from .conftest import ECHO, JUPYTER_IMAGE
from .deployment import Deployment, User
from .test_modes import running

# Filling the registry takes a minute, and longer on a loaded machine.
pytestmark = pytest.mark.timeout(func_only=True)

GROUPS = {"astro": {"users": ["alice", "bob"]}, "power": {"users": ["bob"]}}
SHELL = {
    "name": "Shell",
    "image_name": "team/shell",
    "interface_port": 22,
    "interface_protocol": "ssh",
    "interface_auth": "password",
    "supports_interface_auth": True,
}


@pytest.fixture(scope="module")
def image(registry: str) -> Iterator[str]:
    """An image in a registry of this machine, which has its layers under another name."""
    local = f"{JUPYTER_IMAGE['image_name']}:{JUPYTER_IMAGE['image_tag']}"
    name = f"{registry}/team/echo:1.0"
    for command in (["tag", local, name], ["push", "--quiet", name], ["rmi", name]):
        subprocess.run(["docker", *command], check=True, stdout=subprocess.DEVNULL)
    yield name
    subprocess.run(["docker", "rmi", "--force", name], check=True, stdout=subprocess.DEVNULL)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def deployment(
    tmp_path_factory: pytest.TempPathFactory, image: str
) -> AsyncIterator[Deployment]:
    """A hub with groups, that knows the registry."""
    registry = {"host": image.partition("/")[0], "plain_http": True}
    lines = [
        f"c.JupyterHub.load_groups = {GROUPS!r}",
        f"c.Rosetta.registries = [{registry!r}]",
        "c.Rosetta.user_software = {'power_groups': ['power']}",
    ]
    async with running(tmp_path_factory.mktemp("software"), extra="\n".join(lines)) as deployment:
        yield deployment


async def open_page(browser: Browser, deployment: Deployment, name: str) -> Page:
    """The Software page of a user, by the navigation."""
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(30_000)
    page = await log_in(context, deployment, name)
    await page.get_by_role("link", name="Software", exact=True).click()
    await expect(page.get_by_role("heading", name="echo", exact=True)).to_be_visible()
    return page


async def add(page: Page, image: str, owner: str | None) -> None:
    """An entry for the image."""
    await page.get_by_role("button", name="Add software").click()
    form = page.get_by_role("dialog")
    await form.get_by_label("Image", exact=True).fill(image)
    await expect(form.get_by_text("Found")).to_contain_text("linux/amd64")
    await expect(form.get_by_label("Name", exact=True)).to_have_value("Echo")
    await form.get_by_label("Name", exact=True).fill("Mine")
    await form.get_by_label("Port", exact=True).fill("8888")
    if owner:
        await form.get_by_label("For", exact=True).select_option(owner)
    await form.get_by_text("Variables and command").click()
    await form.get_by_label("Command").fill(shlex.join(["python3", "-c", ECHO]))
    await keep_picture(page, "software-form")
    await form.get_by_role("button", name="Add", exact=True).click()
    await expect(page.get_by_role("heading", name="Mine")).to_be_focused()


@pytest.fixture(autouse=True)
async def empty_shelves(deployment: Deployment) -> None:
    """Nobody has software, or a task, of a former test, or of a former try of the same one."""
    for name in ("alice", "bob"):
        user = await deployment.user(name)
        await user.clean()
        listed = json.loads((await user.api("GET", "software")).body)["software"]
        for family in (item for item in listed if item["owner"]["kind"] in ("user", "group")):
            answer = await user.api("DELETE", f"software/{family['id']}")
            assert answer.code == 204, answer.body


async def test_from_a_registry_to_a_task(deployment: Deployment, image: str) -> None:
    async with chromium() as browser:
        page = await open_page(browser, deployment, "alice")
        await add(page, image, None)
        await keep_picture(page, "software")
        await page.get_by_role("link", name="Start Mine").click()
        await expect(page.locator("#options-title")).to_have_text("Mine")
        await page.get_by_role("button", name="Start", exact=True).click()
        await page.wait_for_url("**/services/rosetta/tasks/*")
        alice = await deployment.user("alice")
        task = await alice.until(page.url.rpartition("/")[2].partition("?")[0], "running")
        assert task["software"]["name"] == "Mine"
        assert (await (await alice.enter(task)).get("/hello")).body.startswith(b"/hello")
        # The page of the task leads inside, whenever that is.
        await page.wait_for_url("http://127.0.0.1:*/**")
        await visit(page, f"{deployment.url}/services/rosetta/software")
        card = page.locator("#software-user .software-card")
        await expect(card).to_contain_text("Used once, today")
        await card.get_by_role("button", name="More for Mine").click()
        await card.get_by_role("button", name="Delete…").click()
        question = page.get_by_role("dialog")
        await expect(question).to_contain_text("Tasks that run go on")
        await question.get_by_role("button", name="Delete", exact=True).click()
        await expect(page.locator("#no-own")).to_be_visible()
        task = await alice.until(task["id"], "running")
        assert task["software"]["name"] == "Mine"
        await alice.clean()


async def test_who_sees_and_changes_what(deployment: Deployment, image: str) -> None:
    async with chromium() as browser:
        alices = await open_page(browser, deployment, "alice")
        await add(alices, image, "The group astro")
        bobs = await open_page(browser, deployment, "bob")
        await edit_together(alices, bobs)
        carols = await open_page(browser, deployment, "carol")
        await expect(carols.get_by_role("heading", name="Mine")).to_have_count(0)
        await standard_users_have_http_alone(alices, bobs)
    alice, bob, carol = [await deployment.user(name) for name in ("alice", "bob", "carol")]
    await what_is_hidden_is_refused(alice, bob, carol, image)


async def edit_together(alices: Page, bobs: Page) -> None:
    """The second editor is told, and loses nothing."""
    for page in (alices, bobs):
        await page.get_by_role("button", name="Edit Mine").click()
    form = bobs.get_by_role("dialog")
    await form.get_by_role("textbox", name="Description").fill("By Bob")
    await form.get_by_role("button", name="Save").click()
    await expect(bobs.locator("#software-group")).to_contain_text("By Bob")
    form = alices.get_by_role("dialog")
    await form.get_by_role("textbox", name="Description").fill("By Alice")
    await form.get_by_label("Keywords").fill("sky")
    await form.get_by_role("button", name="Save").click()
    await expect(form.locator(".conflict-line")).to_contain_text("By Bob")
    await expect(form.get_by_role("textbox", name="Description")).to_have_value("By Alice")
    await form.get_by_role("button", name="Save").click()
    await expect(alices.locator("#software-group")).to_contain_text("By Alice")


async def standard_users_have_http_alone(alices: Page, bobs: Page) -> None:
    for page, choices in ((alices, 2), (bobs, 0)):
        await page.get_by_role("button", name="Add software").click()
        protocol = page.get_by_role("dialog").get_by_label("Protocol", exact=True)
        await expect(protocol.locator("option")).to_have_count(choices)
    await expect(alices.get_by_text("They are for members of power.")).to_be_visible()


async def what_is_hidden_is_refused(alice: User, bob: User, carol: User, image: str) -> None:
    """What pages do not offer, their users' tokens are not given either."""
    entry = SHELL | {"registry": image.partition("/")[0]}
    answers = await asyncio.gather(*(item.api("POST", "software", entry) for item in (alice, bob)))
    assert [answer.code for answer in answers] == [403, 201]
    listed = json.loads((await bob.api("GET", "software")).body)["software"]
    family = next(item for item in listed if item["owner"]["kind"] == "group")
    version = family["versions"][0]["id"]
    for method, path in (("GET", f"versions/{version}"), ("DELETE", family["id"])):
        assert (await carol.api(method, f"software/{path}")).code == 404
    started = await carol.api("POST", "tasks", {"software": family["id"]})
    assert started.code == 422
    shared = {"name": "X", "image_name": "team/x", "owner": {"kind": "group", "name": "astro"}}
    assert (await carol.api("POST", "software", shared)).code == 422
