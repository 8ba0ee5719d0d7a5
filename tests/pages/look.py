"""Screenshots of every page, to look at: `python -m tests.pages.look DIRECTORY`."""

import asyncio
import sys
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

from tests.pages.cards import catalogue
from tests.pages.conftest import ARGUMENTS, CHROMIUM
from tests.pages.stub import PREFIX, Stub, failed, make_task, running

MB = 1 << 20
LOG = (
    "[I 10:01:02 ServerApp] jupyterlab | extension was successfully loaded.\n"
    "[I 10:01:03 ServerApp] Serving notebooks from local directory: /home/metauser\n"
    "[I 10:01:03 ServerApp] Jupyter Server 2.14 is running at:\n"
)


def fill(stub: Stub) -> None:
    """A task in each state."""
    stub.cards = catalogue()
    pulling = {"done": 312 * MB, "total": 1240 * MB}
    fetching = "Fetching the image to This machine: 312 MB of 1.2 GB."
    stub.put(make_task("a1", name="Line survey", sentence="Waiting for This machine."))
    stub.put(make_task("a2", state="starting", progress=pulling, sentence=fetching))
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
    for task in stub.tasks:
        stub.logs[task] = LOG * 3


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
    for task, name in [("a2", "waiting"), ("a3", "running"), ("a4", "ssh"), ("a5", "failed")]:
        await _shot(page, f"{PREFIX}tasks/{task}?stay", directory / f"{name}{end}", "#facts dd")
    await page.goto("/hub/spawn")
    await page.screenshot(path=directory / f"catalogue{end}", full_page=True)
    await page.locator("input[value=casa]").check()
    await page.screenshot(path=directory / f"chosen{end}", full_page=True)
    for name in ("error", "not_running", "spawn_pending"):
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
        for width in (1280, 360):
            for theme in ("light", "dark"):
                await _look(browser, stub, directory, width, theme)
        await browser.close()
    stub.cut()


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(target))
