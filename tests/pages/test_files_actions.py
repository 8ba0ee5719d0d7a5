"""The file manager: new, rename, move, copy, delete."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from .files import FilesStub, make_copy, make_storage, serve_files
from .files_page import open_folder, select, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def stub(tmp_path: Path) -> AsyncIterator[FilesStub]:
    """A service with storages."""
    async with serve_files(tmp_path) as site:
        yield site


def tree(stub: FilesStub, storage: str = "home") -> list[str]:
    """Everything in a storage."""
    root = stub.directory / storage
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


async def test_a_folder_is_made_and_opened(page: Page, stub: FilesStub) -> None:
    await open_folder(page)
    await page.get_by_role("button", name="New").click()
    await page.get_by_role("button", name="Folder…", exact=True).click()
    field = page.get_by_label("Name", exact=True)
    await field.fill("a/b")
    await field.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("A name can't contain a slash")
    await field.fill("50 % of (it)")
    await field.press("Enter")
    link = page.get_by_role("link", name="50 % of (it)")
    await expect(link).to_be_focused()
    assert tree(stub) == ["50 % of (it)"]
    await link.press("Enter")
    await expect(page.locator("#files-empty")).to_be_visible()


async def test_a_name_that_is_taken_is_refused(page: Page, stub: FilesStub) -> None:
    stub.file("home/data/a.txt")
    await open_folder(page)
    await page.get_by_role("button", name="New").click()
    await page.get_by_role("button", name="Folder…", exact=True).click()
    await page.get_by_label("Name", exact=True).fill("data")
    await page.get_by_role("button", name="Create").click()
    await expect(page.locator(".notification")).to_contain_text("data exists already.")


async def test_f2_renames(page: Page, stub: FilesStub) -> None:
    stub.file("home/a.tar.gz", "content")
    await open_folder(page)
    await page.get_by_role("link", name="a.tar.gz").press("F2")
    field = page.get_by_label("New name")
    await expect(field).to_be_focused()
    # The ending stays.
    await page.keyboard.type("b.tar")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("link", name="b.tar.gz")).to_be_focused()
    assert tree(stub) == ["b.tar.gz"]


async def test_delete_says_what_goes(page: Page, stub: FilesStub) -> None:
    stub.file("home/data/a.txt", "x" * 1000)
    stub.file("home/data/deep/b.txt", "x" * 1048)
    stub.file("home/c.txt")
    await open_folder(page)
    await page.get_by_role("link", name="data").press("Delete")
    dialog = page.get_by_role("dialog", name="Delete “data”?")
    await expect(dialog).to_contain_text("This deletes 2 folders and 2 files, 2 KB.")
    await page.keyboard.press("Escape")
    assert len(tree(stub)) == 5
    await page.get_by_role("link", name="data").press("Delete")
    await dialog.get_by_role("button", name="Delete").click()
    await expect(page.locator(".files-link")).to_have_text(["c.txt"])
    await expect(page.get_by_role("link", name="c.txt")).to_be_focused()
    assert tree(stub) == ["c.txt"]


async def test_what_may_not_be_deleted_says_so(page: Page, stub: FilesStub) -> None:
    stub.file("home/a.txt")
    reason = "You may not delete a.txt: the folder belongs to root."
    stub.refusals["POST home/remove"] = (403, reason)
    await open_folder(page)
    await select(page, "a.txt")
    await page.get_by_role("button", name="Delete").click()
    await expect(page.locator(".notification")).to_contain_text(reason)


async def test_cut_and_paste_moves(page: Page, stub: FilesStub) -> None:
    stub.file("home/a.txt", "a")
    stub.file("home/b.txt", "b")
    (stub.directory / "home/data").mkdir()
    await open_folder(page)
    await select(page, "a.txt", "b.txt")
    await page.get_by_role("button", name="Move").click()
    await expect(page.locator("#clipboard")).to_contain_text("2 entries of Home")
    await page.get_by_role("link", name="data").click()
    await page.get_by_role("button", name="Move here").click()
    await expect(page.locator(".files-link")).to_have_text(["a.txt", "b.txt"])
    await expect(page.locator("#clipboard")).to_be_hidden()
    assert tree(stub) == ["data", "data/a.txt", "data/b.txt"]


async def test_the_keyboard_moves(page: Page, stub: FilesStub) -> None:
    stub.file("home/a.txt", "a")
    stub.file("home/data/b.txt")
    await open_folder(page)
    await page.get_by_role("link", name="a.txt").press("Control+x")
    await page.get_by_role("link", name="data").press("Enter")
    await expect(page.get_by_role("link", name="b.txt")).to_be_focused()
    await page.keyboard.press("Control+v")
    await expect(page.locator(".files-link")).to_have_text(["a.txt", "b.txt"])
    assert tree(stub) == ["data", "data/a.txt", "data/b.txt"]


@pytest.mark.parametrize(
    ("answer", "remaining"),
    [
        ("Skip", {"a.txt": "new", "data/a.txt": "old"}),
        ("Overwrite", {"data/a.txt": "new"}),
        ("Keep both", {"data/a.txt": "old", "data/a (2).txt": "new"}),
    ],
)
async def test_moving_asks_about_a_taken_name(
    page: Page, stub: FilesStub, answer: str, remaining: dict[str, str]
) -> None:
    stub.file("home/a.txt", "new")
    stub.file("home/data/a.txt", "old")
    await open_folder(page)
    await page.get_by_role("link", name="a.txt").press("Control+x")
    await page.get_by_role("link", name="data").press("Enter")
    await page.get_by_role("button", name="Move here").click()
    await page.get_by_role("dialog").get_by_role("button", name=answer).click()
    root = stub.directory / "home"

    def is_so() -> bool:
        files = [path for path in root.rglob("*") if path.is_file()]
        return {str(path.relative_to(root)): path.read_text() for path in files} == remaining

    await until(is_so, page)


async def test_a_folder_is_not_moved_into_itself(page: Page, stub: FilesStub) -> None:
    stub.file("home/data/deep/a.txt")
    await open_folder(page)
    await page.get_by_role("link", name="data").press("Control+x")
    await page.get_by_role("link", name="data").press("Enter")
    await page.get_by_role("button", name="Move here").click()
    await expect(page.locator(".notification")).to_contain_text("can't be moved into itself")


async def test_entries_are_dragged_onto_a_folder_and_a_breadcrumb(
    page: Page, stub: FilesStub
) -> None:
    stub.file("home/a.txt", "a")
    stub.file("home/data/deep/b.txt")
    await open_folder(page)
    await page.locator("tr[data-path='a.txt']").drag_to(page.locator("tr[data-path=data]"))
    await expect(page.locator(".files-link")).to_have_text(["data"])
    assert "data/a.txt" in tree(stub)
    await open_folder(page, "home/data")
    home = page.get_by_role("navigation", name="Folders").get_by_role("link", name="Home")
    await page.locator("tr[data-path='data/a.txt']").drag_to(home)
    await expect(page.locator(".files-link")).to_have_text(["deep"])
    assert "a.txt" in tree(stub)


async def test_copy_to_another_storage_is_followed(page: Page, stub: FilesStub) -> None:
    stub.file("home/data/a.txt")
    stub.file("scratch/results/b.txt")
    await open_folder(page)
    await select(page, "data")
    await page.get_by_role("button", name="Copy to…").click()
    dialog = page.get_by_role("dialog", name="Copy “data” to")
    await expect(dialog.get_by_label("Storage")).to_have_value("scratch")
    await dialog.get_by_role("button", name="results").click()
    await expect(dialog.get_by_role("status")).to_have_text("Scratch / results")
    await dialog.get_by_role("button", name="Copy here").click()
    tray = page.locator("#tray")
    await expect(tray).to_contain_text("data to Scratch / results")
    copy = stub.copies["c0"]
    assert copy["from"] == {"storage": "home", "paths": ["data"]}
    assert copy["to"] == {"storage": "scratch", "path": "results"}
    half = {"bytes": 50 << 20, "total_bytes": 100 << 20, "files": 3, "total_files": 8}
    await until(lambda: stub.copy_streams, page)
    stub.put_copy(copy | half | {"rate": 10 << 20, "seconds_left": 5})
    text = "3 of 8 files · 50 MB of 100 MB, 10 MB/s, 5 s left"
    await expect(tray).to_contain_text(text)
    bar = tray.get_by_role("progressbar", name="data to")
    await expect(bar).to_have_attribute("aria-valuenow", "50")
    stub.put_copy(copy | half | {"state": "done", "files": 8})
    await expect(tray).to_contain_text("8 files copied.")
    await expect(page.locator("#announce")).to_have_text("The copy is done.")
    await page.get_by_role("button", name="Clear data to").click()
    await expect(tray).to_be_hidden()
    assert stub.copies == {}


async def test_only_recent_faults_of_earlier_copies_are_shown(page: Page, stub: FilesStub) -> None:
    now = datetime.now(UTC)
    long_ago = (now - timedelta(days=3)).isoformat()
    stub.put_copy(make_copy("c1", state="done", ended=now.isoformat()))
    stub.put_copy(make_copy("c2", state="failed", message="Long ago.", ended=long_ago))
    problem = {"path": "data/a%20b", "message": "You may not read it."}
    stub.put_copy(
        make_copy("c3", state="done", ended=now.isoformat(), problems=[problem], problem_count=1)
    )
    await open_folder(page)
    rows = page.locator(".tray-row")
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("data/a b: You may not read it.")


async def test_a_copy_that_counts_first_says_so(page: Page, stub: FilesStub) -> None:
    stub.put_copy(make_copy("c1", total_bytes=None, total_files=None))
    await open_folder(page)
    await expect(page.locator(".tray-row")).to_contain_text("Looks what there is to copy.")


async def test_a_copy_is_cancelled(page: Page, stub: FilesStub) -> None:
    stub.add(make_storage("archive", name="Archive"))
    stub.put_copy(make_copy("c9", total_bytes=100))
    await open_folder(page)
    await page.get_by_role("button", name="Cancel data to Scratch").click()
    await expect(page.locator("#tray")).to_contain_text("Cancelled.")
    assert stub.copies["c9"]["state"] == "cancelled"


async def test_a_copy_asks_about_taken_names(page: Page, stub: FilesStub) -> None:
    stub.file("home/a.txt")
    stub.file("scratch/a.txt")
    await open_folder(page)
    await page.get_by_role("link", name="a.txt").press("Control+c")
    await open_folder_by_links(page, "Scratch")
    await page.get_by_role("button", name="Copy here").click()
    dialog = page.get_by_role("dialog", name="“a.txt” exists")
    await dialog.get_by_role("button", name="Keep both").click()
    await expect(page.locator("#tray")).to_contain_text("a.txt to Scratch")
    assert stub.copies["c0"]["conflict"] == "rename"


async def open_folder_by_links(page: Page, storage: str) -> None:
    """The clipboard lives as long as the page: another storage is opened by its link."""
    await page.get_by_role("navigation", name="Folders").get_by_role("link", name="Files").click()
    await page.locator(".storage-card").get_by_role("link", name=storage).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(storage)


async def test_a_read_only_storage_is_only_read(page: Page, stub: FilesStub) -> None:
    stub.add(make_storage("reference", name="Catalogues", read_only=True))
    stub.file("reference/a.txt")
    await open_folder(page, "reference/")
    await select(page, "a.txt")
    bar = page.locator("#selection-bar")
    by_role = bar.get_by_role("button")
    await expect(by_role).to_have_text(["Download", "Copy to…", "Clear"])
    await page.get_by_role("link", name="a.txt").press("Delete")
    await expect(page.get_by_role("dialog")).to_have_count(0)
