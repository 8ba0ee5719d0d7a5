"""What the agent of another resource would report, made from a pod and its events. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rosetta_hub.resources.kubernetes.pull_secrets import has_pull_secret
from rosetta_hub.resources.kubernetes.reasons import explain_scheduling
from rosetta_hub.resources.kubernetes.sidecar import SIDECAR, has_sidecar
from rosetta_hub.resources.kubernetes.states import (
    build_end,
    condition,
    container_state,
    find_end_in_events,
    has_ended,
    image_digest,
    is_node_lost,
    is_terminating,
)
from rosetta_hub.resources.kubernetes.volume_reasons import (
    explain_maker,
    explain_mounts,
    find_absent,
    is_outside,
    waiting_maker,
)
from rosetta_hub.resources.wms import JobEnd

Document = dict[str, Any]

# Tries of a pull whose failure may pass, until the task fails.
PULL_TRIES = 3
# The same of one that is refused although the pod has an account.
PULL_TRIES_WITH_ACCOUNT = 2
# Why the container runtimes could not pull, in their words (containerd, CRI-O, Docker); those of
# registries are in the OCI distribution specification.
_PULL_FAILURES = (
    (r"not found|manifest unknown|does not exist|no such image", "image_not_found"),
    (r"\b429\b|toomanyrequests|too many requests|rate limit", "registry_limit"),
    (r"\b403\b|forbidden|denied: ", "registry_denied"),
    (r"\b401\b|unauthorized|authorization failed|authentication required|denied", "registry_login"),
)
# The node's own side of TLS: nobody but its administrator can mend it.
_UNTRUSTED = re.compile(r"\bx509: ")
_PASSING = frozenset({"registry_unreachable", "registry_limit"})
# What registries answer to who has no account. Some deny that the image exists.
_REFUSED = frozenset({"registry_login", "registry_denied", "image_not_found"})
_PULLING = frozenset({"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable"})
_PREPARING = frozenset({"", "ContainerCreating", "PodInitializing"})
_WITHOUT_IMAGE = {"InvalidImageName": "image_not_found", "ErrImageNeverPull": "image_not_found"}
# The node can't start the container as it is described.
_UNSUPPORTED = frozenset(
    {"CreateContainerError", "RunContainerError", "CreateContainerConfigError"}
)
_NO_SIDECAR = "The container that connects the task with the hub does not start"
_NO_TRUST = "does not trust the certificate of the image's registry. Tell the administrator."
_NO_RUNTIME = re.compile(r"no runtime for|RuntimeHandler .* not supported", re.IGNORECASE)


@dataclass(frozen=True)
class PodReport:
    """A report without its sequence and log; `None` for what a report may lack."""

    state: str
    message: str = ""
    reason: str | None = None
    detail: str = ""
    exit_code: int | None = None
    digest: str | None = None


def build_report(
    pod: Document, events: Iterable[Document], answers: bool, is_late: bool = False
) -> PodReport | None:
    """What is to be said of a pod; None while it waits for a node, or its node does not answer.

    `answers` is whether its interface has answered, `is_late` whether its time for that is over.
    """
    if (end := build_end(pod)) is not None:
        if end.cause == "exited" and is_terminating(pod):
            # Its software ended because it was told to; the events say by whom.
            end = find_end_in_events(events) or JobEnd("cancelled", "Deleted", end.exit_code)
        return _report_end(pod, end)
    node = pod["spec"].get("nodeName")
    if not node or is_node_lost(pod):
        return None
    if text := find_sidecar_end(pod):
        return PodReport("failed", "", "unsupported", text, digest=image_digest(pod))
    state = container_state(pod)
    if "running" in state:
        return _report_running(pod, answers, is_late)
    return _report_waiting(pod, state.get("waiting") or {}, list(events))


def wants_events(pod: Document) -> bool:
    """Whether its events say more than the pod.

    They do while a node prepares its container, and when it was deleted.
    """
    if has_ended(pod):
        return is_terminating(pod)
    state = container_state(pod)
    is_prepared = "running" in state or "terminated" in state
    return bool(pod["spec"].get("nodeName")) and not is_prepared


def is_being_prepared(pod: Document) -> bool:
    """Whether its node prepares its container and has not met anything in the way."""
    waiting = container_state(pod).get("waiting") or {}
    return not has_ended(pod) and str(waiting.get("reason") or "") in _PREPARING


def needs_secret(pod: Document, events: list[Document]) -> bool:
    """Whether its containers can't start because a secret of theirs was not created."""
    last = events[-1] if events else {}
    if last.get("reason") == "FailedMount" and "secret" in str(last.get("message")):
        return True
    waiting = container_state(pod).get("waiting") or {}
    message = str(waiting.get("message") or "")
    return waiting.get("reason") == "CreateContainerConfigError" and "secret" in message


def needs_pull_secret(pod: Document) -> bool:
    """Whether its image may have failed to arrive because the secret for it was not created."""
    waiting = container_state(pod).get("waiting") or {}
    return waiting.get("reason") in _PULLING and has_pull_secret(pod)


def find_sidecar_end(pod: Document) -> str:
    """Why the hub will not reach the pod any more, as a message; empty where it does."""
    ended = container_state(pod, SIDECAR).get("terminated")
    if ended is None or is_terminating(pod):
        return ""
    words = str(ended.get("message") or ended.get("reason") or "").strip()
    return f"The container that connects the task with the hub ended: {words}"


def explain_start(pod: Document, events: Iterable[Document]) -> str:
    """Why a pod of the hub's own does not run yet, in one message."""
    if not pod["spec"].get("nodeName"):
        return explain_scheduling(str(condition(pod, "PodScheduled").get("message") or ""))
    report = build_report(pod, events, answers=False)
    return "" if report is None else report.message or report.detail


def _report_end(pod: Document, end: JobEnd) -> PodReport:
    digest = image_digest(pod)
    if (obstacle := explain_maker(pod)) is not None:
        return PodReport("failed", "", "storage_denied", obstacle)
    detail = str(pod["status"].get("message") or "")
    if end.cause != "exited":
        return PodReport("failed", "", end.cause, detail, end.exit_code, digest)
    terminated = container_state(pod).get("terminated") or {}
    if terminated.get("reason") in ("StartError", "ContainerCannotRun"):
        text = str(terminated.get("message") or "")
        return PodReport("failed", "", "unsupported", text, end.exit_code, digest)
    return PodReport("failed", "", "exited", detail, end.exit_code, digest)


def _report_running(pod: Document, answers: bool, is_late: bool) -> PodReport:
    digest = image_digest(pod)
    if answers:
        return PodReport("running", digest=digest)
    if not is_late:
        return PodReport("starting", "Waiting until the software answers.", digest=digest)
    if text := _find_missing_sidecar(pod):
        return PodReport("failed", "", "unsupported", text, digest=digest)
    return PodReport("failed", "", "no_answer", digest=digest)


def _find_missing_sidecar(pod: Document) -> str:
    state = container_state(pod, SIDECAR)
    if "running" in state or not has_sidecar(pod):
        return ""
    waiting = state.get("waiting") or {}
    return f"{_NO_SIDECAR}: {waiting.get('message') or waiting.get('reason') or 'unknown'}"


def _report_waiting(pod: Document, waiting: Document, events: list[Document]) -> PodReport:
    node = str(pod["spec"]["nodeName"])
    reason, message = str(waiting.get("reason") or ""), str(waiting.get("message") or "")
    if reason in _WITHOUT_IMAGE:
        return PodReport("failed", "", _WITHOUT_IMAGE[reason], message)
    if reason in _PULLING:
        return _report_failed_pull(pod, message, events)
    if reason in _UNSUPPORTED and is_outside(message):
        return PodReport("failed", "", "storage_outside", "A link leads out of what is allowed.")
    if reason in _UNSUPPORTED and "secret" not in message:
        return PodReport("failed", "", "unsupported", message)
    for event in events:
        text = str(event.get("message") or "")
        if event.get("reason") == "FailedCreatePodSandBox" and _NO_RUNTIME.search(text):
            return PodReport("failed", "", "unsupported", text)
    if (path := find_absent(events)) is not None:
        return PodReport("failed", "", "storage_missing", f"{node} has no directory {path}.")
    if waiting_maker(pod).get("reason") in _WITHOUT_IMAGE.keys() | _PULLING:
        return _report_maker(pod, events)
    if _is_pulling(events):
        return PodReport("pulling", f"Fetching the image on {node}.")
    return PodReport("starting", explain_mounts(node, events) or f"Starting on {node}.")


def _report_failed_pull(pod: Document, message: str, events: list[Document]) -> PodReport:
    node = pod["spec"]["nodeName"]
    failures = [
        event for event in events if str(event.get("message", "")).startswith("Failed to pull")
    ]
    # While it waits for the next try, the container says nothing of what went wrong.
    text = str(failures[-1]["message"]) if failures else message
    if _UNTRUSTED.search(text):
        return PodReport("failed", "", "unsupported", f"{node} {_NO_TRUST}")
    reason = classify_pull_failure(text)
    tries = sum(int(failure.get("count") or 1) for failure in failures)
    # The node may have looked for the account before its secret was created.
    is_early = reason in _REFUSED and has_pull_secret(pod) and tries < PULL_TRIES_WITH_ACCOUNT
    if is_early or (reason in _PASSING and tries < PULL_TRIES):
        return PodReport("pulling", f"The image could not be fetched on {node}; trying again.")
    if not failures and "Back-off" in message:
        # The events that tell why have not been read yet.
        return PodReport("pulling", f"Fetching the image on {node}.")
    if reason == "registry_login" and has_pull_secret(pod):
        # Not that an account is missing: this one was not accepted.
        reason = "registry_denied"
    return PodReport("failed", "", reason, text)


def _report_maker(pod: Document, events: list[Document]) -> PodReport:
    """The image of the hub's own programs does not arrive, of which the user knows nothing."""
    message = str(waiting_maker(pod).get("message") or "")
    report = _report_failed_pull(pod, message, events)
    if report.state != "failed":
        return report
    return PodReport("failed", "", "storage_unavailable", report.detail)


def classify_pull_failure(text: str) -> str:
    """Which reason of a report the failure of a pull is."""
    for pattern, reason in _PULL_FAILURES:
        if re.search(pattern, text, re.IGNORECASE):
            return reason
    return "registry_unreachable"


def _is_pulling(events: list[Document]) -> bool:
    reasons = [str(event.get("reason")) for event in events]
    return reasons.count("Pulling") > reasons.count("Pulled")
