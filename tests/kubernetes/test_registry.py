"""Private images: nodes pull them with the account of the task's user, and with nobody else's."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.deployment import Deployment, User
from tests.support.private_registry import ACCOUNT, PrivateRegistry, private_registry, run

from .cluster import NAMESPACE, KubernetesCluster
from .conftest import computing_of, until_empty
from .test_life import answers

pytestmark = pytest.mark.timeout(300)

WEB = "localhost/rosetta-test/web:1"
SECRETS = f"/api/v1/namespaces/{NAMESPACE}/secrets"
# A node has an image by its name: each test has one that no node has.
IMAGES = ("own", "absent", "wrong", "always", "replaced")


@pytest.fixture(scope="module")
def registry(cluster: KubernetesCluster) -> Iterator[PrivateRegistry]:
    """A registry that both nodes reach and trust, and that one account may pull from."""
    with (
        private_registry(cluster.ports["machine"]) as registry,
        cluster.trusting(registry.host, registry.authority),
    ):
        run(["docker", "load", "--quiet", "--input", str(cluster.state / "images" / "web.tar")])
        for name in IMAGES:
            registry.push(WEB, f"private/{name}:1")
        yield registry


def software_of(registry: PrivateRegistry) -> list[dict[str, Any]]:
    """The images as cards."""
    return [
        {
            "id": name,
            "name": name,
            "registry": registry.host,
            "image_name": f"private/{name}",
            "image_tag": "1",
            "pull": "always" if name == "always" else "missing",
        }
        for name in (*IMAGES, "nothing")
    ]


@dataclass
class RegistryHub:
    """A hub, and the registry of its images."""

    deployment: Deployment
    registry: PrivateRegistry

    async def give_account(self, user: User, password: str) -> None:
        """As the user does on the page Account."""
        body = {"account": ACCOUNT, "password": password}
        answer = await user.api("PUT", f"registries/{self.registry.host}", body)
        assert answer.code == 200, answer.body


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hub(
    cluster: KubernetesCluster,
    registry: PrivateRegistry,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[RegistryHub]:
    """A hub that knows whom the registry's certificate is signed by."""
    folder = tmp_path_factory.mktemp("hub")
    document = {"host": registry.host, "ca_file": str(registry.authority)}
    deployment = Deployment(
        *(folder, software_of(registry), computing_of(cluster)),
        extra=f"c.Rosetta.registries = [{document!r}]",
    )
    try:
        await deployment.start()
        yield RegistryHub(deployment, registry)
    finally:
        await deployment.stop()
    await until_empty(cluster)


@pytest_asyncio.fixture(loop_scope="session")
async def alice(hub: RegistryHub) -> AsyncIterator[User]:
    """A user who has the account at the registry."""
    user = await hub.deployment.user("alice")
    await hub.give_account(user, hub.registry.password)
    yield user
    await user.clean()


@pytest_asyncio.fixture(loop_scope="session")
async def bob(hub: RegistryHub) -> AsyncIterator[User]:
    """A user who has none."""
    user = await hub.deployment.user("bob")
    await user.api("DELETE", f"registries/{hub.registry.host}")
    yield user
    await user.clean()


async def start(user: User, software: str, node: str = "node1") -> dict[str, Any]:
    task = await user.start(software=software, computing="cloud", partition=node)
    return await user.until(task["id"], "running", "failed", seconds=150)


async def refusal(user: User, software: str, node: str = "node1") -> str:
    """Why the image does not arrive."""
    task = await start(user, software, node)
    assert task["state"] == "failed", task
    message: str = task["message"]
    return message


async def test_a_node_pulls_with_the_users_own_account(
    alice: User, hub: RegistryHub, cluster: KubernetesCluster
) -> None:
    task = await start(alice, "own")
    assert task["state"] == "running", (task["message"], task["log_tail"])
    await answers(alice, task)
    (pod,) = await cluster.pods()
    (named,) = pod["spec"]["imagePullSecrets"]
    # The account is in a secret that goes with the pod, and nowhere else.
    secrets = hub.registry.secrets
    assert not any(secret in json.dumps(pod) for secret in secrets)
    assert not any(secret in hub.deployment.log for secret in secrets)
    secret = await cluster.admin.call("GET", f"{SECRETS}/{named['name']}")
    assert secret["metadata"]["ownerReferences"][0]["uid"] == pod["metadata"]["uid"]
    await alice.api("POST", f"tasks/{task['id']}/stop")
    await alice.until(task["id"], "stopped", seconds=60)


async def test_who_has_no_account_is_told_where_to_give_one(bob: User) -> None:
    assert "add your account for its registry" in await refusal(bob, "absent")


async def test_a_wrong_password_is_told(bob: User, hub: RegistryHub) -> None:
    await hub.give_account(bob, "wrong")
    text = await refusal(bob, "wrong")
    assert "did not accept the account" in text
    assert "its password may have changed" in text


async def test_an_image_that_is_not_there_is_told_from_one_that_is_private(alice: User) -> None:
    assert "does not exist, or it may not be read" in await refusal(alice, "nothing")


async def test_an_image_on_the_node_is_pulled_again_for_another_user(
    alice: User, bob: User
) -> None:
    """With `pull` `always`, the registry is asked for each task, also where the image is there."""
    task = await start(alice, "always")
    assert task["state"] == "running", (task["message"], task["log_tail"])
    assert "add your account for its registry" in await refusal(bob, "always")


async def test_a_mended_password_counts_from_the_next_start_on(bob: User, hub: RegistryHub) -> None:
    await hub.give_account(bob, "wrong")
    assert "did not accept the account" in await refusal(bob, "replaced")
    await hub.give_account(bob, hub.registry.password)
    task = await start(bob, "replaced")
    assert task["state"] == "running", (task["message"], task["log_tail"])
    await asyncio.wait_for(answers(bob, task), 60)
