"""`rosetta share`: what is asked of the hub, and what is shown."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from tests.rights.conftest import Site, serve

from .conftest import Run

pytestmark = pytest.mark.asyncio(loop_scope="session")

SHARE = {
    **{"id": "5" * 12, "kind": "user", "name": "bob", "until": None, "link": None},
    **{"created": None, "created_by": None},
}
LINK = {
    **{"id": "6" * 12, "expires": "2030-01-08T12:00:00Z", "until": None, "uses": 5, "uses_left": 5},
    **{"users": [], "admits": True, "created": "2030-01-01T12:00:00Z", "created_by": "alice"},
}


class Shares(RequestHandler):
    """The hub's side, at noon of New Year's Day 2030."""

    asked: list[tuple[str, Any]] = []

    def prepare(self) -> None:
        """Keep what is asked."""
        self.set_header("Date", "Tue, 01 Jan 2030 12:00:00 GMT")
        self.asked.append((str(self.request.method), json.loads(self.request.body or b"null")))

    def get(self) -> None:
        """With whom it is shared."""
        document = {"shares": [SHARE], "links": [LINK], "visitors": None, "groups": []}
        self.finish({**document, "may_share": True, "apart": True})

    def post(self) -> None:
        """A share, or a link."""
        self.set_status(201)
        body = json.loads(self.request.body)
        self.finish({**LINK, "url": "https://hub/join/x"} if "link" in body else SHARE)

    def delete(self) -> None:
        """End them."""
        self.set_status(204)


async def share(rosetta: Run, site: Site, *arguments: str) -> tuple[str, list[tuple[str, Any]]]:
    """Run the command; returns what it shows, and what was asked beside the task itself."""
    view = (await site.fetch("GET", f"api/v1/tasks/{site.ids['tasks']}", "alice")).body

    class Task(RequestHandler):
        def get(self) -> None:
            self.set_header("Content-Type", "application/json")
            self.set_header("Date", "Tue, 01 Jan 2030 12:00:00 GMT")
            self.finish(view)

    handler = type("SharesOfTest", (Shares,), {"asked": []})
    task = rf"/services/rosetta/api/v1/tasks/{site.ids['tasks']}"
    application = Application([(task, Task), (f"{task}/shares", handler)])
    async with serve(HTTPServer(application)) as port:
        hub = f"http://127.0.0.1:{port}"
        result = await rosetta("share", site.ids["tasks"], *arguments, ROSETTA_HUB=hub)
    assert (result.code, result.err) == (0, "")
    return result.out, handler.asked  # type: ignore[attr-defined]


async def test_with_users_and_groups_for_some_hours(rosetta: Run, site: Site) -> None:
    """By the hub's clock, whatever this machine's says."""
    names = ("--with", "bob", "--with", "group:team", "--until", "3h")
    view, request = await share(rosetta, site, *names)
    assert [(method, body.get("user"), body.get("group")) for method, body in request] == [
        ("POST", "bob", None),
        ("POST", None, "team"),
    ]
    expected = datetime(2030, 1, 1, 15, tzinfo=UTC)
    ends = [datetime.fromisoformat(body["until"]) for _, body in request]
    assert all(abs((end - expected).total_seconds()) < 5 for end in ends)
    assert "user:bob" in view


async def test_a_link_is_shown_with_its_address(rosetta: Run, site: Site) -> None:
    view, ((method, body),) = await share(rosetta, site, "--link", "--uses", "5")
    assert (method, body["link"]["uses"], "until" in body) == ("POST", 5, False)
    assert body["link"]["expires"].startswith("2030-01-08T12:00:")
    assert "https://hub/join/x" in view


async def test_with_whom_it_is_shared_and_the_end(rosetta: Run, site: Site) -> None:
    view, request = await share(rosetta, site)
    assert request == [("GET", None)]
    assert [line.split()[:2] for line in view.splitlines()[1:]] == [
        ["5" * 12, "user:bob"],
        ["6" * 12, "link"],
    ]
    assert await share(rosetta, site, "--end", "all") == ("", [("DELETE", None)])
