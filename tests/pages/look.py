"""Screenshots of every page, to look at: `python -m tests.pages.look DIRECTORY`."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

from tests.pages.conftest import ARGUMENTS, CHROMIUM
from tests.pages.families import catalogue, inventory
from tests.pages.stub import PREFIX, Stub
from tests.pages.tasks import failed, make_task, queued_job, running, running_job

SHOWN = {"a2": "waiting", "a3": "running", "a4": "ssh", "a5": "failed"} | {
    "a7": "in-queue",
    "a8": "near-its-limit",
    "a9": "silent",
}
MB = 1 << 20
GB = 1 << 30
LOG = (
    "[I 10:01:02 ServerApp] jupyterlab | extension was successfully loaded.\n"
    "[I 10:01:03 ServerApp] Serving notebooks from local directory: /home/metauser\n"
    "[I 10:01:03 ServerApp] Jupyter Server 2.14 is running at:\n"
)


def fill(stub: Stub) -> None:
    """A task in each state."""
    stub.families = catalogue()
    pulling = {"done": 312 * MB, "total": 1240 * MB}
    fetching = "Fetching the image to This machine: 312 MB of 1.2 GB."
    stub.put(make_task("a1", name="Line survey", message="Waiting for This machine."))
    stub.put(make_task("a2", state="starting", progress=pulling, message=fetching))
    web = running(id="a3", usage={"cpu_seconds": 10.0, "memory": 700 * MB})
    stub.put(make_task("a3", name="Reduction of NGC 1333, second try") | web)
    ssh = {"protocol": "ssh", "url": "ssh -p 7003 metauser@127.0.0.1", "auth": "password"}
    warning = "The task can't connect to other machines: slirp4netns is not installed."
    shell = running(open_url=None, interface=ssh, warnings=[warning])
    stub.put(make_task("a4", name="Shell") | shell)
    cause = "The image casa:6.7 does not exist in its registry. Choose another version."
    stub.put(make_task("a5", name="CASA 6.7") | failed(cause, LOG.splitlines()))
    ended = failed("Stopped.", []) | {"state": "stopped"}
    stub.put(make_task("a6", name="Yesterday's notebook") | ended)
    _fill_cluster(stub)
    for task in stub.tasks:
        stub.logs[task] = LOG * 3


def _fill_cluster(stub: Stub) -> None:
    """A task that waits in a queue, one at the end of its time, and one whose cluster is silent."""
    stub.inventory = {"vega": inventory() | {"collected": in_minutes(0)}}
    tomorrow, soon, later = (in_minutes(one) for one in (26 * 60, 5, 200))
    stub.put(make_task("a7", name="Cube of Orion") | queued_job(tomorrow))
    near = running_job(soon, id="a8", cpus=4, memory=16 * GB)
    stub.put(make_task("a8", name="Last minutes") | near)
    silent = "The login node of Vega does not answer since 14:02. The task goes on."
    stub.put(make_task("a9", name="Mosaic") | running_job(later, id="a9", condition=silent))


def in_minutes(minutes: float) -> str:
    """The time then, as the API writes it."""
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()


async def _form(page: Page, directory: Path, end: str) -> None:
    """The form with a cluster."""
    await page.goto("/hub/spawn")
    await page.locator("input[value=jupyter-notebook]").check()
    await page.get_by_label("Computing resource").select_option("vega")
    await page.screenshot(path=directory / f"form-simple{end}", full_page=True)
    await page.get_by_role("button", name="Advanced").click()
    await page.get_by_label("Partition").select_option("gpu")
    await page.get_by_label("Time limit").fill("4d")
    await page.screenshot(path=directory / f"form-advanced{end}", full_page=True)
    await page.get_by_label("Computing resource").select_option("perun")
    await page.wait_for_selector("#identity")
    await page.screenshot(path=directory / f"form-identity{end}", full_page=True)


async def _shot(page: Page, path: str, target: Path, ready: str) -> None:
    await page.goto(path)
    await page.wait_for_selector(ready)
    await page.screenshot(path=target, full_page=True)


async def _look(browser: Browser, stub: Stub, directory: Path, width: int, theme: str) -> None:
    context = await browser.new_context(
        base_url=stub.base,
        viewport={"width": width, "height": 900},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = await context.new_page()
    end = f"-{width}-{theme}.png"
    await _shot(page, PREFIX, directory / f"tasks{end}", "#active .task-row")
    for task, name in SHOWN.items():
        await _shot(page, f"{PREFIX}tasks/{task}?stay", directory / f"{name}{end}", "#details dd")
    await page.goto("/hub/spawn")
    await page.screenshot(path=directory / f"catalogue{end}", full_page=True)
    await page.locator("input[value=casa]").check()
    await page.screenshot(path=directory / f"chosen{end}", full_page=True)
    await _form(page, directory, end)
    for name in ("error", "not_running", "spawn_pending", "token", "login"):
        await page.goto(f"/hub/{name}")
        await page.screenshot(path=directory / f"{name}{end}")
    await context.close()


async def main(directory: Path) -> None:
    """Two widths, two themes."""
    stub = Stub()
    fill(stub)
    stub.listen()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for width in (1200, 360):
            for theme in ("light", "dark"):
                await _look(browser, stub, directory, width, theme)
        await browser.close()
    stub.cut()


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(target))
