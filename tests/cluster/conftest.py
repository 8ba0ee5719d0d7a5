"""The cluster, and how a user gets to it."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.cluster import Cluster
from tests.support.cluster_fixture import cluster as cluster
from tests.support.sshd import make_key

Ssh = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def key(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key that opens alice's and carol's accounts."""
    path = make_key(tmp_path_factory.mktemp("keys") / "key")
    for user in ("alice", "carol"):
        cluster.authorize(user, path.with_suffix(".pub").read_text())
    return path


@pytest.fixture(scope="session")
def ssh(cluster: Cluster, key: Path) -> Ssh:
    """Runs a command by SSH: as alice on the login node, or as carol on the host."""

    def run(
        command: str, user: str = "alice", stdin: str = "", options: tuple[str, ...] = ()
    ) -> "subprocess.CompletedProcess[str]":
        result = key.with_name(f"known_hosts.{user}")
        there = cluster.standalone
        host = there.host if user == "carol" else cluster.login_host
        result.write_text(there.known_hosts if user == "carol" else cluster.known_hosts)
        values = ["-i", str(key), "-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={result}"]
        return subprocess.run(
            ["ssh", "-F", "none", *values, *options, f"{user}@{host}", command],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture
def _quiet(cluster: Cluster) -> Iterator[None]:
    """No jobs are left after the test."""
    yield
    cluster.clean()
