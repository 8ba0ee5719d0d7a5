"""No route without an authorisation check: all are asked, without and with a wrong token."""

import re
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rosetta_hub.keys import Keys
from rosetta_hub.web.application import build_application
from rosetta_hub.web.services import Services
from tests.support.processes import find_processes

from .deployment import Deployment, User

PREFIX = "/services/rosetta/"
# What anybody may ask: whether the service lives, its scripts, and where a server's page is.
PUBLIC = (
    *("health$", "health/", "api/v1/announcements$", r"api/v1/client\-logins", "static/"),
    # Leads to the hub's login.
    *("/user/", "oauth_callback$", "login-renewal$"),
)
# What is always of the user who asks, whatever the address names.
OWN = "/registries/"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def routes() -> list[str]:
    """The patterns of all routes, as the application has them."""
    services = cast(Services, SimpleNamespace(settings=SimpleNamespace(service_prefix=PREFIX)))
    application = build_application(services, b"secret")
    rules = application.wildcard_router.rules
    return [rule.matcher.regex.pattern for rule in rules]  # type: ignore[attr-defined]


def example(pattern: str, task: dict[str, Any]) -> str:
    """An address that the pattern matches, about this task."""
    path = pattern.removesuffix("$").removesuffix("/?")
    path = path.replace("(.+)", "org/repo/main").replace(".+", "gh/org/repo")
    path = path.replace("\\", "")
    path = path.replace("([0-9a-f]{12})", task["id"]).replace("([1-9][0-9]{0,8})", "1")
    path = path.replace("([0-9a-f]{32})", "0" * 32).replace("([0-9a-f]{64})", "0" * 64)
    path = path.replace("(?:([^/]+)/)?.*", "x/")
    path = path.replace("([a-z0-9._-]{1,63})", task["computing"]["id"])
    path = path.replace("([^/]+)", task["user"]).replace("([^/]*)", task["server_name"])
    path = path.replace("(.*)", "api.js").replace("([A-Za-z0-9_-]+)", "x")
    assert re.match(pattern, path), (pattern, path)
    return path


def guarded() -> list[str]:
    """The patterns of routes that are somebody's."""
    return [route for route in routes() if not any(public in route for public in PUBLIC)]


@pytest.fixture
async def task(alice: User) -> dict[str, Any]:
    """A running task of alice."""
    return await alice.until((await alice.start(software="echo"))["id"], "running")


async def test_without_a_token(deployment: Deployment, task: dict[str, Any]) -> None:
    assert len(guarded()) > 12
    for pattern in guarded():
        for method in METHODS:
            response = await deployment.fetch(method, example(pattern, task), body={})
            login = "/hub/api/oauth2/authorize" in response.headers.get("Location", "")
            assert response.code in (401, 403, 404, 405) or login, (method, pattern, response.code)
            assert task["name"] not in response.body.decode() or login


async def test_with_the_token_of_another_user(
    deployment: Deployment, alice: User, bob: User, task: dict[str, Any]
) -> None:
    about_the_task = [
        item for item in guarded() if ("{12}" in item or "[^/]" in item) and OWN not in item
    ]
    assert len(about_the_task) > 8
    for pattern in about_the_task:
        for method in METHODS:
            response = await deployment.fetch(method, example(pattern, task), bob.token, {})
            assert response.code in (403, 404, 405), (method, pattern, response.code)
    events = await bob.api("GET", f"events?task={task['id']}")
    assert events.code == 404
    listed = await bob.api("GET", "tasks?user=alice")
    assert task["id"] not in listed.body.decode()
    assert (await alice.until(task["id"], "running"))["attempt"] == 1


async def test_a_token_of_fewer_scopes(deployment: Deployment, alice: User) -> None:
    """A token that may read does not start or stop."""
    task = await alice.until((await alice.start(software="echo"))["id"], "running")
    scopes = ["access:services!service=rosetta", "read:servers!user=alice"]
    weak = User(
        deployment,
        "alice",
        (await deployment.hub_api("POST", "/users/alice/tokens", {"scopes": scopes}))["token"],
    )
    assert (await weak.task(task["id"])) is not None
    for method, path in (
        ("POST", f"tasks/{task['id']}/stop"),
        ("DELETE", f"tasks/{task['id']}"),
        ("GET", f"tasks/{task['id']}/log"),
    ):
        assert (await weak.api(method, path)).code == 404
    assert (await weak.api("POST", "tasks", {"software": "echo"})).code == 404
    assert (await weak.api("GET", "account/identities")).code == 200
    assert (await weak.api("PUT", "account/mail", {"address": "eve@example.org"})).code == 403
    assert (await deployment.fetch("GET", task["open_url"], weak.token)).code == 404
    none = await deployment.hub_api("POST", "/users/alice/tokens", {"scopes": ["read:users!user"]})
    assert (await deployment.fetch("GET", PREFIX + "api/v1/tasks", none["token"])).code == 403


async def test_the_hubs_own_sharing_opens_a_task(
    deployment: Deployment, alice: User, bob: User
) -> None:
    task = await alice.until((await alice.start(software="echo"))["id"], "running")
    share = f"/shares/alice/{task['server_name']}"
    assert task["id"] not in (await bob.api("GET", "tasks")).body.decode()
    await deployment.hub_api("POST", share, {"user": "bob"})
    # With the token that was asked about a moment ago.
    assert task["id"] in (await bob.api("GET", "tasks")).body.decode()
    assert (await (await bob.enter(task)).get()).code == 200
    assert (await bob.api("POST", f"tasks/{task['id']}/stop")).code == 404


async def test_secrets_are_in_no_log_and_no_argv(deployment: Deployment, alice: User) -> None:
    task = await alice.until((await alice.start(software="jupyter"))["id"], "running")
    await alice.enter(task)
    keys = Keys(deployment.state_dir)
    secrets = [
        keys.interface_password(task["id"], 1),
        keys.agent_secret(task["id"], 1),
        keys.spawner_key,
        keys.service_token,
        alice.token,
    ]
    agent_log = (deployment.sandbox(task) / "agent.log").read_text()
    edge_log = (deployment.state_dir / "edge.log").read_text()
    argv = "\n".join(" ".join(words) for words in find_processes().values())
    for secret in secrets:
        for where in (deployment.log, agent_log, edge_log, argv):
            assert secret not in where
