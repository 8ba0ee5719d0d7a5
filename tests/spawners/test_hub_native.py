"""The spawner that a deployment had before, as an entry of the catalogue: all works as before."""

import json
import os
import signal
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from .hub import Hub, User, http_client, until
from .stub import StubService

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLASSIC = {"software": "classic", "name": "", "version": "", "cpus": "", "flavour": "sweet"}
CONTAINER = {"software": "web", "computing": "here"}


async def start(alice: User, name: str) -> dict[str, Any]:
    """Start the classic server through its form; the pid is in the state."""
    answer = await alice.post_form(name, CLASSIC)
    assert answer.status_code == 302, answer.text
    server = await alice.hub.ready(alice.name, name)
    state: dict[str, Any] = server["state"]
    return state


def environment_of(pid: int) -> dict[str, str]:
    entries = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(entry.split("=", 1) for entry in entries if entry)


def is_dead(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


async def ended(pid: int) -> None:
    async def condition() -> bool:
        return is_dead(pid)

    await until(condition, "the process has ended")


async def test_native_server(hub: Hub, service: StubService, alice: User) -> None:
    page = await alice.form("nb")
    assert '<input name="flavour" value="plain">' in page
    assert "Of the staff" not in page
    await hub.api("POST", "/groups/biologists", {})
    await hub.api("POST", "/groups/biologists/users", {"users": [alice.name]})
    state = await start(alice, "nb")
    pid = state["child_state"]["pid"]
    assert state == {
        "software": "classic",
        "child_state": {"pid": pid},
        "spawner_class": "jupyterhub.spawner.SimpleLocalProcessSpawner",
    }
    # The configuration of its class, of all spawners and of the entry; and all hooks.
    environment = environment_of(pid)
    assert environment["TEST_CLASS"] == "yes"
    assert environment["TEST_GROUP"] == "yes"
    assert environment["TEST_AUTHENTICATOR"] == "yes"
    assert environment["TEST_AUTH_STATE"] == "from-login"
    assert environment["TEST_HOOK"] == "SimpleLocalProcessSpawner {'flavour': 'sweet'}"
    assert environment["JUPYTERHUB_DEFAULT_URL"] == "/lab"
    assert environment["JUPYTERHUB_SERVER_NAME"] == "nb"
    # Through the hub's proxy, with the hub's own login, to the address that the entry names.
    answer = await alice.client.get(f"/user/{alice.name}/nb/")
    assert answer.status_code == 200, answer.text
    assert answer.url.path == f"/user/{alice.name}/nb/lab"
    answer = await alice.client.get(f"/user/{alice.name}/nb/api/status")
    assert "started" in answer.json()
    # Nobody else gets in.
    mallory = User(hub, f"not-{alice.name}")
    await mallory.log_in()
    assert (await mallory.client.get(f"/user/{alice.name}/nb/lab")).status_code == 403
    await mallory.client.aclose()
    # It tells the hub of its activity.
    before = (await hub.server(alice.name, "nb"))["last_activity"]

    async def active() -> bool:
        now = (await hub.server(alice.name, "nb"))["last_activity"]
        await alice.client.get(f"/user/{alice.name}/nb/api/contents")
        return datetime.fromisoformat(now) > datetime.fromisoformat(before)

    await until(active, "activity is reported")
    assert await _own_token_works(hub, environment["JUPYTERHUB_API_TOKEN"])
    await alice.api("DELETE", "nb")
    await hub.gone(alice.name, "nb")
    await ended(pid)
    assert not await _own_token_works(hub, environment["JUPYTERHUB_API_TOKEN"])
    assert service.starts == []
    assert not service.stops_of(alice.name)


async def test_hub_restarts(hub: Hub, service: StubService, alice: User) -> None:
    pid = (await start(alice, "nb"))["child_state"]["pid"]
    before = environment_of(pid)
    hub.kill()
    await hub.start()
    server = await hub.ready(alice.name, "nb")
    assert server["state"]["child_state"]["pid"] == pid
    answer = await alice.client.get(f"/user/{alice.name}/nb/lab")
    assert answer.status_code == 200
    # Its token is still good.
    assert await _own_token_works(hub, before["JUPYTERHUB_API_TOKEN"])
    await alice.api("DELETE", "nb")
    await hub.gone(alice.name, "nb")
    await ended(pid)


async def _own_token_works(hub: Hub, token: str) -> bool:
    async with http_client() as client:
        answer = await client.get(
            f"{hub.url}/hub/api/user", headers={"Authorization": f"token {token}"}
        )
    return answer.status_code == 200


async def test_process_dies(hub: Hub, service: StubService, alice: User) -> None:
    pid = (await start(alice, "nb"))["child_state"]["pid"]
    os.kill(pid, signal.SIGKILL)
    await hub.gone(alice.name, "nb")


async def test_container_after_native_and_back(hub: Hub, service: StubService, alice: User) -> None:
    first = (await start(alice, "nb"))["child_state"]["pid"]
    await alice.api("DELETE", "nb")
    await hub.gone(alice.name, "nb")
    assert (await alice.api("POST", "nb", CONTAINER)).status_code in (201, 202)
    server = await hub.ready(alice.name, "nb")
    assert server["state"] == {"software": "", "child_state": {}}
    assert [item["options"] for item in service.starts] == [CONTAINER]
    await ended(first)
    answer = await alice.client.get(f"/user/{alice.name}/nb/x", follow_redirects=False)
    assert answer.headers["location"] == "/hub/login"
    await alice.api("DELETE", "nb")
    await hub.gone(alice.name, "nb")
    second = (await start(alice, "nb"))["child_state"]["pid"]
    assert second != first
    assert len(service.starts) == len(service.stops_of(alice.name)) == 1
    await alice.api("DELETE", "nb", {"remove": True})
    await ended(second)

    async def forgotten() -> bool:
        return (alice.name, "nb") not in service.tasks

    await until(forgotten, "the task of before is forgotten too")


async def test_progress_and_timeout(hub: Hub, service: StubService, alice: User) -> None:
    answer = await alice.post_form("slow", {"software": "slow", "flavour": "bitter"})
    assert answer.status_code == 302
    path = f"{hub.url}/hub/api/users/{alice.name}/servers/slow/progress"
    headers = {"Authorization": "token test-token-of-the-administrator"}
    events = []
    async with (
        http_client() as client,
        client.stream("GET", path, headers=headers) as stream,
    ):
        async for line in stream.aiter_lines():
            if line.startswith("data:"):
                events.append(json.loads(line.removeprefix("data:")))
    assert [(event["progress"], event["message"]) for event in events[1:3]] == [
        (11, "Looking for a node, True"),
        (22, f"Volumes {{'/data': '{alice.name}'}}"),
    ]
    # `c.SlowSpawner.start_timeout` holds for this spawner, and for no other.
    assert events[-1]["failed"] is True
    await hub.gone(alice.name, "slow")
    assert f"{alice.name}'s server failed to start in 3 seconds" in hub.log


async def test_spawner_that_cannot_be_made(hub: Hub, service: StubService, alice: User) -> None:
    answer = await alice.api("POST", "bad", {"software": "broken", "spawner_options": {"a": 1}})
    assert answer.status_code == 500
    await hub.gone(alice.name, "bad")
    assert service.starts == []
    # The name is good for another start.
    assert (await alice.api("POST", "bad", CONTAINER)).status_code in (201, 202)
    await hub.ready(alice.name, "bad")


async def test_native_entry_of_others(hub: Hub, service: StubService, alice: User) -> None:
    service.refuse = (422, "There is no software 'private' for you.")
    message = await alice.api("POST", "nb", {"software": "private"})
    assert message.status_code == 422
    assert message.json()["message"] == "There is no software 'private' for you."
    answer = await alice.post_form("nb", {"software": "private"})
    assert "There is no software &#39;private&#39; for you." in answer.text
    await hub.gone(alice.name, "nb")
