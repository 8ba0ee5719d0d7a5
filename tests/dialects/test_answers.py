"""Tables: recorded answers of real schedulers (recorded/README.md says whose)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rosetta_hub.access import Completed
from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.resources.dialects.batch_wms import DIALECTS
from rosetta_hub.resources.inventory import Partition
from rosetta_hub.resources.wms import JobEnd

RECORDED = Path(__file__).parent / "recorded"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)

JOBS = {
    "sge": [
        ("2", "rosetta-aaaaaaaa-bbbbbbbbbbbb-1", "alice", "running", "", "main.q", "sgehost"),
        ("8", "waits", "alice", "pending", "Priority", "", None),
        ("5", "held", "alice", "pending", "JobHeld", "", None),
        ("12", "eqw", "alice", "pending", "JobError", "", None),
    ],
    "torque": [
        ("72.c0", "vasp", "alice", "running", "", "master", "node01.example.org"),
        ("73.c0", "stage", "bob", "pending", "Priority", "serial", None),
        ("74.c0", "held", "bob", "pending", "JobHeld", "serial", None),
        ("75.c0", "suspended", "bob", "running", "", "serial", "node02"),
        ("76.c0", "over", "joe", "ended", "", "shortrun", "comp014"),
    ],
    "pbs": [
        ("1008.pbs1", "ntest", "alice", "running", "", "atom-sim", "node001"),
        (
            "1009.pbs1",
            "waits",
            "bob",
            "pending",
            "Insufficient amount of resource: ncpus (R: 64 A: 12 T:128)",
            "workq",
            None,
        ),
        ("157.pbs1", "held", "bob", "pending", "JobHeld", "workq", None),
        ("900.pbs1", "over", "bob", "ended", "", "workq", "node002"),
    ],
    "moab": [
        ("2513269", "myname", "alice", "running", "", "long", "node832.example.org"),
        ("12345", "jobG", "bob", "pending", "BatchHold", "short", None),
        ("11579", "waits", "bob", "pending", "Priority", "batch", None),
    ],
    "lsf": [
        ("806290", "runs", "alice", "running", "", "batch", "tbi-cn019"),
        ("806291", "waits", "alice", "pending", "New job is waiting for scheduling", "batch", None),
        ("58652", "hold_job", "bob", "pending", "JobHeld", "batch", None),
        ("22005", "done", "bob", "ended", "", "short-dmg", "tbi-cn019"),
        ("22006", "killed", "bob", "ended", "", "short-dmg", "tbi-cn019"),
    ],
    "condor": [
        ("101", "rosetta-one", "alice", "running", "", "", "cpu1.example.org"),
        (
            "102",
            "rosetta-two",
            "alice",
            "pending",
            "Error from slot1@w2: Transfer output files failure",
            "",
            None,
        ),
        ("103", "", "bob", "pending", "Priority", "", None),
    ],
}
FORMS = {"sge": "xml", "torque": "xml", "pbs": "txt", "moab": "xml", "lsf": "json"}


def read(name: str) -> str:
    return (RECORDED / name).read_text()


def jobs_text(name: str) -> str:
    return read(f"{name}-jobs.{FORMS.get(name, 'json')}")


@pytest.mark.parametrize("name", DIALECTS)
def test_jobs(name: str) -> None:
    jobs = DIALECTS[name]().parse_jobs(jobs_text(name), NOW)
    rows = [
        (job.id, job.name, job.user, job.state.value, job.reason, job.partition, job.node)
        for job in jobs
    ]
    assert rows == JOBS[name]


ENDS_AT = {
    "torque": datetime.fromtimestamp(1659970000 + 120 * 3600, UTC),
    "moab": datetime.fromtimestamp(1510331373 + 259200, UTC),
    "lsf": NOW + timedelta(seconds=1440 * 60 - 16038),
    "condor": datetime.fromtimestamp(1616890494 + 3600, UTC),
}


@pytest.mark.parametrize("name", DIALECTS)
def test_end_of_the_running_job(name: str) -> None:
    """None where the scheduler writes times without a time zone."""
    jobs = DIALECTS[name]().parse_jobs(jobs_text(name), NOW)
    assert jobs[0].ends_at == ENDS_AT.get(name)


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_half_an_answer_is_none(name: str, part: float) -> None:
    text = jobs_text(name)
    if name == "pbs":
        text = "Segmentation fault\n" + text
    with pytest.raises(ResourceUnavailable):
        DIALECTS[name]().parse_jobs(text[: int(len(text) * part)], NOW)


@pytest.mark.parametrize(
    ("name", "file", "job_id", "end"),
    [
        ("sge", "sge-accounts.txt", "2", JobEnd("cancelled", "100 : assumedly after job", 137)),
        (
            "sge",
            "sge-accounts.txt",
            "4",
            JobEnd("time_limit", "37  : qmaster enforced h_rt, h_cpu, or h_vmem limit", 137),
        ),
        ("sge", "sge-accounts.txt", "3", JobEnd("exited", "0", 3)),
        ("torque", "torque-jobs.xml", "76.c0", JobEnd("time_limit", "C", -11)),
        ("torque", "torque-jobs.xml", "72.c0", None),
        ("pbs", "pbs-jobs.txt", "900.pbs1", JobEnd("time_limit", "F", -29)),
        ("pbs", "pbs-jobs.txt", "1008.pbs1", None),
        ("moab", "moab-completed.xml", "11578", JobEnd("cancelled", "Removed", 271)),
        ("moab", "moab-completed.xml", "11577", JobEnd("exited", "Completed", 0)),
        ("moab", "moab-completed.xml", "1", None),
        ("lsf", "lsf-jobs.json", "22005", JobEnd("exited", "DONE", 0)),
        ("lsf", "lsf-jobs.json", "22006", JobEnd("cancelled", "EXIT", 130, by="bob")),
        ("lsf", "lsf-jobs.json", "806290", None),
        ("condor", "condor-history.json", "90", JobEnd("cancelled", "Removed", None, by="alice")),
        ("condor", "condor-history.json", "91", JobEnd("exited", "Completed", 7)),
        ("condor", "condor-history.json", "92", JobEnd("out_of_memory", "Removed")),
        ("condor", "condor-history.json", "93", JobEnd("preempted", "Removed")),
    ],
)
def test_ends(name: str, file: str, job_id: str, end: JobEnd | None) -> None:
    result = DIALECTS[name]().parse_end(read(file), job_id)
    if end is None or result is None:
        assert result is end
        return
    assert (result.cause, result.scheduler_state, result.exit_code, result.by) == (
        end.cause,
        end.scheduler_state,
        end.exit_code,
        end.by,
    )


def test_killed_after_its_whole_time_is_a_time_limit() -> None:
    """Old versions of Torque and PBS have no code of their own for it."""
    text = jobs_text("torque").replace("<exit_status>-11<", "<exit_status>271<")
    torque = DIALECTS["torque"]()
    end = torque.parse_end(text, "76.c0")
    assert end is not None
    assert end.cause == "cancelled"
    late = torque.parse_end(text.replace("00:00:07", "01:00:02"), "76.c0")
    assert late is not None
    assert late.cause == "time_limit"


@pytest.mark.parametrize(
    ("name", "file", "expected"),
    [
        (
            "torque",
            "torque-queues.txt",
            (
                Partition(name="batch", state="up", max_time=48 * 3600),
                Partition(name="closed", state="inactive"),
            ),
        ),
        (
            "lsf",
            "lsf-queues.txt",
            (
                Partition(name="admin", state="up"),
                Partition(name="priority", state="up"),
                Partition(name="night", state="inactive"),
                Partition(name="old", state="inactive"),
            ),
        ),
    ],
)
def test_queues(name: str, file: str, expected: tuple[Partition, ...]) -> None:
    assert DIALECTS[name]().parse_queues(read(file)) == expected


@pytest.mark.parametrize(
    ("name", "text", "job_id"),
    [
        (
            "torque",
            "qsub: a message of the site\n1234.server.example.org\n",
            "1234.server.example.org",
        ),
        ("torque", "something else", ""),
        ("pbs", "157.pbs1\n", "157.pbs1"),
        ("moab", "\n12345\n", "12345"),
        ("moab", "\nMoab.12\n", "Moab.12"),
        ("moab", "ERROR:    no\n", ""),
        ("sge", "12\n", "12"),
        ("sge", "warning: no suitable queues\n", ""),
        (
            "lsf",
            "Cannot connect to LSF. Please wait ...\nJob <1815> is submitted to default queue <n>.",
            "1815",
        ),
        ("condor", "Submitting job(s).\n1 job(s) submitted to cluster 418.\n", "418"),
    ],
)
def test_job_ids(name: str, text: str, job_id: str) -> None:
    assert DIALECTS[name]().parse_job_id(text) == job_id


SGE_DOWN = (
    "error: commlib error: got select error (Connection refused)\nunable to send message to qmaster"
    ' using port 6444 on host "sgehost": got send error'
)


@pytest.mark.parametrize(
    ("name", "answer", "silent", "unknown"),
    [
        ("sge", Completed(1, "", SGE_DOWN), True, False),
        ("sge", Completed(1, "", "error: job id 999 not found"), False, True),
        ("sge", Completed(1, "", "Following jobs do not exist: \n999"), False, True),
        ("sge", Completed(1, 'denied: job "999" does not exist\n', ""), False, True),
        ("torque", Completed(153, "", "qstat: Unknown Job Id Error 7.c0"), False, True),
        ("pbs", Completed(35, "", "qstat: 1008.c2 Job has finished, use -x or -H to"), False, True),
        ("pbs", Completed(2, "", "pbs_iff: cannot connect to host\npbs_iff: all"), True, False),
        ("pbs", Completed(2, "", "qstat: Invalid credential"), True, False),
        ("lsf", Completed(255, "", "Cannot connect to LSF. Please wait ..."), True, False),
        (
            "lsf",
            Completed(0, "Job <1> is submitted.", "LSF is down. Please wait ..."),
            False,
            False,
        ),
        ("condor", Completed(1, "", "Couldn't find/remove all jobs in cluster 7."), False, True),
        ("condor", Completed(1, "", "-- Failed to fetch ads from: <1.2.3.4:9618>"), True, False),
        ("moab", Completed(127, "", "sh: mdiag: not found"), True, False),
    ],
)
def test_could_not_ask_is_not_gone(
    name: str, answer: Completed, silent: bool, unknown: bool
) -> None:
    dialect = DIALECTS[name]()
    assert dialect.is_no_answer(answer) is silent
    assert dialect.is_no_job(answer) is unknown
