"""The file manager: previews, and the editor."""

import base64
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from .files import URL, FilesStub, make_storage, serve_files
from .files_page import open_folder, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

# A PNG of one pixel.
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
    "rkJggg=="
)
CARDS = [["SIMPLE", True, "conforms to FITS standard"], ["OBJECT", "NGC 1333", "target"]]


@pytest_asyncio.fixture(loop_scope="session")
async def stub(tmp_path: Path) -> AsyncIterator[FilesStub]:
    """A service with storages."""
    async with serve_files(tmp_path) as site:
        yield site


async def open_file(page: Page, name: str) -> None:
    """Open a file of the home by its link."""
    await open_folder(page)
    await page.get_by_role("link", name=name, exact=True).click()
    await expect(page.get_by_role("dialog", name=name)).to_be_visible()


async def edit(page: Page, name: str) -> None:
    """Open the editor, ready to type at the beginning of the file."""
    await open_file(page, name)
    await page.get_by_role("button", name="Edit").click()
    await expect(page.get_by_role("textbox", name=f"Text of {name}")).to_be_focused()


async def test_a_text_has_an_address_and_the_back_button_closes_it(
    page: Page, stub: FilesStub
) -> None:
    stub.file("home/data/a.py", "print('<b>')\n")
    await open_folder(page, "home/data")
    await page.get_by_role("link", name="a.py").click()
    await expect(page.get_by_label("Text of a.py")).to_have_text("print('<b>')\n")
    await expect(page).to_have_url(f"{stub.base}{URL}home/data/a.py")
    await page.go_back()
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await expect(page.get_by_role("link", name="a.py")).to_be_visible()
    await page.goto(f"{URL}home/data/a.py")
    await expect(page.get_by_label("Text of a.py")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page).to_have_url(f"{stub.base}{URL}home/data")
    await expect(page.get_by_role("link", name="a.py")).to_be_focused()


async def test_arrows_lead_to_the_next_file(page: Page, stub: FilesStub) -> None:
    for name in "abc":
        stub.file(f"home/{name}.txt", f"This is {name}.")
    await open_file(page, "a.txt")
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_label("Text of b.txt")).to_be_visible()
    await page.get_by_role("button", name="Next file").click()
    await expect(page.get_by_label("Text of c.txt")).to_be_visible()
    await page.get_by_role("button", name="Next file").click()
    await expect(page.get_by_label("Text of c.txt")).to_be_visible()


async def test_an_image_is_shown(page: Page, stub: FilesStub) -> None:
    stub.file("home/a.png", PIXEL)
    await open_file(page, "a.png")
    image = page.get_by_role("img", name="a.png")
    await expect(image).to_be_visible()
    assert await image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 1


async def test_an_image_that_is_none_says_so(page: Page, stub: FilesStub) -> None:
    stub.file("home/a.png", "no image")
    await open_file(page, "a.png")
    await expect(page.get_by_role("dialog")).to_contain_text("This image can't be shown.")


async def test_a_table_is_shown(page: Page, stub: FilesStub) -> None:
    stub.file("home/a.csv", "…")
    stub.previews["a.csv"] = {"rows": [["name", "ra"], ["L1448", "<i>"]], "truncated": True}
    await open_file(page, "a.csv")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("columnheader")).to_have_text(["name", "ra"])
    await expect(dialog.get_by_role("cell")).to_have_text(["L1448", "<i>"])
    await expect(dialog).to_contain_text("Only the first rows and columns are shown.")


async def test_fits_headers_and_images_are_shown(page: Page, stub: FilesStub) -> None:
    stub.file("home/a.fits", "…")
    primary = {"index": 0, "name": "", "kind": "IMAGE", "shape": [], "is_image": False}
    image = {"index": 1, "name": "SCI", "kind": "IMAGE", "shape": [20, 10], "is_image": True}
    hdus = [part | {"cards": CARDS} for part in (primary, image)]
    stub.previews["a.fits"] = {"hdus": hdus, "truncated": False}
    stub.images["a.fits"] = PIXEL
    await open_file(page, "a.fits")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("heading", level=3)).to_have_text(
        ["0 · IMAGE", re.compile(r"1 · SCI · IMAGE · 20 . 10")]
    )
    await expect(dialog.get_by_role("row").first).to_have_text("SIMPLETconforms to FITS standard")
    by_role = dialog.get_by_role("img", name="Image of HDU 1 of a.fits")
    await expect(by_role).to_have_attribute("src", f"{api('a.fits')}?kind=image&hdu=1")


def api(path: str) -> str:
    """The address of a preview in the home."""
    return f"{URL.removesuffix('files/')}api/v1/storages/home/preview/{path}"


HOSTILE = (
    '<img src="x" onerror="parent.attacked = 1"><script>parent.attacked = 2</script>'
    '<a href="javascript:parent.attacked=3">link</a><iframe src="/hub/token"></iframe>'
    '<form action="/hub/logout"><button>Go</button></form><p style="position:fixed">text</p>'
)


def notebook() -> dict[str, Any]:
    """A notebook as the API shows it, with what an attacker would put into one."""
    html = {"type": "data", "data": {"text/html": f"<table><tr><td>1</td></tr></table>{HOSTILE}"}}
    plot = {"type": "data", "data": {"image/png": base64.b64encode(PIXEL).decode()}}
    stream = {"type": "stream", "name": "stdout", "text": "<b>hello</b>\n"}
    failed = {"type": "error", "name": "E", "value": "v", "traceback": "Traceback: <script>"}
    code = {"type": "code", "source": "print('<b>')", "execution_count": 7}
    cells = [
        {"type": "markdown", "source": f"# Survey\n\nIt *works*.\n\n{HOSTILE}"},
        code | {"outputs": [stream, html, plot, failed]},
    ]
    return {"language": "python", "cells": cells, "total": 2, "truncated": False}


@pytest_asyncio.fixture(loop_scope="session")
async def hostile(browser: Browser, stub: FilesStub) -> AsyncIterator[Page]:
    """A page that may be told of what its policy has blocked, as hostile files make it be."""
    context = await browser.new_context(base_url=stub.base)
    yield await context.new_page()
    await context.close()


async def test_a_notebook_is_shown_and_nothing_in_it_runs(hostile: Page, stub: FilesStub) -> None:
    page = hostile
    stub.file("home/a.ipynb", "{}")
    stub.previews["a.ipynb"] = notebook()
    texts: list[str] = []
    page.on("request", lambda request: texts.append(request.url))
    await open_file(page, "a.ipynb")
    frame = page.frame_locator("iframe")
    await expect(frame.get_by_role("heading", name="Survey")).to_be_visible()
    await expect(frame.locator("pre.source")).to_have_text("print('<b>')")
    await expect(frame.locator("pre.output").first).to_have_text("<b>hello</b>\n")
    await expect(frame.get_by_role("img", name="Output of the cell")).to_be_visible()
    await expect(frame.get_by_role("cell")).to_have_text("1")
    for selector in (
        "script",
        "iframe",
        "form",
        "button",
        "[onerror]",
        "[style]",
        "a[href]",
        "img[src='x']",
    ):
        await expect(frame.locator(selector)).to_have_count(0)
    # No scripts, no origin, no windows, no navigation.
    assert await page.locator("iframe").get_attribute("sandbox") == ""
    assert await page.evaluate("window.attacked") is None
    assert not [url for url in texts if url.endswith("/x")]


async def test_a_frame_runs_no_script_even_where_nothing_is_cleaned(
    hostile: Page, stub: FilesStub
) -> None:
    """The sandbox holds where the sanitizer would not."""
    page = hostile
    stub.file("home/a.ipynb", "{}")
    stub.previews["a.ipynb"] = notebook()
    bundled = (
        "export const sanitize = (html) => html; export const renderMarkdown = (text) => text;"
    )
    await page.route(
        "**/bundled/notebook.js",
        lambda route: route.fulfill(body=bundled, content_type="text/javascript"),
    )
    await open_file(page, "a.ipynb")
    frame = page.frame_locator("iframe")
    await expect(frame.locator("form").first).to_be_visible()
    assert await page.evaluate("window.attacked") is None


async def test_a_preview_that_is_refused_says_why(page: Page, stub: FilesStub) -> None:
    stub.file("home/a.txt", "x")
    reason = "You may not read a.txt: ask its owner."
    stub.refusals["GET home/preview/a.txt"] = (403, reason)
    await open_file(page, "a.txt")
    await expect(page.get_by_role("dialog").get_by_role("alert")).to_have_text(reason)


async def test_what_has_no_preview_can_be_downloaded(page: Page, stub: FilesStub) -> None:
    stub.file("home/a.bin", "x")
    await open_file(page, "a.bin")
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("There is no preview of this kind of file.")
    async with page.expect_download() as downloading:
        await dialog.get_by_role("link", name="Download").last.click()
    assert (await downloading.value).suggested_filename == "a.bin"


async def test_a_file_is_edited_and_saved(page: Page, stub: FilesStub) -> None:
    file = stub.file("home/a.py", "one\r\ntwo\r\n")
    await edit(page, "a.py")
    await page.keyboard.type("# ä\n")
    save = page.get_by_role("button", name="Save")
    await expect(save).to_be_enabled()
    await page.keyboard.press("Control+s")
    await expect(page.get_by_role("dialog").get_by_role("status")).to_have_text("a.py saved.")
    await expect(save).to_be_disabled()
    # Lines end as they did.
    assert file.read_bytes() == "# ä\r\none\r\ntwo\r\n".encode()
    await page.keyboard.type("#")
    await expect(save).to_be_enabled()
    async with page.expect_response("**/file/a.py"):
        await page.keyboard.press("Control+s")
    await expect(save).to_be_disabled()
    assert file.read_bytes().startswith("# ä\r\n#one".encode())


async def test_the_editor_keeps_to_the_policy(page: Page, stub: FilesStub) -> None:
    """The page's fixture fails on a violation; here the styles are there, too."""
    stub.file("home/a.py", "import this\n")
    await edit(page, "a.py")
    keyword = page.locator(".cm-line span").first
    await expect(keyword).to_have_text("import")
    await expect(keyword).to_have_css("color", "rgb(122, 62, 157)")


async def test_mixed_line_ends_stay(page: Page, stub: FilesStub) -> None:
    file = stub.file("home/a.txt", "one\r\ntwo\nthree")
    await edit(page, "a.txt")
    await page.keyboard.type("x")
    await page.keyboard.press("Control+s")
    await until(lambda: file.read_bytes() == b"xone\r\ntwo\nthree", page)


async def test_a_file_that_is_no_utf8_is_not_edited(page: Page, stub: FilesStub) -> None:
    stub.file("home/a.txt", b"caf\xe9")
    await open_file(page, "a.txt")
    await page.get_by_role("button", name="Edit").click()
    await expect(page.get_by_role("alert")).to_contain_text("not text in UTF-8")


@pytest.mark.parametrize(
    ("answer", "files"),
    [
        ("Overwrite", {"a.txt": "mine theirs"}),
        ("Save as…", {"a.txt": "theirs", "b.txt": "mine old"}),
        ("Discard mine, reload", {"a.txt": "theirs"}),
    ],
)
async def test_a_change_of_somebody_else_is_not_overwritten_unasked(
    page: Page, stub: FilesStub, answer: str, files: dict[str, str]
) -> None:
    file = stub.file("home/a.txt", "old")
    await edit(page, "a.txt")
    await page.keyboard.type("mine ")
    file.write_text("theirs")
    await page.keyboard.press("Control+s")
    dialog = page.get_by_role("dialog", name="“a.txt” has changed meanwhile")
    await expect(dialog).to_be_visible()
    assert file.read_text() == "theirs"
    await dialog.get_by_role("button", name=answer).click()
    if answer == "Save as…":
        await page.get_by_label("Name", exact=True).fill("b.txt")
        await page.get_by_role("button", name="Save").last.click()
    root = stub.directory / "home"
    document = files | ({"a.txt": "mine old"} if answer == "Overwrite" else {})
    await until(lambda: {path.name: path.read_text() for path in root.iterdir()} == document, page)
    await expect(page.get_by_role("button", name="Save")).to_be_disabled()
    if answer.startswith("Discard"):
        await expect(page.locator(".cm-content")).to_have_text("theirs")


async def test_a_change_of_somebody_else_is_told(page: Page, stub: FilesStub) -> None:
    file = stub.file("home/a.txt", "old")
    await edit(page, "a.txt")
    file.write_text("theirs")
    notice = page.get_by_role("alert").filter(has_text="This file has been changed")
    await expect(notice).to_be_visible(timeout=15000)
    await notice.get_by_role("button", name="Show the new version").click()
    await expect(page.locator(".cm-content")).to_have_text("theirs")
    await expect(notice).to_be_hidden()


async def test_what_is_not_saved_is_asked_about(page: Page, stub: FilesStub) -> None:
    file = stub.file("home/a.txt", "old")
    await edit(page, "a.txt")
    await page.keyboard.type("new")
    await page.get_by_role("button", name="Close").click()
    question = page.get_by_role("dialog", name="Close without saving?")
    await question.get_by_role("button", name="Cancel").click()
    await expect(page.locator(".cm-content")).to_have_text("newold")
    await page.get_by_role("button", name="Close").click()
    await question.get_by_role("button", name="Close").click()
    await expect(page.get_by_role("dialog")).to_be_hidden()
    assert file.read_text() == "old"


async def test_a_full_storage_keeps_what_was_written(page: Page, stub: FilesStub) -> None:
    stub.file("home/a.txt", "old")
    reason = "Home is full. Delete files, then save again."
    stub.refusals["PUT home/file/a.txt"] = (507, reason)
    await edit(page, "a.txt")
    await page.keyboard.type("new")
    await page.keyboard.press("Control+s")
    await expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text(reason)
    await expect(page.locator(".cm-content")).to_have_text("newold")
    await expect(page.get_by_role("button", name="Save")).to_be_enabled()


async def test_a_new_file_opens_in_the_editor(page: Page, stub: FilesStub) -> None:
    await open_folder(page)
    await page.get_by_role("button", name="New").click()
    await page.get_by_role("button", name="File…", exact=True).click()
    await page.get_by_label("Name", exact=True).fill("a (1).md")
    await page.get_by_role("button", name="Create").click()
    await expect(page.get_by_role("textbox", name="Text of a (1).md")).to_be_focused()
    await page.keyboard.type("# Title")
    await page.keyboard.press("Control+s")
    await until(lambda: (stub.directory / "home/a (1).md").read_text() == "# Title", page)
    assert stub.conditions[0] == "*"


async def test_nothing_is_edited_in_a_read_only_storage(page: Page, stub: FilesStub) -> None:
    stub.add(make_storage("reference", name="Catalogues", read_only=True))
    stub.file("reference/a.txt", "x")
    await open_folder(page, "reference/")
    await page.get_by_role("link", name="a.txt").click()
    await expect(page.get_by_label("Text of a.txt")).to_be_visible()
    await expect(page.get_by_role("button", name="Edit")).to_be_hidden()
