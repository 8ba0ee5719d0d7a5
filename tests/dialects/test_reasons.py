"""Why a job waits, in the words of each scheduler."""

from pathlib import Path

import pytest

from rosetta_hub.catalogue.queue_request import QueueRequest
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task
from rosetta_hub.keys import Keys
from rosetta_hub.resources.resource_builder import ResourceBuilder
from rosetta_hub.resources.wms import Job, JobState
from rosetta_hub.tunnels.client import TunnelsClient
from rosetta_hub.users.identities import Identities
from tests.support.databases import open_sqlite

TASK = Task(id="0" * 12, attempt=1, cpus=1, memory=None, request=QueueRequest().model_dump())


def why(directory: Path, wms: str, reason: str, state: str = "") -> str:
    """The message on the page of a task on such a resource, as the service builds it."""
    resource = {
        "id": "cluster",
        "name": "Cluster",
        "access_mode": "ssh",
        "wms": wms,
        "container_engines": ["singularity"],
        "conf": {"host": "login"},
    }
    settings, keys = Rosetta(state_dir=str(directory), computing=[resource]), Keys(directory)
    database = open_sqlite(directory)
    identities = Identities(database, keys, settings)
    tunnels = TunnelsClient(directory / "tunnels.sock")
    queue = ResourceBuilder(settings, keys, identities, tunnels).build().queues["cluster"]
    job = Job("7", "rosetta-1", "alice", JobState.PENDING, state, reason, partition="short")
    database.close()
    return queue.why(job, TASK)


@pytest.mark.parametrize(
    ("wms", "reason", "message"),
    [
        (
            "lsf",
            "Job dependency condition not satisfied",
            "Waits in `short`. The scheduler says: Job dependency condition not satisfied.",
        ),
        (
            "pbs",
            "Insufficient amount of resource: ncpus (R: 64 A: 12 T:128)",
            "Waits in `short`. The scheduler says: Insufficient amount of resource: ncpus"
            " (R: 64 A: 12 T:128).",
        ),
        ("pbs", "JobHeld", "Held. Release job 7 on the cluster, or stop the task."),
        ("torque", "BeginTime", "Waits for its start time."),
        ("lsf", "Priority", "Waits for its turn in `short`."),
        (
            "sge",
            "JobError",
            "Held: the cluster could not start it. Ask its administrators, or stop the task and"
            " start another one.",
        ),
        (
            "moab",
            "BatchHold",
            "Held by the scheduler. Ask the administrators of the cluster to release job 7.",
        ),
        (
            "slurm",
            "JobHeldAdmin",
            "Held by the administrators of the cluster. Ask them to release it.",
        ),
    ],
)
def test_reason(tmp_path: Path, wms: str, reason: str, message: str) -> None:
    assert why(tmp_path, wms, reason) == message


def test_hold_with_its_reason(tmp_path: Path) -> None:
    reason = "via condor_hold (by user alice)"
    assert why(tmp_path, "condor", reason, "Held") == f"Held. The scheduler says: {reason}."
