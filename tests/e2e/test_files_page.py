"""The file manager in a browser, with a real hub, the real service and real directories."""

import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect

from tests.support.browsing import visit

from .browser import chromium, keep_picture, log_in
from .deployment import Deployment, eventually
from .test_modes import running

MB = 1 << 20
# What makes programs stumble that do not take names for bytes.
ODD = {
    "it's 100 % (ä);é#?&+.txt": b"odd",
    "-rf": b"option",
    "__proto__": b"property",
    " blank ": b"blank",
    "deep er/.hidden": b"hidden",
    "deep er/deeper still/empty": b"",
    "deep er/large.bin": bytes(range(256)) * (20 * MB // 256),
}
Tree = dict[str, bytes]


def storages(base: Path) -> list[dict[str, Any]]:
    """A home, a second storage, and reference data."""
    shared = {"create": True, "computing": "local"}
    return [
        shared
        | {
            "name": "Home",
            "base_path": f"{base}/homes/$USER",
            "bind_path": "/home/metauser",
            "home": True,
        },
        shared | {"name": "Scratch", "base_path": f"{base}/scratch/$USER", "bind_path": "/scratch"},
    ]


@pytest_asyncio.fixture
async def deployment(tmp_path: Path) -> AsyncIterator[Deployment]:
    """A hub whose users have storages."""
    for name in ("homes", "scratch"):
        (tmp_path / name).mkdir()
    extra = f"c.Rosetta.storages = {storages(tmp_path)!r}"
    async with running(tmp_path, extra=extra) as deployment:
        yield deployment


@pytest_asyncio.fixture
async def context() -> AsyncIterator[BrowserContext]:
    """A browser that keeps to what the pages' policy says; what breaks it fails the test."""
    async with chromium() as browser:
        context = await browser.new_context(viewport={"width": 1280, "height": 900})
        context.set_default_timeout(30_000)
        faults: list[str] = []
        context.on("weberror", lambda error: faults.append(str(error.error)))
        yield context
        assert faults == []


def plant(folder: Path, tree: Tree) -> None:
    """Write files, with the folders above them."""
    for name, content in tree.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def read_tree(folder: Path) -> Tree:
    """All files below a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


async def becomes(check: Callable[[], bool], what: str) -> None:
    """Wait until something holds on the disk."""

    async def probe() -> bool:
        return check()

    await eventually(probe, what, 60)


async def open_home(context: BrowserContext, deployment: Deployment) -> Page:
    """Alice's home, by the navigation."""
    page = await log_in(context, deployment, "alice")
    await page.get_by_role("link", name="Files", exact=True).click()
    await page.locator(".storage-card").get_by_role("link", name="Home").click()
    await expect(page.locator("#folder")).to_be_visible()
    return page


async def test_a_day_with_files(
    context: BrowserContext, deployment: Deployment, tmp_path: Path
) -> None:
    plant(tmp_path / "laptop/folder", ODD)
    page = await open_home(context, deployment)
    home = tmp_path / "homes/alice"
    assert home.stat().st_mode & 0o777 == 0o700
    await expect(page.locator(".page-head .usage")).to_contain_text("free of")
    await upload_and_compare(page, tmp_path / "laptop/folder", home)
    await edit(page, home)
    await rename_and_move(page, home)
    await download_and_compare(page, home)
    await keep_picture(page, "files")
    await delete(page, home)


async def upload_and_compare(page: Page, folder: Path, home: Path) -> None:
    """A folder arrives as it is."""
    await page.get_by_label("Folder to upload").set_input_files(folder)
    await expect(page.locator("#tray-title")).to_contain_text(f"{len(ODD)} files uploaded")
    assert read_tree(home) == {f"folder/{name}": content for name, content in ODD.items()}
    await page.get_by_role("button", name="Clear the list of All uploads").click()
    # Again: the names are taken.
    await page.get_by_label("Files to upload").set_input_files(folder / "-rf")
    await expect(page.get_by_role("link", name="-rf", exact=True)).to_be_visible()
    (folder / "-rf").write_bytes(b"newer")
    await page.get_by_label("Files to upload").set_input_files(folder / "-rf")
    dialog = page.get_by_role("dialog", name="“-rf” exists")
    await dialog.get_by_role("button", name="Keep both").click()
    # Not before it has its name: until then a look at all files may miss the one or the other.
    await becomes((home / "-rf (1)").exists, "both are kept")
    assert (home / "-rf (1)").read_bytes() == b"newer"
    assert (home / "-rf").read_bytes() == b"option"
    assert len(list(home.iterdir())) == 3


async def edit(page: Page, home: Path) -> None:
    """A file is edited, and what somebody else has written is not lost."""
    file = home / "note.md"
    file.write_text("old\n")
    await page.get_by_role("link", name="note.md").click()
    await expect(page.get_by_label("Text of note.md")).to_have_text("old\n")
    await page.get_by_role("button", name="Edit").click()
    await expect(page.get_by_role("textbox", name="Text of note.md")).to_be_focused()
    await page.keyboard.type("# ä\n")
    await page.keyboard.press("Control+s")
    await becomes(lambda: file.read_text() == "# ä\nold\n", "the file is saved")
    await expect(page.get_by_role("button", name="Save")).to_be_disabled()
    file.write_text("theirs\n")
    await page.keyboard.type("mine ")
    await page.keyboard.press("Control+s")
    dialog = page.get_by_role("dialog", name="“note.md” has changed meanwhile")
    await expect(dialog).to_be_visible()
    assert file.read_text() == "theirs\n"
    await dialog.get_by_role("button", name="Overwrite").click()
    await becomes(lambda: file.read_text() == "# ä\nmine old\n", "the file is overwritten")
    await page.get_by_role("button", name="Close").click()
    await expect(page.get_by_role("dialog")).to_be_hidden()


async def rename_and_move(page: Page, home: Path) -> None:
    """Names and places change, the content does not."""
    await page.get_by_role("link", name="note.md").press("F2")
    await page.get_by_label("New name").fill("50 % (ß).md")
    await page.keyboard.press("Enter")
    link = page.get_by_role("link", name="50 % (ß).md")
    await expect(link).to_be_focused()
    await page.keyboard.press("Control+x")
    await page.get_by_role("link", name="folder").click()
    await page.get_by_role("link", name="deep er").click()
    await page.get_by_role("button", name="Move here").click()
    moved = home / "folder/deep er/50 % (ß).md"
    await becomes(moved.exists, "the file is moved")
    await expect(link).to_be_visible()
    await visit(page, page.url)
    await expect(link).to_be_visible()
    assert moved.read_text() == "# ä\nmine old\n"


async def download_and_compare(page: Page, home: Path) -> None:
    """A folder as an archive, and a file: both as they are on the disk."""
    crumbs = page.get_by_role("navigation", name="Folders")
    await crumbs.get_by_role("link", name="Home").click()
    await page.get_by_role("checkbox", name="Select folder").check()
    await page.get_by_role("button", name="Download").click()
    dialog = page.get_by_role("dialog", name=f"Download {len(ODD) + 1} files")
    async with page.expect_download() as downloading:
        await dialog.get_by_role("button", name="Download zip").click()
    with zipfile.ZipFile(await (await downloading.value).path()) as archive:
        files = {name: archive.read(name) for name in archive.namelist() if name[-1] != "/"}
    assert files == {f"folder/{name}": body for name, body in read_tree(home / "folder").items()}
    await page.get_by_role("button", name="Clear").click()
    await page.get_by_role("checkbox", name="Select -rf", exact=True).check()
    async with page.expect_download() as downloading:
        await page.get_by_role("button", name="Download").click()
    assert Path(await (await downloading.value).path()).read_bytes() == b"option"
    await page.get_by_role("button", name="Clear").click()


async def delete(page: Page, home: Path) -> None:
    """What goes is counted first."""
    await page.get_by_role("link", name="folder").press("Delete")
    dialog = page.get_by_role("dialog", name="Delete “folder”?")
    await expect(dialog).to_contain_text(f"This deletes 3 folders and {len(ODD) + 1} files, 20 MB.")
    await dialog.get_by_role("button", name="Delete").click()
    await becomes(lambda: not (home / "folder").exists(), "the folder is deleted")
    await expect(page.locator(".files-link")).to_have_count(2)


async def test_an_upload_survives_a_restart_of_the_service(
    context: BrowserContext, deployment: Deployment, tmp_path: Path
) -> None:
    content = bytes(range(256)) * (64 * MB // 256)
    plant(tmp_path / "laptop", {"large.bin": content})
    page = await open_home(context, deployment)
    # Slow enough to be in the middle of it.
    session = await context.new_cdp_session(page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 8 * MB}
    await session.send("Network.emulateNetworkConditions", slow)
    await page.get_by_label("Files to upload").set_input_files(tmp_path / "laptop/large.bin")
    home = tmp_path / "homes/alice"

    def half_there() -> bool:
        return any(path.stat().st_size > 17 * MB for path in home.glob(".*.rosetta-part"))

    await becomes(half_there, "a part has arrived")
    deployment.kill_service()
    # The browser learns of it when the proxy gives up the connection.
    result = expect(page.locator("#tray"))
    await result.to_contain_text("Interrupted: the upload goes on", timeout=60_000)
    await deployment.answers()
    await session.send("Network.emulateNetworkConditions", slow | {"uploadThroughput": -1})
    await expect(page.locator("#tray-title")).to_contain_text("1 file uploaded", timeout=60_000)
    assert read_tree(home) == {"large.bin": content}


async def test_nobody_sees_somebody_elses_files(
    context: BrowserContext, deployment: Deployment, tmp_path: Path
) -> None:
    plant(tmp_path / "homes/bob", {"secret.txt": b"bob's"})
    page = await open_home(context, deployment)
    await expect(page.locator("#files-empty")).to_be_visible()
    await visit(page, f"{deployment.url}/services/rosetta/files/home/..%2Fbob/secret.txt")
    await expect(page.get_by_role("alert")).to_be_visible()
    assert "bob's" not in await page.content()


async def test_a_folder_is_copied_to_another_storage(
    context: BrowserContext, deployment: Deployment, tmp_path: Path
) -> None:
    plant(tmp_path / "homes/alice/folder", ODD)
    page = await open_home(context, deployment)
    await page.get_by_role("checkbox", name="Select folder").check()
    await page.get_by_role("button", name="Copy to…").click()
    dialog = page.get_by_role("dialog", name="Copy “folder” to")
    await expect(dialog.get_by_role("status")).to_have_text("Scratch")
    await dialog.get_by_role("button", name="Copy here").click()
    await expect(page.locator("#tray")).to_contain_text("folder to Scratch")
    await expect(page.get_by_role("button", name="Clear folder to Scratch")).to_be_visible()
    assert read_tree(tmp_path / "scratch/alice/folder") == ODD
    # Again: the names of its files are taken.
    plant(tmp_path / "homes/alice/folder", {"-rf": b"newer"})
    await page.get_by_role("button", name="Copy to…").click()
    await dialog.get_by_role("button", name="Copy here").click()
    question = page.get_by_role("dialog").filter(has_text="are in the target already")
    await question.get_by_role("button", name="Overwrite").click()
    await expect(page.get_by_role("button", name="Clear folder to Scratch")).to_have_count(2)
    assert read_tree(tmp_path / "scratch/alice/folder") == ODD | {"-rf": b"newer"}
