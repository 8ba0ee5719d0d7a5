"""A service with the Admin page, for an administrator."""

import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from tornado import web

from rosetta_hub.accounts import invitations

from .stock import StockStub
from .stub import PREFIX, Handler

URL = f"{PREFIX}admin"


def make_record(number: int, event: str = "task.start", **changes: Any) -> dict[str, Any]:
    """A record of the audit log."""
    return {
        "id": number,
        "time": "2026-11-26T07:00:43+00:00",
        "event": event,
        "actor": "alice",
        "user": "alice",
        "task": "3f9a1c22b7e4",
        "address": "192.0.2.1",
        "detail": {"software": "casa", "computing": "vega"},
    } | changes


def make_computing(key: str = "vega", **changes: Any) -> dict[str, Any]:
    """A computing resource, as the tab shows it."""
    return {
        "id": key,
        "name": key.title(),
        "type": "cluster",
        "wms": "slurm",
        "tunnel": "ssh",
        "states": {"running": 12, "queued": 3},
        "waiting_for": {"Priority": 2, "Resources": 1},
        "unresponsive": 1,
        "last_failure": "2026-11-26T07:00:43+00:00",
        "errors": [],
        "drained": None,
        "revision": f"{key}-1",
    } | changes


def make_announcement(number: int = 1, **changes: Any) -> dict[str, Any]:
    """An announcement that is shown now."""
    return {
        "id": number,
        "version": f"2026-11-26T07:00:43.{number}+00:00",
        "text": "New disks tomorrow.\nTasks go on.",
        "level": "warning",
        "dismissable": True,
        "starts": "2026-11-26T07:00:43+00:00",
        "ends": None,
        "updated_by": "root",
    } | changes


def make_numbers(**changes: Any) -> dict[str, Any]:
    """What happened on a resource today."""
    today = datetime.now(UTC).date().isoformat()
    document = {"day": today, "computing": "vega", "starts": 7, "failures": 1, "most_running": 4}
    return document | changes


def make_line(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A task, as the list of everybody's tasks shows it."""
    return {
        "id": f"{number:012x}",
        "user": "alice",
        "name": f"Task {number}",
        "software": "casa",
        "computing": "vega",
        "node": "cn01",
        "state": "running",
        "reason": None,
        "cpus": 4.0,
        "memory": 8 << 30,
        "memory_used": 3 << 30,
        "created": "2026-11-26T07:00:43+00:00",
        "started": "2026-11-26T07:01:43+00:00",
        "ended": None,
        "page_url": f"{PREFIX}tasks/{number:012x}",
    } | changes


def make_user(name: str = "alice", **changes: Any) -> dict[str, Any]:
    """What a user's tasks have together."""
    return {
        "name": name,
        "active": 2,
        "cpus": 3.5,
        "memory": 8 << 30,
        "memory_used": 3 << 30,
        "tasks": 12,
        "last_seen": "2026-11-26T07:00:43+00:00",
    } | changes


def make_software(**changes: Any) -> dict[str, Any]:
    """A version of a user's software."""
    return {
        "id": "a" * 12,
        "family": "mine-x",
        "name": "Mine",
        "owner": {"kind": "user", "name": "alice"},
        "image": "ghcr.io/org/mine:1",
        "digest": None,
        "uses": 3,
        "policy": {"allowed": True, "message": ""},
        "blocked": None,
        "revision": "software-1",
        "updated": "2026-11-26T07:00:43+00:00",
        "updated_by": "alice",
    } | changes


class AdminStub(StockStub):
    """Answers of `api/v1/admin/…` by their path, and everything that was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.user, self.is_admin = "root", True
        self.documents: dict[str, Any] = {
            "audit": {
                "records": [make_record(2, "task.stop"), make_record(1)],
                "next": None,
                "events": ["task.start", "task.stop", "key.change"],
                "days": 365,
            },
            "computing": {
                "computing": [make_computing(), make_computing("perun", states={}, unresponsive=0)],
                "faults": {},
                "disk": {"free": 20 << 30, "total": 100 << 30},
                "logs": 5 << 20,
                "kept": {"tasks_days": 90, "tasks_per_user": 0, "audit_days": 365},
            },
            "announcements": {"announcements": [make_announcement()]},
            "tasks": {
                "tasks": [make_line(), make_line(2, user="bob", state="queued", node=None)],
                "next": None,
                "computing": [{"id": "vega", "name": "Vega"}, {"id": "perun", "name": "Perun"}],
            },
            "software": {"software": [make_software()], "next": None},
            "numbers": {"numbers": [make_numbers()]},
            "users": {"users": [make_user(), make_user("bob")], "total": 2, "next": None},
        }
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        self.changes: list[tuple[str, str, Any]] = []
        # The `If-Match` of each change, in the same order.
        self.matches: list[str | None] = []

    def asked_for(self, path: str) -> list[dict[str, list[str]]]:
        """With which queries a path was read."""
        return [query for request, query in self.asked if request == path]

    def _application(self) -> web.Application:
        application = super()._application()
        mine = {"stub": self}
        routes: list[Any] = [
            (URL, AdminPage, mine),
            (rf"{PREFIX}api/v1/admin/(.*)", AdminApi, mine),
        ]
        application.add_handlers(r".*", routes)
        return application


class AdminPage(Handler):
    """The page."""

    def get(self) -> None:
        """The page."""
        self.page("admin.html", invitations=invitations)


class AdminApi(Handler):
    """`api/v1/admin/…`."""

    stub: AdminStub

    def get(self, path: str) -> None:
        """What the test has put there."""
        if not self.allowed():
            return
        query = {
            name: self.get_query_arguments(name)
            for name in self.request.query_arguments
            if name != "_xsrf"
        }
        self.stub.asked.append((path, query))
        if path in self.stub.documents:
            self.finish(self.stub.documents[path])
        else:
            self.message(404, "There is nothing at this address.")

    def _change(self, path: str) -> None:
        if not self.allowed():
            return
        body = json.loads(self.request.body or b"null")
        self.stub.changes.append((self.request.method or "", path, body))
        self.stub.matches.append(self.request.headers.get("If-Match"))
        if refusal := self.stub.refusals.get(path):
            self.message(*refusal)
        else:
            self.finish(self.stub.documents.get(path, {}))

    post = put = delete = patch = _change


@contextlib.asynccontextmanager
async def serve_admin() -> AsyncIterator[AdminStub]:
    """The stub, listening."""
    stub = AdminStub()
    server = stub.listen()
    yield stub
    stub.cut()
    server.stop()
    await server.close_all_connections()
