"""A hub that is a pod of the cluster itself, with the account of its pod (`in_cluster`).

The pod is built of this machine's own programs and of this checkout, which it mounts: there is no
image of the hub. Nothing forwards addresses of services here (no kube-proxy), so the pod is told
the API server's own.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.deployment import eventually

from .administrator import PYTHON, Administrator
from .cluster import ROOT, KubernetesCluster

pytestmark = pytest.mark.timeout(500)

WEB = "localhost/rosetta-test/web:1"
NAME = "hub"
LONGEST = 400


@pytest.fixture
async def administrator(cluster: KubernetesCluster, tmp_path: Path) -> AsyncIterator[Administrator]:
    """A namespace with the hub's service account."""
    await asyncio.to_thread(cluster.run, "image", PYTHON)
    result = Administrator(cluster, tmp_path)
    await result.apply(await result.run("kubernetes", "manifests", "cloud", "--edge", "0.0.0.0/0"))
    await result.log_in()
    try:
        yield result
    finally:
        await result.remove()


def build_hub(cluster: KubernetesCluster) -> dict[str, Any]:
    """The pod of the hub: Python, Node and their libraries are those of this machine."""
    merged = {f"/{name}": f"/usr/{name}" for name in ("bin", "lib", "lib64")}
    paths = {"/usr": "/usr", **merged, sys.base_prefix: sys.base_prefix, str(ROOT): str(ROOT)}
    mounts = [
        {"name": f"m{number}", "mountPath": path, "readOnly": True}
        for number, path in enumerate(paths)
    ]
    volumes = [
        {"name": f"m{number}", "hostPath": {"path": path}}
        for number, path in enumerate(paths.values())
    ]
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin",
        "HOME": "/tmp",
        "PYTHONDONTWRITEBYTECODE": "1",
        "KUBERNETES_SERVICE_HOST": cluster.ports["machine"],
        "KUBERNETES_SERVICE_PORT": cluster.ports["api_port"],
    }
    container = {
        "name": "hub",
        "image": WEB,
        "command": [sys.executable, "-m", "tests.kubernetes.inside"],
        "workingDir": str(ROOT),
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "volumeMounts": mounts,
    }
    spec = {
        "serviceAccountName": "rosetta-hub",
        "restartPolicy": "Never",
        "activeDeadlineSeconds": LONGEST,
        "containers": [container],
        "volumes": volumes,
    }
    return {"metadata": {"name": NAME}, "spec": spec}


async def test_a_hub_in_a_pod_uses_the_account_of_its_pod(administrator: Administrator) -> None:
    cluster, namespace = administrator.cluster, administrator.namespace
    pods = f"/api/v1/namespaces/{namespace}/pods"
    pod = build_hub(cluster)
    pod["spec"]["containers"][0]["args"] = [namespace, PYTHON, WEB]
    await cluster.admin.call("POST", pods, pod)

    async def end() -> str | None:
        status = (await cluster.admin.call("GET", f"{pods}/{NAME}"))["status"]
        phase = str(status["phase"])
        return phase if phase in ("Succeeded", "Failed") else None

    phase = await eventually(end, "the hub in the pod has ended", LONGEST)
    log = (await cluster.admin.raw(f"{pods}/{NAME}/log", {})).decode()
    assert phase == "Succeeded", log
    document = json.loads(log.strip().splitlines()[-1])
    failed = {
        name: text for name, (status, text) in document["check"].items() if status == "failed"
    }
    assert failed == {}
    assert cluster.ports["machine"] in document["check"]["api server"][1]
    assert document["check"]["connection"][1].startswith("pod: ")
    assert document["task"] == {
        "started": "running",
        "page": "Hello from a pod\n",
        "amount": 20_000_000,
        "stopped": "stopped",
    }

    async def is_alone() -> bool:
        return [item["metadata"]["name"] for item in await administrator.pods()] == [NAME]

    # A task has stopped when its pod is being deleted; its node ends that.
    await eventually(is_alone, "nothing but the hub itself is left", 60)
