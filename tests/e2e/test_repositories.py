"""From a link to a repository to a cell of a notebook: a git server, a builder, a browser."""

import asyncio
import json
import secrets
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.support.browsing import visit
from tests.support.git_server import GitServer, Repository

from .browser import chromium, keep_picture
from .conftest import COMPUTING, JUPYTER_IMAGE
from .deployment import Deployment, User, eventually
from .repositories import (
    builds_of,
    make_notebook,
    open_folder,
    open_link,
    run_first_cell,
    serve_git,
)

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

BASE = f"{JUPYTER_IMAGE['image_name']}:{JUPYTER_IMAGE['image_tag']}"
MEMBERS = ["alice", *(f"member{number}" for number in range(20))]
DOCKERFILE = f"""\
FROM {BASE}
RUN echo "made from a repository" >/tmp/made
COPY hello.ipynb /home/metauser/
EXPOSE 8888
CMD ["/opt/rosetta/start"]
"""
NOTEBOOK = make_notebook("print(open('/tmp/made').read().upper())")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where the account that fetches repositories gets to; pytest's own are closed to it."""
    with open_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def git_server(folder: Path) -> Iterator[GitServer]:
    """Takes GitHub's place."""
    with serve_git(folder) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def builder(git_server: GitServer, folder: Path) -> AsyncIterator[Deployment]:
    """A hub that builds with Docker; docs/builds.md tells what it can't enforce then."""
    settings: dict[str, Any] = {
        **git_server.settings(),
        "engine": "docker",
        "base_image": BASE,
        "buildpacks": ["dockerfile"],
        "groups": ["builders"],
        "allow_weaker": ["network", "processes", "memory", "disk"],
    }
    groups = {"builders": {"users": MEMBERS}}
    extra = f"c.Rosetta.builds = {settings!r}\nc.JupyterHub.load_groups = {groups!r}\n"
    deployment = Deployment(folder / "hub", [], COMPUTING, extra=extra)
    try:
        await deployment.start()
        yield deployment
    finally:
        await deployment.stop()
        await asyncio.to_thread(remove_images)


def remove_images() -> None:
    """Remove what was built."""
    command = [
        "docker",
        "image",
        "ls",
        "--quiet",
        "--filter",
        "reference=localhost/rosetta-builds/*",
    ]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    for image in sorted(set(listed)):
        subprocess.run(["docker", "image", "rm", "--force", image], check=True, capture_output=True)


@pytest.fixture
def owner() -> str:
    """Whose repositories are: a new one for each test, and for each try of it."""
    return f"octo{secrets.token_hex(4)}"


@pytest.fixture
def hello(git_server: GitServer, owner: str) -> Repository:
    """A repository with a notebook, of which nothing has been built."""
    repository = git_server.repository(f"{owner}/hello")
    files = {"Dockerfile": DOCKERFILE, "hello.ipynb": NOTEBOOK, "owner": owner}
    repository.commit(files)
    return repository


@pytest_asyncio.fixture(loop_scope="session")
async def page() -> AsyncIterator[Page]:
    """A browser without a past."""
    async with chromium() as browser:
        context = await browser.new_context()
        context.set_default_timeout(30_000)
        yield await context.new_page()


async def test_from_a_link_to_a_cell(
    builder: Deployment, hello: Repository, owner: str, page: Page
) -> None:
    alice, repository = await builder.user("alice"), f"{owner}/hello"
    link = f"v2/gh/{repository}/main?labpath=hello.ipynb"
    await open_link(page, f"{builder.url}/hub/{link}")
    await expect(page.get_by_text("Not built yet")).to_be_visible()
    assert await builds_of(alice, repository) == []
    await keep_picture(page, "link")
    await page.get_by_role("button", name="Build and start").click()
    await page.wait_for_url("**/services/rosetta/builds/*")
    await expect(page.locator("#log-text")).to_contain_text("FROM rosetta/jupyternotebook")
    await keep_picture(page, "build")
    await page.wait_for_url("http://127.0.0.1:*/doc/tree/hello.ipynb", timeout=120_000)
    await run_first_cell(page, "MADE FROM A REPOSITORY")
    await alice.clean()

    (build,) = await builds_of(alice, repository)
    families = await families_of(alice)
    assert families
    await visit(page, f"{builder.url}/services/rosetta/{link}")
    await expect(page.get_by_text("Built already")).to_be_visible()
    await page.get_by_role("button", name="Start", exact=True).click()
    await page.wait_for_url("http://127.0.0.1:*/doc/tree/hello.ipynb", timeout=90_000)
    # Nothing was built again, and it is the same software.
    (again,) = await builds_of(alice, repository)
    assert (again["id"], again["ended"]) == (build["id"], build["ended"])
    assert await families_of(alice) == families
    await alice.clean()


async def families_of(user: User) -> set[str]:
    """The software that the user has of repositories called hello."""
    families = json.loads((await user.api("GET", "software")).body)["software"]
    return {family["id"] for family in families if family["name"] == "hello"}


async def test_twenty_at_once_make_one_build(
    builder: Deployment, git_server: GitServer, owner: str
) -> None:
    repository = git_server.repository(f"{owner}/popular")
    repository.commit({"Dockerfile": DOCKERFILE, "hello.ipynb": NOTEBOOK, "popular": "yes"})
    users = [await builder.user(name) for name in MEMBERS[1:]]
    body = {"provider": "gh", "spec": f"{owner}/popular/main"}
    answers = await asyncio.gather(*(user.api("POST", "builds", body) for user in users))
    assert {answer.code for answer in answers} <= {200, 201}, answers[0].body
    builds = [json.loads(answer.body) for answer in answers]
    assert len({build["id"] for build in builds}) == 1
    path = f"builds/{builds[0]['id']}"

    async def done() -> bool:
        views = [json.loads((await user.api("GET", path)).body) for user in users]
        faults = {view["message"] for view in views if view["state"] in ("failed", "cancelled")}
        assert faults == set()
        return all(view["state"] == "done" for view in views)

    await eventually(done, "all have the image", 120)
    # Whoever did not ask sees nothing of it.
    alice = await builder.user("alice")
    assert (await alice.api("GET", path)).code == 404


async def test_what_users_see_when_it_goes_wrong(
    builder: Deployment, git_server: GitServer, owner: str, page: Page
) -> None:
    repository = git_server.repository(f"{owner}/broken")
    repository.commit({"Dockerfile": f"FROM {BASE}\nRUN echo preparing >&2 && exit 7\n"})
    await open_link(page, f"{builder.url}/services/rosetta/v2/gh/{owner}/broken/main")
    await page.get_by_role("button", name="Build and start").click()
    await page.wait_for_url("**/services/rosetta/builds/*")
    await expect(page.locator("#state")).to_have_text("Failed", timeout=60_000)
    await expect(page.locator("#failed-step-text")).to_contain_text("exit 7")
    await expect(page.locator("#tail-text")).to_contain_text("preparing")
    await keep_picture(page, "failed-build")
    repository.commit({"Dockerfile": f"FROM {BASE}\nRUN echo mended\n"})

    await visit(page, f"{builder.url}/services/rosetta/v2/gh/{owner}/no-such-thing/main")
    await expect(page.get_by_role("alert")).to_contain_text(f"{owner}/no-such-thing")
    await keep_picture(page, "missing-repository")
    await visit(page, f"{builder.url}/services/rosetta/v2/gh/{owner}/broken/nowhere")
    await expect(page.get_by_role("alert")).to_contain_text("Branches are: main.")
    assert await builds_of(await builder.user("alice"), f"{owner}/broken") != []


async def test_whoever_may_not_build_reads_it(builder: Deployment, page: Page) -> None:
    await open_link(page, f"{builder.url}/hub/v2/gh/octo/hello/main", "outsider")
    await expect(page.get_by_text("You may not build software of repositories.")).to_be_visible()
    await expect(page.get_by_role("button", name="Build")).to_have_count(0)
    outsider = await builder.user("outsider")
    body = {"provider": "gh", "spec": "octo/hello/main"}
    assert (await outsider.api("POST", "builds", body)).code == 403
