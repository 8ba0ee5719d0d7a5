"""The first steps of docs/kubernetes.md, word by word, and a task of who has followed them."""

import ast
import asyncio
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.deployment import Deployment, eventually

from .cluster import KubernetesCluster
from .conftest import WEB

pytestmark = pytest.mark.timeout(900)

PAGE = Path(__file__).parents[2] / "docs/kubernetes.md"
# An image with Python, which the nodes have.
PYTHON = "rosetta/desktop:0.1.0"
PLACE = "/etc/jupyterhub/cloud"


class Reader:
    """Somebody who follows the page, in folders and in a namespace of their own."""

    def __init__(self, cluster: KubernetesCluster, folder: Path) -> None:
        self.cluster = cluster
        self.folder = folder
        self.namespace = f"steps-{secrets.token_hex(4)}"
        text = PAGE.read_text().partition("## First steps")[2].partition("\n## ")[0]
        self.scripts = [self._replace(item) for item in re.findall(r"```sh\n(.*?)```", text, re.S)]
        first = self._replace(re.findall(r"```python\n(.*?)```", text, re.S)[0])
        self.computing: list[dict[str, Any]] = ast.literal_eval(first.partition("+=")[2].strip())
        (cloud,) = self.computing
        assert cloud["conf"]["agent_image"] == "docker.io/library/python:3.12-slim"
        # The nodes of the tests reach no registry, and are small.
        cloud["conf"]["agent_image"] = PYTHON
        cloud |= {"default_cpus": 0.2, "default_memory": "128M"}

    def _replace(self, text: str) -> str:
        text = text.replace(PLACE, str(self.folder / "cloud"))
        return re.sub(r"(--namespace |\"namespace\": \")rosetta\b", rf"\1{self.namespace}", text)

    def write_configuration(self) -> None:
        """The first step."""
        (self.folder / "jupyterhub_config.py").write_text(
            'c.Rosetta.tasks_url = "http://127.0.0.1"\n'
            'c.Rosetta.hub_url = "http://localhost:8000"\n'
            f"c.Rosetta.state_dir = {str(self.folder / 'state')!r}\n"
            f"c.Rosetta.computing = {self.computing!r}\n"
        )

    def run(self, script: str) -> str:
        """A script of the page, as the cluster's administrator; returns what it prints."""
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "KUBECONFIG": str(self.cluster.state / "pki" / "admin.conf"),
        }
        process = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert process.returncode == 0, process.stdout + process.stderr
        return process.stdout


@pytest.fixture
async def reader(cluster: KubernetesCluster, tmp_path: Path) -> AsyncIterator[Reader]:
    """The reader, whose namespace is removed afterwards."""
    await asyncio.to_thread(cluster.run, "image", PYTHON)
    result = Reader(cluster, tmp_path)
    yield result
    path = f"/api/v1/namespaces/{result.namespace}"
    await cluster.admin.call("DELETE", path, {})


async def test_who_follows_the_page_gets_a_task(reader: Reader, tmp_path: Path) -> None:
    apply, write_account, check = reader.scripts
    reader.write_configuration()
    await asyncio.to_thread(reader.run, apply)

    async def has_token() -> bool:
        await asyncio.to_thread(reader.run, write_account)
        return (tmp_path / "cloud" / "token").stat().st_size > 0

    await eventually(has_token, "the account has a token", 30)
    assert (tmp_path / "cloud" / "kubeconfig").stat().st_mode & 0o077 == 0
    printed = await asyncio.to_thread(reader.run, check)
    assert "FAILED" not in printed
    assert "MB/s" in printed
    software = [{"id": "web", "name": "Web", **WEB}]
    deployment = Deployment(tmp_path / "hub", software, reader.computing)
    try:
        await deployment.start()
        alice = await deployment.user("alice")
        task = await alice.start(software="web", computing="cloud")
        task = await alice.until(task["id"], "running", "failed", seconds=120)
        assert task["state"] == "running", task["message"]
        opened = await alice.enter(task)
        assert (await opened.get("/")).body == b"Hello from a pod\n"
        await alice.clean()
    finally:
        await deployment.stop()
    await asyncio.to_thread(shutil.rmtree, tmp_path / "hub")
