"""Storages of a cluster and of a host: files that stay, and that are one account's alone."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.deployment import Deployment, User, eventually
from tests.support.cluster import Cluster
from tests.support.cluster_faults import machine_off

from .hub import Hub
from .storages import (
    FIXED_UID,
    PROJECT,
    files,
    names,
    read,
    refused,
    run_notes,
    storages_of,
    write,
)

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(240)]

CLUSTER_HOME = ("login", "/home/alice")
HOST_HOME = ("host", "/home/carol/rosetta")
# Where, by which engine, the software one after the other with the user that each sees itself as,
# and the account whose the files are.
ROWS = {
    "slurm-singularity": (
        ("cluster", "singularity"),
        CLUSTER_HOME,
        (("any", "1001"), ("fixed", "1001"), ("root", "0")),
        1001,
    ),
    "slurm-podman": (
        ("cluster", "podman"),
        CLUSTER_HOME,
        (("any", "0"), ("fixed", "4711"), ("root", "0")),
        1001,
    ),
    "slurm-docker": (("cluster", "docker"), CLUSTER_HOME, (("any", "1001"),), 1001),
    "slurm-rest": (
        ("rest", "singularity"),
        CLUSTER_HOME,
        (("any", "1001"), ("fixed", "1001")),
        1001,
    ),
    "host-singularity": (
        ("host", "singularity"),
        HOST_HOME,
        (("any", "1003"), ("root", "0")),
        1003,
    ),
    "host-podman": (
        ("host", "podman"),
        HOST_HOME,
        (("any", "0"), ("fixed", "4711"), ("root", "0")),
        1003,
    ),
    "host-docker": (("host", "docker"), HOST_HOME, (("any", "1003"),), 1003),
    "docker-by-rest": (
        ("docker-api", "docker"),
        ("host", "/srv/homes/alice"),
        (("any", str(FIXED_UID)), ("same", str(FIXED_UID))),
        FIXED_UID,
    ),
}
# A daemon that does not give files to another user, and images that run as one.
REFUSED = [("cluster", "fixed"), ("cluster", "root"), ("host", "fixed"), ("docker-api", "fixed")]


@pytest.fixture
def hub(storages_hub: Hub) -> Hub:
    """The hub with storages."""
    return storages_hub


@pytest_asyncio.fixture(loop_scope="session")
async def alice(hub: Hub) -> AsyncIterator[User]:
    """A user with accounts everywhere, who is in the project."""
    user = await hub.member("alice", "cluster", "host")
    yield user
    await user.clean()


@pytest_asyncio.fixture(loop_scope="session")
async def bob(hub: Hub) -> AsyncIterator[User]:
    """Another user of the cluster, who is not."""
    user = await hub.member("bob", "cluster")
    yield user
    await user.clean()


def owners(cluster: Cluster, machine: str, path: str) -> set[str]:
    """The numbers to which a note belongs, user and group."""
    return set(cluster.run(machine, ["stat", "-c", "%u:%g", path]).split())


def put(cluster: Cluster, user: str, name: str, content: str) -> None:
    """Write a file in a home of the cluster, as its user does there."""
    cluster.run("login", ["sh", "-c", 'cat >"$1"', "sh", name], user, content)


async def storage_ids(user: User) -> set[str]:
    """What the user has in the file manager."""
    answer = await user.api("GET", "storages")
    return {storage["id"] for storage in json.loads(answer.body)["storages"]}


async def restart_with(deployment: Deployment, storages: list[dict[str, Any]]) -> None:
    """Restart hub and service with other storages, while tasks, edge and tunnels go on."""
    line = f"c.Rosetta.storages = {storages!r}"
    text = re.sub(r"(?m)^c\.Rosetta\.storages = .*$", lambda _: line, deployment.config.read_text())
    # The service before the hub, with which it ends.
    deployment.kill_service()
    deployment.kill_hub()
    deployment.kill_proxy()
    deployment.config.write_text(text)
    await deployment.start()


@pytest.mark.parametrize("row", ROWS)
async def test_files_stay_whatever_runs_next(hub: Hub, alice: User, row: str) -> None:
    """Each image reads what the ones before have written, appends, and the account owns it all."""
    (computing, engine), (machine, home), runs, uid = ROWS[row]
    hub.cluster.exec(machine, ["rm", "-f", f"{home}/note"])
    text = ""
    for software, number in runs:
        result = await run_notes(alice, software, computing, engine)
        text += f"{number};"
        expected = "/root" if software == "root" else "/home/metauser"
        assert (result["HOME"], result["NOTE"]) == (expected, text)
        assert result["WRITABLE"] == ""
        if computing in ("cluster", "rest"):
            assert (result["DATA"], result["PROJECT"]) == ("gaia;", "plan;")
    note = hub.cluster.run(machine, ["cat", f"{home}/note"])
    assert note.replace("\n", ";") == text
    assert owners(hub.cluster, machine, f"{home}/note") == {f"{uid}:{uid}"}


@pytest.mark.parametrize(("computing", "software"), REFUSED)
async def test_what_would_write_files_of_nobody_is_refused(
    hub: Hub, alice: User, computing: str, software: str
) -> None:
    message = await refused(alice, software, computing, "docker")
    assert "belong" in message, message


# --- other users ---------------------------------------------------------------------------------

TRICKS = [
    "way/secret",
    "../alice/secret",
    "%2e%2e/alice/secret",
    "..%2Falice%2Fsecret",
    "/home/alice/secret",
    "%2Fhome%2Falice%2Fsecret",
    "relative/secret",
    "a/../../alice/secret",
]


async def test_a_second_user_sees_none_of_it(hub: Hub, alice: User, bob: User) -> None:
    """Neither by links on the disk, nor by paths, nor by the names of storages."""
    put(hub.cluster, "alice", "secret", "alice's")
    # The account itself keeps nobody out here: the home's mode is all that does, and it is gone.
    hub.cluster.run("login", ["chmod", "755", "/home/alice"])
    hub.cluster.run("login", ["ln", "-sfn", "/home/alice", "way"], "bob")
    hub.cluster.run("login", ["ln", "-sfn", "../alice", "relative"], "bob")
    try:
        assert hub.cluster.run("login", ["cat", "way/secret"], "bob") == "alice's"
        assert await read(alice, "cluster-home", "secret") == b"alice's"
        for trick in TRICKS:
            for kind in ("file", "list", "entry", "preview"):
                answer = await bob.api("GET", f"storages/cluster-home/{kind}/{trick}")
                assert answer.code in (400, 403, 404), (kind, trick, answer.code)
                assert b"alice's" not in answer.body
        document = {"paths": ["way/secret"], "dry_run": False}
        assert (await files(bob, "cluster-home/remove", "POST", document))[0] in (400, 403, 404)
    finally:
        hub.cluster.run("login", ["chmod", "700", "/home/alice"])
    assert await read(alice, "cluster-home", "secret") == b"alice's"
    assert "secret" not in await names(bob, "cluster-home")
    assert {"way", "relative"} <= set(await names(bob, "cluster-home"))


async def test_a_storage_of_a_group_is_for_its_members(hub: Hub, alice: User, bob: User) -> None:
    assert await read(alice, "project", "plan") == b""
    assert "project" not in await storage_ids(bob)
    status, answer = await files(bob, "project/list/")
    assert (status, "no such storage" in answer["detail"]) == (404, True)
    status, answer = await write(alice, "catalogues", "x", "x")
    assert (status, answer["code"]) == (403, "read_only")


async def test_what_a_user_writes_belongs_to_the_account(hub: Hub, alice: User) -> None:
    """Through the file manager as in tasks, on the cluster and on the host."""
    for storage, machine, home, uid in (
        ("cluster-home", "login", "/home/alice", 1001),
        ("host-home", "host", "/home/carol/rosetta", 1003),
        ("project", "login", f"/scratch/{PROJECT}", 1001),
        ("api-home", "host", "/srv/homes/alice", FIXED_UID),
    ):
        await files(alice, f"{storage}/remove", "POST", {"paths": ["made"]})
        status, result = await files(alice, f"{storage}/folder/made", "POST", {})
        assert status == 201, result
        status, entry = await write(alice, storage, "made/a note.txt", "text")
        assert status in (200, 201), entry
        assert owners(hub.cluster, machine, f"{home}/made/a note.txt") == {f"{uid}:{uid}"}
        assert await read(alice, storage, "made/a note.txt") == b'"text"'
    opened = json.loads((await alice.api("GET", "storages/cluster-home")).body)
    assert opened["account"] == "alice"
    assert opened["usage"]["total"] > 0


# --- what goes wrong -----------------------------------------------------------------------------


async def test_a_key_is_removed_while_files_are_open(hub: Hub) -> None:
    """Sessions end with the key; the message tells where keys are."""
    user = await hub.deployment.user("carla")
    hub.cluster.authorize("alice", await hub.paste_line(user, "cluster", "alice"))
    put(hub.cluster, "alice", "kept", "kept")
    assert await read(user, "cluster-home", "kept") == b"kept"
    assert (await user.api("DELETE", "account/identities/cluster")).code == 200
    for path in ("cluster-home/list/", "cluster-home/file/kept"):
        status, answer = await files(user, path)
        assert status in (403, 409, 503), answer
        assert "Account" in answer["detail"]


async def test_login_node_is_down(hub: Hub, alice: User) -> None:
    """Its storage says so within the deadline of an answer; the others go on."""
    await names(alice, "host-home")
    await names(alice, "cluster-home")
    with machine_off(hub.cluster, "login"):
        silent = asyncio.create_task(files(alice, "cluster-home/list/"))
        async with asyncio.timeout(10):
            await names(alice, "host-home")
        async with asyncio.timeout(60):
            status, answer = await silent
        assert status == 503, answer
        assert "Cluster home is not available" in answer["detail"]
        assert "can't be reached" in answer["detail"]

    async def is_back() -> bool:
        return (await files(alice, "cluster-home/list/"))[0] == 200

    await eventually(is_back, "the storage answers again", 60)


async def test_a_storage_leaves_the_configuration(hub: Hub, alice: User) -> None:
    """A task that has it keeps it; the file manager and new tasks have it no more."""
    task = await alice.start(software="any", computing="cluster", engine="singularity")
    task = await alice.until(task["id"], "running", "failed")
    assert task["state"] == "running", task["message"]
    everything = storages_of(hub.cluster, hub.deployment.directory / "key")
    try:
        await restart_with(
            hub.deployment, [item for item in everything if item["id"] != "cluster-home"]
        )
        status, answer = await files(alice, "cluster-home/list/")
        assert (status, "no such storage" in answer["detail"]) == (404, True)
        assert "cluster-home" not in await storage_ids(alice)
        result = await alice.until(task["id"], "running", "failed")
        assert (result["state"], result["attempt"]) == ("running", 1)
        assert "cluster-home" in {storage["id"] for storage in result["storages"]}
        opened = await alice.enter(result)

        async def serves() -> bool:
            return b"HOME=/home/metauser" in (await opened.get("/")).body

        await eventually(serves, "the task serves its notes", 30)
    finally:
        await restart_with(hub.deployment, everything)
    assert "note" in await names(alice, "cluster-home")
