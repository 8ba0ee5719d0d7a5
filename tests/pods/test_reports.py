"""Reports from pods and their events; messages are those of containerd 1.6 and Kubernetes 1.20."""

from typing import Any

import pytest

from rosetta_hub.resources.kubernetes.reports import (
    PodReport,
    build_report,
    needs_secret,
    wants_events,
)

from .objects import ended, event, pod, running, waiting

Document = dict[str, Any]
PULL = (
    'Failed to pull image "example.org/web:1": rpc error: code = {code} desc = failed to pull and'
    ' unpack image "example.org/web:1": failed to resolve reference "example.org/web:1": {text}'
)


def report(status: Document, *events: Document, answers: bool = False) -> PodReport:
    result = build_report(pod(status), events, answers)
    assert result is not None
    return result


def test_a_pod_without_a_node_has_nothing_to_report() -> None:
    assert build_report(pod(nodeName=None), (), False) is None


def test_an_image_is_fetched_and_then_the_container_is_started() -> None:
    creating = waiting("ContainerCreating")
    assert report(creating) == PodReport("starting", "Starting on node1.")
    pulling = event("Pulling", 'Pulling image "example.org/web:1"')
    assert report(creating, pulling) == PodReport("pulling", "Fetching the image on node1.")
    assert report(creating, pulling, event("Pulled")).state == "starting"


def test_a_container_runs_when_its_interface_answers() -> None:
    assert report(running()).state == "starting"
    assert report(running(), answers=True) == PodReport("running")


def test_an_interface_that_does_not_answer_in_time() -> None:
    late = build_report(pod(running()), (), False, is_late=True)
    assert late is not None
    assert (late.state, late.reason) == ("failed", "no_answer")


def test_nothing_is_said_of_a_task_whose_node_does_not_answer() -> None:
    """As of an agent that is not heard of: the pages say since when."""
    status = {**running(), "conditions": readiness("False")}
    assert build_report(pod(status), (), True) is None
    status["conditions"] = readiness("True")
    assert build_report(pod(status), (), True) == PodReport("running")
    # Somebody else may hold back the readiness of a pod.
    status["conditions"] = readiness("False")
    gated = pod(status, readinessGates=[{"conditionType": "example.org/ready"}])
    assert build_report(gated, (), True) == PodReport("running")


def readiness(ready: str) -> list[Document]:
    return [{"type": "Ready", "status": ready}, {"type": "ContainersReady", "status": "True"}]


PULLS = [
    ("NotFound", "example.org/web:1: not found", "image_not_found"),
    ("Unknown", "unexpected status from HEAD request: 401 Unauthorized", "registry_login"),
    (
        "Unknown",
        "pulling from host example.org failed with status code [manifests 1]: 403 Forbidden",
        "registry_denied",
    ),
]


@pytest.mark.parametrize(("code", "text", "reason"), PULLS)
def test_a_pull_that_can_not_work_fails_at_once(code: str, text: str, reason: str) -> None:
    message = PULL.format(code=code, text=text)
    for status in (waiting("ErrImagePull", message), waiting("ImagePullBackOff", "Back-off")):
        result = report(status, event("Failed", message))
        assert (result.state, result.reason) == ("failed", reason)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("dial tcp 127.0.0.1:5999: connect: connection refused", "registry_unreachable"),
        ("failed with status code [manifests 1]: 429 Too Many Requests", "registry_limit"),
    ],
)
def test_a_pull_that_may_work_later_is_tried_three_times(text: str, reason: str) -> None:
    message = PULL.format(code="Unknown", text=text)
    status = waiting("ImagePullBackOff", 'Back-off pulling image "example.org/web:1"')
    result = report(status, event("Failed", message, count=2))
    assert (result.state, "trying again" in result.message) == ("pulling", True)
    result = report(status, event("Failed", message, count=3))
    assert (result.state, result.reason) == ("failed", reason)


def test_a_registry_that_the_node_does_not_trust_is_the_administrators() -> None:
    """Also where it is the second host that the node tries: the first one has no such image."""
    message = PULL.format(
        code="Unknown",
        text='failed to do request: Head "https://10.211.10.1:10000/v2/web/manifests/1": x509:'
        " certificate signed by unknown authority",
    )
    result = report(waiting("ErrImagePull", message), event("Failed", message))
    assert (result.state, result.reason) == ("failed", "unsupported")
    assert result.detail.startswith("node1 does not trust the certificate of the image's registry")


def test_a_back_off_whose_cause_is_not_known_yet_is_waited_for() -> None:
    assert report(waiting("ImagePullBackOff", "Back-off pulling image")).state == "pulling"


WAITING = [
    ("InvalidImageName", "couldn't parse image reference", "image_not_found"),
    ("ErrImageNeverPull", "Container image is not present", "image_not_found"),
    ("CreateContainerError", "no command specified", "unsupported"),
    ("CreateContainerConfigError", "container has runAsNonRoot", "unsupported"),
]


@pytest.mark.parametrize(("word", "message", "reason"), WAITING)
def test_a_container_that_can_not_be_made(word: str, message: str, reason: str) -> None:
    result = report(waiting(word, message))
    assert (result.state, result.reason, result.detail) == ("failed", reason, message)


def test_a_missing_secret_is_made_again_and_waited_for() -> None:
    status = waiting("CreateContainerConfigError", 'secret "rosetta-0123" not found')
    assert needs_secret(pod(status), [])
    assert report(status).state == "starting"
    assert not needs_secret(pod(running()), [])


def test_a_runtime_that_no_node_has() -> None:
    text = 'failed to create pod sandbox: no runtime for "kata" is configured'
    result = report(waiting("ContainerCreating"), event("FailedCreatePodSandBox", text))
    assert (result.state, result.reason) == ("failed", "unsupported")
    passing = event("FailedCreatePodSandBox", "failed to set up network: no address is free")
    assert report(waiting("ContainerCreating"), passing).state == "starting"


ENDS = [
    (ended(exitCode=137, reason="OOMKilled"), "out_of_memory", 137),
    (ended(of_pod="DeadlineExceeded"), "time_limit", None),
    (ended(of_pod="Evicted"), "evicted", None),
    (ended("Succeeded", exitCode=0), "exited", 0),
    (ended(exitCode=3, reason="Error"), "exited", 3),
    (ended(exitCode=128, reason="StartError", message="no such file"), "unsupported", 128),
]


@pytest.mark.parametrize(("status", "reason", "code"), ENDS)
def test_how_a_task_ended(status: Document, reason: str, code: int | None) -> None:
    result = report(status)
    assert (result.state, result.reason, result.exit_code) == ("failed", reason, code)


def deleted(status: Document) -> Document:
    result = pod(status)
    result["metadata"]["deletionTimestamp"] = "2026-11-27T10:00:10Z"
    return result


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ((), "cancelled"),
        ((event("Killing"),), "cancelled"),
        ((event("Killing"), event("Preempted")), "preempted"),
        ((event("Killing"), event("TaintManagerEviction")), "node_failure"),
    ],
)
def test_software_that_was_told_to_end_did_not_fail(
    events: tuple[Document, ...], reason: str
) -> None:
    """SIGTERM ends most programs with an exit code of their own."""
    result = deleted(ended(exitCode=143))
    assert wants_events(result)
    value = build_report(result, events, True)
    assert value is not None
    assert (value.state, value.reason) == ("failed", reason)


def test_a_deletion_that_was_too_late_changes_no_other_cause() -> None:
    result = build_report(deleted(ended(exitCode=137, reason="OOMKilled")), (), True)
    assert result is not None
    assert result.reason == "out_of_memory"


def test_events_are_asked_for_while_a_node_prepares_the_container_only() -> None:
    assert wants_events(pod(waiting("ContainerCreating")))
    for status in (running(), ended(exitCode=0), ended(of_pod="Evicted")):
        assert not wants_events(pod(status))
    assert not wants_events(pod(nodeName=None))
