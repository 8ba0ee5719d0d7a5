"""Accounts at registries over HTTP: users' own, what agents are told, and the token server."""

import base64
import json
import logging
from typing import Any

import pytest

from rosetta_hub.agents.spec import is_of_site
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task
from rosetta_hub.database.models_registries import RegistryCredential
from rosetta_hub.registries.client import RegistryClient
from tests.registries.fake_registry import FakeRegistry, _Handler
from tests.registries.tokens import access_of, read_token
from tests.support.starting import start_task

from .conftest import ALICE
from .test_api import ACCESS, Site, site
from .test_manager import report

__all__ = ["site"]

HOST = "registry.example.org:5000"
PASSWORD = "the-pass-word-of-alice"
GIVEN = {"account": "ada", "password": PASSWORD}


async def give(site: Site, host: str = HOST, token: str = "alice", **changes: str) -> Any:
    status, answer = await site.call("PUT", f"api/v1/registries/{host}", GIVEN | changes, token)
    assert status == 200, answer
    return answer


# --- users' own accounts -------------------------------------------------------------------------


async def test_an_account_is_kept_and_its_password_never_shown(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = await give(site)
    assert (answer["host"], answer["account"], answer["state"]) == (HOST, "ada", "untested")
    status, listed = await site.call("GET", "api/v1/registries")
    assert status == 200
    assert [account["host"] for account in listed["accounts"]] == [HOST]
    assert PASSWORD not in json.dumps([answer, listed])
    assert PASSWORD not in caplog.text
    with site.bench.tasks.database.session() as session:
        row = session.get(RegistryCredential, ("alice", HOST))
        assert row is not None
        assert PASSWORD.encode() not in row.password
        assert PASSWORD not in repr(row)
    assert site.credentials is not None
    match = site.credentials.find("alice", set(), HOST)
    assert match is not None
    assert (match.account, match.password) == ("ada", PASSWORD)
    assert PASSWORD not in repr(match)


async def test_accounts_are_their_users_alone(site: Site) -> None:
    await give(site)
    _, listed = await site.call("GET", "api/v1/registries", token="bob")
    assert listed["accounts"] == []
    assert site.credentials is not None
    assert site.credentials.find("bob", set(), HOST) is None
    for method, path in (("DELETE", HOST), ("POST", f"{HOST}/test")):
        status, _ = await site.call(method, f"api/v1/registries/{path}", {}, token="bob")
        assert status == 404
    status, _ = await site.call("DELETE", f"api/v1/registries/{HOST}")
    assert status == 204
    assert site.credentials.find("alice", set(), HOST) is None


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("https:", GIVEN, "no registry"),
        ("images.example.org", GIVEN, "hub's own registry"),
        (HOST, {"account": "a:b", "password": "x"}, "no colon"),
        (HOST, {"account": "a"}, "password"),
        (HOST, {"account": "a", "password": ""}, "password"),
        (HOST, {"account": "a", "password": "x\ny"}, "password"),
        (HOST, {"account": "a", "password": "x" * 20000}, "password"),
        (HOST, GIVEN | {"user": "bob"}, "user"),
    ],
)
async def test_what_can_not_be_kept_is_refused(
    site: Site, path: str, body: dict[str, str], words: str
) -> None:
    status, answer = await site.call("PUT", f"api/v1/registries/{path}", body)
    assert status == 422
    assert words in answer["detail"]


async def test_a_token_that_only_reads_changes_nothing(site: Site) -> None:
    site.hub.scopes["alice"] = [ACCESS, "read:servers!user=alice"]
    assert (await site.call("GET", "api/v1/registries"))[0] == 200
    for method, path in (("PUT", HOST), ("DELETE", HOST), ("POST", f"{HOST}/test")):
        assert (await site.call(method, f"api/v1/registries/{path}", GIVEN))[0] == 403


def wants_login(account: str, password: str) -> Any:
    """A registry that lets one account in."""
    pair = base64.b64encode(f"{account}:{password}".encode()).decode()

    def answer(handler: _Handler) -> None:
        handler.set_header("Docker-Distribution-Api-Version", "registry/2.0")
        if handler.request.headers.get("Authorization") != f"Basic {pair}":
            handler.set_status(401)
            handler.set_header("WWW-Authenticate", 'Basic realm="r"')
        handler.finish("{}")

    return answer


@pytest.mark.parametrize(("text", "state"), [(PASSWORD, "works"), ("another", "refused")])
async def test_an_account_is_tested(site: Site, text: str, state: str) -> None:
    registry = FakeRegistry()
    server = registry.listen()
    registry.answers["/v2/"] = wants_login("ada", text)
    site.lookup.client = RegistryClient(registry.site())
    await give(site, registry.host)
    status, answer = await site.call("POST", f"api/v1/registries/{registry.host}/test", {})
    assert (status, answer["state"]) == (200, state)
    assert bool(answer["message"]) == (state == "refused")
    _, listed = await site.call("GET", "api/v1/registries")
    assert listed["accounts"][0]["state"] == state
    # Another password has to be tested anew.
    assert (await give(site, registry.host, password="new"))["state"] == "untested"
    server.stop()
    await server.close_all_connections()


async def test_registries_of_the_site_and_of_the_hub_are_shown(site: Site) -> None:
    site.hub.groups["alice"] = ["physics"]
    _, listed = await site.call("GET", "api/v1/registries")
    assert listed["site"] == [{"host": "site.example.org"}]
    spaces = ["alice", "groups/physics"]
    assert listed["hub"] == {"host": "images.example.org", "user": "alice", "spaces": spaces}
    _, listed = await site.call("GET", "api/v1/registries", token="bob")
    assert listed["site"] == []
    assert listed["hub"]["spaces"] == ["bob"]


# --- what agents are told ------------------------------------------------------------------------


def begin(site: Site, **software: str) -> Task:
    task = start_task(site.bench.tasks, "one", {"software": "echo"}, ALICE)

    def change(row: Task) -> None:
        row.software = {**row.software, **software}

    return site.bench.tasks.update(task, change)


async def ask(site: Site, task: Task, secret: str = "") -> tuple[int, Any]:
    secret = secret or site.bench.keys.agent_secret(task.id, task.attempt)
    headers = {"Authorization": f"Bearer {secret}"}
    path = f"agents/{task.id}/{task.attempt}/credential"
    return await site.call("GET", path, headers=headers)


async def test_an_agent_is_told_the_account_of_its_user(site: Site) -> None:
    await give(site)
    await give(site, token="bob", account="bob", password="of-bob")
    status, answer = await ask(site, begin(site, registry=HOST))
    assert status == 200
    assert (answer["host"], answer["account"], answer["password"]) == (HOST, "ada", PASSWORD)
    assert answer["scope"] not in ("", "public")


async def test_the_sites_account_is_for_its_groups(site: Site, tmp_path: Any) -> None:
    task = begin(site, registry="site.example.org")
    _, answer = await ask(site, task)
    assert (answer["account"], answer["plain_http"], answer["scope"]) == (None, True, "public")
    site.hub.groups["alice"] = ["physics"]
    status, answer = await ask(site, task)
    # Its password can't be read: nothing is known, so the agent asks again.
    assert (status, answer["refused"]) == (503, False)
    assert "/nonexistent" not in answer["detail"]


async def test_nobody_else_is_told_an_account(site: Site) -> None:
    await give(site)
    task = begin(site, registry=HOST)
    status, answer = await ask(site, task, "wrong")
    assert (status, answer["refused"]) == (403, True)
    site.bench.tasks.report(task, report("running"))
    status, answer = await ask(site, task)
    assert (status, answer["refused"]) == (404, True)


async def test_images_of_users_are_the_registrys_to_decide_about(site: Site) -> None:
    settings = Rosetta(software=[{"name": "Echo", "image_name": "rosetta/echo"}])
    task = begin(site)
    assert is_of_site(task, settings)
    task.family = "echo-0123ab"
    assert not is_of_site(task, settings)


# --- the token server ----------------------------------------------------------------------------


async def fetch_token(site: Site, user: str, password: str, *scopes: str) -> tuple[int, Any]:
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    query = "&".join(["service=images.example.org", *(f"scope={scope}" for scope in scopes)])
    headers = {"Authorization": f"Basic {pair}"}
    status, answer = await site.call("GET", f"registry/token?{query}", headers=headers)
    if status != 200:
        return status, answer
    claims = read_token(answer["token"], site.bench.keys).claims
    assert (claims["aud"], claims["sub"]) == ("images.example.org", user)
    return status, access_of(claims)


async def test_users_push_into_their_spaces_alone(site: Site) -> None:
    site.hub.groups["alice"] = ["physics"]
    values = ["alice/a", "groups/physics/b", "bob/c", "groups/biology/d", "alice", "physics/e"]
    scopes = [f"repository:{name}:pull,push,delete" for name in values]
    status, access = await fetch_token(site, "alice", "alice", *scopes, "registry:catalog:*")
    assert status == 200
    assert access == {"alice/a": ["pull", "push"], "groups/physics/b": ["pull", "push"]}


async def test_a_token_that_only_reads_pulls_alone(site: Site) -> None:
    site.hub.scopes["alice"] = [ACCESS, "read:servers!user=alice"]
    _, access = await fetch_token(site, "alice", "alice", "repository:alice/a:pull,push")
    assert access == {"alice/a": ["pull"]}
    site.hub.scopes["alice"] = [ACCESS, "read:users:name!user=alice"]
    _, access = await fetch_token(site, "alice", "alice", "repository:alice/a:pull,push")
    assert access == {}


async def test_who_is_not_the_user_gets_no_token(site: Site) -> None:
    for user, password in (("alice", "wrong"), ("alice", "bob"), ("alice", ""), ("", "alice")):
        status, answer = await fetch_token(site, user, password, "repository:alice/a:pull")
        assert status == 401, (user, password)
        assert "token of yours" in answer["errors"][0]["message"]
    response = await site.fetch("GET", "registry/token", token="")
    assert response.code == 401
    assert response.headers["WWW-Authenticate"].startswith("Basic ")
    # The token of a deleted user, although it was good a moment ago.
    assert (await fetch_token(site, "alice", "alice"))[0] == 200
    del site.hub.scopes["alice"]
    assert (await fetch_token(site, "alice", "alice"))[0] == 401
    # Not meant for this service.
    site.hub.scopes["alice"] = ["servers!user=alice"]
    assert (await fetch_token(site, "alice", "alice"))[0] == 401


async def test_a_task_pulls_the_image_it_runs_and_nothing_else(site: Site) -> None:
    task = begin(site, registry="images.example.org", image_name="alice/app")
    status, answer = await ask(site, task)
    assert (status, answer["account"]) == (200, "alice")
    scopes = [f"repository:alice/{name}:pull,push" for name in ("app", "other")]
    status, access = await fetch_token(site, "alice", answer["password"], *scopes)
    assert (status, access) == (200, {"alice/app": ["pull"]})
    assert (await fetch_token(site, "bob", answer["password"], *scopes))[0] == 401
    # It is no token of the hub.
    response = await site.fetch("GET", "api/v1/tasks", token=answer["password"])
    assert response.code == 403
    del site.hub.scopes["alice"]
    assert (await fetch_token(site, "alice", answer["password"], *scopes))[0] == 401


async def test_a_task_does_not_pull_from_another_space(site: Site) -> None:
    task = begin(site, registry="images.example.org", image_name="bob/app")
    _, answer = await ask(site, task)
    _, access = await fetch_token(
        site, "alice", answer["password"], "repository:bob/app:pull", "repository:alice/app:pull"
    )
    assert access == {}


async def test_images_of_a_space_are_shared_by_its_members(site: Site) -> None:
    assert site.credentials is not None
    find = site.credentials.find
    own = find("alice", {"physics"}, "images.example.org", "alice/app")
    shared = find("alice", {"physics"}, "images.example.org", "groups/physics/app")
    others = find("bob", {"physics"}, "images.example.org", "groups/physics/app")
    assert own is not None
    assert shared is not None
    assert others is not None
    assert own.scope != shared.scope == others.scope
