"""The test cluster: Slurm in containers, and a standalone host. `scripts/cluster` makes it.

    with started_cluster() as cluster:          # or the fixture `cluster` of cluster_fixture.py
        cluster.authorize("alice", public_key)
        cluster.exec("login", ["sinfo", "--json"], user="alice").stdout

What can go wrong on purpose is in `cluster_faults.py`.
"""

import contextlib
import json
import os
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
MACHINES = ("controller", "login", "node1", "node2", "host")
NODES = ("node1", "node2")
ADOPT = "ROSETTA_TEST_CLUSTER"  # the name of a cluster that runs already, to be used and left


def wait_until(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Ask again and again until the condition holds; fail after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not in {seconds} s: {what}")
        time.sleep(0.1)


@dataclass(frozen=True)
class Standalone:
    """The host without a scheduler; its user is carol, who may use Docker."""

    host: str
    port: int
    known_hosts: str
    docker_url: str
    ca: Path
    certificate: Path
    key: Path


@dataclass(frozen=True)
class Cluster:
    """A running cluster, and how it is reached from this machine and from within.

    `front` and `nodes` are the first three numbers of the networks' addresses. This machine reaches
    `front` alone; the nodes reach this machine at `hub_address` (what listens there must listen on
    that address, or on all).
    """

    name: str
    front: str
    nodes: str

    users = ("alice", "bob")
    login_port = 22
    # As nodes and host spell it. It speaks https, with a certificate that they trust.
    registry = "registry:5000"
    small_image = "rosetta-test/agent:latest"  # 2 MB; serves HTTP on 127.0.0.1:$BASE_PORT
    images = (
        "rosetta/jupyternotebook:0.1.0",
        "rosetta/minimaldesktop:0.1.0",
        "rosetta/sshserver:0.1.0",
        small_image,
    )

    @property
    def state(self) -> Path:
        """Where `scripts/cluster` keeps keys and certificates."""
        return ROOT / ".cache/cluster" / self.name

    @property
    def login_host(self) -> str:
        """The login node, for SSH from this machine."""
        return f"{self.front}.3"

    @property
    def hub_address(self) -> str:
        """This machine, as seen by the nodes."""
        return f"{self.front}.1"

    @property
    def known_hosts(self) -> str:
        """The host keys of login node and nodes, by address and by name."""
        return (self.state / "known_hosts").read_text()

    @property
    def node_addresses(self) -> dict[str, str]:
        """Of the compute nodes; they answer to login node, controller and each other."""
        return {"node1": f"{self.nodes}.11", "node2": f"{self.nodes}.12"}

    @property
    def slurmrest_url(self) -> str:
        """Of slurmrestd, from this machine."""
        return f"http://{self.front}.2:6820"

    @property
    def jwt_key(self) -> Path:
        """The key with which the tokens for slurmrestd are signed (HS256)."""
        return self.state / "jwt_hs256.key"

    @property
    def ca(self) -> Path:
        """The authority of all certificates here (registry, the host's Docker)."""
        return self.state / "ca.pem"

    @property
    def standalone(self) -> Standalone:
        """The standalone host; its Docker wants the client certificate."""
        return Standalone(
            host=f"{self.front}.4",
            port=22,
            known_hosts=(self.state / "known_hosts.host").read_text(),
            docker_url=f"tcp://{self.front}.4:2376",
            ca=self.ca,
            certificate=self.state / "docker-client.pem",
            key=self.state / "docker-client.key",
        )

    def container(self, machine: str) -> str:
        """The container that is this machine (one of MACHINES)."""
        assert machine in MACHINES, machine
        return f"{self.name}-{machine}"

    def exec(
        self,
        machine: str,
        argv: Sequence[str],
        user: str | None = None,
        stdin: str | None = None,
        timeout: float = 60,
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command on a machine, as root or as its user; past sshd."""
        command = ["docker", "exec", "--interactive"]
        if user:
            home = f"/home/{user}"
            command += [f"--user={user}", f"--workdir={home}", f"--env=HOME={home}"]
        command += [self.container(machine), *argv]
        return subprocess.run(
            command,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def run(
        self, machine: str, argv: Sequence[str], user: str | None = None, stdin: str | None = None
    ) -> str:
        """What a command that must succeed has printed."""
        result = self.exec(machine, argv, user, stdin)
        assert result.returncode == 0, f"{machine}: {argv}: {result.stdout}{result.stderr}"
        return result.stdout

    def authorize(self, user: str, public_key: str) -> None:
        """Let the key in: a line in the user's authorized_keys (carol: of the host)."""
        script = 'umask 077; mkdir -p "$1"; touch "$1/authorized_keys"; cat >>"$1/authorized_keys"'
        machine = "host" if user == "carol" else "login"
        command = ["sh", "-c", script, "sh", f"/home/{user}/.ssh"]
        self.run(machine, command, user, public_key.strip() + "\n")

    def revoke(self, user: str) -> None:
        """Take all keys of a user away."""
        machine = "host" if user == "carol" else "login"
        self.run(machine, ["rm", "-f", f"/home/{user}/.ssh/authorized_keys"])

    def trust_authority(self, machine: str, public_key: str) -> None:
        """Let in whom this SSH authority has certified; nobody, when it is empty."""
        self.run(machine, ["tee", "/etc/ssh/user_ca.pub"], stdin=public_key)

    def scontrol(self, *words: str) -> str:
        """As the administrator: hold, release, requeue, update, show, ..."""
        return self.run("controller", ["scontrol", *words])

    def make_token(self, user: str, lifespan: int = 600) -> str:
        """A JSON web token of a user for slurmrestd, valid for so many seconds."""
        return self.scontrol("token", f"username={user}", f"lifespan={lifespan}").strip()[10:]

    def jobs(self) -> list[dict[str, object]]:
        """All jobs that Slurm remembers, as `squeue --json` has them."""
        listed = self.run("controller", ["squeue", "--json", "--states=all"])
        return list(json.loads(listed)["jobs"])

    def clean(self) -> None:
        """Cancel all jobs and wait until none is left and the nodes are idle."""
        for user in self.users:
            self.run("controller", ["scancel", f"--user={user}"])
        wait_until(self._is_quiet, 60, "the cluster is quiet")

    def _is_quiet(self) -> bool:
        queue = self.exec("controller", ["squeue", "--noheader"])
        states = self.exec("controller", ["sinfo", "--noheader", "--partition=main", "--format=%T"])
        return not queue.stdout and states.stdout.split() == ["idle"]


def adopt_cluster(name: str) -> Cluster:
    """A cluster that `scripts/cluster` has started."""
    described = ROOT / ".cache/cluster" / name / "cluster.json"
    return Cluster(**json.loads(described.read_text()))


@contextlib.contextmanager
def started_cluster() -> Iterator[Cluster]:
    """A cluster of its own, removed at the end; or the one that ROSETTA_TEST_CLUSTER names."""
    adopted = os.environ.get(ADOPT)
    if adopted:
        yield adopt_cluster(adopted)
        return
    name = f"rosetta-test-{secrets.token_hex(4)}"
    command = [str(ROOT / "scripts/cluster"), "--name", name, "slurm"]
    try:
        subprocess.run([*command, "up"], check=True)
        yield adopt_cluster(name)
    finally:
        subprocess.run([*command, "down"], check=True)
