"""A user who is deleted on the hub, and another one who gets the same name."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from rosetta_hub.hub.client import HubClient

from .deployment import Deployment, eventually

KEY = "account/identities/cluster"
CLUSTER = {
    "id": "cluster",
    "name": "Cluster",
    "access_mode": "ssh",
    "wms": "slurm",
    "container_engines": ["singularity"],
    "conf": {"host": "127.0.0.1", "port": 1},
}


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Deployment]:
    """A hub with a cluster that nobody reaches, which keys can be made for all the same."""
    software: list[dict[str, Any]] = [{"name": "Web", "image_name": "web"}]
    deployment = Deployment(tmp_path, software, [CLUSTER])
    await deployment.start()
    yield deployment
    await deployment.stop()


async def key_of(hub: Deployment, name: str, token: str) -> str | None:
    """The public key of a user's identity on the cluster."""
    response = await hub.fetch("GET", "/services/rosetta/api/v1/account/identities", token)
    assert response.code == 200, response.body
    identity = json.loads(response.body)["identities"][0]
    return identity["public_key"] and str(identity["public_key"])


async def test_a_user_with_tasks_is_deleted_once_they_are_stopped(hub: Deployment) -> None:
    alice = await hub.user("alice")
    task = await alice.start(software="web", computing="cluster")
    assert (await hub.fetch("DELETE", "/hub/api/users/alice", hub.admin_token)).code == 500
    stopped = await alice.api("POST", "users/alice/stop")
    assert [item["id"] for item in json.loads(stopped.body)["tasks"]] == [task["id"]]

    async def deleted() -> bool:
        answer = await hub.fetch("DELETE", "/hub/api/users/alice", hub.admin_token)
        return answer.code == 204

    await eventually(deleted, "alice is deleted")


async def test_who_gets_a_name_anew_gets_no_key_with_it(hub: Deployment) -> None:
    alice = await hub.user("alice")
    answer = await alice.api("PUT", KEY, {"remote_user": "al1ce"})
    assert answer.code == 200, answer.body
    assert await key_of(hub, "alice", alice.token)
    client = HubClient(f"{hub.url}/hub/api", hub.admin_token)
    former = (await client.users())["alice"]
    assert former == await client.user_created("alice")
    await hub.hub_api("DELETE", "/users/alice")
    assert not await client.has_user("alice")
    await hub.user("alice")
    assert former != (await client.users())["alice"]
    # A token that may not read when its user was created: the service asks the hub itself.
    scopes = ["access:services!service=rosetta", "read:servers!user=alice"]
    narrow = await hub.hub_api("POST", "/users/alice/tokens", {"scopes": scopes})
    assert await key_of(hub, "alice", narrow["token"]) is None
