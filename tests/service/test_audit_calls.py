"""What is written down of what users do, and that no secret is."""

import json
from typing import Any

from rosetta_hub.audit.log import document

from .admin import ROOT, add_root
from .test_administration import audit_records
from .test_api import CREATED, Site
from .test_api import site as site

PASSWORD = "the-password-of-a-registry"


def told(site: Site) -> list[tuple[str, str, str | None, str | None]]:
    """Event, actor, user and address of all records."""
    return [
        (record.event, record.actor, record.user, record.address) for record in audit_records(site)
    ]


async def start_by_spawner(site: Site, server: str, requester: Any, options: Any = None) -> None:
    """A start as the hub's spawner asks for it."""
    body = {"created": CREATED, "options": options or {"software": "echo"}}
    body |= {"requester": requester}
    path, key = f"hub/tasks/alice/{server}", site.bench.keys.spawner_key
    assert (await site.call("PUT", path, body, token=key))[0] == 201


async def test_a_start_is_recorded_once_with_whoever_asked(site: Site) -> None:
    add_root(site)
    rosetta = {"name": "rosetta", "address": "127.0.0.1", "is_service": True}

    async def start(_user: str, server: str, options: Any) -> None:
        await start_by_spawner(site, server, rosetta, options)

    site.hub.start_as_hub = start
    status, task = await site.call("POST", "api/v1/tasks", {"software": "echo"})
    assert status == 201
    await site.call("POST", f"api/v1/tasks/{task['id']}/stop")
    site.bench.tasks.stopped(site.bench.tasks.find(task["id"]))
    assert (await site.call("POST", f"api/v1/tasks/{task['id']}/start", {}, token=ROOT))[0] == 201
    await start_by_spawner(site, "two", {"name": "alice", "address": "192.0.2.7"})
    await start_by_spawner(site, "three", {"name": "announcer", "is_service": True})
    await start_by_spawner(site, "four", None)
    assert told(site) == [
        ("task.start", "alice", "alice", "127.0.0.1"),
        ("task.stop", "alice", "alice", "127.0.0.1"),
        ("task.start", ROOT, "alice", "127.0.0.1"),
        ("task.start", "alice", "alice", "192.0.2.7"),
        ("task.start", "announcer", "alice", None),
        ("task.start", "jupyterhub", "alice", None),
    ]
    detail = audit_records(site)[2].detail
    assert detail == {"name": "Echo", "software": "echo", "computing": "local", "attempt": 2}


async def test_stops_and_deletions_are_recorded_once(site: Site) -> None:
    add_root(site)
    key = site.bench.keys.spawner_key
    task = site.start()
    await site.call("POST", f"api/v1/tasks/{task.id}/stop", token=ROOT)
    # The service tells the hub, which has its spawner stop the server.
    site.bench.tasks.stopped(site.bench.tasks.find(task.id))
    await site.call("POST", "hub/tasks/alice/one/stop", {}, token=key)
    await site.call("DELETE", f"api/v1/tasks/{task.id}")
    await site.call("DELETE", "hub/tasks/alice/one", token=key)
    await start_by_spawner(site, "two", None)
    await site.call("DELETE", "hub/tasks/alice/two", token=key)
    await site.call("POST", "api/v1/users/alice/stop", token=ROOT)
    assert [line[:2] for line in told(site)] == [
        ("task.stop", ROOT),
        ("task.delete", "alice"),
        ("task.start", "jupyterhub"),
        ("task.delete", "jupyterhub"),
        ("task.stop", ROOT),
    ]


async def test_the_address_is_that_which_the_proxy_has_seen(site: Site) -> None:
    task = site.start()
    headers = {"X-Forwarded-For": "198.51.100.1, 192.0.2.7", "X-Real-Ip": "198.51.100.1"}
    path = f"api/v1/tasks/{task.id}/stop"
    assert (await site.fetch("POST", path, b"{}", headers=headers)).code == 202
    assert told(site)[-1] == ("task.stop", "alice", "alice", "192.0.2.7")


async def test_what_is_refused_is_not_recorded_as_done(site: Site) -> None:
    task = site.start()
    for method, path in (
        ("POST", f"api/v1/tasks/{task.id}/stop"),
        ("DELETE", f"api/v1/tasks/{task.id}"),
    ):
        assert (await site.call(method, path, token="bob"))[0] == 404
    assert told(site) == []


async def test_no_secret_is_recorded(site: Site) -> None:
    """Accounts at registries, software with secrets in its variables, keys."""
    account = {"account": "alice-at-registry", "password": PASSWORD}
    assert (await site.call("PUT", "api/v1/registries/ghcr.io", account))[0] == 200
    entry = {"name": "Mine", "registry": "ghcr.io", "image_name": "org/mine", "image_tag": "1"}
    secret = {"environment": {"TOKEN": PASSWORD}, "command": ["serve", PASSWORD]}
    status, version = await site.call("POST", "api/v1/software", entry | secret)
    assert status == 201, version
    path = f"api/v1/software/versions/{version['id']}"
    revision = {"If-Match": f'"{version["revision"]}"'}
    changed = entry | secret | {"description": "Other"}
    assert (await site.call("PUT", path, changed, headers=revision))[0] == 200
    assert (await site.call("DELETE", f"api/v1/software/{version['family']}"))[0] == 204
    assert (await site.call("DELETE", "api/v1/registries/ghcr.io"))[0] == 204
    records = audit_records(site)
    assert [(record.event, record.target, record.detail["change"]) for record in records] == [
        ("registry.change", "ghcr.io", "set"),
        ("software.change", version["family"], "add"),
        ("software.change", version["family"], "change"),
        ("software.change", version["family"], "delete"),
        ("registry.change", "ghcr.io", "delete"),
    ]
    task = site.start()
    keys = site.bench.keys
    text = json.dumps([document(record) for record in records])
    secrets = [PASSWORD, keys.spawner_key, keys.service_token, keys.agent_secret(task.id, 1)]
    assert [secret for secret in secrets if secret in text] == []
