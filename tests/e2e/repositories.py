"""Repositories with a notebook, and what users do with links to them in a browser."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from tests.support.browsing import visit
from tests.support.git_server import GitServer

from .deployment import User

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def make_notebook(code: str) -> str:
    """A notebook with one cell."""
    cell: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": None,
        "id": "a",
        "metadata": {},
        "outputs": [],
        "source": code,
    }
    return json.dumps(
        {"cells": [cell], "metadata": {"kernelspec": KERNEL}, "nbformat": 4, "nbformat_minor": 5}
    )


@contextmanager
def open_folder() -> Iterator[Path]:
    """Where the account that fetches repositories gets to; pytest's own are closed to it."""
    with tempfile.TemporaryDirectory(prefix="repositories") as name:
        Path(name).chmod(0o711)
        yield Path(name)


@contextmanager
def serve_git(folder: Path) -> Iterator[GitServer]:
    """A server that takes GitHub's place."""
    (folder / "git").mkdir(mode=0o711)
    with GitServer(folder / "git").running() as server:
        yield server


async def open_link(page: Page, url: str, name: str = "alice") -> None:
    """Follow a link from elsewhere: the login comes first, and leads back to it."""
    await visit(page, url)
    await page.fill("#username_input", name)
    await page.fill("#password_input", "any")
    await page.click("#login_submit")
    await page.wait_for_url("**/services/rosetta/v2/**")


async def builds_of(user: User, repository: str) -> list[dict[str, Any]]:
    """What the user has asked for of this repository."""
    builds: list[dict[str, Any]] = json.loads((await user.api("GET", "builds")).body)["builds"]
    return [build for build in builds if build["repository"] == repository]


async def run_first_cell(page: Page, output: str) -> None:
    """Run what the notebook of the repository holds."""
    cell = page.locator(".jp-Notebook .cm-content").first
    await page.get_by_text("(ipykernel) | Idle").wait_for(timeout=90_000)
    await cell.click(timeout=60_000)
    await page.keyboard.press("Shift+Enter")
    result = page.locator(".jp-OutputArea-output", has_text=output)
    await result.first.wait_for(timeout=60_000)
