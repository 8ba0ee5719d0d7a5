"""Slurm: jobs, partitions, accounts, and how jobs end."""

import json
from typing import Any

import pytest

from tests.support.cluster import Cluster, wait_until
from tests.support.cluster_faults import node_taken

from .conftest import Ssh

pytestmark = pytest.mark.usefixtures("_quiet")


def submit(ssh: Ssh, script: str, *options: str) -> str:
    """The number of a new job of alice, whose script comes on standard input."""
    words = " ".join(options)
    result = ssh(f"sbatch --parsable --output=job-%j.out {words}", stdin=f"#!/bin/sh\n{script}\n")
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def accounting(cluster: Cluster, job: str) -> dict[str, str]:
    fields = ("State", "ExitCode", "NodeList", "AllocTRES")
    ask = ["sacct", "-X", "-P", "-n", f"-j{job}", "--duplicates", f"--format={','.join(fields)}"]
    lines = cluster.run("login", ask, "alice").splitlines() or [""]
    return dict(zip(fields, lines[-1].split("|"), strict=False))


def wait_for_end(cluster: Cluster, job: str) -> dict[str, str]:
    """Its accounting once it has ended."""
    running = ("", "PENDING", "RUNNING", "COMPLETING", "REQUEUED")
    wait_until(lambda: accounting(cluster, job)["State"] not in running, 40, f"{job} ends")
    return accounting(cluster, job)


def queued(ssh: Ssh, job: str) -> dict[str, Any]:
    jobs = json.loads(ssh("squeue --json").stdout)["jobs"]
    return next((item for item in jobs if str(item["job_id"]) == job), {})


def wait_for_reason(ssh: Ssh, job: str, reason: str) -> None:
    wait_until(lambda: queued(ssh, job).get("state_reason") == reason, 20, reason)


@pytest.mark.parametrize(
    ("run", "user"), [("apptainer exec docker://", "1001"), ("docker run --rm ", "0")]
)
def test_a_job_runs_an_image_of_the_registry(
    cluster: Cluster, ssh: Ssh, run: str, user: str
) -> None:
    image = f"{cluster.registry}/rosetta-test/agent:latest"
    job = submit(ssh, f"hostname; {run}{image} sh -c 'test -x /bin/serve && id -u'")
    end = wait_for_end(cluster, job)
    output = ssh(f"cat job-{job}.out").stdout
    assert (end["State"], end["ExitCode"]) == ("COMPLETED", "0:0"), output
    assert (output.split()[0], output.split()[-1]) == (end["NodeList"], user)


def test_partitions(ssh: Ssh) -> None:
    listed = ssh("sinfo --noheader --format='%R %a %l %D %G'").stdout.splitlines()
    assert sorted(line.rstrip() for line in listed if not line.startswith("high ")) == [
        "closed down 1-00:00:00 1 (null)",
        "closed down 1-00:00:00 1 gpu:tesla:2",
        "gpu up 1-00:00:00 1 gpu:tesla:2",
        "low up 1-00:00:00 1 (null)",
        "low up 1-00:00:00 1 gpu:tesla:2",
        "main up 7-00:00:00 1 (null)",
        "main up 7-00:00:00 1 gpu:tesla:2",
        "short up 10:00 1 (null)",
        "short up 10:00 1 gpu:tesla:2",
    ]
    as_json = json.loads(ssh("sinfo --json").stdout)
    assert {item["partition"]["name"] for item in as_json["sinfo"]} >= {"main", "gpu"}


def test_a_job_gets_the_gpus_it_asked_for(cluster: Cluster, ssh: Ssh) -> None:
    job = submit(ssh, "echo $CUDA_VISIBLE_DEVICES", "--partition=gpu", "--gres=gpu:tesla:2")
    end = wait_for_end(cluster, job)
    assert "gres/gpu:tesla=2" in end["AllocTRES"]
    assert ssh(f"cat job-{job}.out").stdout == "0,1\n"
    refused = ssh("sbatch --partition=gpu --gres=gpu:tesla:3", stdin="#!/bin/sh\n")
    assert "Requested node configuration is not available" in refused.stderr


def test_what_waits_says_why(cluster: Cluster, ssh: Ssh) -> None:
    closed = submit(ssh, "true", "--partition=closed")
    poor = submit(ssh, "true", "--account=empty")
    result = submit(ssh, "true", "--hold")
    wait_for_reason(ssh, closed, "PartitionDown")
    wait_for_reason(ssh, poor, "AssocGrpCPUMinutesLimit")
    wait_for_reason(ssh, result, "JobHeldUser")
    with node_taken(cluster, "node1"), node_taken(cluster, "node2"):
        large = submit(ssh, "true", "--cpus-per-task=64")
        wait_until(lambda: queued(ssh, large)["state_reason"] in ("Resources", "Priority"), 20, "")
    cluster.scontrol("release", result)
    assert wait_for_end(cluster, result)["State"] == "COMPLETED"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--partition=nowhere", "invalid partition"),
        ("--account=nobody", "Invalid account or account/partition combination"),
        ("--qos=gold", "Invalid qos specification"),
        ("--account=astro --qos=long", "Invalid qos specification"),
        ("--cpus-per-task=65", "CPU count per node can not be satisfied"),
        ("--constraint=sparc", "Invalid feature specification"),
    ],
)
def test_what_cannot_be_is_refused(ssh: Ssh, option: str, message: str) -> None:
    result = ssh(f"sbatch {option}", stdin="#!/bin/sh\n")
    assert result.returncode != 0
    assert message in result.stderr


def test_accounts_and_qos(ssh: Ssh) -> None:
    ask = "sacctmgr -nP show assoc user=alice format=Account,QOS"
    assert dict(line.split("|") for line in ssh(ask).stdout.split()) == {
        "physics": "debug,long,normal",
        "astro": "debug,normal",
        "empty": "normal",
    }
    default = ssh("sacctmgr -nP show user alice format=DefaultAccount").stdout
    assert default == "physics\n"


def test_out_of_memory(cluster: Cluster, ssh: Ssh) -> None:
    job = submit(ssh, "python3 -c 'x = bytearray(200 << 20)'", "--mem=50M")
    end = wait_for_end(cluster, job)
    assert (end["State"], end["ExitCode"]) == ("OUT_OF_MEMORY", "0:125")


def test_nothing_outlives_its_job(cluster: Cluster, ssh: Ssh) -> None:
    job = submit(ssh, "setsid sleep 86399 & sleep 0.5", "--nodelist=node1")
    wait_for_end(cluster, job)
    find = ["pgrep", "-f", "sleep 86399"]
    wait_until(lambda: cluster.exec("node1", find).returncode == 1, 10, "the process is gone")


def test_twenty_jobs_run_at_once(cluster: Cluster, ssh: Ssh) -> None:
    array = submit(ssh, "sleep 3600", "--array=1-20")
    count = f"squeue -h -r -t running -j {array} | wc -l"
    wait_until(lambda: ssh(count).stdout.strip() == "20", 30, "20 jobs run")
    assert ssh(f"scancel {array}").returncode == 0


def test_a_job_is_preempted_and_requeued(cluster: Cluster, ssh: Ssh) -> None:
    job = submit(ssh, "sleep 3600", "--partition=low", "--nodelist=node1")
    wait_until(lambda: queued(ssh, job)["job_state"] == ["RUNNING"], 20, "it runs")
    with node_taken(cluster, "node1"):
        wait_until(lambda: queued(ssh, job)["job_state"] == ["PENDING"], 30, "it waits again")
        assert queued(ssh, job)["restart_cnt"] == 1


def test_others_see_jobs_but_not_scripts(cluster: Cluster, ssh: Ssh) -> None:
    job = submit(ssh, "true", "--hold")
    assert job in cluster.run("login", ["squeue", "--noheader"], "bob")
    result = cluster.exec("login", ["scontrol", "write", "batch_script", job, "-"], "bob")
    assert result.stdout == ""
    assert "Invalid user id" in result.stderr
