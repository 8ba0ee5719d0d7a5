"""Files in a browser: into a cluster's home, through notebooks of two users, to a host and back."""

import hashlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect

from tests.e2e.browser import chromium, keep_picture, log_in, run_a_cell
from tests.e2e.deployment import User
from tests.support.browsing import visit

from .hub import Hub
from .storages import read

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(400)]

TREE = {
    "a.txt": b"from my computer\n",
    "deep er/it's 100 % (ä);#?.dat": bytes(range(256)) * 8192,
    "deep er/.hidden": b"hidden",
    "deep er/empty": b"",
}
# Which software under which engine, and what its user is to itself.
NOTEBOOKS = [("jupyter", "singularity", 1001), ("jupyter-fixed", "podman", 4711)]


@pytest_asyncio.fixture(loop_scope="session")
async def context() -> AsyncIterator[BrowserContext]:
    """A browser."""
    async with chromium() as browser:
        context = await browser.new_context(viewport={"width": 1280, "height": 900})
        context.set_default_timeout(30_000)
        yield context


@pytest_asyncio.fixture(loop_scope="session")
async def alice(storages_hub: Hub) -> AsyncIterator[User]:
    """A user with an account on the cluster and one on the host, without files of other tests."""
    for machine, home in (("login", "/home/alice"), ("host", "/home/carol/rosetta")):
        rests = [f"{home}/{name}" for name in ("folder", "back", "Untitled.ipynb", ".jupyter")]
        storages_hub.cluster.run(machine, ["rm", "-rf", *rests])
    user = await storages_hub.member("alice", "cluster", "host")
    yield user
    await user.clean()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What is uploaded."""
    for name, content in TREE.items():
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "folder"


async def open_storage(page: Page, hub: Hub, name: str) -> None:
    """By the navigation, as users do it."""
    await visit(page, f"{hub.deployment.url}/services/rosetta/")
    await page.get_by_role("link", name="Files", exact=True).click()
    await page.locator(".storage-card").get_by_role("link", name=name).click()
    await expect(page.locator("#folder")).to_be_visible()


async def see_text(page: Page, hub: Hub, text: str) -> None:
    """The file of the folder, as its preview shows it."""
    await open_storage(page, hub, "Cluster home")
    await page.get_by_role("link", name="folder", exact=True).click()
    await page.get_by_role("link", name="a.txt").click()
    await expect(page.get_by_label("Text of a.txt")).to_have_text(text)
    await page.get_by_role("button", name="Close").click()


async def change_in_notebook(
    page: Page, hub: Hub, user: User, notebook: tuple[str, str, int]
) -> None:
    """Start a notebook, read the file in it, add a line, stop it."""
    software, engine, _uid = notebook
    task = await user.start(software=software, computing="cluster", engine=engine, memory="2G")
    task = await user.until(task["id"], "running", "failed", seconds=200)
    assert task["state"] == "running", (task["message"], task["log_tail"])
    await visit(page, f"{hub.deployment.url}{task['open_url']}")
    await page.wait_for_url("http://127.0.0.1:*/**", timeout=60_000)
    # The home keeps what was open in the last notebook: this one begins with the launcher.
    await visit(page, f"{urljoin(page.url, '/lab')}?reset")
    code = (
        "import os, pathlib; f = pathlib.Path.home() / 'folder' / 'a.txt';"
        " f.write_text(f.read_text() + f'{os.getuid()}\\n'); print('writ' + 'ten')"
    )
    await run_a_cell(page, code, "written")
    await keep_picture(page, f"storages-{software}")
    await user.api("POST", f"tasks/{task['id']}/stop")
    await user.until(task["id"], "stopped", "failed")


async def test_from_the_page_into_notebooks_and_back(
    storages_hub: Hub, alice: User, context: BrowserContext, folder: Path
) -> None:
    page = await log_in(context, storages_hub.deployment, "alice")
    await open_storage(page, storages_hub, "Cluster home")
    await page.get_by_label("Folder to upload").set_input_files(folder)
    # Where some have failed it says "2 of 4 files uploaded".
    result = re.compile(rf"(?<!of ){len(TREE)} files uploaded")
    await expect(page.locator("#tray")).to_contain_text(result)
    text = TREE["a.txt"].decode()
    for notebook in NOTEBOOKS:
        await change_in_notebook(page, storages_hub, alice, notebook)
        text += f"{notebook[2]}\n"
        await see_text(page, storages_hub, text)
        await keep_picture(page, f"storages-files-{notebook[0]}")
    await page.get_by_role("checkbox", name="Select a.txt").check()
    async with page.expect_download() as downloading:
        await page.get_by_role("button", name="Download").click()
    assert Path(await (await downloading.value).path()).read_text() == text
    assert await read(alice, "cluster-home", "folder/a.txt") == text.encode()
    value = storages_hub.cluster.run("login", ["find", "folder", "-printf", "%u:%g\\n"], "alice")
    assert set(value.split()) == {"alice:alice"}


def sums(hub: Hub, machine: str, user: str, path: str) -> list[str]:
    """Checksums and names of all files below a folder."""
    command = 'cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum'
    return hub.cluster.run(machine, ["sh", "-c", command, "sh", path], user).splitlines()


async def copy_to(page: Page, name: str, to: tuple[str, str], folder: str = "") -> None:
    """Copy a selected folder by "Copy to…", and wait until that is done."""
    await page.get_by_role("checkbox", name=f"Select {name}", exact=True).check()
    await page.get_by_role("button", name="Copy to…").click()
    dialog = page.get_by_role("dialog", name=f"Copy “{name}” to")
    storage, storage_name = to
    await dialog.get_by_label("Storage").select_option(storage)
    if folder:
        await dialog.get_by_role("button", name=folder).click()
    await dialog.get_by_role("button", name="Copy here").click()
    row = page.locator(".tray-row", has_text=f"{name} to {storage_name}")
    await expect(row).to_contain_text("files copied", timeout=90_000)
    await keep_picture(page, f"storages-copied-{storage}")


async def test_a_tree_goes_to_the_host_and_back(
    storages_hub: Hub, alice: User, context: BrowserContext
) -> None:
    cluster = storages_hub.cluster
    plant = {f"folder/d{n % 7}/f{n}": hashlib.sha256(bytes([n])).hexdigest() * n for n in range(60)}
    program = "import json, os, sys\nfor name, text in json.load(sys.stdin).items():\n"
    program += "    os.makedirs(os.path.dirname(name), exist_ok=True); open(name, 'w').write(text)"
    cluster.run("login", ["python3", "-c", program], "alice", json.dumps(plant))
    cluster.run("login", ["mkdir", "back"], "alice")
    before = sums(storages_hub, "login", "alice", "/home/alice/folder")
    assert len(before) == len(plant)
    page = await log_in(context, storages_hub.deployment, "alice")
    await open_storage(page, storages_hub, "Cluster home")
    await copy_to(page, "folder", ("host-home", "Host home"))
    assert sums(storages_hub, "host", "carol", "/home/carol/rosetta/folder") == before
    await open_storage(page, storages_hub, "Host home")
    await copy_to(page, "folder", ("cluster-home", "Cluster home"), "back")
    assert sums(storages_hub, "login", "alice", "/home/alice/back/folder") == before


async def test_a_second_user_sees_nothing_of_it_on_the_page(
    storages_hub: Hub, alice: User, context: BrowserContext
) -> None:
    """Neither the storage of a group, nor by a link or a path to somebody else's home."""
    cluster, files = storages_hub.cluster, f"{storages_hub.deployment.url}/services/rosetta/files"
    cluster.run("login", ["sh", "-c", "echo of alice alone >secret.txt"], "alice")
    cluster.run("login", ["ln", "-sfn", "/home/alice", "way"], "bob")
    bob = await storages_hub.member("bob", "cluster")
    page = await log_in(context, storages_hub.deployment, bob.name)
    await visit(page, f"{files}/")
    cards = page.locator(".storage-card")
    await expect(cards.get_by_role("link", name="Cluster home")).to_be_visible()
    await expect(cards.get_by_role("link", name="Project A")).to_have_count(0)
    folders = ("project/", "cluster-home/way/", "cluster-home/..%2Falice/")
    for path in (*folders, "cluster-home/way/secret.txt"):
        await visit(page, f"{files}/{path}")
        await expect(page.get_by_role("alert")).to_be_visible()
        text = await page.locator("body").inner_text()
        assert "of alice alone" not in text, path
        assert path not in folders or "secret.txt" not in text, path
