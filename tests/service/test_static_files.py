"""Scripts and styles: kept by browsers as long as they are the present ones."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from tornado import httpserver, netutil, web

from rosetta_hub import static_version as versions
from rosetta_hub.static_version import static_version
from rosetta_hub.web.page_templates import PageTemplates, hub_static_url
from rosetta_hub.web.static_files import static_routes

PREFIX = "/services/rosetta/"
OTHER = "0123456789ab/"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server that has these files alone."""
    server = httpserver.HTTPServer(web.Application([*static_routes(PREFIX)]))
    sockets = netutil.bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    base = f"http://127.0.0.1:{sockets[0].getsockname()[1]}{PREFIX}static/"
    async with httpx.AsyncClient(base_url=base) as client:
        yield client
    server.stop()


async def test_present_version_is_kept(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{static_version()}/tasks.js")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["tasks.js", "0123456789ab/tasks.js", "0123456789ab/admin/page.js"]
)
async def test_any_other_is_the_present_file_and_revalidated(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.get(path)
    present = await client.get(f"{static_version()}/{path.removeprefix(OTHER)}")
    assert answer.text == present.text
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("path", ["no-such.js", "../handlers.py", "%2e%2e/handlers.py"])
async def test_what_is_not_there_is_not_kept(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"{static_version()}/{path}")
    assert answer.status_code in (403, 404)
    assert "immutable" not in answer.headers.get("Cache-Control", "")


def test_version_tells_content_and_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names = set()
    monkeypatch.setattr(versions, "STATIC", tmp_path)
    for name, text in [("one.js", "1"), ("one.js", "2"), ("sub/one.js", "2")]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        names.add(static_version.__wrapped__())
    assert len(names) == 3


def test_pages_name_the_versions_of_all_files() -> None:
    context = {
        "base_url": "/hub/",
        "prefix": "/",
        "user": {"name": "alice"},
        "static_url": lambda path: hub_static_url("/hub/", path),
    }
    page = PageTemplates([], {"rosetta_static_version": "of-the-hub"}).render("error.html", context)
    addresses = re.findall(r'(?:src|href)="([^"]*static/[^"]*)"', page)
    assert len(addresses) > 5
    for address in addresses:
        assert static_version() in address or re.search(r"\?v=[0-9a-f]{128}$", address), address
