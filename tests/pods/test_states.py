"""Pods as jobs, and how they end."""

from datetime import UTC, datetime

import pytest

from rosetta_hub.resources.kubernetes.states import (
    build_end,
    build_job,
    find_end_in_events,
    image_digest,
)
from rosetta_hub.resources.wms import JobState

from .objects import NAME, NAMESPACE, UID, ended, event, pod, running, waiting

UNSCHEDULABLE = "0/3 nodes are available: 3 Insufficient memory."


def test_a_pod_without_a_node_waits_and_says_why() -> None:
    condition = {"type": "PodScheduled", "status": "False", "message": UNSCHEDULABLE}
    job = build_job(pod({"conditions": [condition]}, nodeName=None), NAMESPACE)
    assert (job.id, job.name, job.user) == (UID, NAME, NAMESPACE)
    assert (job.state, job.scheduler_state) == (JobState.PENDING, "Pending")
    assert (job.reason, job.node, job.ends_at) == (UNSCHEDULABLE, None, None)


def test_a_pod_with_a_node_runs_until_its_deadline() -> None:
    job = build_job(pod(running()), NAMESPACE)
    assert (job.state, job.scheduler_state, job.node) == (JobState.RUNNING, "Running", "node1")
    assert job.ends_at == datetime(2026, 11, 27, 10, 59, 58, tzinfo=UTC)


def test_the_word_of_a_container_that_waits_is_shown() -> None:
    assert build_job(pod(waiting("ImagePullBackOff")), NAMESPACE).scheduler_state == (
        "ImagePullBackOff"
    )


def test_a_pod_that_has_ended_is_not_queued_again() -> None:
    """A waiting job whose task runs would count as requeued."""
    failed = pod(ended(of_pod="NodeLost"), nodeName=None)
    assert build_job(failed, NAMESPACE).state is JobState.RUNNING


def test_a_deleted_pod_is_terminating() -> None:
    deleted = pod(running())
    deleted["metadata"]["deletionTimestamp"] = "2026-11-27T10:00:10Z"
    assert build_job(deleted, NAMESPACE).scheduler_state == "Terminating"


DISK = ("out_of_disk", None)


def evicted(message: str) -> dict[str, object]:
    """As a kubelet of 1.20 writes it."""
    return {**ended(of_pod="Evicted"), "message": message}


ENDS = [
    (ended(exitCode=137, reason="OOMKilled"), "out_of_memory", 137),
    ({**ended(), "reason": "DeadlineExceeded"}, "time_limit", None),
    (evicted("The node was low on resource: memory."), "evicted", None),
    (
        evicted("Pod ephemeral local storage usage exceeds the limit 50Mi."),
        *DISK,
    ),
    (evicted('Container task exceeded its local ephemeral storage limit "50Mi". '), *DISK),
    (evicted('Usage of EmptyDir volume "run" exceeds the limit "10Mi". '), *DISK),
    (ended(of_pod="Shutdown"), "node_failure", None),
    (ended(exitCode=3), "exited", 3),
    (ended("Succeeded", exitCode=0), "exited", 0),
]


@pytest.mark.parametrize(("status", "cause", "code"), ENDS)
def test_ends_are_told_apart(status: dict[str, object], cause: str, code: int | None) -> None:
    end = build_end(pod(status))
    assert end is not None
    assert (end.cause, end.exit_code, end.node) == (cause, code, "node1")


def test_a_pod_out_of_time_has_ended_although_its_container_still_runs() -> None:
    """So the API server says for a while: the phase comes first."""
    end = build_end(pod({**running(), "phase": "Failed", "reason": "DeadlineExceeded"}))
    assert end is not None
    assert end.cause == "time_limit"


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("PreemptionByScheduler", "preempted"),
        ("DeletionByTaintManager", "node_failure"),
        ("EvictionByEvictionAPI", "evicted"),
    ],
)
def test_newer_servers_say_who_disrupted_a_pod(reason: str, cause: str) -> None:
    condition = {"type": "DisruptionTarget", "status": "True", "reason": reason}
    end = build_end(pod({**ended(exitCode=143), "conditions": [condition]}))
    assert end is not None
    assert end.cause == cause


def test_a_running_pod_has_no_end() -> None:
    assert build_end(pod(running())) is None


@pytest.mark.parametrize(
    ("reasons", "cause"),
    [
        (["Scheduled", "Started", "Killing"], "cancelled"),
        (["Killing", "Preempted"], "preempted"),
        (["TaintManagerEviction", "Killing"], "node_failure"),
    ],
)
def test_events_tell_the_end_of_a_pod_that_is_gone(reasons: list[str], cause: str) -> None:
    end = find_end_in_events([event(reason) for reason in reasons])
    assert end is not None
    assert end.cause == cause
    assert find_end_in_events([event("Started")]) is None


def test_the_digest_of_the_image() -> None:
    digest = "sha256:" + "a" * 64
    status = running()
    status["containerStatuses"][0]["imageID"] = f"example.org/web@{digest}"
    assert image_digest(pod(status)) == digest
    # Imported by hand: only the id of its configuration is known.
    status["containerStatuses"][0]["imageID"] = digest
    assert image_digest(pod(status)) is None
