"""A hub whose users have storages on the test cluster and on the standalone host."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.e2e.deployment import Deployment, User, eventually
from tests.support.cluster import Cluster
from tests.support.ports import free_port
from tests.support.sshd import make_key

from .hub import EXTRA, JUPYTER, SSH, TINY, computing_of, slurm_resource

# The account of the files of the host that is used by Docker's API: one for all users.
FIXED_UID = 2001
# An account without a password that is not locked: keys open it.
USERADD = ("useradd", "--create-home", "--password", "*")
PROJECT = "project-a"
# Adds the number of its user to a file at home, and serves what it sees. It listens everywhere,
# for the engines whose containers an ordinary account may not enter.
NOTES = """
id -u >>"$HOME/note" || exit 1
mkdir -p /tmp/www
{
    echo "HOME=$HOME"
    echo "NOTE=$(tr '\\n' ';' <"$HOME/note")"
    echo "DATA=$(ls /data 2>/dev/null | tr '\\n' ';')"
    echo "WRITABLE=$(touch /data/x 2>/dev/null && echo yes)"
    echo "PROJECT=$(ls /project 2>/dev/null | tr '\\n' ';')"
} >/tmp/www/index.html
exec httpd -f -p 0.0.0.0:${BASE_PORT:-8888} -h /tmp/www
"""
NOTEBOOK = {**JUPYTER, "any_user": True}


def _notes(software_id: str, **changes: Any) -> dict[str, Any]:
    command = ["sh", "-c", NOTES]
    return {**TINY, "id": software_id, "name": software_id, "command": command, **changes}


SOFTWARE: list[dict[str, Any]] = [
    _notes("any", any_user=True),
    _notes("fixed", container_user="4711:4711"),
    _notes("root", container_user="0:0", home_path="/root"),
    _notes("same", container_user=f"{FIXED_UID}:{FIXED_UID}"),
    {"id": "jupyter", "name": "Jupyter", **NOTEBOOK},
    {"id": "ssh", "name": "SSH", **SSH},
    {
        "id": "jupyter-fixed",
        "name": "Jupyter as 4711",
        **JUPYTER,
        "container_user": "4711:4711",
    },
]


def storages_of(cluster: Cluster, key: Path) -> list[dict[str, Any]]:
    """The examples of docs/storages.md for a cluster, and homes of the host."""
    home = {"bind_path": "/home/metauser", "home": True}
    return [
        {
            "id": "cluster-home",
            "name": "Cluster home",
            "computing": ["cluster", "rest"],
            "base_path": "/home/$SSH_USER",
            **home,
        },
        {
            "id": "project",
            "name": "Project A",
            "computing": ["cluster", "rest"],
            "groups": [PROJECT],
            "base_path": f"/scratch/{PROJECT}",
            "bind_path": "/project",
        },
        {
            "id": "catalogues",
            "name": "Catalogues",
            "computing": ["cluster", "rest"],
            "base_path": "/scratch/reference",
            "bind_path": "/data",
            "read_only": True,
        },
        {
            "id": "host-home",
            "name": "Host home",
            "computing": "host",
            "base_path": "/home/$SSH_USER/rosetta",
            "create": True,
            **home,
        },
        {
            "id": "api-home",
            "name": "Home by REST",
            "computing": "docker-api",
            "base_path": "/srv/homes/$USER",
            "owner": FIXED_UID,
            "access_through_computing": False,
            "access_mode": "ssh",
            "auth_mode": "platform_keys",
            "conf": {
                "host": cluster.standalone.host,
                "known_hosts": cluster.standalone.known_hosts,
                "user": "files",
                "key_file": str(key),
            },
            **home,
        },
    ]


def make_deployment(directory: Path, cluster: Cluster) -> Deployment:
    """A hub with storages in front of the cluster; not started yet."""
    by_name = {item["id"]: item for item in computing_of(cluster)}
    engines = ["singularity", "docker", "podman"]
    computing = [
        slurm_resource(cluster, container_engines=engines),
        *(by_name[name] for name in ("rest", "host", "docker-api")),
    ]
    text = EXTRA.format(address=cluster.hub_address, dial=free_port())
    text += f"c.JupyterHub.load_groups = {{'{PROJECT}': {{'users': ['alice']}}}}\n"
    text += f"c.Rosetta.storages = {storages_of(cluster, directory / 'key')!r}\n"
    return Deployment(directory, SOFTWARE, computing, extra=text, ports=60)


def prepare(directory: Path, cluster: Cluster) -> None:
    """What an administrator makes: the project's directory, reference data, homes on the host."""
    cluster.run("login", ["install", "-d", "-m", "1777", f"/scratch/{PROJECT}"])
    cluster.run("login", ["install", "-d", "-m", "755", "/scratch/reference"])
    cluster.run("login", ["touch", f"/scratch/{PROJECT}/plan", "/scratch/reference/gaia"])
    if cluster.exec("host", ["id", "files"]).returncode:
        cluster.run("host", [*USERADD, "--uid", str(FIXED_UID), "files"])
    key = make_key(directory / "key").with_suffix(".pub").read_text()
    owner = ["-o", "files", "-g", "files"]
    cluster.run("host", ["install", "-d", "-m", "700", *owner, "/home/files/.ssh"])
    cluster.run("host", ["tee", "/home/files/.ssh/authorized_keys"], stdin=key)
    cluster.run("host", ["install", "-d", "-m", "755", "/srv/homes"])
    for name in cluster.users:
        cluster.run("host", ["install", "-d", "-m", "700", *owner, f"/srv/homes/{name}"])


async def run_notes(user: User, software: str, computing: str, engine: str) -> dict[str, str]:
    """Run a task until it has written its note; stop it. Returns what it has seen."""
    task = await user.start(software=software, computing=computing, engine=engine)
    task = await user.until(task["id"], "running", "failed", seconds=150)
    assert task["state"] == "running", (task["message"], task["log_tail"])
    opened = await user.enter(task)

    async def answer() -> str | None:
        value = await opened.get("/")
        return value.body.decode() if value.code == 200 else None

    result = await eventually(answer, "the notes are served", 30)
    await user.api("POST", f"tasks/{task['id']}/stop")
    await user.until(task["id"], "stopped", "failed")
    return dict(line.split("=", 1) for line in result.splitlines() if "=" in line)


async def refused(user: User, software: str, computing: str, engine: str) -> str:
    """The message of a task that can't be started; the task is gone."""
    task = await user.start(software=software, computing=computing, engine=engine)
    task = await user.until(task["id"], "running", "failed", seconds=150)
    assert task["state"] == "failed", task
    return str(task["message"])


async def files(
    user: User, path: str, method: str = "GET", body: Any = None
) -> tuple[int, dict[str, Any]]:
    """Status and answer of a call below `api/v1/storages/`."""
    answer = await user.api(method, f"storages/{path}", body)
    return answer.code, json.loads(answer.body or b"{}")


async def write(user: User, storage: str, path: str, content: str) -> tuple[int, dict[str, Any]]:
    """Status and answer of the write of a new file."""
    answer = await user.deployment.fetch(
        "PUT",
        f"/services/rosetta/api/v1/storages/{storage}/file/{quote(path)}",
        user.token,
        content,
        {"If-None-Match": "*"},
    )
    return answer.code, json.loads(answer.body)


async def names(user: User, storage: str, path: str = "") -> list[str]:
    """What is in a folder; hidden files, too."""
    status, answer = await files(user, f"{storage}/list/{quote(path)}?hidden=1")
    assert status == 200, answer
    return [entry["name"] for entry in answer["entries"]]


async def read(user: User, storage: str, path: str) -> bytes:
    """A file's content."""
    answer = await user.api("GET", f"storages/{storage}/file/{quote(path)}")
    assert answer.code == 200, answer.body
    return answer.body
