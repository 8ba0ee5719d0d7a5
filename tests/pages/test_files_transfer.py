"""The file manager: uploads and downloads."""

import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, Route, expect

from .files import FilesStub, make_storage, serve_files
from .files_page import choose, drop, open_folder, payload, select, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

MB = 1 << 20


@pytest_asyncio.fixture(loop_scope="session")
async def stub(tmp_path: Path) -> AsyncIterator[FilesStub]:
    """A service with storages."""
    async with serve_files(tmp_path) as site:
        yield site


def content(stub: FilesStub, path: str) -> bytes | None:
    """What is in a file, None where there is none."""
    file = stub.directory / path
    return file.read_bytes() if file.is_file() else None


async def test_files_are_uploaded(page: Page, stub: FilesStub) -> None:
    await open_folder(page)
    large = bytes(range(256)) * 4096 * 20
    odd = "it's 100 % (ä);\u00e9#?.txt"
    await choose(page, payload("large.bin", large), payload(odd, "odd"))
    await expect(page.locator("#tray-title")).to_contain_text("2 files uploaded")
    assert content(stub, "home/large.bin") == large
    assert content(stub, f"home/{odd}") == b"odd"
    # In pieces of 16 MiB.
    assert [call[0] for call in stub.calls].count("PATCH") == 3
    await expect(page.get_by_role("link", name="large.bin")).to_be_visible()
    await expect(page.locator("#announce")).to_have_text("2 files uploaded.")
    await page.get_by_role("button", name="Clear the list of All uploads").click()
    await expect(page.locator("#tray")).to_be_hidden()


async def test_a_folder_is_dropped(page: Page, stub: FilesStub) -> None:
    await open_folder(page)
    inside = {"b.txt": "b", "empty": {}, "deep er": {"c.txt": "c"}}
    await drop(page, {"a.txt": "a", "folder": inside})
    await until(lambda: content(stub, "home/folder/deep er/c.txt") == b"c", page)
    # Several are sent at once: which is the last one is not said.
    await until(lambda: content(stub, "home/folder/b.txt") == b"b", page)
    await until((stub.directory / "home/folder/empty").is_dir, page)
    await expect(page.get_by_role("link", name="folder")).to_be_visible()


async def test_files_are_dropped_on_a_folder(page: Page, stub: FilesStub) -> None:
    stub.file("home/data/b.txt")
    await open_folder(page)
    await drop(page, {"a.txt": "a"}, "tr[data-path=data]")
    await until(lambda: content(stub, "home/data/a.txt") == b"a", page)


async def test_nothing_is_uploaded_to_a_read_only_storage(page: Page, stub: FilesStub) -> None:
    stub.add(make_storage("reference", name="Catalogues", read_only=True))
    await open_folder(page, "reference/")
    await expect(page.get_by_role("button", name="Upload")).to_be_hidden()
    await drop(page, {"a.txt": "a"})
    await expect(page.locator(".notification")).to_contain_text("Catalogues is read-only.")
    assert content(stub, "reference/a.txt") is None


@pytest.mark.parametrize(
    ("answer", "value", "more"),
    [("Skip", b"old", None), ("Overwrite", b"new", None), ("Keep both", b"old", b"new")],
)
async def test_a_taken_name_is_asked_about(
    page: Page, stub: FilesStub, answer: str, value: bytes, more: bytes | None
) -> None:
    stub.file("home/a.txt", "old")
    await open_folder(page)
    await choose(page, payload("a.txt", "new"))
    dialog = page.get_by_role("dialog", name="“a.txt” exists")
    await dialog.get_by_role("button", name=answer).click()
    await expect(page.locator("#tray")).to_contain_text("of 1 file uploaded")
    assert content(stub, "home/a.txt") == value
    assert content(stub, "home/a (2).txt") == more


async def test_an_answer_may_be_for_all(page: Page, stub: FilesStub) -> None:
    for name in "abc":
        stub.file(f"home/{name}.txt", "old")
    await open_folder(page)
    await choose(page, *(payload(f"{name}.txt", "new") for name in "abcd"))
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("checkbox", name="Do the same").check()
    await dialog.get_by_role("button", name="Overwrite").click()
    await expect(page.locator("#tray-title")).to_contain_text("4 files uploaded")
    assert [content(stub, f"home/{name}.txt") for name in "abcd"] == [b"new"] * 4
    await expect(dialog).to_have_count(0)


async def test_an_interrupted_upload_goes_on(page: Page, stub: FilesStub) -> None:
    await open_folder(page)
    stub.interrupt_at = 5 * MB
    large = bytes(20 * MB)
    await choose(page, payload("large.bin", large))
    await expect(page.locator("#tray-title")).to_contain_text("1 file uploaded")
    assert content(stub, "home/large.bin") == large
    # It asked how far it was, and sent the rest alone.
    assert ("HEAD", "home/uploads/u0") in stub.calls
    assert len(stub.uploads) == 1


async def test_a_restart_of_the_service_does_not_begin_anew(page: Page, stub: FilesStub) -> None:
    """The service does not answer when it is asked how far the upload is."""
    await open_folder(page)
    stub.interrupt_at = 5 * MB
    stub.refusals["HEAD home/uploads/u0"] = (503, "The service is starting.")
    await choose(page, payload("large.bin", bytes(20 * MB)))
    await until(lambda: stub.calls.count(("HEAD", "home/uploads/u0")) > 1, page)
    await expect(page.locator("#tray")).to_contain_text("Interrupted: the upload goes on")
    stub.refusals.clear()
    await expect(page.locator("#tray-title")).to_contain_text("1 file uploaded", timeout=20000)
    assert content(stub, "home/large.bin") == bytes(20 * MB)
    assert len(stub.uploads) == 1


async def test_an_upload_that_the_service_has_swept_begins_anew(
    page: Page, stub: FilesStub
) -> None:
    await open_folder(page)
    stub.interrupt_at = 5 * MB
    stub.refusals["HEAD home/uploads/u0"] = (404, "There is no such upload.")
    await choose(page, payload("large.bin", bytes(20 * MB)))
    await expect(page.locator("#tray-title")).to_contain_text("1 file uploaded", timeout=20000)
    assert list(stub.uploads) == ["u0", "u1"]


async def test_the_same_file_goes_on_after_a_reload(page: Page, stub: FilesStub) -> None:
    large = payload("large.bin", bytes(40 * MB))
    stub.file("large.bin", bytes(40 * MB))
    await open_folder(page)
    by_label = page.get_by_label("Files to upload")
    await page.route("**/uploads/u0", lambda route: route.abort())
    await by_label.set_input_files(stub.directory / "large.bin")
    await until(lambda: "u0" in stub.uploads, page)
    # A part of it has arrived before the page went.
    stub.uploads["u0"]["data"] = bytes(16 * MB)
    page.on("dialog", lambda dialog: dialog.accept())
    await open_folder(page)
    # Not before: the first page would go on with it meanwhile.
    await page.unroute("**/uploads/u0")
    await by_label.set_input_files(stub.directory / "large.bin")
    await expect(page.locator("#tray-title")).to_contain_text("1 file uploaded")
    assert len(stub.uploads) == 1
    assert content(stub, "home/large.bin") == large["buffer"]


async def test_a_refused_upload_says_why_and_can_be_tried_again(
    page: Page, stub: FilesStub
) -> None:
    full = "Home is full. Delete files, then try again."
    stub.refusals["POST home/uploads"] = (507, full)
    await open_folder(page)
    await choose(page, payload("a.txt"))
    await expect(page.locator("#tray")).to_contain_text(full)
    await expect(page.locator("#tray")).to_contain_text("1 upload failed")
    stub.refusals.clear()
    await page.get_by_role("button", name="Try again: a.txt").click()
    await expect(page.locator("#tray-title")).to_contain_text("1 file uploaded")
    assert content(stub, "home/a.txt") == b"content"


async def test_an_upload_is_cancelled(page: Page, stub: FilesStub) -> None:
    async def interrupt(route: Route) -> None:
        """Nothing of it arrives, however often it is tried; that it is cancelled does."""
        await (route.continue_() if route.request.method == "DELETE" else route.abort())

    await open_folder(page)
    await page.route("**/uploads/u0", interrupt)
    await choose(page, payload("a.txt"))
    await expect(page.locator("#tray")).to_contain_text("Interrupted: the upload goes on")
    await page.get_by_role("button", name="Cancel a.txt").click()
    await until(lambda: not stub.uploads, page)
    assert content(stub, "home/a.txt") is None
    await page.get_by_role("button", name="Clear the list of All uploads").click()
    await expect(page.locator("#tray")).to_be_hidden()


async def test_a_file_is_downloaded(page: Page, stub: FilesStub) -> None:
    stub.file("home/it's ä.txt", "text")
    await open_folder(page)
    await select(page, "it's ä.txt")
    async with page.expect_download() as downloading:
        await page.get_by_role("button", name="Download").click()
    download = await downloading.value
    assert download.suggested_filename == "it's ä.txt"
    assert Path(await download.path()).read_text() == "text"


async def test_a_selection_is_downloaded_after_its_size_was_told(
    page: Page, stub: FilesStub, tmp_path: Path
) -> None:
    stub.file("home/data/a.txt", "a" * 1000)
    stub.file("home/b.txt", "b" * 1048)
    await open_folder(page)
    await select(page, "data", "b.txt")
    await page.get_by_role("button", name="Download").click()
    dialog = page.get_by_role("dialog", name="Download 2 files, 2 KB?")
    async with page.expect_download() as downloading:
        await dialog.get_by_role("button", name="Download zip").click()
    with zipfile.ZipFile(await (await downloading.value).path()) as archive:
        assert sorted(archive.namelist()) == ["b.txt", "data/a.txt"]


async def test_a_download_that_is_refused_says_why(page: Page, stub: FilesStub) -> None:
    stub.file("home/data/a.txt")
    reason = "A file of this selection can't be read: data/secret. Leave it out."
    stub.refusals["POST home/archive"] = (403, reason)
    await open_folder(page)
    await select(page, "data")
    await page.get_by_role("button", name="Download").click()
    await expect(page.locator(".notification")).to_contain_text(reason)
