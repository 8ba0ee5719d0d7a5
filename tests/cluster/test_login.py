"""The login node, and who reaches whom."""

import socket
import subprocess
import threading
from pathlib import Path

import pytest

from tests.support.cluster import NODES, Cluster

from .conftest import Ssh


def test_a_key_opens_the_login_node(ssh: Ssh) -> None:
    result = ssh("hostname; id -un; pwd; stat -c %a .")
    assert result.stdout.split() == ["login", "alice", "/home/alice", "700"], result.stderr


def test_another_key_does_not(cluster: Cluster, ssh: Ssh, tmp_path: Path) -> None:
    result = ssh("true", options=("-l", "bob"))
    assert result.returncode == 255
    assert "Permission denied (publickey)" in result.stderr


def test_another_host_key_is_refused(ssh: Ssh, tmp_path: Path) -> None:
    (tmp_path / "known").write_text("")
    result = ssh("true", options=("-o", "StrictHostKeyChecking=yes", "-o", "HostKeyAlias=nobody"))
    assert result.returncode == 255
    assert "Host key verification failed" in result.stderr


@pytest.mark.parametrize("program", ["singularity", "apptainer", "docker", "podman"])
def test_login_node_has_no_engine(ssh: Ssh, program: str) -> None:
    assert ssh(f"command -v {program}").returncode != 0


def test_home_is_shared_and_private(cluster: Cluster) -> None:
    cluster.run("login", ["sh", "-c", "echo shared >~/note"], "alice")
    for node in NODES:
        assert cluster.run(node, ["cat", "note"], "alice") == "shared\n"
    assert cluster.exec("node1", ["cat", "/home/alice/note"], "bob").returncode != 0


def test_nodes_have_addresses_of_their_own(cluster: Cluster) -> None:
    addresses = cluster.node_addresses
    assert len(set(addresses.values())) == 2
    for node, address in addresses.items():
        assert address in cluster.run(node, ["hostname", "--all-ip-addresses"]).split()


def test_login_node_reaches_the_nodes_and_this_machine_does_not(cluster: Cluster) -> None:
    """What else may answer at such an address from here, it is not the node's sshd."""
    for address in cluster.node_addresses.values():
        banner = ["bash", "-c", f"head -c 4 </dev/tcp/{address}/22"]
        assert cluster.run("login", banner) == "SSH-"
    assert _read_here(cluster.node_addresses["node1"], 22) != b"SSH-"


def _read_here(address: str, port: int) -> bytes:
    try:
        with socket.create_connection((address, port), timeout=2) as connection:
            return connection.recv(4)
    except OSError:
        return b""


def test_nodes_reach_this_machine(cluster: Cluster) -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:
        port = server.getsockname()[1]
        thread = threading.Thread(target=_greet, args=(server, len(NODES)))
        thread.start()
        for node in NODES:
            ask = ["nc", "-N", "-w", "5", cluster.hub_address, str(port)]
            assert cluster.run(node, ask, "alice", "") == "welcome"
        thread.join(10)


def _greet(server: socket.socket, times: int) -> None:
    for _ in range(times):
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"welcome")


def test_nodes_are_reached_through_the_login_node(cluster: Cluster, ssh: Ssh, key: Path) -> None:
    jump = f"ssh -i {key} -o UserKnownHostsFile={key.with_name('known_hosts.alice')} "
    proxy = f"ProxyCommand={jump} -W node1:22 alice@{cluster.login_host}"
    result = ssh("hostname", options=("-o", proxy, "-o", "HostKeyAlias=node1"))
    assert result.stdout == "node1\n", result.stderr


def test_a_certificate_opens_the_login_node(cluster: Cluster, key: Path, tmp_path: Path) -> None:
    for name in ("authority", "visitor"):
        _keygen("-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name))
    visitor = str(tmp_path / "visitor")
    _keygen("-q", "-s", str(tmp_path / "authority"), "-I", "test", "-n", "bob", f"{visitor}.pub")
    text = tmp_path / "known"
    text.write_text(cluster.known_hosts)
    login = ["ssh", "-F", "none", "-i", visitor, "-o", f"UserKnownHostsFile={text}"]
    login += ["-o", "BatchMode=yes", f"bob@{cluster.login_host}", "id", "-un"]
    assert subprocess.run(login, capture_output=True, timeout=30).returncode == 255
    cluster.trust_authority("login", (tmp_path / "authority.pub").read_text())
    try:
        process = subprocess.run(login, capture_output=True, timeout=30, text=True)
        assert process.stdout == "bob\n", process.stderr
    finally:
        cluster.trust_authority("login", "")


def _keygen(*options: str) -> None:
    subprocess.run(["ssh-keygen", *options], check=True, timeout=30, capture_output=True)
