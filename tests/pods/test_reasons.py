"""Why a pod waits, in plain words; the texts are those of schedulers 1.20 and 1.32."""

import pytest

from rosetta_hub.resources.kubernetes.reasons import (
    explain_quota,
    explain_refusal,
    waiting_message,
)
from rosetta_hub.resources.wms import Job, JobRequest, JobState

WAITING = [
    ("", "Waiting until the cluster has looked for a node."),
    (
        "0/1 nodes are available: 1 Insufficient memory.",
        "Waiting for a node. Of 1, 1 has too little free memory.",
    ),
    (
        "0/5 nodes are available: 2 Insufficient cpu, 1 node(s) had taint {a: b}, that the pod"
        " didn't tolerate, 1 node(s) were unschedulable, 1 Insufficient nvidia.com/gpu.",
        "Waiting for a node. Of 5, 2 have too few free cores; 1 is kept for others;"
        " 1 is closed for maintenance; 1 has too few free GPUs.",
    ),
    (
        "0/2 nodes are available: 1 node(s) had untolerated taint"
        " {node.kubernetes.io/unreachable: }, 1 node(s) didn't match Pod's node"
        " affinity/selector. preemption: 0/2 nodes are available: 2 Preemption is not helpful.",
        "Waiting for a node. Of 2, 1 does not answer; 1 is of another kind.",
    ),
    (
        "0/3 nodes are available: 3 Insufficient example.org/lens.",
        "Waiting for a node. Of 3, 3 have too little example.org/lens free.",
    ),
    (
        'running "Custom" filter plugin: <b>no</b>',
        'Waiting for a node. The cluster says: running "Custom" filter plugin: <b>no</b>',
    ),
    (
        "Scheduling is blocked due to non-empty scheduling gates",
        "Waiting until the cluster's queue admits the task.",
    ),
]


@pytest.mark.parametrize(("reason", "message"), WAITING)
def test_messages(reason: str, message: str) -> None:
    job = Job("uid", "name", "rosetta", JobState.PENDING, "Pending", reason)
    assert waiting_message(job, JobRequest("name")) == message


def test_a_quota_says_what_is_used_and_what_there_is() -> None:
    message = explain_quota(
        'pods "p" is forbidden: exceeded quota: q, requested: limits.memory=300Mi,pods=1,'
        " used: limits.memory=128Mi,pods=4, limited: limits.memory=200Mi,pods=4"
    )
    assert message is not None
    assert message.startswith(
        "The hub's share of the cluster is used up: 128 MB of 200 MB memory, 4 of 4 tasks are"
    )


def test_cores_of_a_quota_are_counted_in_cores() -> None:
    message = explain_quota(
        "exceeded quota: q, requested: requests.cpu=500m, used: requests.cpu=1500m,"
        " limited: requests.cpu=1"
    )
    assert message is not None
    assert "1.5 of 1 cores" in message


def test_other_refusals_are_no_quota() -> None:
    assert explain_quota('pods "p" is forbidden: violates PodSecurity "restricted:latest"') is None


# What API servers answer to who creates a pod: admission plug-ins of Kubernetes 1.20 and 1.32.
REFUSALS = [
    (
        'pods "rosetta-a-b-1" is forbidden: violates PodSecurity "restricted:latest":'
        " seccompProfile (pod or container must set it)",
        'violates PodSecurity "restricted:latest": seccompProfile (pod or container must set it).'
        " The namespace admits no such pods: tell the administrator.",
    ),
    (
        'pods "rosetta-a-b-1" is forbidden: pod rejected: RuntimeClass "kata-qemu" not found',
        'pod rejected: RuntimeClass "kata-qemu" not found. Choose another runtime, or tell the'
        " administrator.",
    ),
    (
        'pods "p" is forbidden: maximum cpu usage per Container is 50m, but limit is 100m',
        "maximum cpu usage per Container is 50m, but limit is 100m. Start the task again with"
        " less.",
    ),
    (
        'pods "p" is forbidden: minimum memory usage per Container is 1Gi, but request is 64M.',
        "minimum memory usage per Container is 1Gi, but request is 64M. Start the task again with"
        " more.",
    ),
    (
        'admission webhook "policy.example.org" denied the request: no owner',
        'admission webhook "policy.example.org" denied the request: no owner. Tell the'
        " administrator.",
    ),
]


@pytest.mark.parametrize(("message", "text"), REFUSALS)
def test_why_no_such_pod_is_taken_and_what_to_do(message: str, text: str) -> None:
    assert explain_refusal(message) == text
