"""What an agent reports: a closed, typed message. Nothing in it names a path, a host or an option.

The other side is agent/rosetta_agent/report.py.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from rosetta_hub.database.models import State, Target, Task, utc_now

# A port of this machine, or the socket in the task's sandbox, whose path the service knows.
InterfaceKind = Literal["socket", "port", "listener", "dial"]
Reason = Literal[
    "image_not_found",
    "registry_unreachable",
    "registry_denied",
    "engine_unavailable",
    "disk_full",
    "out_of_memory",
    "exited",
    "no_answer",
    "port_in_use",
    "unsupported",
    "orphaned",
    "time_limit",
    "preempted",
    "node_failure",
    "cancelled",
    "quota_exceeded",
    "internal",
]
Warning = Literal[
    "no_outbound",
    "neighbours_can_connect",
    "no_network_isolation",
    "limits_not_enforced",
    "time_limit_near",
]

# Seconds between the clock of a node and ours, from which on its user is told; and how.
CLOCK_TOLERANCE = 120.0
CLOCK_WARNING = "clock_wrong"

_STATES = {
    "pulling": State.STARTING,
    "starting": State.STARTING,
    "running": State.RUNNING,
    "stopped": State.STOPPED,
    "failed": State.FAILED,
}


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Progress(_Message):
    """Bytes of the image that have arrived, of those known so far."""

    done: int = Field(ge=0)
    total: int = Field(ge=0)


class Interface(_Message):
    """Where the interface answers."""

    kind: InterfaceKind
    port: int | None = Field(default=None, ge=1, le=65535)


class Usage(_Message):
    """CPU time so far (seconds) and memory now (bytes) of the container."""

    cpu_seconds: float = Field(ge=0)
    memory: int = Field(ge=0)


class LogChunk(_Message):
    """Output of the container from byte `offset` on."""

    offset: int = Field(ge=0)
    text: str = Field(max_length=1 << 18)


class Report(_Message):
    """The full state of an attempt as its agent sees it; a later one replaces an earlier one."""

    sequence: int = Field(ge=0)
    state: Literal["pulling", "starting", "running", "stopped", "failed"]
    progress: Progress | None = None
    message: str = Field(default="", max_length=200)
    interface: Interface | None = None
    exit_code: int | None = None
    reason: Reason | None = None
    detail: str = Field(default="", max_length=4000)
    warnings: list[Warning] = []
    usage: Usage | None = None
    log: LogChunk | None = None
    # Seconds since the epoch: the time limit of the batch job, and what the node's clock says.
    ends_at: float | None = Field(default=None, ge=0)
    clock: float | None = Field(default=None, ge=0)


def apply_report(task: Task, report: Report) -> bool:
    """Bring the row up to what the agent says; returns whether users see a difference.

    A report older than the last one changes nothing. A container that ends by itself with exit
    code 0 was stopped from the inside, as a notebook's "Shut Down" does.
    """
    task.last_beat = utc_now()
    if report.sequence < task.sequence:
        return False
    task.sequence = report.sequence
    before = _visible(task)
    _apply_state(task, report)
    task.message = report.message
    task.progress_done = report.progress.done if report.progress else None
    task.progress_total = report.progress.total if report.progress else None
    if report.interface:
        task.interface_kind, task.interface_port = report.interface.kind, report.interface.port
    if report.usage:
        task.cpu_seconds, task.memory_used = report.usage.cpu_seconds, report.usage.memory
    task.warnings = [*report.warnings, *_own_warnings(report)]
    return before != _visible(task)


def _apply_state(task: Task, report: Report) -> None:
    state = _STATES[report.state]
    if _was_signalled(task, report):
        # Preempted, cancelled or out of time: the scheduler knows, and may start it again.
        return
    if state is State.RUNNING and task.started is None:
        task.started = task.last_activity = utc_now()
    if state.final:
        task.ended = task.ended or utc_now()
        task.exit_code = report.exit_code
        # A task that was asked to stop has none; the service may have had one to ask.
        if report.reason is not None:
            task.reason, task.detail = report.reason, report.detail
        if report.reason == "exited" and report.exit_code == 0 and task.started is not None:
            state = State.STOPPED
    task.state = state


def _was_signalled(task: Task, report: Report) -> bool:
    """Whether the agent was ended by its scheduler, and not by its user."""
    return report.state == "stopped" and task.job_id is not None and task.target is Target.RUN


def _own_warnings(report: Report) -> list[str]:
    """What the agent can't know itself."""
    if report.clock is None:
        return []
    difference = abs(report.clock - utc_now().timestamp())
    return [CLOCK_WARNING] if difference > CLOCK_TOLERANCE else []


def _visible(task: Task) -> tuple[object, ...]:
    # The usage changes with each beat: it is shown with the next visible change or a reload.
    return (
        task.state,
        task.message,
        task.progress_done,
        task.progress_total,
        task.reason,
        tuple(task.warnings),
    )
