"""Why a pod waits or is refused, in words that a user understands."""

import re

from rosetta_hub.catalogue.units import format_size
from rosetta_hub.database.external_text import fit_text
from rosetta_hub.resources.kubernetes.volume_reasons import explain_claims
from rosetta_hub.resources.wms import Job, JobRequest

# What a scheduler says of nodes: "0/3 nodes are available: 2 Insufficient memory, 1 ...".
_NODES = re.compile(r"^0/(\d+) nodes are available: (.*)$", re.DOTALL)
# What the condition of a pod says that somebody else, such as Kueue, has to admit first.
_GATED = re.compile(r"scheduling gates", re.IGNORECASE)
# The beginning of each part, and what it means: of one node, and of several.
_PARTS = (
    (r"Insufficient cpu", "has too few free cores", "have too few free cores"),
    (r"Insufficient memory", "has too little free memory", "have too little free memory"),
    (r"Insufficient ephemeral-storage", "has too little free disk", "have too little free disk"),
    (r"Insufficient \S*gpu", "has too few free GPUs", "have too few free GPUs"),
    (r"Insufficient (\S+)", "has too little {0} free", "have too little {0} free"),
    (r"Too many pods", "is full of other pods", "are full of other pods"),
    (r"node\(s\) were unschedulable", "is closed for maintenance", "are closed for maintenance"),
    (r".*(?:memory|disk|pid)-pressure", "is short of room", "are short of room"),
    (r".*(?:unreachable|not-ready)", "does not answer", "do not answer"),
    (r"node\(s\) had (?:untolerated )?taint", "is kept for others", "are kept for others"),
    (r"node\(s\) had volume node affinity", "can't use its storage", "can't use its storage"),
    (r"node\(s\) didn't match", "is of another kind", "are of another kind"),
)
_QUOTA = re.compile(
    r"exceeded quota: (?P<quota>[^,]+), requested: (?P<asked>.*), used: (?P<used>.*),"
    r" limited: (?P<limit>.*)$"
)
# What admission plug-ins begin with; the pod's name tells nobody anything.
_FORBIDDEN = re.compile(r'^pods "[^"]*" is forbidden: ')
# What to do about a refusal, by a part of the server's message; the others are the administrator's.
_ADVICE = (
    (r"violates PodSecurity", "The namespace admits no such pods: tell the administrator."),
    (r"RuntimeClass", "Choose another runtime, or tell the administrator."),
    (r"\bmaximum \S+ usage|limit to request ratio", "Start the task again with less."),
    (r"\bminimum \S+ usage", "Start the task again with more."),
    (r"", "Tell the administrator."),
)
NODE_IS_ADDED = "Waiting for a node, which the cluster is adding."
_WORDS = {"cpu": "cores", "memory": "memory", "pods": "tasks", "ephemeral-storage": "disk"}
_SUFFIXES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "k": 10**3, "M": 10**6, "G": 10**9}


def waiting_message(job: Job, request: JobRequest) -> str:
    """Why a pod has no node yet, in one message."""
    return explain_scheduling(job.reason.strip())


def explain_scheduling(text: str) -> str:
    """What a scheduler says of a pod that has no node yet, in one message."""
    if (claims := explain_claims(text)) is not None:
        return claims
    match = _NODES.match(text)
    if match is None:
        if _GATED.search(text):
            return "Waiting until the cluster's queue admits the task."
        if not text:
            return "Waiting until the cluster has looked for a node."
        return f"Waiting for a node. The cluster says: {fit_text(text, 200)}"
    parts = [_explain(part) for part in re.split(r", (?=\d+ )", match[2].rstrip("."))]
    return f"Waiting for a node. Of {match[1]}, {'; '.join(parts)}."


def _explain(part: str) -> str:
    # Newer schedulers add what preemption would bring after the first sentence.
    count, _, text = part.partition(". preemption:")[0].partition(" ")
    for pattern, singular, plural in _PARTS:
        if match := re.match(pattern, text):
            words = singular if count == "1" else plural
            return f"{count} {words.format(*match.groups())}"
    return f"{count}: {fit_text(text, 80)}"


def explain_deletion(namespace: str, resource: str) -> str:
    """What seems to have happened where pods are removed and the hub may not ask any more."""
    return (
        f"The namespace {namespace}, or the hub's account in it, seems to have been deleted. Tell"
        f" the administrator: `rosetta-hub kubernetes manifests {resource}` prints what has to be"
        " created again."
    )


def explain_quota(message: str) -> str | None:
    """What a quota leaves, from the server's refusal; None where it says something else."""
    match = _QUOTA.search(message)
    if match is None:
        return None
    used, limits = _amounts(match["used"]), _amounts(match["limit"])
    texts = [
        f"{_format(name, used.get(name, '?'))} of {_format(name, limit)}"
        f" {_WORDS.get(_plain(name), _plain(name))}"
        for name, limit in limits.items()
    ]
    # Requests and limits of one thing are the same in our pods.
    listed = ", ".join(dict.fromkeys(texts))
    return (
        f"The hub's share of the cluster is used up: {listed} are in use. The task starts when"
        " others end; one that asks for less may start now."
    )


def explain_refusal(message: str) -> str:
    """The server's words for why it takes no such pod, and what to do."""
    words = _FORBIDDEN.sub("", message.strip()).rstrip(".")
    advice = next(advice for pattern, advice in _ADVICE if re.search(pattern, words))
    return f"{words}. {advice}"


def _amounts(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(","))
    return {name.strip(): amount.strip() for name, _, amount in pairs}


def _plain(name: str) -> str:
    return name.removeprefix("limits.").removeprefix("requests.")


def _format(name: str, amount: str) -> str:
    if _plain(name) not in ("memory", "ephemeral-storage"):
        return f"{int(amount[:-1]) / 1000:g}" if re.fullmatch(r"\d+m", amount) else amount
    match = re.fullmatch(r"(\d+)([A-Za-z]*)", amount)
    if match is None or match[2] not in {"", *_SUFFIXES}:
        return amount
    return format_size(int(match[1]) * _SUFFIXES.get(match[2], 1))
