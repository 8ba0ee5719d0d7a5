"""What Slurm answered, read (see recorded/README.md)."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from rosetta_hub.resources.slurm.parse import (
    first_node,
    parse_config,
    parse_end,
    parse_ended,
    parse_fields,
    parse_queue,
    parse_shown_job,
    parse_submitted,
    parse_time,
)
from rosetta_hub.resources.slurm.reasons import waiting_message
from rosetta_hub.resources.slurm.states import exit_status, job_state
from rosetta_hub.resources.wms import Job, JobEnd, JobRequest, JobState

RECORDED = Path(__file__).with_name("recorded")


def recorded(name: str, version: str = "24.11") -> str:
    return (RECORDED / version / name).read_text()


def at(hour: int, minute: int, second: int) -> datetime:
    return datetime(2026, 11, 20, hour, minute, second, tzinfo=UTC)


@pytest.fixture
def queue() -> dict[str, Job]:
    """The recorded jobs, by the part of their name that says what they are."""
    jobs = parse_queue(recorded("squeue.txt"), "c0ffee")
    return {job.name.split("-")[2] if job.name.count("-") > 2 else job.name: job for job in jobs}


def test_running_job(queue: dict[str, Job]) -> None:
    assert queue["run"] == Job(
        id="10",
        name="rosetta-0123abcd-run-1",
        user="alice",
        state=JobState.RUNNING,
        scheduler_state="RUNNING",
        partition="main",
        node="node2",
        ends_at=at(22, 49, 49),
    )


def test_waiting_job(queue: dict[str, Job]) -> None:
    assert queue["res"] == Job(
        id="12",
        name="rosetta-0123abcd-res-1",
        user="alice",
        state=JobState.PENDING,
        scheduler_state="PENDING",
        reason="Resources",
        partition="main",
        expected_start=at(21, 19, 51),
    )


@pytest.mark.parametrize(
    ("what", "reason", "begins"),
    [
        ("pri", "Priority", "Waits for its turn in `main`"),
        ("clo", "PartitionDown", "Waits because `closed` is closed"),
        ("sho", "PartitionTimeLimit", "Will not start: `short` does not allow that much time"),
        ("emp", "AssocGrpCPUMinutesLimit", "Waits because the account `empty` has no balance"),
        ("hol", "JobHeldUser", "Held. Release it on the cluster with `scontrol release 17`"),
        ("adm", "JobHeldAdmin", "Held by the administrators"),
        ("dep", "Dependency", "Waits for another job to end"),
        ("beg", "BeginTime", "Waits for its start time"),
        ("rqh", "job requeued in held state", "Held after it was put back into the queue"),
        ("dbg", "QOSMaxCpuPerUserLimit", "Waits because the limit of cores of its QoS"),
    ],
)
def test_reasons(queue: dict[str, Job], what: str, reason: str, begins: str) -> None:
    job = queue[what]
    assert (job.state, job.reason) == (JobState.PENDING, reason)
    assert waiting_message(job, JobRequest(job.name, account="empty")).startswith(begins)


def test_held_jobs_have_no_expected_start(queue: dict[str, Job]) -> None:
    assert queue["rqh"].expected_start is None
    assert queue["beg"].expected_start == at(21, 49, 50)


def test_suspended_job_is_on_its_node(queue: dict[str, Job]) -> None:
    job = queue["sus"]
    assert (job.state, job.scheduler_state, job.node) == (JobState.RUNNING, "SUSPENDED", "node2")


def test_names_that_look_like_lines(queue: dict[str, Job]) -> None:
    assert queue["bobs|job"].user == "bob"
    assert queue["x"].id == "20"
    assert "7" not in [job.id for job in queue.values()]


def test_older_queue() -> None:
    jobs = parse_queue(recorded("squeue.txt", "18.08"), "c0ffee")
    assert [(job.id, job.state, job.node) for job in jobs] == [
        ("101", JobState.PENDING, None),
        ("102", JobState.PENDING, None),
        ("103", JobState.PENDING, None),
        ("104", JobState.RUNNING, "node3"),
        ("105", JobState.PENDING, "node4"),
    ]
    messages = [waiting_message(job, JobRequest(job.name, cpus=2)) for job in jobs]
    assert messages[0] == "Waits for 2 free cores in `main,gpu`."
    assert messages[1].startswith("Waits because the nodes that it could run on are down")
    assert messages[2].startswith("Held: the cluster could not start it.")
    assert messages[4] == "The node is being prepared."


def test_empty_queue_has_a_header() -> None:
    header = recorded("squeue.txt").splitlines()[0]
    assert parse_queue(header + "\n", "c0ffee") == []


@pytest.mark.parametrize(
    "text",
    ["", "\n", "slurm_load_jobs error", "decade|JOBID|STATE", "c0ffee|1|RUNNING", "c0ffee|JOB"],
)
def test_what_is_no_queue(text: str) -> None:
    with pytest.raises(ValueError, match="header"):
        parse_queue(text, "c0ffee")


def test_queue_that_ends_early() -> None:
    with pytest.raises(ValueError, match="ends early"):
        parse_queue(recorded("squeue.txt")[:200], "c0ffee")


@pytest.mark.parametrize(
    ("text", "job_id"),
    [("12\n", "12"), ("12;rosetta\n", "12"), ("Welcome!\nYou have mail.\n12\n", "12")],
)
def test_submitted(text: str, job_id: str) -> None:
    assert parse_submitted(text) == job_id


@pytest.mark.parametrize("text", ["", "Submitted batch job 12", "12 13", "-1", "12\nbye"])
def test_what_is_no_id(text: str) -> None:
    with pytest.raises(ValueError, match="id of a job"):
        parse_submitted(text)


ENDS = {
    "rosetta-e-oom": JobEnd("exited", "FAILED", 137, "node1"),
    "rosetta-e-failed": JobEnd("exited", "FAILED", 3, "node1"),
    "rosetta-e-done": JobEnd("exited", "COMPLETED", 0, "node1"),
    "rosetta-e-admin": JobEnd("cancelled", "CANCELLED", 0, "node1", by="0"),
    "rosetta-e-self": JobEnd("cancelled", "CANCELLED", 0, None, by="1001"),
    "rosetta-e-preempted": JobEnd("preempted", "PREEMPTED", 0, "node2"),
    "rosetta-e-node": JobEnd("node_failure", "NODE_FAIL", 1, "node1"),
    "rosetta-e-timeout2": JobEnd("time_limit", "TIMEOUT", 0, "node1"),
    "rosetta-e-timeout": None,  # requeued after its node had failed
    "rosetta-e-requeued": None,
}


@pytest.mark.parametrize("name", ENDS)
def test_ends_of_the_accounting(name: str) -> None:
    header, *lines = recorded("sacct.txt").splitlines()
    (line,) = (line for line in lines if line.endswith(f"|{name}"))
    assert parse_end(f"{header}\n{line}\n") == ENDS[name]


def test_states_that_the_cluster_did_not_show() -> None:
    header = recorded("sacct.txt").splitlines()[0]
    for word, cause in (
        ("OUT_OF_MEMORY", "out_of_memory"),
        ("BOOT_FAIL", "node_failure"),
        ("DEADLINE", "time_limit"),
        ("REVOKED", "unknown"),
    ):
        ended = parse_end(f"{header}\n7|{word}|0:125|alice|main|node1|a\n")
        assert ended is not None
        assert (ended.cause, ended.scheduler_state) == (cause, word)


def test_job_that_the_accounting_does_not_know() -> None:
    assert parse_end(recorded("sacct.txt").splitlines()[0] + "\n") is None


@pytest.mark.parametrize("text", ["", "sacct: error\n", "JobID|State\n7|TIMEOUT\n"])
def test_what_is_no_accounting(text: str) -> None:
    with pytest.raises(ValueError, match=r"header|columns"):
        parse_end(text)


def test_jobs_of_the_accounting() -> None:
    jobs = {job.name: job for job in parse_ended(recorded("sacct.txt"))}
    assert jobs["rosetta-e-node"] == Job(
        id="36",
        name="rosetta-e-node",
        user="alice",
        state=JobState.ENDED,
        scheduler_state="NODE_FAIL",
        partition="main",
        node="node1",
    )
    assert jobs["rosetta-e-admin"].scheduler_state == "CANCELLED"
    assert jobs["rosetta-e-requeued"].state is JobState.RUNNING


def test_ends_that_the_controller_shows() -> None:
    lines = recorded("shown-jobs.txt").splitlines()
    ends = {parse_fields(line)["JobName"]: parse_shown_job(line) for line in lines}
    assert ends["rosetta-e-timeout"] is None
    assert ends["rosetta-e-timeout2"] == JobEnd("time_limit", "TIMEOUT", 143, "node1")
    assert ends["rosetta-e-oom"] == JobEnd("exited", "FAILED", 137, "node1")
    assert ends["rosetta-e-admin"] == JobEnd("cancelled", "CANCELLED", 143, "node1")
    assert ends["rosetta-e-node"] == JobEnd("node_failure", "NODE_FAIL", 129, "node1")


def test_config() -> None:
    config = parse_config(recorded("config.txt"))
    assert (config.cluster, config.private_jobs) == ("rosetta", False)
    private = recorded("config.txt").replace("= none", "= accounts,jobs,usage")
    assert parse_config(private).private_jobs


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("node1", "node1"),
        ("node[03-05,9],gpu1", "node03"),
        ("rack[1-2]-node[7-8]", "rack1-node[7-8]"),
        ("node[4,6]", "node4"),
        ("", None),
        ("(null)", None),
        ("None assigned", None),
    ],
)
def test_first_node(text: str, node: str | None) -> None:
    assert first_node(text) == node


@pytest.mark.parametrize(
    ("text", "status"), [("0:0", 0), ("3:0", 3), ("0:9", 137), ("1:15", 143), ("", None)]
)
def test_exit_status(text: str, status: int | None) -> None:
    assert exit_status(text) == status


@pytest.mark.parametrize("text", ["N/A", "Unknown", "NONE", ""])
def test_times_that_are_not_known(text: str) -> None:
    assert parse_time(text) is None


def test_words_that_are_not_known_are_no_end() -> None:
    assert job_state("DREAMING", on_a_node=True) is JobState.RUNNING
    assert job_state("DREAMING", on_a_node=False) is JobState.PENDING


@pytest.mark.parametrize(
    ("ran", "limit", "cause"),
    [
        ("00:58:30", "01:00:00", "time_limit"),
        ("1-00:00:00", "1-00:01:00", "time_limit"),
        ("00:20:00", "01:00:00", "exited"),
        ("00:20:00", "UNLIMITED", "exited"),
    ],
)
def test_end_at_a_limit_that_was_changed(ran: str, limit: str, cause: str) -> None:
    text = f"JobId=7 JobName=a JobState=COMPLETED ExitCode=0:0 RunTime={ran} TimeLimit={limit}"
    shown_job = parse_shown_job(text)
    assert shown_job is not None
    assert shown_job.cause == cause
