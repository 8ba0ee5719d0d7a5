"""Base containers and engines, as a user uses them: catalogue, waiting room, inside."""

import asyncio
import contextlib
import json
import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page
from traitlets.config.loader import PyFileConfigLoader

from tests.support.browsing import visit
from tests.support.pictures import wait_for_change

from .browser import EMPTY, chromium, click_changes_the_screen, keep_picture, log_in, run_a_cell
from .deployment import Deployment
from .machines import ROOT, Machine, apptainer_machine, this_machine

# Each engine with each kind of interface: HTTP, a desktop's WebSocket, SSH. The desktops, which are
# one image with different programs, are spread over the engines; `tests/images` starts them all.
COMBINATIONS = [
    ("docker", "jupyternotebook"),
    ("docker", "minimaldesktop"),
    ("docker", "sshserver"),
    ("podman", "jupyternotebook"),
    ("podman", "guiapplication"),
    ("podman", "sshserver"),
    ("singularity", "jupyternotebook"),
    ("singularity", "basicdesktop"),
    ("singularity", "sshserver"),
]
# Seconds: the first start of an image with Apptainer makes an image file of it.
FIRST_START = 400


def example_software(registry: str, directory: Path) -> list[dict[str, Any]]:
    """The catalogue of the repository's own jupyterhub_config.py."""
    variables = {
        "ROSETTA_REGISTRY": registry,
        "ROSETTA_PUBLIC_IMAGES": "no",
        "ROSETTA_STATE_DIR": str(directory / "example"),
        "ROSETTA_ENGINES": "docker",
    }
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        config = PyFileConfigLoader("jupyterhub_config.py", path=str(ROOT)).load_config()
    finally:
        os.environ.clear()
        os.environ.update(before)
    return list(config.Rosetta.software)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hub(
    request: pytest.FixtureRequest, registry: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[str, Deployment]]:
    """An engine, and a running hub with it; Apptainer needs another machine."""
    engine = request.param
    directory = tmp_path_factory.mktemp(engine)
    computing = {"id": "local", "name": "This machine", "container_engines": [engine]}
    with machine_for(engine, directory) as machine:
        deployment = Deployment(
            machine.directory / "hub",
            example_software(registry, directory),
            [{**computing, "max_memory": "2G"}],
            python=machine.python,
            prefix=machine.prefix,
        )
        if machine.prefix:
            os.chown(deployment.directory, 1000, 1000)
        try:
            await deployment.start()
            yield engine, deployment
        finally:
            await deployment.stop()


def machine_for(engine: str, directory: Path) -> contextlib.AbstractContextManager[Machine]:
    """A machine that has the engine."""
    if engine == "singularity":
        return apptainer_machine(directory / "machine")
    return contextlib.nullcontext(this_machine(directory))


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Chromium."""
    async with chromium() as browser:
        yield browser


async def start_by_form(page: Page, deployment: Deployment, image: str) -> str:
    """Choose, press Start, and wait in the waiting room; returns the task's id."""
    await visit(page, f"{deployment.url}/hub/spawn")
    await page.check(f"input[name=software][value={image}]")
    await page.get_by_role("button", name="Start").click()
    await page.wait_for_url("**/services/rosetta/tasks/*", timeout=60_000)
    return page.url.split("/tasks/")[1].split("?")[0]


async def press_a_key_of_the_calculator(page: Page) -> None:
    """xcalc shows what is typed."""
    canvas = page.locator("canvas").first
    await canvas.wait_for(timeout=60_000)

    async def press() -> None:
        box = await canvas.bounding_box()
        assert box is not None
        await page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        await page.keyboard.type("7")

    await wait_for_change(canvas.screenshot, press, smallest=EMPTY)


INSIDE: dict[str, Callable[[Page], Awaitable[None]]] = {
    "jupyternotebook": run_a_cell,
    "minimaldesktop": click_changes_the_screen,
    "basicdesktop": click_changes_the_screen,
    "guiapplication": press_a_key_of_the_calculator,
}


@pytest.fixture
def display(tmp_path: Path) -> Iterator[str]:
    """A screen of this machine's."""
    number = tmp_path / "display"
    with number.open("w") as file:
        argv = ["Xvfb", "-displayfd", str(file.fileno()), "-nolisten", "tcp"]
        server = subprocess.Popen(argv, pass_fds=[file.fileno()], stderr=subprocess.DEVNULL)
    try:
        while not (text := number.read_text().strip()):
            assert server.poll() is None
        yield f":{text}"
    finally:
        server.terminate()
        server.wait(10)


async def shell_with_a_window(page: Page, display: str) -> None:
    """`ssh -p PORT -X` as the page tells it, with the password of the page, runs an X program."""
    command = (await page.locator("#address .connect-value").inner_text()).split()
    await page.get_by_role("button", name="Show the password").click()
    await page.get_by_role("button", name="Hide the password").wait_for()
    password = await page.locator("#credentials .connect-secret").inner_text()
    options = ["-X", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    picture = "for i in $(seq 100); do xwd -silent -name xclock | wc -c | grep -v ^0 && break; done"
    result = await asyncio.to_thread(
        subprocess.run,
        ["sshpass", "-e", *command, *options, f"xclock & {picture}; kill $!"],
        env={**os.environ, "SSHPASS": password, "DISPLAY": display},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.stdout.strip().isdecimal(), result.stderr
    assert int(result.stdout) > 164 * 164, "a picture of the clock, which came through the tunnel"


@pytest.mark.timeout(FIRST_START + 200)
@pytest.mark.parametrize(("hub", "image"), COMBINATIONS, indirect=["hub"], scope="module")
async def test_a_person_is_inside(
    hub: tuple[str, Deployment], browser: Browser, image: str, display: str
) -> None:
    engine, deployment = hub
    user = await deployment.user("carol")
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    page = await log_in(context, deployment, "carol")
    task_id = await start_by_form(page, deployment, image)
    task = await user.until(task_id, "running", "failed", seconds=FIRST_START)
    assert task["state"] == "running", (task["message"], task["log_tail"])
    assert task["engine"] == engine
    if image == "sshserver":
        await shell_with_a_window(page, display)
    else:
        await page.wait_for_url("http://127.0.0.1:*/**", timeout=30_000)
        try:
            await INSIDE[image](page)
        finally:
            await keep_picture(page, f"{engine}-{image}")
    await visit(page, f"{deployment.url}{task['page_url']}?stay")
    await page.get_by_role("button", name="Stop").click()
    stopped = await user.until(task_id, "stopped")
    assert stopped["warnings"] == []
    await context.close()
    await user.clean()
    assert json.loads((await user.api("GET", "tasks")).body) == {"tasks": [], "next": None}
