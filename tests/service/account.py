"""The service for tests of the page Account: the real handlers, a hub that knows a few tokens."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, cast

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from rosetta_hub.audit.log import AuditLog
from rosetta_hub.config import Rosetta
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import BrowserSession
from rosetta_hub.database.models_audit import AuditRecord
from rosetta_hub.database.models_user import Identity, IdentityState
from rosetta_hub.errors import NotFound, ResourceUnavailable, UserError
from rosetta_hub.hub.client import HubClient
from rosetta_hub.service.users import build_account_parts
from rosetta_hub.software.library import Library
from rosetta_hub.software.settings import UserSoftwareRules
from rosetta_hub.users.deletion import Users
from rosetta_hub.users.identities import Identities
from rosetta_hub.web.application import build_application
from rosetta_hub.web.auth import build_hub_auth
from rosetta_hub.web.page_templates import PageTemplates
from rosetta_hub.web.services import Services
from tests.support.sharing import no_sharing

from .conftest import Bench

PREFIX = "/services/rosetta/"
SSH = {
    "access_mode": "ssh",
    "auth_mode": "user_keys",
    "wms": "slurm",
    "type": "cluster",
    "container_engines": ["singularity"],
}
COMPUTING = [
    {"id": "local", "name": "This machine", "container_engines": ["docker"]},
    {"id": "cluster", "name": "The cluster", "conf": {"host": "login.example.org"}, **SSH},
    {"id": "alices", "name": "Alice's", "users": ["alice"], "conf": {"host": "a"}, **SSH},
    {
        "id": "site",
        "name": "Site",
        **SSH,
        "conf": {"host": "site.example.org", "ca_key_file": "/etc/ca"},
    },
]
CLUSTER = "account/identities/cluster"


def scopes_of(user: str) -> list[str]:
    """What a token of the user's own has."""
    return [f"servers!user={user}", f"read:servers!user={user}"]


# What lets a token in at the service at all.
ACCESS = "access:services!service=rosetta"
CREATED = "2026-11-01T12:00:00.123456Z"
TOKENS = {
    "of-alice": {"name": "alice", "scopes": scopes_of("alice")},
    "of-bob": {"name": "bob", "scopes": scopes_of("bob")},
    "of-mail": {"name": "carol@example.org", "scopes": scopes_of("carol@example.org")},
    "reads-only": {"name": "alice", "scopes": ["read:servers!user=alice"]},
    "of-new-alice": {
        "name": "alice",
        "created": "2026-11-20T12:00:00Z",
        "scopes": scopes_of("alice"),
    },
    "of-one-server": {"name": "alice", "scopes": ["servers!server=alice/x"]},
    # Of a guest of a share of alice's.
    "of-guest": {"name": "gwen", "scopes": ["access:servers!server=alice/x"]},
    "in-groups": {"name": "bob", "groups": ["staff", "team"], "scopes": scopes_of("bob")},
}


def hub_token(token_id: str, **changes: Any) -> dict[str, Any]:
    """A token as the hub's handler describes it."""
    token = {
        **{"id": token_id, "login": False, "client": "JupyterHub", "session": None},
        **{"current": False, "note": "", "scopes": [], "created": CREATED},
        **{"last_activity": None, "expires_at": None},
    }
    return token | changes


def tag(view: dict[str, Any]) -> str:
    """The entity tag of what was read."""
    return f'"{view["revision"]}"'


@dataclass
class FakeHub:
    """Tokens at the hub, and what was asked for, with the token on whose behalf."""

    listed: list[dict[str, Any]] = field(default_factory=list)
    made: list[tuple[str, str, list[str], int]] = field(default_factory=list)
    ended: list[tuple[str, bool]] = field(default_factory=list)
    ended_alone: list[tuple[str, str, str]] = field(default_factory=list)
    renewal: str | UserError | None = None

    async def tokens(self, principal_token: str) -> list[dict[str, Any]]:
        """All of them."""
        assert principal_token in TOKENS
        return self.listed

    async def make_token(
        self, principal_token: str, note: str, scopes: list[str], seconds: int
    ) -> dict[str, Any]:
        """Keep what is asked for."""
        self.made.append((principal_token, note, scopes, seconds))
        return hub_token("a9", note=note, scopes=scopes, token="made-once")

    async def delete_token(self, principal_token: str, token_id: str) -> None:
        """Delete it."""
        assert principal_token in TOKENS
        values = [token for token in self.listed if token["id"] != token_id]
        if len(values) == len(self.listed):
            raise NotFound("There is no such token.")
        self.listed = values

    async def end(self, user: str, *, actor: str, api_tokens: bool, address: str) -> None:
        """As `SessionEnder.end`."""
        assert (actor, address) == (user, "127.0.0.1")
        self.ended.append((user, api_tokens))

    async def end_one(
        self, user: str, session: str, principal_token: str, *, browser: str, address: str
    ) -> None:
        """As `SessionEnder.end_one`."""
        assert (principal_token, address) == ("of-alice", "127.0.0.1")
        self.ended_alone.append((user, session, browser))

    async def login_renewal(self, principal_token: str) -> str | None:
        """A code, if there is one."""
        assert principal_token == "of-alice"
        if isinstance(self.renewal, UserError):
            raise self.renewal
        return self.renewal


@dataclass
class Site:
    """The service, and what happened outside of it."""

    port: int
    database: Database
    identities: Identities
    tested: list[tuple[str, str]] = field(default_factory=list)
    changed: list[tuple[str, str]] = field(default_factory=list)
    result: tuple[IdentityState, str] | ResourceUnavailable = (IdentityState.WORKS, "Logged in.")
    let_on: asyncio.Event = field(default_factory=asyncio.Event)
    hub: FakeHub = field(default_factory=FakeHub)

    def audited(self) -> list[tuple[str, str, str | None]]:
        """Event, actor and target of all records of the audit log."""
        with self.database.session() as session:
            rows = session.query(AuditRecord).order_by(AuditRecord.id)
            return [(row.event, row.actor, row.target) for row in rows]

    async def test(self, user: str, computing: str) -> tuple[IdentityState, str]:
        """Try an identity out."""
        self.tested.append((user, computing))
        await self.let_on.wait()
        if isinstance(self.result, ResourceUnavailable):
            raise self.result
        return self.result

    async def change(self, user: str, computing: str) -> None:
        """Let go of a connection."""
        self.changed.append((user, computing))

    def rows(self) -> int:
        """How many keys are kept."""
        with self.database.session() as session:
            return session.query(Identity).count()

    async def call(
        self, method: str, path: str, body: Any = None, token: str = "of-alice", match: str = "*"
    ) -> tuple[int, Any]:
        """Status and JSON of a call of the API; `match` is sent as `If-Match`."""
        response = await self.fetch(method, f"api/v1/{path}", body, token, match)
        return response.code, json.loads(response.body or b"null")

    async def identities_of(self, token: str) -> list[dict[str, Any]]:
        """The keys that the page shows to whoever has the token."""
        _, result = await self.call("GET", "account/identities", token=token)
        identities: list[dict[str, Any]] = result["identities"]
        return identities

    async def mail_of(self, token: str) -> dict[str, Any]:
        """The mails that the page shows to whoever has the token."""
        _, mail = await self.call("GET", "account/mail", token=token)
        return dict(mail)

    async def fetch(
        self, method: str, path: str, body: Any, token: str, match: str = "*"
    ) -> HTTPResponse:
        """A request with a token of the hub."""
        text = json.dumps(body or {}) if method in ("PUT", "POST") else None
        headers = {**JSON, **({"If-Match": match} if match else {})}
        return await AsyncHTTPClient(force_instance=True).fetch(
            f"http://127.0.0.1:{self.port}{PREFIX}{path}",
            method=method,
            body=text,
            headers={"Authorization": f"token {token}", **headers} if token else headers,
            raise_error=False,
            follow_redirects=False,
        )


JSON = {"Content-Type": "application/json"}


async def end_nothing(_session: BrowserSession) -> None:
    """There is no edge."""


@pytest.fixture
async def site(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Site]:
    """The service with resources of each kind; `let_on` is set."""
    settings = Rosetta(
        computing=COMPUTING,
        tasks_url="http://127.0.0.1",
        state_dir=str(tmp_path),
        smtp_host="mail.example.org",
        mail_from="hub@example.org",
        mail_domain="example.org",
    )
    auth = build_hub_auth(settings, bench.keys)

    async def user_for_token(token: str, **_: Any) -> dict[str, Any] | None:
        model = TOKENS.get(token)
        return model and {"created": CREATED, **model, "scopes": [ACCESS, *model["scopes"]]}

    monkeypatch.setattr(type(auth), "user_for_token", lambda _, *a, **k: user_for_token(*a, **k))
    database = bench.tasks.database
    sockets = bind_sockets(0, "127.0.0.1")
    result = Site(sockets[0].getsockname()[1], database, Identities(database, bench.keys, settings))
    result.let_on.set()
    # What these handlers do not use is not there.
    parts: dict[str, Any] = dict.fromkeys(item.name for item in fields(Services))
    parts |= {"audit": AuditLog(database), **no_sharing(database, auth, bench.keys)}
    parts |= {"settings": settings, "keys": bench.keys, "tasks": bench.tasks, "hub_auth": auth}
    parts |= {"templates": PageTemplates([], {}), "identities": result.identities}
    parts |= {"identity_tester": result.test, "identity_changed": result.change}
    hub = cast(HubClient, None)
    account = build_account_parts(database, settings, bench.keys)
    parts["users"] = Users(
        bench.tasks, result.identities, hub, end_nothing, result.change, bool, account.delete_user
    )
    rules = UserSoftwareRules(power_groups=frozenset({"staff"}))
    library = Library(bench.tasks.catalogue, database, rules, PREFIX)
    parts |= {
        "account": account,
        "hub": result.hub,
        "session_ender": result.hub,
        "library": library,
    }
    services = Services(**parts)
    server = HTTPServer(build_application(services, b"secret"))
    server.add_sockets(sockets)
    yield result
    server.stop()
    await server.close_all_connections()
    # JupyterHub's own thread for calls that block.
    auth._pool.submit(lambda: auth._thread_loop.close()).result()
    auth._pool.shutdown()
