"""The file manager: storages, the list of a folder, the way through folders."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from .files import URL, FilesStub, fill_storage, make_storage, serve_files
from .stub import PREFIX

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def stub(tmp_path: Path) -> AsyncIterator[FilesStub]:
    """A service with storages."""
    async with serve_files(tmp_path) as site:
        yield site


async def open_home(page: Page, path: str = "") -> None:
    """The page of a folder of the home, complete."""
    await page.goto(f"{URL}home/{path}")
    await expect(page.locator("#folder")).to_be_visible()


async def selected(page: Page) -> list[str]:
    """The names that are selected."""
    return await page.locator("tr.selected .files-link").all_text_contents()


async def test_the_navigation_leads_to_the_storages(page: Page, stub: FilesStub) -> None:
    for address in (PREFIX, "/hub/spawn", "/hub/home"):
        await page.goto(address)
        link = page.get_by_role("link", name="Files", exact=True)
        await expect(link).to_have_attribute("href", URL)
    await link.click()
    await expect(page.get_by_role("link", name="Files", exact=True).first).to_have_attribute(
        "aria-current", "page"
    )
    cards = page.locator(".storage-card")
    await expect(cards).to_have_count(2)
    await expect(cards.first).to_contain_text("Home")
    await expect(cards.first).to_contain_text("This machine · in tasks at /home/metauser")
    await expect(cards.first).to_contain_text("60 GB free of 100 GB")


async def test_who_has_no_storage_is_told_so(page: Page, stub: FilesStub) -> None:
    stub.storages.clear()
    await page.goto(URL)
    await expect(page.get_by_role("heading", name="No storages")).to_be_visible()


async def test_a_storage_that_does_not_answer_says_why(page: Page, stub: FilesStub) -> None:
    reason = "Scratch does not answer. Try again in a moment."
    stub.refusals["GET scratch"] = stub.refusals["GET scratch/list/"] = (503, reason)
    await page.goto(URL)
    await expect(page.locator(".storage-fault:visible")).to_have_text(reason)
    await page.get_by_role("link", name="Scratch").click()
    await expect(page.get_by_role("alert")).to_contain_text(reason)
    await expect(page.locator("#folder")).to_be_hidden()
    stub.refusals.clear()
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator("#folder")).to_be_visible()
    await expect(page.locator("#fault")).to_be_hidden()


async def test_folders_have_addresses_that_the_back_button_knows(
    page: Page, stub: FilesStub
) -> None:
    stub.file("home/old results/50 % of it/a.txt")
    await page.goto(URL)
    await page.get_by_role("link", name="Home").click()
    await page.get_by_role("link", name="old results").click()
    await expect(page).to_have_url(f"{stub.base}{URL}home/old%20results")
    await page.get_by_role("link", name="50 % of it").click()
    await expect(page).to_have_url(f"{stub.base}{URL}home/old%20results/50%20%25%20of%20it")
    await expect(page.get_by_role("heading", level=1)).to_have_text("50 % of it")
    crumbs = page.get_by_role("navigation", name="Folders").get_by_role("link")
    await expect(crumbs).to_have_text(["Files", "Home", "old results", "50 % of it"])
    await page.go_back()
    await expect(page.get_by_role("heading", level=1)).to_have_text("old results")
    await page.reload()
    await expect(page.locator(".files-link")).to_have_text(["50 % of it"])
    await crumbs.filter(has_text="Home").click()
    await expect(page.locator(".files-link")).to_have_text(["old results"])


async def test_a_name_that_is_no_text_can_be_opened(page: Page, stub: FilesStub) -> None:
    folder = os.fsencode(stub.directory / "home") + b"/caf\xe9"
    os.mkdir(folder)
    Path(os.fsdecode(folder), "inside.txt").touch()
    await open_home(page)
    await page.get_by_role("link", name="caf").click()
    await expect(page).to_have_url(f"{stub.base}{URL}home/caf%E9")
    await expect(page.locator(".files-link")).to_have_text(["inside.txt"])


async def test_the_list_tells_what_each_entry_is(page: Page, stub: FilesStub) -> None:
    fill_storage(stub)
    stub.file("home/notes.md", "x" * 2048).chmod(0o640)
    await open_home(page)
    row = page.get_by_role("row").filter(has_text="notes.md")
    await expect(row).to_contain_text("2 KB")
    await expect(row).to_contain_text("-rw-r-----")
    await expect(row).to_contain_text("root:root")
    await expect(page.get_by_role("row").filter(has_text="latest")).to_contain_text("→ data")
    pipe = page.get_by_role("row").filter(has_text="pipe")
    await expect(pipe).to_contain_text("Named pipe")
    await expect(page.locator("#files-count")).to_have_text("12 entries")


async def test_hidden_files_are_shown_on_demand(page: Page, stub: FilesStub) -> None:
    fill_storage(stub)
    await open_home(page)
    await expect(page.get_by_role("link", name=".bashrc")).to_have_count(0)
    toggle = page.get_by_role("button", name="Hidden files")
    await toggle.click()
    await expect(page.get_by_role("link", name=".bashrc")).to_be_visible()
    await expect(toggle).to_have_attribute("aria-pressed", "true")
    await page.reload()
    await expect(page.get_by_role("link", name=".bashrc")).to_be_visible()


async def test_headers_sort(page: Page, stub: FilesStub) -> None:
    stub.file("home/b.txt", "1")
    stub.file("home/a.txt", "333")
    stub.file("home/c.txt", "22")
    await open_home(page)
    name = page.get_by_role("columnheader", name="Name")
    await expect(name).to_have_attribute("aria-sort", "ascending")
    await expect(page.locator(".files-link")).to_have_text(["a.txt", "b.txt", "c.txt"])
    await page.get_by_role("button", name="Name").click()
    await expect(page.locator(".files-link")).to_have_text(["c.txt", "b.txt", "a.txt"])
    await expect(name).to_have_attribute("aria-sort", "descending")
    await page.get_by_role("button", name="Size").click()
    await expect(page.locator(".files-link")).to_have_text(["a.txt", "c.txt", "b.txt"])
    assert await name.get_attribute("aria-sort") is None


async def test_typing_filters(page: Page, stub: FilesStub) -> None:
    fill_storage(stub)
    await open_home(page)
    await page.get_by_role("searchbox").fill("not")
    await expect(page.locator(".files-link")).to_have_text(["notebooks", "notes.md"])
    await page.get_by_role("searchbox").fill("nothing of this")
    await expect(page.locator("#files-empty")).to_contain_text("Nothing here has")
    await page.get_by_role("searchbox").fill("")
    await expect(page.locator("#files-count")).to_have_text("12 entries")


async def test_a_large_folder_comes_in_pages(page: Page, stub: FilesStub) -> None:
    for number in range(1234):
        stub.file(f"home/{number:04}.txt")
    await open_home(page)
    await expect(page.locator("#page-text")).to_have_text("1 to 1,000 of 1,234")
    await page.get_by_role("button", name="Next").click()
    await expect(page.locator("#page-text")).to_have_text("1,001 to 1,234 of 1,234")
    await expect(page.locator(".files-link").first).to_have_text("1000.txt")
    await expect(page.get_by_role("button", name="Next")).to_be_disabled()


async def test_the_keyboard_selects(page: Page, stub: FilesStub) -> None:
    for name in "abcd":
        stub.file(f"home/{name}")
    await page.goto(URL)
    await page.get_by_role("link", name="Home").press("Enter")
    await expect(page.get_by_role("link", name="a", exact=True)).to_be_focused()
    await page.keyboard.press("Space")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Space")
    assert await selected(page) == ["a", "c"]
    await page.keyboard.press("Shift+ArrowUp")
    assert await selected(page) == ["b", "c"]
    await page.keyboard.press("Control+a")
    assert await selected(page) == ["a", "b", "c", "d"]
    await expect(page.get_by_role("checkbox", name="Select all")).to_be_checked()
    await page.keyboard.press("Escape")
    assert await selected(page) == []
    await page.keyboard.press("End")
    await expect(page.get_by_role("link", name="d", exact=True)).to_be_focused()


async def test_the_mouse_selects(page: Page, stub: FilesStub) -> None:
    for name in "abcd":
        stub.file(f"home/{name}")
    await open_home(page)
    cell = page.locator("td.files-modified")
    await cell.nth(1).click()
    assert await selected(page) == ["b"]
    await cell.nth(3).click(modifiers=["Shift"])
    assert await selected(page) == ["b", "c", "d"]
    await cell.nth(0).click(modifiers=["Control"])
    assert await selected(page) == ["a", "b", "c", "d"]
    await page.get_by_role("checkbox", name="Select c").click()
    assert await selected(page) == ["a", "b", "d"]
    await expect(page.locator("#selection-bar")).to_contain_text("3 selected")


async def test_backspace_leads_to_the_folder_above(page: Page, stub: FilesStub) -> None:
    stub.file("home/data/deep/a.txt")
    await open_home(page, "data/deep")
    await page.get_by_role("link", name="a.txt").focus()
    await page.keyboard.press("Backspace")
    await expect(page).to_have_url(f"{stub.base}{URL}home/data")
    await expect(page.get_by_role("link", name="deep").last).to_be_focused()


async def test_the_open_folder_follows_what_happens_there(page: Page, stub: FilesStub) -> None:
    stub.file("home/a.txt")
    stub.file("home/b.txt")
    await open_home(page)
    await page.get_by_role("link", name="b.txt").focus()
    await page.keyboard.press("Space")
    stub.file("home/aa.txt")
    (stub.directory / "home/a.txt").unlink()
    # The page looks every four seconds.
    await expect(page.locator(".files-link")).to_have_text(["aa.txt", "b.txt"], timeout=20000)
    assert await selected(page) == ["b.txt"]
    await expect(page.get_by_role("link", name="b.txt")).to_be_focused()


async def test_a_storage_that_goes_away_leaves_the_list(page: Page, stub: FilesStub) -> None:
    stub.file("home/a.txt")
    await open_home(page)
    stub.refusals["GET home/entry/"] = (503, "Home does not answer. Try again in a moment.")
    # The page looks every four seconds.
    fault = page.get_by_role("alert")
    await expect(fault).to_contain_text("Home does not answer.", timeout=20000)
    await expect(page.get_by_role("link", name="a.txt")).to_be_visible()
    stub.refusals.clear()
    await expect(page.locator("#fault")).to_be_hidden(timeout=20000)


@pytest.mark.parametrize(
    ("usage", "text"),
    [
        ({"total": 1000, "used": 950, "free": 50}, "95 % are used"),
        ({"total": 10**6, "used": 0, "free": 10**6, "quota": 100, "quota_used": 100}, "Full"),
    ],
)
async def test_nearly_full_is_warned_of(
    page: Page, stub: FilesStub, usage: dict[str, int], text: str
) -> None:
    stub.usage["home"] = usage
    await open_home(page)
    await expect(page.locator(".usage-warning")).to_contain_text(text)


async def test_a_folder_that_is_gone_says_so(page: Page, stub: FilesStub) -> None:
    await page.goto(f"{URL}home/gone")
    await expect(page.get_by_role("alert")).to_contain_text("There is nothing at this path.")
    await page.get_by_role("navigation", name="Folders").get_by_role("link", name="Home").click()
    await expect(page.locator("#files-empty")).to_contain_text("This folder is empty.")
    await expect(page.locator("#fault")).to_be_hidden()


async def test_somebody_elses_storage_is_refused(page: Page, stub: FilesStub) -> None:
    await page.goto(f"{URL}other/data")
    await expect(page.get_by_role("alert")).to_contain_text("There is no such storage")


async def test_a_read_only_storage_says_so(page: Page, stub: FilesStub) -> None:
    stub.add(make_storage("reference", name="Catalogues", read_only=True))
    await page.goto(URL)
    await expect(page.locator(".storage-card").last).to_contain_text("Read-only")
