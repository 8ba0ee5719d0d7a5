"""Takes the pictures of the documentation; `scripts/docs --images [NAME...]` runs it.

Pages, viewport, clock and data are fixed, so that a picture changes only when its page does. The
desktop is a real one, in a container of `docker/`.
"""

import asyncio
import io
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

from PIL import Image
from playwright.async_api import Browser, Page, async_playwright
from tornado.httpclient import AsyncHTTPClient, HTTPError

import rosetta_hub
from tests.support.chromium import launch
from tests.support.eventually import until
from tests.support.pictures import wait_for_rest

from .accessibility import Action, nothing
from .account import URL as ACCOUNT
from .account import AccountStub, make_identity, serve_account, with_key
from .admin import URL as ADMIN
from .admin import make_computing, serve_admin
from .families import VEGA, catalogue, family, inventory
from .files import URL as FILES
from .files import fill_storage, serve_files
from .software import GROUP, serve_software
from .software import URL as SOFTWARE
from .stub import PREFIX, Stub
from .tasks import MB, make_task, queued_job, running, running_job

NOW = datetime(2026, 3, 2, 10, 5, tzinfo=UTC)
WIDTH = 1200
# Bytes of a picture of a desktop, below which nothing is drawn yet.
EMPTY = 3000
LOGOS = f"{PREFIX}static/logos"


def at(minutes: float) -> str:
    """A time relative to that of the pictures, as the API writes it."""
    return (NOW + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


def institute_software() -> list[dict[str, Any]]:
    """A catalogue of an institute of astronomy."""
    families = catalogue()
    desktop = {"name": "Basic desktop", "id": "basic-desktop"}
    logos = {
        "Jupyter Notebook": "jupyternotebook",
        "Basic Desktop": "basicdesktop",
        "Aladin": "guiapplication",
        "SSH Server": "sshserver",
    }
    for view in families:
        if logo := logos.get(view["name"]):
            view["logo"] = f"{LOGOS}/{logo}.svg"
    next(view for view in families if view["name"] == "Basic Desktop").update(desktop)
    topcat = family("TOPCAT", "Tables of catalogues: plots, cross matches.", ["astronomy"], "4.10")
    return [*families[:-1], topcat, families[-1]]


def software(key: str, name: str, version: str, logo: str = "") -> dict[str, Any]:
    """What a task shows of its software."""
    result: dict[str, Any] = make_task()["software"]
    address = f"{LOGOS}/{logo}.svg" if logo else ""
    return result | {"id": key, "name": name, "version": version, "logo": address}


NOTEBOOK = software("jupyter-notebook", "Jupyter Notebook", "4.2", "jupyternotebook")
DESKTOP = software("basic-desktop", "Basic desktop", "latest", "basicdesktop")
SHELL = software("ssh-server", "SSH Server", "latest", "sshserver")
PULL = (
    "[10:04:21] Fetching casa:6.5 from registry.example.org.\n"
    "[10:04:22] 14 layers, 1.2 GB; 3 of them are here already.\n"
    "[10:04:58] 9 of 14 layers are complete.\n"
)


def put_tasks(stub: Stub) -> None:
    """A working day of alice."""
    stub.families = institute_software()
    stub.inventory = {"vega": inventory() | {"collected": at(0)}}
    used = {"cpu_seconds": 1400.0, "memory": 700 * MB}
    survey = running(id="a1", usage=used, started=at(-133), created=at(-134))
    stub.put(make_task("a1", name="Line survey", software=NOTEBOOK) | survey)
    pulling = {"done": 812 * MB, "total": 1240 * MB}
    message = "Fetching the image to This machine: 812 MB of 1.2 GB."
    starting: dict[str, Any] = {"state": "starting", "progress": pulling, "message": message}
    stub.put(make_task("a2", name="Reduction of NGC 1333", created=at(-1), **starting))
    queue = queued_job(at(26), reason="Resources") | {"created": at(-12)}
    stub.put(make_task("a3", name="Cube of Orion") | queue)
    node = running_job(at(200), id="a4", created=at(-41), started=at(-40), cpus=8)
    stub.put(make_task("a4", name="Mosaic", software=DESKTOP) | node)
    over = {"state": "stopped", "message": "Stopped.", "ended": at(-1080), "created": at(-1300)}
    can = {"stop": False, "start": True, "delete": True, "log": True}
    stub.put(make_task("a5", name="Yesterday's shell", software=SHELL, can=can, **over))
    stub.logs["a2"] = PULL


@asynccontextmanager
async def _tasks() -> AsyncIterator[Stub]:
    async with serve_account() as stub:
        put_tasks(stub)
        yield stub


@asynccontextmanager
async def _account() -> AsyncIterator[Stub]:
    async with serve_account() as stub:
        _add_keys(stub)
        yield stub


def _add_keys(stub: AccountStub) -> None:
    works = {"state": "works", "message": "Logged in as anovak, 2 March, 09:12."}
    vega = make_identity("vega", name="Vega", host="login.vega.example.org")
    perun = make_identity("perun", name="Perun", host="perun.example.org")
    stub.add(vega | with_key("alice"), perun | with_key("anovak", 2) | works)


@asynccontextmanager
async def _software() -> AsyncIterator[Stub]:
    async with serve_software() as stub:
        stub.families = institute_software()
        viewer = {"name": "Sky viewer", "keywords": ["astronomy", "web"]}
        stub.add("sky-viewer", "1.2", description="Images of the sky in a browser.", **viewer)
        stub.add("sky-viewer", "1.0", description="Images of the sky in a browser.", **viewer)
        pipeline = {"name": "Pipeline", "description": "Reduces the nightly observations."}
        stub.add("pipeline", "2.0", owner=GROUP, created_by="bob", **pipeline)
        yield stub


@asynccontextmanager
async def _files() -> AsyncIterator[Stub]:
    with tempfile.TemporaryDirectory() as directory:
        async with serve_files(Path(directory)) as stub:
            fill_storage(stub)
            (stub.directory / "home/pipe").unlink()
            for path in stub.directory.rglob("*"):
                os.utime(path, (NOW.timestamp(), NOW.timestamp()), follow_symlinks=False)
            yield stub


@asynccontextmanager
async def _admin() -> AsyncIterator[Stub]:
    async with serve_admin() as stub:
        vega = make_computing(last_failure=at(-190), unresponsive=0)
        idle = {
            "states": {"running": 1},
            "waiting_for": {},
            "unresponsive": 0,
            "last_failure": at(-2400),
        }
        stub.documents["computing"]["computing"] = [vega, make_computing("perun", **idle)]
        yield stub


@asynccontextmanager
async def _desktop() -> AsyncIterator["Served"]:
    image = f"rosetta/minimaldesktop:{rosetta_hub.__version__}"
    container = await _docker("run", "--detach", "--rm", "--publish", "127.0.0.1::8590", image)
    try:
        address = await _docker("port", container, "8590")
        base = f"http://{address.splitlines()[0]}"
        await until(lambda: _answers(base))
        yield SimpleNamespace(base=base)
    finally:
        await _docker("stop", "--time", "1", container)


async def _answers(base: str) -> bool:
    try:
        await AsyncHTTPClient().fetch(base)
    except (HTTPError, OSError):
        return False
    return True


async def _docker(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        "docker", *arguments, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    if process.returncode:
        raise RuntimeError(f"docker {arguments[0]} has failed.")
    return output.decode().strip()


async def _select_notebook(page: Page) -> None:
    await page.get_by_role("radio", name="Jupyter Notebook").check()


async def _select_cluster(page: Page) -> None:
    await _select_notebook(page)
    await page.get_by_label("Computing resource").select_option(VEGA["id"])
    await page.get_by_role("button", name="Advanced").click()
    await page.get_by_label("Partition").select_option("gpu")


async def _select_file(page: Page) -> None:
    await page.get_by_role("checkbox", name="Select reduce.py", exact=True).check()


async def _wait_for_desktop(page: Page) -> None:
    await wait_for_rest(page.locator("canvas").first.screenshot, smallest=EMPTY)


class Served(Protocol):
    """Pages of a server of their own."""

    @property
    def base(self) -> str:
        """Its address."""


@dataclass(frozen=True)
class Picture:
    """A page at work: who serves it, its address, what shows that it is complete, what is done."""

    serve: Callable[[], AbstractAsyncContextManager[Served]]
    address: str
    ready: str
    act: Action = nothing
    height: int = 700


PICTURES = {
    "catalogue": Picture(_tasks, "/hub/spawn", "#chips button", _select_notebook, 780),
    "cluster-form": Picture(_tasks, "/hub/spawn", "#chips button", _select_cluster, 1000),
    "dashboard": Picture(_tasks, PREFIX, "#ended-list .task-row", height=860),
    "waiting-room": Picture(_tasks, f"{PREFIX}tasks/a2?stay", "#details dd"),
    "queue": Picture(_tasks, f"{PREFIX}tasks/a3?stay", "#details dd"),
    "files": Picture(_files, f"{FILES}home/", "#folder tbody tr", _select_file),
    "software": Picture(_software, SOFTWARE, ".software-card"),
    "keys": Picture(_account, ACCOUNT, ".identity", height=620),
    "admin": Picture(_admin, f"{ADMIN}#computing", "#panel-computing :is(table, li, article)"),
    "desktop": Picture(_desktop, "/", "canvas", _wait_for_desktop),
}


async def take(browser: Browser, picture: Picture) -> bytes:
    """A picture as PNG.

    Raises:
        playwright.async_api.TimeoutError: the page does not get complete.
    """
    async with picture.serve() as stub:
        context = await browser.new_context(
            base_url=stub.base,
            viewport={"width": WIDTH, "height": picture.height},
            color_scheme="light",
            reduced_motion="reduce",
            timezone_id="UTC",
            locale="en-GB",
        )
        page = await context.new_page()
        await page.clock.set_fixed_time(NOW)
        await page.goto(picture.address)
        await page.wait_for_selector(picture.ready)
        await picture.act(page)
        await page.evaluate("document.fonts.ready")
        await page.wait_for_load_state("load")
        shot = await page.screenshot(animations="disabled", caret="hide")
        await context.close()
    return reduce(shot)


def reduce(shot: bytes) -> bytes:
    """The same picture with 256 colours, which is a third of the bytes."""
    with Image.open(io.BytesIO(shot)) as image:
        reduced = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    stream = io.BytesIO()
    reduced.save(stream, "PNG", optimize=True)
    return stream.getvalue()


async def main(directory: Path, names: list[str]) -> None:
    """Write the pictures that are named, or all of them."""
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        for name in names or PICTURES:
            (directory / f"{name}.png").write_bytes(await take(browser, PICTURES[name]))
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:]))
