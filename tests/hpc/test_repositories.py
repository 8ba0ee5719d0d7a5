"""From a link to a repository, over a registry, to a cell of a notebook on a cluster."""

import json
import secrets
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, expect

from tests.e2e.browser import chromium, keep_picture
from tests.e2e.deployment import User
from tests.e2e.repositories import builds_of, make_notebook, open_link, run_first_cell
from tests.support.browsing import visit
from tests.support.git_server import GitServer, Repository

from .builds import BASE
from .hub import Hub
from .private_images import GUEST, PrivateImages

pytestmark = [pytest.mark.usefixtures("leaves_nothing"), pytest.mark.timeout(500)]

# As for Binder, which starts Jupyter itself, where the Dockerfile has led.
DOCKERFILE = f"""\
FROM {BASE}
COPY . /srv/hello/
WORKDIR /srv/hello
"""
NOTEBOOK = make_notebook("print(open('words.txt').read().upper())")
LINK = "v2/gh/octo/hello/main?labpath=hello.ipynb&computing=cluster&size=large"


@pytest.fixture(scope="module")
def repository(repositories: GitServer) -> Repository:
    """Octo's, which is empty."""
    return repositories.repository("octo/hello")


@pytest.fixture
def words(repository: Repository) -> str:
    """What is in the file that the notebook reads; nothing has been built of it."""
    words = f"words {secrets.token_hex(8)}"
    repository.commit({"Dockerfile": DOCKERFILE, "hello.ipynb": NOTEBOOK, "words.txt": words})
    return words


@pytest.fixture
async def guest(hub: Hub) -> AsyncIterator[User]:
    """Somebody with alice's account on the cluster, and the site's at the registry."""
    user = await hub.deployment.user(GUEST)
    hub.cluster.authorize("alice", await hub.paste_line(user, "cluster", "alice"))
    yield user
    await user.clean()


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A browser without a past."""
    async with chromium() as browser:
        context = await browser.new_context()
        context.set_default_timeout(30_000)
        yield await context.new_page()


async def start(page: Page, button: str) -> None:
    """Press the button of the link's page, and get into the notebook."""
    await page.get_by_role("button", name=button, exact=True).click()
    await page.wait_for_url("http://127.0.0.1:*/doc/tree/hello.ipynb", timeout=200_000)


async def test_from_a_link_to_a_cell_on_a_node(
    hub: Hub, guest: User, words: str, private_images: PrivateImages, page: Page
) -> None:
    await open_link(page, f"{hub.deployment.url}/hub/{LINK}", GUEST)
    await start(page, "Build and start")
    await run_first_cell(page, words.upper())
    await keep_picture(page, "repository-on-a-node")

    build = (await builds_of(guest, "octo/hello"))[0]
    assert build["image"]["reference"].startswith(f"{private_images.host}/builds/")
    (task,) = json.loads((await guest.api("GET", "tasks")).body)["tasks"]
    assert task["computing"]["id"] == "cluster"
    assert task["job"]["node"] in ("node1", "node2")
    await guest.clean()

    await visit(page, f"{hub.deployment.url}/services/rosetta/{LINK}")
    await expect(page.get_by_text("Built already")).to_be_visible()
    await start(page, "Start")
    again = (await builds_of(guest, "octo/hello"))[0]
    assert (again["id"], again["ended"]) == (build["id"], build["ended"])
