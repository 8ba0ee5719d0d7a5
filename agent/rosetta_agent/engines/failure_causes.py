"""Why an engine refused: its words, sorted into the reasons of a report.

The texts are those of docker 20.10, podman 4.3 and apptainer 1.4, and of the registries
behind them; the spec matters, the first that is found decides.
"""

from typing import Optional, Sequence, Tuple

from rosetta_agent.errors import NO_SPACE, TaskFailure
from rosetta_agent.progress import strip_terminal

_CAUSES: Sequence[Tuple[str, Sequence[str]]] = (
    ("disk_full", ("no space left on device",)),
    ("quota_exceeded", ("disk quota exceeded",)),
    ("out_of_memory", ("signal: killed", "oom-killed", "cannot allocate memory")),
    (
        "engine_unavailable",
        (
            "cannot connect to the docker daemon",
            "error during connect",
            "trying to connect to the docker daemon socket",
            "failed to connect to the docker api",
            "unable to connect to podman",
        ),
    ),
    (
        "unsupported",
        (
            "no matching manifest",
            "no image found in manifest list",
            "no image found in image index",
            "exec format error",
            "unknown or invalid runtime name",
            "unknown runtime specified",
            "default oci runtime",
            "bind source path does not exist",
            "error: statfs",
            "does not match the specified platform",
        ),
    ),
    # Docker says of what it may not pull that it may not be there.
    ("registry_denied", ("pull access denied",)),
    (
        "image_not_found",
        (
            "manifest unknown",
            "name unknown",
            "name_unknown",
            "manifest_unknown",
            "repository does not exist",
            "repository name not known to registry",
            "not found: manifest",
            "no such image",
            "image not known",
            "invalid reference format",
            "invalid repository name",
            "could not parse reference",
            "unable to parse image name",
            "short-name",
        ),
    ),
    ("registry_limit", ("toomanyrequests", "too many requests")),
    (
        "registry_denied",
        (
            "unauthorized",
            "authentication required",
            "no basic auth credentials",
            "access to the resource is denied",
            "access denied",
            "403 forbidden",
        ),
    ),
    (
        "registry_unreachable",
        (
            "connection refused",
            "no such host",
            "server misbehaving",
            "temporary failure in name resolution",
            "network is unreachable",
            "no route to host",
            "i/o timeout",
            "client.timeout exceeded",
            "deadline exceeded",
            "handshake timeout",
            "connection reset",
            "server gave http response to https client",
            "certificate",
            "unexpected status code 5",
            "received unexpected http status: 5",
            ": eof",
        ),
    ),
    ("image_not_found", ("not found",)),
)

_SENTENCES = {
    **NO_SPACE,
    "out_of_memory": "{engine} needs more memory for {image} than there is.",
    "engine_unavailable": "{engine} does not answer on this machine.",
    "unsupported": "{engine} cannot run {image} on this machine.",
    "image_not_found": "The image {image} does not exist.",
    "registry_denied": "The registry does not let us have the image {image}.",
    "registry_login": "The registry hands out the image {image} to accounts of its own only.",
    "registry_limit": "The registry hands out no more images for now.",
    "registry_unreachable": "The registry of {image} cannot be reached.",
    "internal": "{engine} could not do what was asked.",
}


def parse_cause(text: str) -> Optional[str]:
    """The reason in an engine's error text, or None when it says nothing we know."""
    lowered = text.lower()
    for reason, phrases in _CAUSES:
        if any(phrase in lowered for phrase in phrases):
            return reason
    return None


def last_words(text: str) -> str:
    """The end of what an engine showed, as plain lines."""
    lines = [line.strip() for line in strip_terminal(text).splitlines()]
    return "\n".join([line for line in lines if line][-8:])


def pull_failure(engine: str, image: str, text: str, has_account: bool) -> TaskFailure:
    """The failure to report for a pull: without an account, a denial is a want of one."""
    failure = engine_failure(engine, image, text)
    if failure.reason != "registry_denied" or has_account:
        return failure
    message = _SENTENCES["registry_login"].format(image=image)
    return TaskFailure("registry_login", message, failure.detail)


def engine_failure(engine: str, image: str, text: str, otherwise: str = "internal") -> TaskFailure:
    """The failure to report for an engine's error text."""
    reason = parse_cause(text) or otherwise
    message = _SENTENCES[reason].format(engine=engine, image=image)
    return TaskFailure(reason, message, last_words(text))
