"""What an administrator does before a hub uses the cluster: `kubernetes manifests`, and `check`."""

import asyncio
import base64
import json
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.deployment import eventually

from .cluster import KubernetesCluster

pytestmark = pytest.mark.timeout(300)
Document = dict[str, Any]
# An image with Python that the tests of builds have left in the Docker daemon.
PYTHON = "rosetta-test/repository-web-app:latest"
PLURALS = {
    "ServiceAccount": "/api/v1/{}/serviceaccounts",
    "Secret": "/api/v1/{}/secrets",
    "Role": "/apis/rbac.authorization.k8s.io/v1/{}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/{}/rolebindings",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/{}/networkpolicies",
    "ResourceQuota": "/api/v1/{}/resourcequotas",
}


class Administrator:
    """The commands of `rosetta-hub` for one resource, whose namespace is new."""

    def __init__(self, cluster: KubernetesCluster, directory: Path) -> None:
        self.cluster = cluster
        self.namespace = f"check-{secrets.token_hex(4)}"
        self._directory = directory
        self._config = directory / "jupyterhub_config.py"
        self.kubeconfig = directory / "kubeconfig"
        computing = {
            "id": "cloud",
            "name": "The cloud",
            "type": "cluster",
            "access_mode": "api",
            "wms": "kubernetes",
            "container_engines": ["internal[runc,second]"],
            "default_cpus": 0.1,
            "default_memory": "64M",
            "max_time": "1h",
            "conf": {
                "kubeconfig": str(self.kubeconfig),
                "namespace": self.namespace,
                "agent_image": PYTHON,
                "runtime_classes": {"second": "second"},
            },
        }
        self._config.write_text(
            'c.Rosetta.tasks_url = "http://127.0.0.1"\n'
            'c.Rosetta.hub_url = "http://localhost:8000"\n'
            f"c.Rosetta.state_dir = {str(directory / 'state')!r}\n"
            f"c.Rosetta.computing = {[computing]!r}\n"
        )

    async def run(self, *words: str) -> str:
        """What a command prints."""
        command = [sys.executable, "-m", "rosetta_hub", words[0], "--config", str(self._config)]
        done = await asyncio.to_thread(
            subprocess.run,
            [*command, *words[1:]],
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        # A check that found a fault says so with 1.
        assert done.returncode in ((0, 1) if words[0] == "check" else (0,)), done.stderr
        return done.stdout

    async def check(self) -> dict[str, Document]:
        """What came of each check, by name."""
        report = json.loads(await self.run("check", "cloud", "--json", "--wait", "90"))
        return {one["name"]: one for one in report["cloud"]["checks"]}

    async def apply(self, manifests: str) -> None:
        """Create what the cluster's administrator is given."""
        for document in yaml.safe_load_all(manifests):
            kind = document["kind"]
            path = PLURALS.get(kind, "/api/v1/namespaces").format(f"namespaces/{self.namespace}")
            await self.cluster.admin.call("POST", path, document)

    async def log_in(self) -> None:
        """Write the kubeconfig of the account that was made, with its token."""
        path = f"/api/v1/namespaces/{self.namespace}/secrets/rosetta-hub-token"

        async def token() -> str:
            secret = await self.cluster.admin.call("GET", path)
            return str(secret.get("data", {}).get("token", ""))

        encoded = await eventually(token, "the account has a token", 30)
        config = yaml.safe_load((self.cluster.state / "pki" / "admin.conf").read_text())
        (entry,) = config["clusters"]
        entry["cluster"]["certificate-authority"] = str(self.cluster.state / "pki" / "ca.crt")
        config["users"][0]["user"] = {"token": base64.b64decode(encoded).decode()}
        self.kubeconfig.touch(0o600)
        self.kubeconfig.write_text(yaml.safe_dump(config))

    async def remove(self) -> None:
        """Delete the namespace with all that is in it."""
        await self.cluster.admin.call("DELETE", f"/api/v1/namespaces/{self.namespace}", {})


@pytest.fixture
async def administrator(cluster: KubernetesCluster, tmp_path: Path) -> AsyncIterator[Administrator]:
    """A namespace with what `rosetta-hub kubernetes manifests` prints for it, and its account."""
    await asyncio.to_thread(cluster.run, "image", PYTHON)
    found = Administrator(cluster, tmp_path)
    await found.apply(await found.run("kubernetes", "manifests", "cloud", "--tasks", "5"))
    try:
        await found.log_in()
        yield found
    finally:
        await found.remove()


async def test_what_is_printed_for_a_cluster_is_all_that_the_hub_needs(
    administrator: Administrator,
) -> None:
    results = await administrator.check()
    assert [name for name, one in results.items() if one["status"] == "failed"] == [], results
    assert "it may not" not in results["rights"]["text"]
    assert "pods 0 of 5" in results["quota"]["text"]
    assert "second" in results["runtimes"]["text"]
    assert "MB/s" in results["connection"]["text"]
    # The network of this cluster enforces no policies.
    assert "a second pod could connect" in results["neighbours"]["text"]
    assert results["cleanup"]["text"] == "2 removed"


async def test_a_right_that_is_taken_away_is_named(administrator: Administrator) -> None:
    path = PLURALS["Role"].format(f"namespaces/{administrator.namespace}") + "/rosetta-hub"
    role = await administrator.cluster.admin.call("GET", path)
    role["rules"] = [rule for rule in role["rules"] if rule["resources"] != ["pods/log"]]
    await administrator.cluster.admin.call("PUT", path, role)
    results = await administrator.check()
    assert results["rights"]["status"] == "failed"
    assert "get pods/log" in results["rights"]["text"]
    assert results["pod"]["status"] == "skipped"
