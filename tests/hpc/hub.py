"""A real hub in front of the test cluster, with a resource for each way to use it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rosetta_hub.tunnels.client import TunnelsClient
from tests.e2e.deployment import Deployment, User, eventually
from tests.support.cluster import Cluster
from tests.support.ports import free_port

TINY = {
    "registry": "registry:5000",
    "image_name": "rosetta-test/agent",
    "image_tag": "latest",
    "supports_custom_interface_port": True,
}
JUPYTER = {
    "registry": "registry:5000",
    "image_name": "rosetta/jupyternotebook",
    "image_tag": "0.1.0",
    "interface_auth": "jupyter",
    "interface_port": 8888,
    "supports_custom_interface_port": True,
    "answer_timeout": 300,
}
SSH = {
    "registry": "registry:5000",
    "image_name": "rosetta/sshserver",
    "image_tag": "0.1.0",
    "interface_port": 2222,
    "interface_protocol": "ssh",
    "interface_auth": "password",
    "supports_interface_auth": True,
    "supports_custom_interface_port": True,
}
# For engines whose containers an ordinary account may not enter: their ports are published, which
# reaches nothing that listens on the loopback address alone.
SERVE = (
    "mkdir -p /tmp/www && echo hello >/tmp/www/index.html"
    " && exec httpd -f -p 0.0.0.0:${BASE_PORT:-8888} -h /tmp/www"
)
# Another page on a port of its own, which comes up when somebody asks for it.
BOARD = r"""
mkdir -p /tmp/www/cgi-bin /tmp/board
echo hello >/tmp/www/index.html
echo the board >/tmp/board/index.html
printf '#!/bin/sh\ntouch /tmp/go\nprintf "Content-Type: text/plain\\r\\n\\r\\ngoing"\n' \
    >/tmp/www/cgi-bin/go
chmod +x /tmp/www/cgi-bin/go
(while ! [ -e /tmp/go ]; do sleep 0.2; done; exec httpd -f -p 127.0.0.1:8787 -h /tmp/board) &
exec httpd -f -p "127.0.0.1:${BASE_PORT:-8888}" -h /tmp/www
"""
# Its port is open when it takes all memory that it gets.
GREEDY = "mkdir -p /tmp/www; httpd -p 127.0.0.1:${BASE_PORT:-8888} -h /tmp/www; exec tail /dev/zero"
SOFTWARE: list[dict[str, Any]] = [
    {"id": "tiny", "name": "Tiny", **TINY},
    {"id": "open", "name": "Open", "command": ["sh", "-c", SERVE], **TINY},
    {
        "id": "board",
        "name": "Board",
        "command": ["sh", "-c", BOARD],
        "interfaces": [{"name": "Board", "port": 8787}],
        **TINY,
    },
    {"id": "greedy", "name": "Greedy", "command": ["sh", "-c", GREEDY], **TINY},
    {"id": "jupyter", "name": "Jupyter", **JUPYTER},
    {"id": "ssh", "name": "SSH", **SSH},
]

# The hub listens on all addresses, so that nodes reach it; browsers go on saying localhost.
EXTRA = """
_public = c.JupyterHub.bind_url
c.JupyterHub.bind_url = _public.replace("localhost", "")
c.Rosetta.agents_url = _public.replace("localhost", "{address}")
c.Rosetta.tunnels_url = "http://{address}:{dial}"
"""

# There while `clock_skewed` is in force.
SKEWED_PYTHON = "/usr/local/bin/python3"


def slurm_resource(cluster: Cluster, **changes: Any) -> dict[str, Any]:
    """The cluster as an ordinary account uses it: SSH, Slurm and Singularity."""
    conf = {"host": cluster.login_host, "known_hosts": cluster.known_hosts}
    return {
        "id": "cluster",
        "name": "Cluster",
        "type": "cluster",
        "access_mode": "ssh",
        "auth_mode": "user_keys",
        "wms": "slurm",
        "container_engines": ["singularity", "docker[runc,runsc]"],
        "default_cpus": 1,
        "default_memory": "512M",
        "default_time": "30m",
        "query_interval": 2,
        "sizes": [
            {"name": "small", "label": "Small", "cpus": 1, "memory": "512M", "time": "10m"},
            {"name": "large", "label": "Large", "cpus": 32, "memory": "8G", "time": "30m"},
        ],
        **changes,
        "conf": {**conf, **changes.get("conf", {})},
    }


def computing_of(cluster: Cluster) -> list[dict[str, Any]]:
    """The rows of the paper's table 1, as combinations of the same parts."""
    host = cluster.standalone
    return [
        slurm_resource(cluster),
        slurm_resource(cluster, id="dialling", name="Dialling", conf={"tunnel": "reverse"}),
        slurm_resource(cluster, id="homes", name="Homes", conf={"work_dir": "/home/alice/rosetta"}),
        # Jobs have no PATH: it would not find the Python that lives in another time.
        slurm_resource(cluster, id="skewed", name="Skewed", conf={"python": SKEWED_PYTHON}),
        {
            "id": "rest",
            "name": "Slurm by REST",
            "type": "cluster",
            "access_mode": "api",
            "wms": "slurmrest",
            "container_engines": ["singularity"],
            "default_cpus": 1,
            "default_memory": "512M",
            "default_time": "30m",
            "query_interval": 2,
            "conf": {"url": cluster.slurmrest_url, "jwt_key_file": str(cluster.jwt_key)},
        },
        {
            "id": "host",
            "name": "Host",
            "access_mode": "ssh",
            "auth_mode": "user_keys",
            "container_engines": ["docker", "podman", "singularity"],
            "conf": {"host": host.host, "port": host.port, "known_hosts": host.known_hosts},
        },
        {
            "id": "direct",
            "name": "Host, directly",
            "access_mode": "ssh",
            "auth_mode": "user_keys",
            "container_engines": ["podman"],
            "conf": {"host": host.host, "known_hosts": host.known_hosts, "tunnel": "direct"},
        },
        {
            "id": "docker-api",
            "name": "Docker by REST",
            "access_mode": "api",
            "container_engines": ["docker"],
            "conf": {
                "url": host.docker_url,
                "ca_file": str(host.ca),
                "certificate_file": str(host.certificate),
                "key_file": str(host.key),
                "publish_address": host.host,
            },
        },
    ]


@dataclass
class Hub:
    """A deployment and the cluster behind it."""

    deployment: Deployment
    cluster: Cluster

    async def tunnels_pid(self) -> int:
        """The process of the tunnels, as it says itself."""
        client = TunnelsClient(self.deployment.state_dir / "tunnels.sock")
        return (await client.status()).pid

    async def member(self, name: str, *resources: str) -> User:
        """A user whose key is installed for these resources."""
        user = await self.deployment.user(name)
        for resource in resources:
            account = "carol" if resource in ("host", "direct") else name
            self.cluster.authorize(account, await self.paste_line(user, resource, account))
        return user

    async def paste_line(self, user: User, resource: str, account: str) -> str:
        """What the page Account tells the user to paste."""
        path = f"account/identities/{resource}"
        answer = await user.api("PUT", path, {"remote_user": account})
        assert answer.code == 200, answer.body
        line: str = json.loads(answer.body)["paste"]
        return line


def make_deployment(directory: Path, cluster: Cluster, extra: str = "") -> Deployment:
    """A hub in front of the cluster; not started yet."""
    text = EXTRA.format(address=cluster.hub_address, dial=free_port())
    return Deployment(directory, SOFTWARE, computing_of(cluster), extra=text + extra, ports=100)


async def check_works(user: User, task: dict[str, Any]) -> None:
    """Go through the edge as a browser does, and be answered by the container."""
    opened = await user.enter(task)

    async def answers() -> bool:
        return (await opened.get("/")).code < 400

    await eventually(answers, f"{task['id']} answers through the edge")


async def check_gone(hub: Hub, task: dict[str, Any]) -> None:
    """Nothing of a task is left in the queue."""

    async def gone() -> bool:
        listed = hub.cluster.run("controller", ["squeue", "--noheader", "--format=%j"])
        return not any(task["id"] in name for name in listed.splitlines())

    await eventually(gone, f"the job of {task['id']} is gone", 60)
