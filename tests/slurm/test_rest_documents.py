"""Documents of slurmrestd, sent and read (see recorded/README.md)."""

import json
from typing import Any

import pytest

from rosetta_hub.resources.inventory import Partition, SchedulerAccount
from rosetta_hub.resources.slurm.inventory import Accounting, build_inventory
from rosetta_hub.resources.slurm.rest_documents import (
    build_submission,
    number,
    read_account_tree,
    read_accounts,
    read_cluster,
    read_end,
    read_job_id,
    read_jobs,
    read_nodes,
    read_partitions,
    read_qos,
)
from rosetta_hub.resources.wms import JobEnd, JobRequest, JobState

from .test_commands import EVERYTHING
from .test_parse import at, recorded

GIB = 1 << 30


def document(name: str) -> dict[str, Any]:
    return dict(json.loads(recorded(f"rest-{name}.json")))


def set_to(value: int) -> dict[str, object]:
    return {"set": True, "infinite": False, "number": value}


FIXED = {
    "name": "rosetta-0123abcd-9f-1",
    "script": "#!/bin/sh\n",
    "environment": ["PATH=/usr/local/bin:/usr/bin:/bin"],
    "current_working_directory": "/",
    "standard_output": "/dev/null",
    "standard_error": "/dev/null",
    "kill_warning_signal": "TERM",
    "kill_warning_flags": ["BATCH_JOB"],
    "kill_warning_delay": set_to(60),
    "requeue": True,
    "minimum_nodes": 1,
    "maximum_nodes": 1,
    "tasks": 1,
}


def test_submission_with_everything() -> None:
    assert build_submission(EVERYTHING, "#!/bin/sh\n") == {
        "job": {
            **FIXED,
            "cpus_per_task": 32,
            "memory_per_node": set_to(1537),
            "time_limit": set_to(3065),
            "partition": "gpu",
            "account": "science",
            "qos": "high",
            "tres_per_node": "gres/gpu:a100:2",
            "constraints": "avx512&ib",
            "reservation": "course",
        }
    }


def test_submission_with_the_defaults_of_the_cluster() -> None:
    request = JobRequest(name="rosetta-0123abcd-9f-1")
    assert build_submission(request, "#!/bin/sh\n") == {"job": FIXED}


def test_jobs() -> None:
    jobs = {job.name: job for job in read_jobs(document("jobs"))}
    run = jobs["rosetta-0123abcd-run-1"]
    assert (run.id, run.user, run.state, run.node) == ("38", "alice", JobState.RUNNING, "node2")
    assert (run.ends_at, run.expected_start, run.reason) == (at(22, 57, 6), None, "")
    waiting = jobs["rosetta-0123abcd-res-1"]
    assert (waiting.state, waiting.reason) == (JobState.PENDING, "Resources")
    assert waiting.expected_start == at(21, 27, 8)
    suspended = jobs["rosetta-0123abcd-sus-1"]
    assert (suspended.state, suspended.scheduler_state) == (JobState.RUNNING, "SUSPENDED")
    value = jobs["rosetta-0123abcd-rqh-1"]
    assert (value.state, value.reason) == (JobState.PENDING, "JobHeldUser")
    assert value.expected_start is None
    assert jobs["rosetta-e-node"].state is JobState.ENDED
    assert jobs["bobs|job"].user == "bob"


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("admin", JobEnd("cancelled", "CANCELLED", 0, "node1", by="root")),
        ("failed", JobEnd("exited", "FAILED", 3, "node1")),
        ("node", JobEnd("node_failure", "NODE_FAIL", 1, "node1")),
        ("preempted", JobEnd("preempted", "PREEMPTED", 0, "node2")),
        ("running", None),
        ("timeout", JobEnd("time_limit", "TIMEOUT", 0, "node1")),
    ],
)
def test_ends(name: str, end: JobEnd | None) -> None:
    assert read_end(document(f"end-{name}")) == end


def test_end_that_the_controller_shows() -> None:
    (failed,) = (job for job in document("jobs")["jobs"] if job["name"] == "rosetta-e-node")
    assert read_end({"jobs": [failed]}) == JobEnd("node_failure", "NODE_FAIL", 129, "node1")
    assert read_end({"jobs": []}) is None


def test_inventory() -> None:
    associations = document("associations")
    cluster = read_cluster(document("partitions"))
    accounting = Accounting(
        read_accounts(associations, "alice", cluster),
        read_qos(document("qos")),
        read_account_tree(associations, cluster),
    )
    limits, nodes = read_partitions(document("partitions")), read_nodes(document("nodes"))
    inventory = build_inventory(limits, nodes, accounting)
    main = inventory.partitions[0]
    assert main == Partition(
        name="main",
        state="up",
        max_time=7 * 86400,
        max_cpus=64,
        max_memory=256 * GIB,
        cpus_total=128,
        cpus_idle=63,
        nodes_total=2,
        gpus=main.gpus,
        features=("amd", "avx2", "intel"),
    )
    (gpu,) = main.gpus
    assert (gpu.type, gpu.total, gpu.idle, gpu.per_node) == ("tesla", 2, 1, 2)
    assert [partition.state for partition in inventory.partitions] == [
        "up",
        "up",
        "down",
        "up",
        "up",
        "up",
    ]
    assert (
        SchedulerAccount(name="physics", default=True, qos=("debug", "long", "normal"))
        in inventory.accounts
    )
    assert [account.name for account in inventory.accounts] == ["astro", "empty", "physics", "sub"]
    assert [(item.name, item.max_time, item.max_cpus) for item in inventory.qos] == [
        ("normal", None, None),
        ("long", 172800, None),
        ("debug", 1800, 8),
    ]
    assert list(accounting.line("sub")) == ["sub", "physics", "root"]


def test_drained_node_is_not_idle() -> None:
    drained = document("nodes")
    for node in drained["nodes"]:
        node["state"] = ["IDLE", "DRAIN"]
    nodes = read_nodes(drained)
    assert {item.in_use for item in nodes} == {False}
    assert {item.cpus_idle for item in nodes} == {0}


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (set_to(7), 7),
        ({"set": False, "infinite": True, "number": 0}, None),
        ({"set": False, "infinite": False, "number": 0}, None),
        (7, 7),
        (None, None),
    ],
)
def test_numbers(value: object, read: int | None) -> None:
    assert number(value) == read


@pytest.mark.parametrize("answer", [{"job_id": 0}, {"job_id": "7"}, {"job_id": None}])
def test_what_is_no_id(answer: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="id of a job"):
        read_job_id(answer)


@pytest.mark.parametrize(
    ("ran", "cause"), [(3510, "time_limit"), (1200, "exited")], ids=["at its limit", "before"]
)
def test_end_at_a_limit_that_was_changed(ran: int, cause: str) -> None:
    def set_to(value: int) -> dict[str, object]:
        return {"set": True, "infinite": False, "number": value}

    code = {"return_code": set_to(0), "signal": {"id": set_to(0)}}
    job = {"exit_code": code, "nodes": "node1"}
    times = {"time_limit": set_to(60), "start_time": set_to(1000), "end_time": set_to(1000 + ran)}
    accounted = {"state": {"current": ["COMPLETED"]}, "time": {"limit": set_to(60), "elapsed": ran}}
    for ended in ({"job_state": ["COMPLETED"], **times}, accounted):
        end = read_end({"jobs": [{**job, **ended}]})
        assert end is not None
        assert end.cause == cause
