"""The base containers and an unmodified image, as a user uses them: card, pod, inside, stop.

The API server is reached by its address, by a kubectl of this machine, and by one of a login node.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.conftest import BASE_CONTAINERS
from tests.e2e.browser import chromium, keep_picture, log_in
from tests.e2e.deployment import Deployment, User, eventually
from tests.e2e.test_combinations import (
    INSIDE,
    display,
    example_software,
    shell_with_a_window,
)
from tests.support.browsing import visit
from tests.support.sshd import Sshd

from .cluster import NAMESPACE, PODS, KubernetesCluster
from .conftest import WEB, computing_of
from .kubectl import ExecLogin, build_computing, ssh_conf

__all__ = ["display"]

# Importing the images and the first start of each take longer than a test of this folder may.
pytestmark = [pytest.mark.timeout(600), pytest.mark.asyncio(loop_scope="session")]
RESOURCES = ("api", "kubectl", "login-node")
SECRETS = f"/api/v1/namespaces/{NAMESPACE}/secrets"
OURS = {"labelSelector": "rosetta-hub/deployment"}
# Desktops need more than what the other tests start.
ROOM = {"default_cpus": 0.4, "default_memory": "1G"}
UNMODIFIED = {"id": "unmodified", "name": "A web application", **WEB}


def image_names(node: dict[str, Any]) -> set[str]:
    """The images that a node has; it tells of none in the first seconds after its start."""
    images = node["status"].get("images") or []
    return {name for image in images for name in image["names"]}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def images(base_containers: dict[str, str], cluster: KubernetesCluster) -> None:
    """The nodes have the base containers; importing them takes minutes, once for each cluster."""
    nodes = (await cluster.admin.call("GET", "/api/v1/nodes"))["items"]
    for reference in base_containers.values():
        name = f"docker.io/{reference}"
        if not all(name in image_names(node) for node in nodes):
            await asyncio.to_thread(cluster.run, "image", reference)


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """The login node."""
    server = Sshd(tmp_path_factory.mktemp("login")).start()
    yield server
    server.kill()


def resources_of(cluster: KubernetesCluster, sshd: Sshd, folder: Path) -> list[dict[str, Any]]:
    """The cluster in each way that it can be reached, by the ids of RESOURCES."""
    config = {"kubeconfig": str(ExecLogin(cluster, folder).write())}
    resources = [
        *computing_of(cluster),
        build_computing("local", **config),
        build_computing("ssh", **config, **ssh_conf(sshd)),
    ]
    return [
        {**resource, **ROOM, "id": name, "name": name}
        for name, resource in zip(RESOURCES, resources, strict=True)
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(
    images: None, cluster: KubernetesCluster, sshd: Sshd, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Deployment]:
    """A hub with the catalogue that the repository shows as an example."""
    directory = tmp_path_factory.mktemp("site")
    software = [*example_software("", directory), UNMODIFIED]
    resources = resources_of(cluster, sshd, directory / "login")
    deployment = Deployment(directory / "hub", software, resources)
    try:
        await deployment.start()
        yield deployment
    finally:
        await deployment.stop()
    shutil.rmtree(directory)


@pytest_asyncio.fixture(loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium."""
    async with chromium() as browser:
        yield browser


async def use_the_application(page: Page) -> None:
    """The page of an image that knows nothing of the hub, and a larger answer of it."""
    await page.get_by_text("Hello from a pod").wait_for()
    size = await page.evaluate(
        "fetch('/bytes?count=3000000').then((answer) => answer.blob()).then((blob) => blob.size)"
    )
    assert size == 3_000_000


USE: dict[str, Callable[[Page], Awaitable[None]]] = {**INSIDE, "unmodified": use_the_application}


async def start_by_card(page: Page, site: Deployment, software: str, resource: str) -> str:
    """Select the card and the resource, and press Start; returns the task's id."""
    await visit(page, f"{site.url}/hub/spawn")
    await page.check(f"input[name=software][value={software}]")
    await page.get_by_label("Computing resource").select_option(resource)
    await keep_picture(page, f"kubernetes-form-{software}")
    await page.get_by_role("button", name="Start").click()
    await page.wait_for_url("**/services/rosetta/tasks/*", timeout=60_000)
    return page.url.split("/tasks/")[1].split("?")[0]


async def check_nothing_left(cluster: KubernetesCluster) -> None:
    """Neither a pod nor a secret of ours is in the namespace, within some seconds."""

    async def is_empty() -> bool:
        lists = [await cluster.admin.call("GET", path, query=OURS) for path in (PODS, SECRETS)]
        return not any(result["items"] for result in lists)

    await eventually(is_empty, "pods and secrets are gone", 90)


async def stop(page: Page, user: User, task: dict[str, Any]) -> dict[str, Any]:
    """Press Stop on the task's page."""
    await visit(page, f"{user.deployment.url}{task['page_url']}?stay")
    await keep_picture(page, f"kubernetes-task-{task['software']['id']}")
    await page.get_by_role("button", name="Stop").click()
    return await user.until(task["id"], "stopped", "failed")


@pytest.mark.parametrize("resource", RESOURCES)
@pytest.mark.parametrize("software", [*BASE_CONTAINERS, "unmodified"])
async def test_a_person_is_inside_of_a_pod(
    site: Deployment,
    cluster: KubernetesCluster,
    browser: Browser,
    software: str,
    resource: str,
    display: str,
) -> None:
    user = await site.user("carol")
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    page = await log_in(context, site, "carol")
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    task_id = await start_by_card(page, site, software, resource)
    await keep_picture(page, f"kubernetes-waiting-{software}")
    task = await user.until(task_id, "running", "failed", seconds=180)
    assert task["state"] == "running", (task["message"], task["log_tail"])
    (pod,) = await cluster.pods()
    assert pod["spec"]["containers"][0]["image"].endswith(task["image"])
    if software == "sshserver":
        await shell_with_a_window(page, display)
    else:
        await page.wait_for_url("http://127.0.0.1:*/**", timeout=60_000)
        try:
            await USE[software](page)
        finally:
            await keep_picture(page, f"kubernetes-inside-{software}-{resource}")
        inside = page.url.removeprefix("http://").partition("/")[0]
        if software != "unmodified":
            assert [url for url in sockets if url.startswith(f"ws://{inside}/")]
    stopped = await stop(page, user, task)
    assert (stopped["state"], stopped["warnings"]) == ("stopped", task["warnings"])
    await context.close()
    await user.clean()
    await check_nothing_left(cluster)
