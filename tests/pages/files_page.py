"""What the tests of the file manager do on its pages."""

from collections.abc import Awaitable, Callable
from typing import Any

from playwright.async_api import FilePayload, Page, expect

from .files import URL


async def open_folder(page: Page, path: str = "home/") -> None:
    """The page of a folder, `STORAGE/PATH`, complete."""
    await page.goto(f"{URL}{path}")
    await expect(page.locator("#folder")).to_be_visible()


async def selected(page: Page) -> list[str]:
    """The names that are selected."""
    return await page.locator("tr.selected .files-link").all_text_contents()


async def select(page: Page, *names: str) -> None:
    """Check the boxes of entries."""
    for name in names:
        await page.get_by_role("checkbox", name=f"Select {name}", exact=True).check()


async def choose(page: Page, *files: FilePayload) -> None:
    """Choose files for an upload."""
    await page.get_by_label("Files to upload").set_input_files(list(files))


def payload(name: str, content: bytes | str = b"content") -> FilePayload:
    """A file to choose."""
    data = content.encode() if isinstance(content, str) else content
    return {"name": name, "mimeType": "application/octet-stream", "buffer": data}


async def until(check: Callable[[], Any | Awaitable[Any]], page: Page) -> None:
    """Wait until something holds at the stub."""
    for _ in range(200):
        if check():
            return
        await page.wait_for_timeout(50)
    raise AssertionError("It did not happen in time.")


# Drops files and folders as a file manager does: entries of the browser's own file system can't be
# made by a script, so these answer as they do.
DROP = """([selector, tree]) => {
    const makeEntry = (name, content) => typeof content === "string"
        ? {isFile: true, isDirectory: false, name, file: (done) => done(new File([content], name))}
        : {isFile: false, isDirectory: true, name, createReader: () => {
            const entries = Object.entries(content).map(([key, value]) => makeEntry(key, value));
            const batches = [entries, []];
            return {readEntries: (done) => done(batches.shift())};
        }};
    const items = Object.entries(tree).map(
        ([name, content]) => ({webkitGetAsEntry: () => makeEntry(name, content)}));
    const target = document.querySelector(selector);
    for (const kind of ["dragover", "drop"]) {
        const event = new Event(kind, {bubbles: true, cancelable: true});
        event.dataTransfer = {types: ["Files"], items, dropEffect: ""};
        target.dispatchEvent(event);
    }
}"""


async def drop(page: Page, tree: dict[str, Any], selector: str = "#files-panel") -> None:
    """Drop a tree of `{name: content or tree}`."""
    await page.evaluate(DROP, [selector, tree])
