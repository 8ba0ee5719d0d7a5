"""Private images on the nodes of a cluster, with an account that is there during the pull only."""

import asyncio
import json

import pytest

from tests.e2e.deployment import User, eventually
from tests.support.private_registry import ACCOUNT

from .hub import Hub, check_works
from .private_images import NAME, PrivateImages
from .spying import spy
from .steps import shows
from .test_secrets import ask_scheduler

pytestmark = [pytest.mark.usefixtures("leaves_nothing"), pytest.mark.timeout(240)]


async def add_software(user: User, images: PrivateImages) -> str:
    """Software of the user's own; its id."""
    entry = {
        "name": "Private",
        "registry": images.host,
        "image_name": NAME,
        "image_tag": "1",
        "supports_custom_interface_port": True,
    }
    answer = await user.api("POST", "software", entry)
    assert answer.code == 201, answer.body
    family_id: str = json.loads(answer.body)["family"]
    return family_id


async def give_account(user: User, images: PrivateImages, password: str) -> None:
    """An account of the user's own at the registry."""
    body = {"account": ACCOUNT, "password": password}
    answer = await user.api("PUT", f"registries/{images.host}", body)
    assert answer.code == 200, answer.body


async def test_another_account_of_the_node_never_sees_the_password(
    hub: Hub, alice: User, private_images: PrivateImages
) -> None:
    """Root finds it with the same program, in open files of the engine: so it is there."""
    images, cluster = private_images, hub.cluster
    await give_account(alice, images, images.registry.password)
    family_id = await add_software(alice, images)
    images.valve.close_after(1 << 16)
    try:
        task = await alice.start(software=family_id, computing="cluster", engine="singularity")
        assert await asyncio.to_thread(images.valve.reached.wait, 90)
        task = await shows(alice, task, lambda view: view["job"]["node"])
        node, secrets = task["job"]["node"], images.registry.secrets
        root = await spy(cluster, node, None, secrets)
        assert root.files
        assert all(path.startswith("/proc/") and "/fd/" in path for path in root.files)
        for machine in (node, "login"):
            assert (await spy(cluster, machine, "bob", secrets)).files == []
        # Not even in what alice's own job consists of.
        result = ask_scheduler(cluster, task["job"]["id"], "alice")
        assert not any(secret in result for secret in secrets)
    finally:
        images.valve.open()
    await alice.until(task["id"], "running")
    await check_works(alice, task)

    async def gone() -> bool:
        return not (await spy(cluster, node, None, secrets)).files

    await eventually(gone, "the password is gone from the node", 30)
    assert not any(secret in hub.deployment.log for secret in secrets)


async def test_without_the_right_account_the_page_says_what_to_do(
    hub: Hub, bob: User, private_images: PrivateImages
) -> None:
    family_id = await add_software(bob, private_images)
    assert "add your account for its registry" in await refusal(bob, family_id)
    await give_account(bob, private_images, "wrong")
    assert "did not accept the account" in await refusal(bob, family_id)


async def refusal(user: User, family_id: str) -> str:
    """Why the software does not start on the cluster."""
    task = await user.start(software=family_id, computing="cluster", engine="singularity")
    task = await user.until(task["id"], "running", "failed")
    assert task["state"] == "failed"
    message: str = task["message"]
    return message
