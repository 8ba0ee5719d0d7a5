"""Why a build has failed, in messages that tell its user what to do."""

import re
from typing import Optional, Sequence

from rosetta_agent.builds.output import Step

# Of podman, and of docker's two builders.
_STATUS = re.compile(r"(?:exit status|returned a non-zero code:|exit code:) (\d{1,3})\b")
# The status of a program that was ended by SIGKILL, as the kernel does when memory is full.
_KILLED = 137
_NO_SPACE = "no space left on device"

LESS = " Change the repository so that it needs less, or ask the administrator for more."


def exit_status(tail: Sequence[str]) -> Optional[int]:
    """The exit status of the step that failed, as the engine tells it at the end."""
    matches = (_STATUS.findall(line) for line in reversed(tail))
    return next((int(numbers[-1]) for numbers in matches if numbers), None)


def is_killed(tail: Sequence[str]) -> bool:
    """Whether a program of the step was ended by force."""
    return exit_status(tail) == _KILLED


def is_disk_full(tail: Sequence[str]) -> bool:
    """Whether the step says that it had no room."""
    return any(_NO_SPACE in line.lower() for line in tail)


def describe_failure(step: Optional[Step], tail: Sequence[str]) -> str:
    """What is told where the step itself is the cause."""
    if step is None:
        return (
            "The build could not begin. Its last lines tell why. Change the repository and open"
            " its link again, or tell the administrator."
        )
    status = exit_status(tail)
    how = "" if status is None else " with exit status {}".format(status)
    return (
        "Step {} of {} failed{}. Its last lines tell why. Change the repository and open its link"
        " again. If it could not download something, try the build again later."
    ).format(step.number, step.total, how)
