"""The API of a user's own logins: shown, removed, put back, separated; and nobody else's."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from rosetta_hub.accounts.links import BY_USER, SIGN_UP, Subject, add_link, find_link
from rosetta_hub.accounts.merge import merge_users
from rosetta_hub.audit.log import AuditLog
from rosetta_hub.config import Rosetta
from rosetta_hub.database.database import Database
from rosetta_hub.database.models_audit import AuditRecord
from rosetta_hub.web.application import build_application
from rosetta_hub.web.auth import build_hub_auth
from rosetta_hub.web.services import Services
from tests.support.databases import open_sqlite
from tests.support.sharing import no_sharing

INSTITUTE, GITHUB = Subject("https://institute.example", "a1"), Subject("github", "7")


async def user_for_token(token: str, **_: Any) -> dict[str, Any] | None:
    """What the hub says of a token: the user's name, and `-reads` where it may only read."""
    name, _separator, limit = token.partition("-")
    verbs = ("read:servers",) if limit else ("servers", "read:servers")
    scopes = ["access:services!service=rosetta", *(f"{verb}!user={name}" for verb in verbs)]
    return {"name": name, "kind": "user", "admin": False, "groups": [], "scopes": scopes}


class KnownUsers:
    """Nobody has left."""

    async def recognise(self, name: str, created: object) -> None:
        """Nothing is kept of users here."""


@dataclass
class Site:
    """The service, whose hub has Rosetta Hub's authenticator."""

    base: str
    database: Database
    parts: dict[str, Any]

    async def fetch(self, method: str, path: str, token: str) -> HTTPResponse:
        """A request with a token."""
        return await AsyncHTTPClient().fetch(
            f"{self.base}/services/rosetta/api/v1/account/{path}",
            method=method,
            headers={"Authorization": f"token {token}"},
            body="{}" if method == "POST" else None,
            raise_error=False,
        )

    async def logins(self, token: str = "alice") -> dict[str, Any]:
        """What is shown to a user."""
        document: dict[str, Any] = json.loads((await self.fetch("GET", "logins", token)).body)
        return document

    def events(self) -> list[tuple[str, str, str | None]]:
        """The audit log."""
        with self.database.session() as session:
            rows = session.scalars(select(AuditRecord).order_by(AuditRecord.id))
            return [(row.event, row.actor, row.target) for row in rows]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """Alice signs in at the institute and at GitHub, Bob at the institute."""
    settings = Rosetta(tasks_url="http://127.0.0.1", state_dir=str(tmp_path / "state"))
    keys, database = settings.keys(), open_sqlite(tmp_path)
    with database.session() as session:
        claims = {"title": "The institute", "preferred_username": "alice"}
        add_link(session, "alice", "institute", INSTITUTE, SIGN_UP, "a@example.org", claims)
        add_link(session, "alice", "github", GITHUB, BY_USER)
        add_link(session, "bob", "institute", Subject(INSTITUTE.issuer, "b1"), SIGN_UP)
    auth = build_hub_auth(settings, keys)
    auth.user_for_token = user_for_token
    parts: dict[str, Any] = dict.fromkeys(field.name for field in fields(Services))
    parts |= {"settings": settings, "keys": keys, "hub_auth": auth, "audit": AuditLog(database)}
    parts |= no_sharing(database, auth, keys)
    parts["users"] = KnownUsers()
    parts |= {"tasks": SimpleNamespace(database=database), "account_administration": object()}
    sockets = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(build_application(Services(**parts), b"secret"))
    server.add_sockets(sockets)
    yield Site(f"http://127.0.0.1:{sockets[0].getsockname()[1]}", database, parts)
    server.stop()
    await server.close_all_connections()
    database.close()
    # JupyterHub's own thread for calls that block.
    auth._pool.submit(lambda: auth._thread_loop.close()).result()
    auth._pool.shutdown()


async def test_login_is_removed_and_put_back(site: Site) -> None:
    result = await site.logins()
    assert [(login["title"], login["name"]) for login in result["logins"]] == [
        ("The institute", "alice"),
        ("github", None),
    ]
    assert (result["merged"], result["add_url"]) == ([], "/hub/rosetta/logins")
    first, second = (login["id"] for login in result["logins"])
    assert (await site.fetch("DELETE", f"logins/{first}", "alice-reads")).code == 403
    assert (await site.fetch("DELETE", f"logins/{first}", "bob")).code == 404
    assert (await site.fetch("POST", f"logins/{first}", "bob")).code == 404
    assert (await site.fetch("DELETE", f"logins/{first}", "alice")).code == 204
    # The last one stays.
    refused = await site.fetch("DELETE", f"logins/{second}", "alice")
    assert (refused.code, b"only login" in refused.body) == (409, True)
    assert [bool(login["removed"]) for login in (await site.logins())["logins"]] == [False, True]
    assert (await site.fetch("POST", f"logins/{first}", "alice")).code == 200
    with site.database.session() as session:
        link = find_link(session, INSTITUTE)
    assert link is not None
    assert link.id == first
    assert site.events() == [
        ("login.unlink", "alice", "institute"),
        ("login.link", "alice", "institute"),
    ]


async def test_merged_user_is_separated(site: Site) -> None:
    with site.database.session() as session:
        merge_users(session, "alice", "bob")
    assert (await site.logins())["merged"] == ["bob"]
    assert (await site.fetch("DELETE", "merged/alice", "bob")).code == 404
    assert (await site.fetch("DELETE", "merged/bob", "alice")).code == 204
    assert (await site.logins())["merged"] == []
    assert [login["method"] for login in (await site.logins("bob"))["logins"]] == ["institute"]


async def test_hub_with_another_authenticator_keeps_no_logins(site: Site) -> None:
    site.parts["account_administration"] = None
    server = HTTPServer(build_application(Services(**site.parts), b"secret"))
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    other = Site(f"http://127.0.0.1:{sockets[0].getsockname()[1]}", site.database, site.parts)
    assert (await other.fetch("GET", "logins", "alice")).code == 404
    server.stop()
    await server.close_all_connections()
