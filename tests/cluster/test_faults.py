"""What tests can break, and that it is whole again afterwards."""

import socket
import subprocess
import time

import pytest

from tests.support import cluster_faults as faults
from tests.support.cluster import Cluster, wait_until

from .conftest import Ssh
from .test_slurm import accounting, queued, submit, wait_for_end

pytestmark = pytest.mark.usefixtures("_quiet")


def test_sshd_stopped(cluster: Cluster, ssh: Ssh) -> None:
    with faults.service_stopped(cluster, "login", "sshd"):
        assert "Connection refused" in ssh("true").stderr
    assert ssh("true").returncode == 0


def test_sshd_hangs(cluster: Cluster, ssh: Ssh) -> None:
    with (
        faults.service_paused(cluster, "login", "sshd"),
        socket.create_connection((cluster.login_host, 22), timeout=1) as connection,
        pytest.raises(TimeoutError),
    ):
        connection.recv(4)
    assert ssh("true").returncode == 0


def test_login_node_frozen(cluster: Cluster, ssh: Ssh) -> None:
    with faults.machine_frozen(cluster, "login"):
        stuck = ssh("true", options=("-o", "ConnectTimeout=1"))
        assert "Connection timed out" in stuck.stderr
    assert ssh("true").returncode == 0


def test_slurmctld_stopped(cluster: Cluster, ssh: Ssh) -> None:
    job = submit(ssh, "sleep 3600")
    wait_until(lambda: queued(ssh, job)["job_state"] == ["RUNNING"], 20, "it runs")
    with faults.service_stopped(cluster, "controller", "slurmctld"):
        assert "DOWN" in ssh("scontrol ping").stdout
        assert ssh("sacct -n").returncode == 0
    assert queued(ssh, job)["job_state"] == ["RUNNING"]


def test_database_stopped(cluster: Cluster, ssh: Ssh) -> None:
    with faults.service_stopped(cluster, "controller", "slurmdbd"):
        assert ssh("sacct -n").returncode != 0
        assert ssh("squeue").returncode == 0
    assert ssh("sacct -n").returncode == 0


def test_garbage_and_slow_answers(cluster: Cluster, ssh: Ssh) -> None:
    with faults.garbage_answers(cluster, ["squeue", "sinfo"], "<html>", 0):
        assert ssh("squeue --json").stdout == "<html>\n"
    with (
        faults.slow_commands(cluster, ["squeue"], 30),
        pytest.raises(subprocess.TimeoutExpired),
    ):
        cluster.exec("login", ["timeout", "1", "squeue"], "alice", timeout=0.5)
    assert ssh("squeue --noheader").stdout == ""


def test_reply_lost(cluster: Cluster, ssh: Ssh) -> None:
    with faults.lost_reply(cluster):
        result = ssh("sbatch --job-name=lost", stdin="#!/bin/sh\nsleep 3600\n")
    assert (result.returncode, result.stdout) == (255, "")
    assert ssh("squeue --noheader --name=lost --format=%j").stdout == "lost\n"


def test_node_off(cluster: Cluster, ssh: Ssh) -> None:
    result = submit(ssh, "sleep 3600", "--nodelist=node2", "--no-requeue")
    again = submit(ssh, "sleep 3600", "--nodelist=node2")
    wait_until(lambda: queued(ssh, again)["job_state"] == ["RUNNING"], 20, "it runs")
    faults.reboot(cluster, "node2")
    wait_until(lambda: accounting(cluster, result)["State"] == "NODE_FAIL", 40, "it is lost")
    wait_until(lambda: queued(ssh, again).get("restart_cnt") == 1, 40, "it is queued again")


def test_host_reboots(cluster: Cluster, ssh: Ssh) -> None:
    start = f"docker run --detach {cluster.registry}/rosetta-test/agent:latest sleep 3600"
    container = ssh(start, user="carol").stdout.strip()
    state = f"docker inspect --format={{{{.State.Status}}}} {container}"
    assert ssh(state, user="carol").stdout == "running\n"
    faults.reboot(cluster, "host")
    assert ssh(state, user="carol").stdout == "exited\n"
    assert ssh(f"docker rm {container}", user="carol").returncode == 0


def test_disks_full(cluster: Cluster, ssh: Ssh) -> None:
    with faults.disk_full(cluster, "node1", "/tmp"):
        result = cluster.exec("node1", ["cp", "/etc/passwd", "/tmp/x"], "alice")
        assert "No space left on device" in result.stderr
    with faults.home_over_quota(cluster, "alice"):
        assert "Disk quota exceeded" in ssh("echo x >x").stderr
        assert cluster.exec("node1", ["cp", "/etc/passwd", "x"], "bob").returncode == 0
    assert ssh("echo x >x; rm x").returncode == 0


def test_home_lags(cluster: Cluster, ssh: Ssh) -> None:
    assert ssh("mkdir -p results").returncode == 0
    with faults.directory_covered(cluster, "login", "/home/alice/results"):
        cluster.run("node1", ["touch", "results/new"], "alice")
        assert ssh("ls results").stdout == ""
    assert ssh("ls results; rm -r results").stdout == "new\n"


def test_node_cut_off(cluster: Cluster) -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:
        ask = ["nc", "-z", "-w", "1", cluster.hub_address, str(server.getsockname()[1])]
        with faults.cut_off(cluster, "node1"):
            assert cluster.exec("node1", ask, "alice").returncode != 0
            assert cluster.exec("node2", ask, "alice").returncode == 0
        assert cluster.exec("node1", ask, "alice").returncode == 0


def test_clock_skewed(cluster: Cluster, ssh: Ssh) -> None:
    print_time = ["python3", "-c", "import time; print(int(time.time()))"]
    right = int(cluster.run("node2", print_time))
    with faults.clock_skewed(cluster, "node1", "-1h"):
        job = submit(ssh, f"{' '.join(print_time[:2])} '{print_time[2]}'", "--nodelist=node1")
        wait_for_end(cluster, job)
        assert abs(right - int(ssh(f"cat job-{job}.out").stdout) - 3600) < 60
    assert abs(int(cluster.run("node1", print_time)) - right) < 60


def test_time_limit(cluster: Cluster, ssh: Ssh) -> None:
    job = submit(ssh, "sleep 3600", "--time=10")
    wait_until(lambda: queued(ssh, job)["job_state"] == ["RUNNING"], 20, "it runs")
    faults.end_time_limit(cluster, job)
    assert queued(ssh, job)["end_time"]["number"] <= time.time() + 1  # Slurm looks every 30 s
