"""What users read of a task."""

from datetime import timedelta
from typing import Any

import pytest

from rosetta_hub.database.models import DesiredState, Task, TaskState, utc_now
from rosetta_hub.tasks.liveness import unresponsive_since
from rosetta_hub.tasks.state_messages import message
from rosetta_hub.tasks.view import _job


def make_task(state: TaskState, **columns: Any) -> Task:
    row: dict[str, Any] = {
        "job_id": "25",
        "desired_state": DesiredState.RUN,
        "software": {"image_name": "echo", "image_tag": "1"},
        "message": "",
        "detail": "",
    }
    return Task(**{**row, "state": state, **columns})


@pytest.mark.parametrize("word", ["SUSPENDED", "USUSP", "S", "Suspended"])
def test_suspended_job_is_not_a_machine_that_is_down(word: str) -> None:
    long_ago = utc_now() - timedelta(hours=1)
    task = make_task(TaskState.RUNNING, job_state=word, last_heartbeat=long_ago)
    assert message(task, "Cluster") == (
        "Suspended on Cluster. It goes on when the scheduler resumes it."
    )
    assert unresponsive_since(task, 10) is None
    task.job_state = "RUNNING"
    assert unresponsive_since(task, 10) == long_ago


def test_image_that_has_arrived() -> None:
    task = make_task(TaskState.STARTING, progress_done=900, progress_total=900)
    assert message(task, "Cluster") == "The image has arrived on Cluster and is being unpacked."


@pytest.mark.parametrize(
    ("node", "detail", "begins"),
    [
        (
            "node1",
            "[Errno 28] No space left on device: '/tmp/rosetta-1/images/x.part'",
            "The disk of node1 (Cluster) is full: `/tmp/rosetta-1/images` has no room.",
        ),
        (None, "", "The disk of Cluster is full. Free"),
    ],
)
def test_full_disk_is_named(node: str | None, detail: str, begins: str) -> None:
    task = make_task(TaskState.FAILED, reason="disk_full", node=node, detail=detail)
    assert message(task, "Cluster").startswith(begins)


def test_job_of_a_task_that_has_ended_does_not_run() -> None:
    assert _job(make_task(TaskState.RUNNING, job_state="RUNNING")) is not None
    ended = _job(make_task(TaskState.STOPPED, job_state="RUNNING"))
    assert ended is not None
    assert (ended.id, ended.state) == ("25", None)
