"""Why the volumes of a pod keep it from starting, in words that a user understands. Pure.

The texts are those of kubelets, schedulers and controllers of 1.20 to 1.32.
"""

import re
from collections.abc import Iterable
from typing import Any

from rosetta_hub.database.external_text import fit_text
from rosetta_hub.resources.kubernetes.volumes import MAKER

Document = dict[str, Any]

_ABSENT = re.compile(r"hostPath type check failed: (\S+) is not a directory")
_NO_CLAIM = re.compile(r'persistentvolumeclaim "([^"]+)" (not found|is being deleted)')
_SETUP = re.compile(r'^MountVolume\.\S+ failed for volume "[^"]+" ?: ', re.DOTALL)
_ERROR = re.compile(r"\[Errno \d+\] ([^:]+)")
_MOUNTING = frozenset({"FailedMount", "FailedAttachVolume", "FailedMapVolume"})


def explain_claims(text: str) -> str | None:
    """What a scheduler says of claims; None where it says something else."""
    if match := _NO_CLAIM.search(text):
        state = "is being deleted" if match[2] != "not found" else "does not exist"
        return (
            f"Waiting for a storage: the claim {match[1]!r} {state} on the cluster. Tell the"
            " administrator, or start the task without this storage."
        )
    if "unbound immediate PersistentVolumeClaims" in text:
        return (
            "Waiting for a storage: a claim of the task has no volume yet. Tell the administrator"
            " if this lasts."
        )
    return None


def explain_mounts(node: str, events: Iterable[Document]) -> str | None:
    """Why a node has not mounted the volumes of a pod yet; None where it does not say so."""
    texts = [
        str(event.get("message") or "") for event in events if event.get("reason") in _MOUNTING
    ]
    if any("Multi-Attach error" in text for text in texts):
        return (
            "Waiting for a storage that only one node can use at a time, and another one has it:"
            " for a task of yours, or for the page of your files. It comes when that has ended."
        )
    telling = [text for text in texts if not text.startswith("Unable to attach or mount volumes")]
    if not telling or 'secret "' in telling[-1]:
        return None
    return f"{node} can't mount a storage yet: {fit_text(_SETUP.sub('', telling[-1]), 200)}"


def find_absent(events: Iterable[Document]) -> str | None:
    """The directory of the node that a pod needs and that is not there."""
    for event in events:
        if match := _ABSENT.search(str(event.get("message") or "")):
            return match[1]
    return None


def is_outside(message: str) -> bool:
    """Whether a node refuses to mount a path below a volume, as it does where a link leads out."""
    return "failed to prepare subPath" in message or "failed to create subPath" in message


def explain_maker(pod: Document) -> str | None:
    """Why the directories of a task could not be made; None where they were, or may be."""
    ended = _maker_state(pod).get("terminated") or {}
    if not ended.get("exitCode"):
        return None
    text = str(ended.get("message") or ended.get("reason") or "")
    match = _ERROR.search(text)
    return f"Its directory can't be made: {fit_text(match[1] if match else text, 200)}."


def waiting_maker(pod: Document) -> Document:
    """Why the container that makes directories has not begun: `reason` and `message`, or empty."""
    return _maker_state(pod).get("waiting") or {}


def _maker_state(pod: Document) -> Document:
    statuses = pod.get("status", {}).get("initContainerStatuses") or ()
    states = {status.get("name"): status.get("state") or {} for status in statuses}
    return states.get(MAKER) or {}
