"""The page Account over HTTP: the real handlers, with a hub that knows a few tokens."""

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
from rosetta_hub.database.models import BrowserSession, Task
from rosetta_hub.database.models_user import Identity, IdentityState
from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.hub.client import HubClient
from rosetta_hub.mail.preferences import read_preferences
from rosetta_hub.users.deletion import Users
from rosetta_hub.users.identities import Identities
from rosetta_hub.web.application import build_application
from rosetta_hub.web.auth import build_hub_auth
from rosetta_hub.web.handlers import Services
from rosetta_hub.web.page_templates import PageTemplates
from tests.support.sharing import no_sharing
from tests.support.starting import start_task

from .conftest import ALICE, Bench

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
}


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
        self, method: str, path: str, body: Any = None, token: str = "of-alice"
    ) -> tuple[int, Any]:
        """Status and JSON of a call of the API."""
        response = await self.fetch(method, f"api/{path}", body, token)
        return response.code, json.loads(response.body)

    async def identities_of(self, token: str) -> list[dict[str, Any]]:
        """The keys that the page shows to whoever has the token."""
        _, found = await self.call("GET", "account/identities", token=token)
        identities: list[dict[str, Any]] = found["identities"]
        return identities

    async def mail_of(self, token: str) -> dict[str, Any]:
        """The mails that the page shows to whoever has the token."""
        _, mail = await self.call("GET", "account/mail", token=token)
        return dict(mail)

    async def fetch(self, method: str, path: str, body: Any, token: str) -> HTTPResponse:
        """A request with a token of the hub."""
        text = json.dumps(body or {}) if method in ("PUT", "POST") else None
        return await AsyncHTTPClient(force_instance=True).fetch(
            f"http://127.0.0.1:{self.port}{PREFIX}{path}",
            method=method,
            body=text,
            headers={"Authorization": f"token {token}"} if token else {},
            raise_error=False,
            follow_redirects=False,
        )


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
    made = Site(sockets[0].getsockname()[1], database, Identities(database, bench.keys, settings))
    made.let_on.set()
    # What these handlers do not use is not there.
    parts: dict[str, Any] = dict.fromkeys(one.name for one in fields(Services))
    parts |= {"audit": AuditLog(database), **no_sharing(database, auth, bench.keys)}
    parts |= {"settings": settings, "keys": bench.keys, "tasks": bench.tasks, "hub_auth": auth}
    parts |= {"templates": PageTemplates([], {}), "identities": made.identities}
    parts |= {"identity_tester": made.test, "identity_changed": made.change}
    hub = cast(HubClient, None)
    parts["users"] = Users(
        bench.tasks, made.identities, hub, end_nothing, made.change, bool, lambda _: None
    )
    services = Services(**parts)
    server = HTTPServer(build_application(services, b"secret"))
    server.add_sockets(sockets)
    yield made
    server.stop()
    await server.close_all_connections()
    # JupyterHub's own thread for calls that block.
    auth._pool.submit(lambda: auth._thread_loop.close()).result()
    auth._pool.shutdown()


# --- who is who -------------------------------------------------------------------------------


async def test_a_new_user_of_the_same_name_inherits_nothing(site: Site) -> None:
    await site.call("PUT", CLUSTER, {"remote_user": "al1ce"})
    await site.call("PUT", "account/mail", {"address": "alice@example.net"})
    [found, *_] = await site.identities_of("of-new-alice")
    assert (found["state"], found["public_key"]) == ("missing", None)
    assert (await site.mail_of("of-new-alice"))["address"] == "alice@example.org"
    assert site.rows() == 0


async def test_a_key_is_deleted_by_hand(site: Site, bench: Bench) -> None:
    await site.call("PUT", CLUSTER, {"remote_user": "al1ce"})
    task = start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    move_to(bench, task, "cluster")
    status, answer = await site.call("DELETE", CLUSTER)
    assert (status, site.rows()) == (409, 1)
    assert "Stop your tasks on The cluster" in answer["error"]
    bench.tasks.stopped(bench.tasks.find(task.id))
    site.changed.clear()
    status, answer = await site.call("DELETE", CLUSTER)
    assert (status, answer["state"], site.rows()) == (200, "missing", 0)
    assert site.changed == [("alice", "cluster")]
    assert (await site.call("DELETE", CLUSTER, token="reads-only"))[0] == 403


def move_to(bench: Bench, task: Task, computing: str) -> None:
    """Have a task run on another resource."""

    def move(row: Task) -> None:
        row.computing = computing

    bench.tasks.update(task, move)


# --- who may ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "account/identities"),
        ("GET", "account/mail"),
        ("PUT", "account/mail"),
        ("PUT", CLUSTER),
        ("POST", f"{CLUSTER}/test"),
        ("POST", f"{CLUSTER}/renew"),
    ],
)
async def test_nobody_without_the_right_token(site: Site, method: str, path: str) -> None:
    for token in ("", "wrong", "of-one-server"):
        assert (await site.call(method, path, token=token))[0] == 403
    status, _ = await site.call(method, path, token="reads-only")
    assert status == (200 if method == "GET" else 403)
    assert (site.tested, site.changed) == ([], [])


async def test_the_page_leads_to_the_login(site: Site) -> None:
    response = await site.fetch("GET", "account", None, "")
    assert "/hub/api/oauth2/authorize" in response.headers["Location"]
    assert (await site.fetch("GET", "account", None, "of-alice")).code == 200


async def test_everybody_has_settings_of_their_own(site: Site) -> None:
    await site.call("PUT", CLUSTER, {"remote_user": "al1ce"})
    await site.call("PUT", "account/mail", {"address": "alice@example.net", "limit": False})
    mine, bobs = await site.identities_of("of-alice"), await site.identities_of("of-bob")
    assert [one["computing"] for one in mine] == ["cluster", "alices", "site"]
    assert [one["computing"] for one in bobs] == ["cluster", "site"]
    assert mine[0]["remote_user"] == "al1ce"
    assert bobs[0]["remote_user"] is None
    assert (await site.mail_of("of-alice"))["address"] == "alice@example.net"
    assert await site.mail_of("of-bob") == {
        "address": "bob@example.org",
        "started": True,
        "failed": True,
        "limit": True,
        "available": True,
        "problem": None,
    }


@pytest.mark.parametrize("computing", ["alices", "local", "none"])
async def test_a_resource_that_is_not_ones_own(site: Site, computing: str) -> None:
    path, token = f"account/identities/{computing}", "of-bob"
    assert (await site.call("PUT", path, {"remote_user": "bob"}, token))[0] == 404
    for verb in ("test", "renew"):
        assert (await site.call("POST", f"{path}/{verb}", None, token))[0] == 404


# --- identities -------------------------------------------------------------------------------


async def test_a_key_is_made_tested_and_renewed(site: Site) -> None:
    status, made = await site.call("PUT", CLUSTER, {"remote_user": " al1ce "})
    assert (status, made["state"], made["remote_user"]) == (200, "untested", "al1ce")
    key = made["public_key"]
    assert key.startswith("ssh-ed25519 ")
    assert key.endswith(" rosetta-hub:alice")
    assert made["paste"] == f"restrict,pty,port-forwarding {key}"
    _, tested = await site.call("POST", f"{CLUSTER}/test")
    assert (tested["state"], tested["message"]) == ("works", "Logged in.")
    _, same = await site.call("PUT", CLUSTER, {"remote_user": "al1ce"})
    assert (same["state"], same["public_key"]) == ("works", key)
    _, other = await site.call("PUT", CLUSTER, {"remote_user": "alice2"})
    assert (other["state"], other["public_key"]) == ("untested", key)
    _, renewed = await site.call("POST", f"{CLUSTER}/renew")
    assert renewed["public_key"] != key
    assert renewed["state"] == "untested"
    assert site.tested == [("alice", "cluster")]
    assert site.changed == [("alice", "cluster")] * 4


async def test_the_private_key_is_encrypted_and_told_to_nobody(site: Site) -> None:
    _, made = await site.call("PUT", CLUSTER, {"remote_user": "alice"})
    used = site.identities.credentials("alice", "cluster")
    assert "OPENSSH PRIVATE KEY" in used.private_key
    with site.database.session() as session:
        row = session.get(Identity, ("alice", "cluster"))
    assert row is not None
    assert b"PRIVATE KEY" not in row.private_key
    for text in (repr(used), repr(row), json.dumps(made)):
        assert used.private_key.splitlines()[1] not in text


@pytest.mark.parametrize(
    "name", ["", "-oProxyCommand=x", "a b", "a\nb", "a;b", "a@b", "$(id)", "ü", "a" * 34, 7, None]
)
async def test_no_user_name(site: Site, name: Any) -> None:
    status, answer = await site.call("PUT", CLUSTER, {"remote_user": name})
    assert status == 422
    assert answer["error"].endswith(".")
    assert (await site.call("POST", f"{CLUSTER}/renew"))[0] == 409
    assert (await site.call("POST", f"{CLUSTER}/test"))[0] == 409


@pytest.mark.parametrize("name", ["alice", "_x", "Alice.B-c", "machine$", "a" * 32])
async def test_a_user_name(site: Site, name: str) -> None:
    assert (await site.call("PUT", CLUSTER, {"remote_user": name}))[0] == 200


async def test_could_not_ask_is_not_refused(site: Site) -> None:
    await site.call("PUT", CLUSTER, {"remote_user": "alice"})
    site.result = ResourceUnavailable("The cluster does not answer.")
    status, answer = await site.call("POST", f"{CLUSTER}/test")
    assert (status, answer["error"]) == (503, "The cluster does not answer.")
    assert (await site.identities_of("of-alice"))[0]["state"] == "untested"


async def test_one_test_at_a_time_and_its_result_is_of_that_key(site: Site) -> None:
    await site.call("PUT", CLUSTER, {"remote_user": "alice"})
    site.let_on.clear()
    first = asyncio.create_task(site.call("POST", f"{CLUSTER}/test"))
    async with asyncio.timeout(10):
        while not site.tested:
            await asyncio.sleep(0)
    assert (await site.call("POST", f"{CLUSTER}/test"))[0] == 409
    await site.call("POST", f"{CLUSTER}/renew")
    site.let_on.set()
    # The new key was not the one that was tried.
    assert (await first)[1]["state"] == "untested"
    assert (await site.call("POST", f"{CLUSTER}/test"))[1]["state"] == "works"


async def test_a_ca_vouches_for_the_users_own_name_only(site: Site) -> None:
    """Nothing is pasted there, so nothing would prove that another account is the user's."""
    path = "account/identities/site"
    status, answer = await site.call("PUT", path, {"remote_user": "root"})
    assert (status, answer["error"]) == (422, "On Site you are alice, as on the hub.")
    shown = (await site.identities_of("of-alice"))[2]
    assert (shown["remote_user"], shown["fixed"], shown["paste"]) == ("alice", True, None)
    _, tested = await site.call("POST", f"{path}/test")
    assert (tested["state"], tested["public_key"]) == ("works", None)
    assert site.identities.credentials("alice", "site").remote_user == "alice"


async def test_a_name_of_the_hub_that_is_no_account(site: Site) -> None:
    shown = (await site.identities_of("of-mail"))[1]
    assert (shown["state"], shown["remote_user"]) == ("missing", None)
    with pytest.raises(ResourceUnavailable):
        site.identities.credentials("carol@example.org", "site")


# --- mail -------------------------------------------------------------------------------------


async def test_what_is_left_out_stays(site: Site) -> None:
    await site.call("PUT", "account/mail", {"started": False})
    _, mail = await site.call("PUT", "account/mail", {"address": " alice@example.net "})
    assert (mail["address"], mail["started"], mail["failed"]) == ("alice@example.net", False, True)
    _, mail = await site.call("PUT", "account/mail", {"address": None})
    assert mail["address"] is None
    with site.database.session() as session:
        assert read_preferences(session, "alice", "example.org").address is None


@pytest.mark.parametrize(
    "body",
    [
        {"address": "alice"},
        {"address": "alice@example.org\r\nBcc: eve@example.org"},
        {"address": "alice@example.org, eve@example.org"},
        {"address": "<alice@example.org>"},
        {"address": "x" * 250 + "@example.org"},
        {"address": 7},
        {"started": "yes"},
        {"user": "bob"},
    ],
)
async def test_what_is_no_choice(site: Site, body: dict[str, Any]) -> None:
    assert (await site.call("PUT", "account/mail", body))[0] == 422
    assert (await site.mail_of("of-alice"))["address"] == "alice@example.org"
