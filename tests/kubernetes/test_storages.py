"""Storages on a cluster: in tasks, and in the page of files through a pod of the hub's."""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from rosetta_hub.kubernetes.client import ApiRefused
from tests.e2e.deployment import Deployment, User, eventually

from .cluster import NAMESPACE, PODS, KubernetesCluster
from .conftest import computing_of
from .kubectl import build_computing

pytestmark = pytest.mark.timeout(400)

OWNER = 1000
PYTHON = "rosetta/desktop:0.1.0"
CLAIMS = f"/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims"
VOLUMES = "/api/v1/persistentvolumes"
# Writes where it is told to, and serves what is in its home.
SCRIPT = """
import http.server, os, pathlib
for path in filter(None, os.environ["WRITE"].split(":")):
    try:
        pathlib.Path(path).write_text("from the task")
    except OSError as error:
        print(path, error.strerror, flush=True)
print("home", os.environ.get("HOME"), os.getuid(), flush=True)
os.chdir("/storages/home" if os.path.isdir("/storages/home") else "/")
http.server.ThreadingHTTPServer(("", 8888), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
SOFTWARE: dict[str, Any] = {
    "name": "Writer",
    "registry": "docker.io",
    "image_name": PYTHON.partition(":")[0],
    "image_tag": PYTHON.partition(":")[2],
    "interface_port": 8888,
    "interface_auth": "none",
    "command": ["python3", "-c", SCRIPT],
}


def software() -> list[dict[str, Any]]:
    paths = "/storages/home/a.txt:/storages/data/b.txt:/storages/nodes/c.txt:/storages/own/d.txt"
    environment = {"WRITE": paths}
    return [
        {"id": "writer", "any_user": True, "environment": environment, **SOFTWARE},
        {"id": "other", "environment": environment, **SOFTWARE},
    ]


def storages(folder: Path) -> list[dict[str, Any]]:
    claim = {"computing": "cloud", "claim": "homes", "owner": OWNER}
    alice, carol = {"users": ["alice"]}, {"users": ["carol"]}
    home = {"base_path": "/$USER", "bind_path": "/storages/home", "home": True, "create": True}
    data = {"base_path": "/shared", "bind_path": "/storages/data", "read_only": True}
    nodes = {"computing": "cloud", "owner": OWNER, "bind_path": "/storages/nodes"}
    return [
        {"id": "home", "name": "Home", **claim, **home},
        {"id": "data", "name": "Data", **claim, **data, **alice},
        {"id": "kubectl", "name": "By kubectl", **claim, "computing": "kubectl", **alice},
        {"id": "nodes", "name": "Nodes", "base_path": f"{folder}/nodes", **nodes, **alice},
        {"id": "absent", "name": "Absent", "base_path": f"{folder}/absent", **nodes, **carol},
    ]


async def add_claim(cluster: KubernetesCluster, name: str, folder: Path) -> None:
    """Do what the administrator does: a volume, and the claim that has it."""
    amount = {"storage": "1Gi"}
    both: dict[str, Any] = {"accessModes": ["ReadWriteMany"], "storageClassName": "test"}
    volume = {
        "metadata": {"name": name},
        "spec": {**both, "capacity": amount, "hostPath": {"path": str(folder)}},
    }
    claim = {
        "metadata": {"name": name},
        "spec": {**both, "volumeName": name, "resources": {"requests": amount}},
    }
    await cluster.admin.call("POST", VOLUMES, volume)
    await cluster.admin.call("POST", CLAIMS, claim)


async def remove_claim(cluster: KubernetesCluster, name: str) -> None:
    await cluster.admin.call("DELETE", f"{CLAIMS}/{name}", {})
    await cluster.admin.call("DELETE", f"{VOLUMES}/{name}", {})


def make_folders(folder: Path) -> None:
    """The directories of the nodes, as their administrator has them."""
    for name in ("volume", "volume/shared", "nodes", "allowed", "allowed/mine", "secret"):
        (folder / name).mkdir(mode=0o755)
    for name in ("volume", "nodes", "allowed/mine"):
        os.chown(folder / name, OWNER, OWNER)
    (folder / "volume" / "shared" / "catalogue.txt").write_text("stars")
    (folder / "secret" / "key.txt").write_text("key")
    (folder / "allowed" / "out").symlink_to(folder / "secret")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    directory = tmp_path_factory.mktemp("nodes")
    # Other users have to get there.
    for parent in (directory, *directory.parents):
        if parent.is_relative_to(tmp_path_factory.getbasetemp()):
            parent.chmod(0o755)
    make_folders(directory)
    yield directory
    await asyncio.to_thread(shutil.rmtree, directory)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def storage_hub(cluster: KubernetesCluster, folder: Path) -> AsyncIterator[Deployment]:
    """A hub with storages on the cluster."""
    await asyncio.to_thread(cluster.run, "image", PYTHON)
    await add_claim(cluster, "homes", folder / "volume")
    (cloud,) = computing_of(cluster)
    cloud["conf"]["agent_image"] = PYTHON
    cloud["extra_binds"] = [f"{folder}/allowed/*"]
    extra = f"c.Rosetta.storages = {storages(folder)!r}"
    kubectl = build_computing(
        "local", kubeconfig=str(cluster.kubeconfig.resolve()), agent_image=PYTHON
    )
    computing = [cloud, {**kubectl, "id": "kubectl", "name": "The cloud, by kubectl"}]
    deployment = Deployment(folder / "hub", software(), computing, ports=10, extra=extra)
    try:
        await deployment.start()
        yield deployment
    finally:
        await deployment.stop()
        for pod in await cluster.pods():
            # It may end by itself meanwhile.
            with contextlib.suppress(ApiRefused):
                await cluster.admin.call("DELETE", f"{PODS}/{pod['metadata']['name']}", {})
        await remove_claim(cluster, "homes")


@pytest.fixture
async def alice(storage_hub: Deployment) -> AsyncIterator[User]:
    user = await storage_hub.user("alice")
    yield user
    await user.clean()


async def start(user: User, **options: Any) -> dict[str, Any]:
    task = await user.start(**{"software": "writer", "computing": "cloud", **options})
    return await user.until(task["id"], "running", "failed", seconds=180)


async def read(user: User, storage: str, name: str) -> str:
    answer = await user.api("GET", f"storages/{storage}/file/{name}")
    assert answer.code == 200, answer.body
    return answer.body.decode()


async def write(user: User, name: str, content: Any) -> None:
    """Write a new file into the home, through the page of files."""
    url = f"/services/rosetta/api/v1/storages/home/file/{name}"
    headers = {"If-None-Match": "*"}
    answer = await user.deployment.fetch("PUT", url, user.token, content, headers)
    assert answer.code in (200, 201), answer.body


async def file_pods(cluster: KubernetesCluster) -> list[dict[str, Any]]:
    pods = await cluster.pods()
    return [pod for pod in pods if "rosetta-hub/files" in pod["metadata"]["labels"]]


async def test_files_of_a_task_are_its_owners_and_the_page_of_files_has_them(
    alice: User, folder: Path, cluster: KubernetesCluster
) -> None:
    task = await start(alice, binds=f"{folder}/allowed/mine:/storages/own")
    assert task["state"] == "running", (task["message"], task["log_tail"])
    home = folder / "volume" / "alice"
    assert (home.stat().st_mode & 0o777, home.stat().st_uid) == (0o700, OWNER)
    values = (home / "a.txt", folder / "nodes" / "c.txt", folder / "allowed" / "mine" / "d.txt")
    for path in values:
        assert (path.read_text(), path.stat().st_uid) == ("from the task", OWNER)
    assert await read(alice, "home", "a.txt") == "from the task"
    assert await read(alice, "nodes", "c.txt") == "from the task"
    assert await read(alice, "data", "catalogue.txt") == "stars"
    await alice.api("POST", f"tasks/{task['id']}/stop")
    ended = await alice.until(task["id"], "stopped", "failed", seconds=60)
    log = "\n".join(ended["log_tail"])
    assert "/storages/data/b.txt Read-only file system" in log
    assert f"home /storages/home {OWNER}" in log


async def test_one_pod_serves_a_claim_and_is_found_again(
    alice: User, storage_hub: Deployment, folder: Path, cluster: KubernetesCluster
) -> None:
    bob = await storage_hub.user("bob")
    for user in (alice, bob):
        await write(user, "own.txt", {"of": user.name})
    path = folder / "volume" / "bob" / "own.txt"
    assert (json.loads(path.read_text()), path.stat().st_uid) == ({"of": "bob"}, OWNER)
    volumes = {
        pod["metadata"]["uid"]: pod["spec"]["volumes"][0] for pod in await file_pods(cluster)
    }
    homes = {"name": "storage", "persistentVolumeClaim": {"claimName": "homes"}}
    mounted = [uid for uid, volume in volumes.items() if volume == homes]
    assert len(mounted) == 1
    storage_hub.kill_service()
    await storage_hub.answers()
    assert json.loads(await read(alice, "home", "own.txt")) == {"of": "alice"}
    assert mounted[0] in [pod["metadata"]["uid"] for pod in await file_pods(cluster)]


async def test_a_pod_that_somebody_deletes_is_made_again(
    alice: User, cluster: KubernetesCluster
) -> None:
    await write(alice, "again.txt", {"is": "there"})
    for pod in await file_pods(cluster):
        await cluster.admin.call("DELETE", f"{PODS}/{pod['metadata']['name']}", {})

    async def answers() -> bool:
        answer = await alice.api("GET", "storages/home/file/again.txt")
        return answer.code == 200

    await eventually(answers, "a new pod serves the files", 120)


@pytest.mark.parametrize("storage", ["home", "data", "nodes", "kubectl"])
async def test_check_reaches_the_files_before_there_is_a_service(
    alice: User, storage_hub: Deployment, cluster: KubernetesCluster, tmp_path: Path, storage: str
) -> None:
    """Without the service's processes: the state directory is another one."""
    config = tmp_path / "jupyterhub_config.py"
    state = f"c.Rosetta.state_dir = {str(tmp_path / 'state')!r}\n"
    config.write_text(state + storage_hub.config.read_text())
    if storage == "home":
        await write(alice, "check.txt", {"is": "there"})
    before = {pod["metadata"]["uid"] for pod in await file_pods(cluster)}
    words = ["check", "--config", str(config), f"storage:{storage}", "--user", "alice", "--json"]
    result = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "rosetta_hub", *words],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert result.returncode == 0, (result.stdout, result.stderr)
    results = {
        check["name"]: check for check in json.loads(result.stdout)[f"storage:{storage}"]["checks"]
    }
    assert results["access"]["status"] == "ok"
    assert results["write"]["status"] == ("skipped" if storage == "data" else "ok")
    uids = {pod["metadata"]["uid"] for pod in await file_pods(cluster)} - before
    assert len(uids) == 1


async def test_files_are_copied_from_one_storage_to_another(alice: User, folder: Path) -> None:
    document = {
        "from": {"storage": "data", "paths": ["catalogue.txt"]},
        "to": {"storage": "nodes", "path": ""},
    }
    answer = await alice.api("POST", "copies", document)
    assert answer.code in (200, 201, 202), answer.body
    copied = folder / "nodes" / "catalogue.txt"

    async def is_there() -> bool:
        return copied.exists()

    await eventually(is_there, "the copy has ended", 90)
    assert (copied.read_text(), copied.stat().st_uid) == ("stars", OWNER)


async def test_a_link_out_of_what_is_allowed_is_not_followed(alice: User, folder: Path) -> None:
    task = await start(alice, binds=f"{folder}/allowed/out:/storages/own")
    assert task["state"] == "failed"
    assert "may not be bound" in task["message"], task["message"]


async def test_software_of_which_nothing_is_known_is_refused(alice: User) -> None:
    task = await start(alice, software="other")
    assert task["state"] == "failed"
    assert f"belong to user {OWNER}" in task["message"]


async def test_a_directory_that_is_absent_is_named(storage_hub: Deployment) -> None:
    carol = await storage_hub.user("carol")
    task = await start(carol)
    assert task["state"] == "failed"
    assert "has no directory" in task["message"], task["message"]
    await carol.clean()
