"""What the cluster's administrator does for a hub, with what `rosetta-hub kubernetes` prints."""

import asyncio
import base64
import contextlib
import json
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from rosetta_hub.kubernetes.client import ApiRefused
from tests.e2e.deployment import eventually

from .cluster import KubernetesCluster

Document = dict[str, Any]
# Of the base containers: one that has a Python.
PYTHON = "rosetta/desktop:0.1.0"
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
        self.computing: Document = {
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
            f"c.Rosetta.computing = {[self.computing]!r}\n"
        )

    async def run(self, *words: str) -> str:
        """What a command prints."""
        command = [sys.executable, "-m", "rosetta_hub", words[0], "--config", str(self._config)]
        result = await asyncio.to_thread(
            subprocess.run,
            [*command, *words[1:]],
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        # A check that found a fault says so with 1.
        assert result.returncode in ((0, 1) if words[0] == "check" else (0,)), result.stderr
        return result.stdout

    async def check(self) -> dict[str, Document]:
        """What came of each check, by name."""
        report = json.loads(await self.run("check", "cloud", "--json", "--wait", "90"))
        return {check["name"]: check for check in report["cloud"]["checks"]}

    async def apply(self, manifests: str) -> None:
        """Create what the cluster's administrator is given."""
        for document in yaml.safe_load_all(manifests):
            kind = document["kind"]
            path = PLURALS.get(kind, "/api/v1/namespaces").format(f"namespaces/{self.namespace}")
            await self.cluster.admin.call("POST", path, document)

    async def log_in(self, secret: str = "rosetta-hub-token") -> None:
        """Write the kubeconfig of the account that was made, with the token of a secret."""

        async def token() -> str:
            answer = await self.cluster.admin.call("GET", f"{self.secrets}/{secret}")
            return str(answer.get("data", {}).get("token", ""))

        encoded = await eventually(token, "the account has a token", 30)
        self.write_kubeconfig({"token": base64.b64decode(encoded).decode()})

    def write_kubeconfig(self, user: Document, authority: Path | None = None) -> None:
        """Write that of the hub, whose user is this one, in the place of what was there."""
        config = yaml.safe_load((self.cluster.state / "pki" / "admin.conf").read_text())
        (entry,) = config["clusters"]
        trusted = authority or self.cluster.state / "pki" / "ca.crt"
        entry["cluster"]["certificate-authority"] = str(trusted)
        config["users"][0]["user"] = user
        new = self.kubeconfig.with_suffix(".new")
        new.touch(0o600)
        new.write_text(yaml.safe_dump(config))
        new.rename(self.kubeconfig)

    @property
    def login(self) -> Document:
        """The account in the hub's kubeconfig."""
        user: Document = yaml.safe_load(self.kubeconfig.read_text())["users"][0]["user"]
        return user

    @property
    def secrets(self) -> str:
        """The path of the namespace's secrets."""
        return PLURALS["Secret"].format(f"namespaces/{self.namespace}")

    async def pods(self) -> list[Document]:
        """All pods of the namespace."""
        path = f"/api/v1/namespaces/{self.namespace}/pods"
        items: list[Document] = (await self.cluster.admin.call("GET", path))["items"]
        return items

    async def remove(self) -> None:
        """Delete the namespace with all that is in it, unless that is done already."""
        with contextlib.suppress(ApiRefused):
            await self.cluster.admin.call("DELETE", f"/api/v1/namespaces/{self.namespace}", {})
