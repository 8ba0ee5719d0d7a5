"""Slurm's answers to a submission as messages that say what to do (texts of slurm_errno.c)."""

import re

from rosetta_hub.resources.wms import JobRequest

# The scheduler could not be asked, or could not answer: nothing is known about the job.
_TRANSIENT = (
    "unable to contact slurm controller",
    "socket timed out",
    "zero bytes were transmitted",
    "connection failure",
    "connection refused",
    "connection timed out",
    "connection reset",
    "no route to host",
    "send failure",
    "receive failure",
    "message receive",
    "unexpected message received",
    "resource temporarily unavailable",
    "temporarily unable to accept job",
    "standby mode",
    "authentication",
    "munge",
    "invalid job credential",
    "incompatible versions",
    "insane message length",
    "try again",
    "configuration source",
    "slurm internal error",
    "error generating job credential",
    "unable to process configuration",
    "slurm daemon",
)
# Slurm's words, in lower case -> what they mean; the first that fits.
_MESSAGES = (
    ("invalid account", "{account} can't be used{in_partition}. Choose another account."),
    ("invalid qos", "{qos} can't be used with {account}{in_partition}. Choose another QoS."),
    ("no partition specified", "The cluster has no default partition. Choose a partition."),
    ("invalid partition name", "There is no partition{partition}. Choose another one."),
    ("not in this partition", "The nodes asked for are not{in_partition}."),
    ("partition in down state", "{the_partition} is closed. Choose another one, or wait."),
    ("required partition not available", "{the_partition} is closed. Choose another one, or wait."),
    ("partition configuration not available", "{the_partition} does not allow what was asked for"
     " (its time, its nodes or its state). Ask for less, or choose another partition."),
    ("group not permitted", "Your groups may not use the partition{partition}."
     " Choose another one."),
    ("time limit is invalid", "The time limit is longer than is allowed{in_partition}."
     " Ask for less time."),
    ("more processors requested", "{the_partition} has no node with that many cores."
     " Ask for fewer."),
    ("cpu count per node can not be satisfied", "{the_partition} has no node with that many cores."
     " Ask for fewer."),
    ("memory specification can not be satisfied", "{the_partition} has no node with that much"
     " memory. Ask for less."),
    ("memory required by task", "{the_partition} has no node with that much memory. Ask for less."),
    ("node configuration is not available", "{the_partition} has no node with all that was"
     " asked for (cores, memory, GPUs, constraint). Ask for less, or choose another partition."),
    ("invalid generic resource", "{the_partition} has no such GPUs."
     " Choose another type or number."),
    ("invalid gres", "{the_partition} has no such GPUs. Choose another type or number."),
    ("invalid feature", "No node has the feature that the constraint asks for. Change it."),
    ("access denied to requested reservation", "The reservation{reservation} is not yours."),
    ("reservation is invalid", "There is no reservation{reservation}."
     " Choose another one, or none."),
    ("reservation not usable", "The reservation{reservation} can't be used now."),
    ("accounting/qos policy", "A limit of {account} or of {qos} is reached: too many jobs, or more"
     " than one job may have. End another task, or ask for less."),
    ("breached requested qos usage", "{account} has used up what {qos} gives it."),
    ("submissions disabled", "The cluster takes no jobs at present. Try again later."),
    ("presently disabled", "The cluster does not allow this at present."),
    ("writing script", "The cluster's controller could not store the job: its disk may be full."
     " Tell the administrator of the cluster."),
    ("invalid user id", "The cluster does not know your account there. Tell its administrator."),
    ("access/permission denied", "The cluster does not let this account submit jobs."
     " Tell its administrator."),
    ("pathname of a file", "The job is larger than what the cluster takes."
     " Tell its administrator (max_script_size)."),
)  # fmt: skip
_SUBMISSION_FAILED = re.compile(r"batch job submission failed: *", re.IGNORECASE)
_INVALID_PARTITION = re.compile(r"invalid partition specified: ([^\s;]+)", re.IGNORECASE)
_ERROR = re.compile(r"^\w+: (?:error|fatal): ")


def error_lines(stderr: str) -> list[str]:
    """What a command of Slurm complained about, without its name; 300 characters of each line."""
    lines = (_ERROR.sub("", line.strip()) for line in stderr.splitlines())
    return [line[:300] for line in lines if line]


def last_words(stderr: str) -> str:
    """The last of its complaints; empty where it had none."""
    return next(reversed(error_lines(stderr)), "")


def is_refusal(stderr: str) -> bool:
    """Whether the scheduler, or its command, said no for good; False: nothing is known."""
    words = last_words(stderr).lower()
    if not words or any(text in words for text in _TRANSIENT):
        return False
    # Faults in the options are sbatch's own complaints, made without asking the controller.
    return bool(_SUBMISSION_FAILED.match(words)) or (
        "sbatch: error: " in stderr or "unrecognized option" in stderr
    )


def is_refused_error(texts: list[str]) -> bool:
    """The same of the errors that slurmrestd answers with."""
    words = " ".join(texts).lower()
    return bool(words.strip()) and not any(text in words for text in _TRANSIENT)


def refusal_message(stderr: str, request: JobRequest) -> str:
    """What the refusal means, with Slurm's own words at the end.

    Words before the last line are those of the site's own checks, or name what is wrong.
    """
    lines = [_SUBMISSION_FAILED.sub("", line) for line in error_lines(stderr)]
    return refusal_of(lines, request)


def refusal_of(lines: list[str], request: JobRequest) -> str:
    """The message for Slurm's complaints, the last of which count."""
    words = "; ".join(dict.fromkeys(lines[-3:]))
    for text, message in _MESSAGES:
        if any(text in line.lower() for line in lines):
            meaning = message.format_map(_names(request, words))
            return f"{meaning[0].upper()}{meaning[1:]} (Slurm: {words})"
    return f"Slurm refused the job: {words}"


def _names(request: JobRequest, words: str) -> dict[str, str]:
    # It may have been named by the administrator's options.
    named = _INVALID_PARTITION.search(words)
    name = named[1] if named else request.partition
    partition = f" `{name}`" if name else ""
    return {
        "account": f"the account `{request.account}`" if request.account else "your account",
        "qos": f"the QoS `{request.qos}`" if request.qos else "your QoS",
        "partition": partition,
        "the_partition": f"the partition{partition}" if partition else "the default partition",
        "in_partition": f" in the partition{partition}" if partition else " in this partition",
        "reservation": f" `{request.reservation}`" if request.reservation else "",
    }
