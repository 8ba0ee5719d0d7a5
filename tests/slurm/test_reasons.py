"""Why a job waits, in words."""

import pytest

from rosetta_hub.resources.inventory import Partition
from rosetta_hub.resources.slurm.reasons import waiting_message
from rosetta_hub.resources.wms import Job, JobRequest, JobState

REQUEST = JobRequest("rosetta-1", cpus=64, partition="main", account="science", qos="high")


def waits(reason: str, request: JobRequest = REQUEST, state: str = "PENDING") -> str:
    job = Job("7", "rosetta-1", "alice", JobState.PENDING, state, reason, partition="main")
    return waiting_message(job, request)


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("", "Waits in `main`; the scheduler has not looked at it yet."),
        ("Priority", "Waits for its turn in `main`: others come first."),
        (
            "JobHeldUser",
            "Held. Release it on the cluster with `scontrol release 7`, or stop it.",
        ),
        (
            "JobHeldAdmin",
            "Held by the administrators of the cluster. Ask them to release it.",
        ),
        ("PartitionInactive", "Waits because `main` is closed at present."),
        (
            "PartitionTimeLimit",
            "Will not start: `main` does not allow that much time. Stop it and ask for less.",
        ),
        (
            "ReqNodeNotAvail, UnavailableNodes:node[1-3]",
            "Waits because the nodes that it could run on are down, or reserved for maintenance"
            " or others.",
        ),
        (
            "launch failed requeued held",
            "Held: the cluster could not start it. Ask its administrators, or stop it and start"
            " another one.",
        ),
        (
            "AssocGrpCPUMinutesLimit",
            "Waits because the account `science` has no balance left: what it may use is used up.",
        ),
        (
            "AssocGrpBillingMinutes",
            "Waits because the account `science` has no balance left: what it may use is used up.",
        ),
        (
            "QOSGrpCpuLimit",
            "Waits because the limit of cores of the QoS `high` is reached: others have to end"
            " first.",
        ),
        (
            "QOSMaxJobsPerUserLimit",
            "Waits because the limit of jobs at a time of the QoS `high` is reached: others have"
            " to end first.",
        ),
        (
            "AssocMaxJobsLimit",
            "Waits because the limit of jobs at a time of the account `science` is reached: others"
            " have to end first.",
        ),
        (
            "QOSMaxCpuPerUserLimit",
            "Waits because the limit of cores of the QoS `high` is reached: others have to end"
            " first.",
        ),
        (
            "QOSMaxWallDurationPerJobLimit",
            "Will not start: it asks for more time than the QoS `high` allows. Stop it and ask for"
            " less.",
        ),
        (
            "QOSMinGRES",
            "Will not start: the QoS `high` is for tasks that ask for more GPUs.",
        ),
        (
            "AssocGrpCPURunMinutesLimit",
            "Waits because the limit of cores of the account `science` is reached: others have to"
            " end first.",
        ),
        ("WaitingForGodot", "Waits in `main` (Slurm: WaitingForGodot)."),
    ],
)
def test_reasons(reason: str, message: str) -> None:
    assert waits(reason) == message


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (REQUEST, "Waits for 64 free cores in `main`."),
        (JobRequest("a", cpus=1), "Waits for 1 free core in `main`."),
        (JobRequest("a"), "Waits for free nodes in `main`."),
        (
            JobRequest("a", cpus=8, gpus=2, gpu_type="a100"),
            "Waits for 2 free GPUs (a100) and 8 free cores in `main`.",
        ),
    ],
)
def test_resources(request_: JobRequest, message: str) -> None:
    assert waits("Resources", request_) == message


def test_resources_with_what_is_free() -> None:
    job = Job("7", "rosetta-1", "alice", JobState.PENDING, "PENDING", "Resources", partition="main")
    partition = Partition(name="main", state="up", cpus_total=256, cpus_idle=12)
    assert waiting_message(job, REQUEST, partition) == (
        "Waits for 64 free cores in `main`; of 256 cores there, 12 are free."
    )


def test_states_that_say_more_than_the_reason() -> None:
    assert waits("None", state="CONFIGURING") == "The node is being prepared."
    assert "scontrol release 7" in waits("JobHeldAdmin", state="REQUEUE_HOLD")
