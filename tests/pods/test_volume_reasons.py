"""Why volumes keep a pod from starting: texts of Kubernetes 1.20 and 1.32."""

from typing import Any

import pytest

from rosetta_hub.resources.kubernetes.reasons import explain_scheduling
from rosetta_hub.resources.kubernetes.reports import build_report, explain_start

from .objects import ended, event, pod, waiting

Document = dict[str, Any]
CREATING = waiting("ContainerCreating")

SCHEDULING = [
    ('persistentvolumeclaim "home" not found', "the claim 'home' does not exist"),
    (
        '0/2 nodes are available: 2 persistentvolumeclaim "home" not found.',
        "the claim 'home' does not exist",
    ),
    ('persistentvolumeclaim "home" is being deleted', "the claim 'home' is being deleted"),
    (
        "0/2 nodes are available: 2 pod has unbound immediate PersistentVolumeClaims.",
        "a claim of the task has no volume yet",
    ),
    (
        "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption:"
        " 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
        "a claim of the task has no volume yet",
    ),
    (
        "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had volume node affinity conflict.",
        "1 can't use its storage",
    ),
]


@pytest.mark.parametrize(("reason", "text"), SCHEDULING)
def test_why_no_node_is_found(reason: str, text: str) -> None:
    assert text in explain_scheduling(reason)


MULTI_ATTACH = (
    'Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) rosetta-0-1-1'
)
MOUNTS = [
    ([event("FailedAttachVolume", MULTI_ATTACH)], "only one node can use at a time"),
    (
        [event("FailedMount", 'MountVolume.SetUp failed for volume "nfs" : mount failed: exit 32')],
        "node1 can't mount a storage yet: mount failed: exit 32",
    ),
    (
        [event("FailedMount", "Unable to attach or mount volumes: unmounted volumes=[a]")],
        "Starting on node1.",
    ),
    (
        [event("FailedMount", 'MountVolume.SetUp failed for volume "program" : secret "x" not f')],
        "Starting on node1.",
    ),
]


@pytest.mark.parametrize(("events", "text"), MOUNTS)
def test_why_a_node_has_not_mounted_them(events: list[Document], text: str) -> None:
    report = build_report(pod(CREATING), events, answers=False)
    assert report is not None
    assert report.state == "starting"
    assert text in report.message


def failed(status: Document, *events: Document) -> tuple[str | None, str]:
    """Reason and detail of a pod that fails."""
    report = build_report(pod(status), events, answers=False)
    assert report is not None
    assert report.state == "failed"
    return report.reason, report.detail


def test_a_directory_that_the_node_has_not() -> None:
    text = (
        'MountVolume.SetUp failed for volume "storage-0" : hostPath type check failed:'
        " /export/alice is not a directory"
    )
    reason, detail = failed(CREATING, event("FailedMount", text))
    assert (reason, detail) == ("storage_missing", "node1 has no directory /export/alice.")


def test_a_link_that_leads_out() -> None:
    text = 'failed to prepare subPath for volumeMount "storage-1" of container "task"'
    assert failed(waiting("CreateContainerConfigError", text))[0] == "storage_outside"


def test_a_directory_that_can_not_be_made() -> None:
    message = "Traceback\nPermissionError: [Errno 13] Permission denied: '/storages/storage-0/a'\n"
    maker = {"terminated": {"exitCode": 1, "reason": "Error", "message": message}}
    status = {**ended(), "initContainerStatuses": [{"name": "make-directories", "state": maker}]}
    reason, detail = failed(status)
    assert (reason, detail) == (
        "storage_denied",
        "Its directory can't be made: Permission denied.",
    )


def test_the_image_of_the_hubs_programs_that_is_missing() -> None:
    state = {"waiting": {"reason": "ErrImagePull", "message": "not found"}}
    status = {
        **waiting("PodInitializing"),
        "initContainerStatuses": [{"name": "make-directories", "state": state}],
    }
    text = 'Failed to pull image "python:0": rpc error: code = NotFound ... not found'
    reason, detail = failed(status, event("Failed", text))
    assert reason == "storage_unavailable"
    assert "python:0" in detail


def test_why_a_pod_of_files_does_not_run() -> None:
    condition = {"type": "PodScheduled", "message": "0/1 nodes are available: 1 Insufficient cpu."}
    unplaced = pod({"phase": "Pending", "conditions": [condition]}, nodeName=None)
    assert "too few free cores" in explain_start(unplaced, ())
    assert "one node can use" in explain_start(pod(CREATING), MOUNTS[0][0])
