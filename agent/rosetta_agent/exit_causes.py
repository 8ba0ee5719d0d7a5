"""Why a task ended, in a reason and a message."""

from typing import Optional

from rosetta_agent.engines.base import ContainerStatus
from rosetta_agent.errors import TaskFailure
from rosetta_agent.limits import describe_memory
from rosetta_agent.report import ReportedState

_KILLED = 137  # 128 and SIGKILL

#: Of a stop that nobody asked the agent for: the state and the words of the last report.
_STOPS = {
    "unanswered": ReportedState(
        "failed",
        "The task was stopped, because the service did not answer for too long.",
        reason="unanswered",
    ),
    "time_limit": ReportedState("failed", "The job reached its time limit.", reason="time_limit"),
    "cancelled": ReportedState("stopped", "The scheduler ended the job.", reason="cancelled"),
}


def stopped(reason: str) -> ReportedState:
    """The last state of a task that was stopped; anybody else's reason is that of a user."""
    return _STOPS.get(reason, ReportedState("stopped", "The task was stopped."))


def failure_of(status: ContainerStatus, limit: Optional[int], kernel_killed: bool) -> TaskFailure:
    """Why a container ended that nobody stopped.

    ``limit`` is its memory in bytes; ``kernel_killed``: the kernel has killed something of
    the batch job meanwhile, because the job's memory was used up.
    """
    if status.kind == "gone":
        return TaskFailure(
            "exited", "The container disappeared, the engine was probably restarted."
        )
    if status.out_of_memory:
        message = "The task used more memory than its limit{}."
        return TaskFailure("out_of_memory", message.format(describe_memory(limit)))
    if status.exit_code == _KILLED and kernel_killed:
        return TaskFailure("out_of_memory", "The task used more memory than its job has.")
    if status.exit_code == _KILLED and limit is not None:
        # podman does not notice on every machine; nobody else kills containers of ours.
        message = "The container was killed, most likely for exceeding its memory limit{}."
        return TaskFailure("out_of_memory", message.format(describe_memory(limit)))
    message = "The container ended by itself, with exit code {}."
    return TaskFailure("exited", message.format(status.exit_code), status.detail)
