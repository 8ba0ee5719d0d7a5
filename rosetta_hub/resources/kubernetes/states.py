"""What a pod is doing and how it ended, from the documents of the API server (core/v1).

Pure tables; nobody is asked here.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from rosetta_hub.resources.kubernetes.pod import CONTAINER
from rosetta_hub.resources.wms import Cause, Job, JobEnd, JobState

Document = dict[str, Any]

# The state of a job whose pod somebody has deleted, in kubectl's word.
TERMINATING = "Terminating"
_ENDED = frozenset({"Succeeded", "Failed"})
# Reasons of the condition DisruptionTarget (Kubernetes 1.26 and newer).
_DISRUPTIONS: dict[str, Cause] = {
    "PreemptionByScheduler": "preempted",
    "DeletionByTaintManager": "node_failure",
    "DeletionByPodGC": "node_failure",
    "EvictionByEvictionAPI": "evicted",
    "TerminationByKubelet": "evicted",
}
# Reasons of a pod's end (`status.reason`).
_REASONS: dict[str, Cause] = {
    "DeadlineExceeded": "time_limit",
    "Evicted": "evicted",
    "NodeLost": "node_failure",
    "NodeShutdown": "node_failure",
    "Shutdown": "node_failure",
    "Terminated": "node_failure",
    "Preempting": "preempted",
    "UnexpectedAdmissionError": "node_failure",
}
# Reasons of events about a pod that is gone, the most telling first.
_GONE: dict[str, Cause] = {
    "Preempted": "preempted",
    "TaintManagerEviction": "node_failure",
    "Evicted": "evicted",
    "NodeNotReady": "node_failure",
    "Killing": "cancelled",
}
# What a kubelet writes where a pod has exceeded its own `ephemeral-storage`, or its `emptyDir`.
_OUT_OF_DISK = re.compile(r"(ephemeral local|local ephemeral) storage|usage of EmptyDir", re.I)


def has_ended(pod: Document) -> bool:
    """Whether the software's container does not run any more, nor will.

    Other containers of the pod, ours or those that a cluster adds, may go on.
    """
    return pod.get("status", {}).get("phase") in _ENDED or "terminated" in container_state(pod)


def has_started(pod: Document) -> bool:
    """Whether the software's container runs, or did.

    Other containers of the pod have nothing of the user's.
    """
    return has_ended(pod) or "running" in container_state(pod)


def is_terminating(pod: Document) -> bool:
    """Whether somebody has deleted it."""
    return bool(pod["metadata"].get("deletionTimestamp"))


def is_node_lost(pod: Document) -> bool:
    """Whether the cluster has not heard of the pod's node for some time; the pod may go on.

    The controllers then take its readiness, and leave that of its containers.
    """
    if pod["spec"].get("readinessGates"):
        return False
    is_ready = condition(pod, "Ready").get("status") == "True"
    return condition(pod, "ContainersReady").get("status") == "True" and not is_ready


def container_state(pod: Document, name: str = CONTAINER) -> Document:
    """`waiting`, `running` or `terminated` of a container, with what is known of it."""
    state: Document = _find_status(pod, name).get("state") or {}
    return state


def image_digest(pod: Document) -> str | None:
    """The digest of the image that runs, where the node knows it by one."""
    image = _find_status(pod, CONTAINER).get("imageID") or ""
    match = re.search(r"@(sha256:[0-9a-f]{64})$", image)
    return match[1] if match else None


def _find_status(pod: Document, name: str) -> Document:
    statuses = pod.get("status", {}).get("containerStatuses") or []
    return next((status for status in statuses if status.get("name") == name), {})


def condition(pod: Document, kind: str) -> Document:
    """The condition of that type; empty where there is none."""
    conditions = pod.get("status", {}).get("conditions") or []
    return next((condition for condition in conditions if condition.get("type") == kind), {})


def parse_time(text: str | None) -> datetime | None:
    """A time of the API server."""
    return datetime.fromisoformat(text) if text else None


def build_job(pod: Document, user: str) -> Job:
    """The pod as a job.

    It waits until a node has it. One that has ended still counts as running: its report, which
    knows more than its phase, ends the task.
    """
    metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status", {})
    node = spec.get("nodeName")
    started = parse_time(status.get("startTime"))
    limit = spec.get("activeDeadlineSeconds")
    waiting = container_state(pod).get("waiting") or {}
    word = TERMINATING if is_terminating(pod) else waiting.get("reason") or status.get("phase")
    return Job(
        id=metadata["uid"],
        name=metadata["name"],
        user=user,
        state=JobState.RUNNING if node or has_ended(pod) else JobState.PENDING,
        scheduler_state=str(word or "Pending"),
        reason="" if node else str(condition(pod, "PodScheduled").get("message") or ""),
        node=node,
        ends_at=started + timedelta(seconds=limit) if started and limit else None,
    )


def build_end(pod: Document) -> JobEnd | None:
    """How a pod ended; None while it has not."""
    if not has_ended(pod):
        return None
    status, node = pod["status"], pod["spec"].get("nodeName")
    terminated = container_state(pod).get("terminated") or {}
    exit_code = terminated.get("exitCode")
    if terminated.get("reason") == "OOMKilled":
        return JobEnd("out_of_memory", "OOMKilled", exit_code, node)
    disruption = condition(pod, "DisruptionTarget")
    if disruption.get("status") == "True" and disruption.get("reason") in _DISRUPTIONS:
        word = str(disruption["reason"])
        return JobEnd(_DISRUPTIONS[word], word, exit_code, node)
    if status.get("reason") in _REASONS:
        word = str(status["reason"])
        is_out_of_disk = _OUT_OF_DISK.search(str(status.get("message") or ""))
        return JobEnd("out_of_disk" if is_out_of_disk else _REASONS[word], word, exit_code, node)
    word = str(terminated.get("reason") or status.get("reason") or status["phase"])
    return JobEnd("exited", word, exit_code, node)


def find_end_in_events(events: Iterable[Document]) -> JobEnd | None:
    """How a pod ended that is gone, from the events that outlive it for an hour."""
    reasons = {str(event.get("reason")) for event in events}
    for word, cause in _GONE.items():
        if word in reasons:
            return JobEnd(cause, word)
    return None
