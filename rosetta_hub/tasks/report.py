"""What an agent reports, read with tolerance. Nothing in it names a path, a host or an option.

An agent whose report is refused can't end its task in good order, and agents outlive upgrades of
the service. A report is refused only where it makes no sense at all: unknown keys are ignored,
texts are cleaned and cut, numbers are clamped, and an optional part that can't be read counts as
absent.
The other side is agent/rosetta_agent/report.py.
"""

import json
from datetime import timedelta
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from rosetta_agent import protocol
from rosetta_hub.catalogue.registries import DIGEST
from rosetta_hub.database.external_text import fit_text
from rosetta_hub.database.models import DesiredState, Task, TaskState, utc_now
from rosetta_hub.errors import InvalidOptions
from rosetta_hub.lifetimes.ends import chosen_end
from rosetta_hub.tasks.interfaces import further_ports

# Seconds between the clock of a node and ours, from which on its user is told; and how.
CLOCK_TOLERANCE = 120.0
# The agent warns ten minutes before the end that its job had at first.
TIME_LIMIT_FAR = timedelta(minutes=12)
CLOCK_WARNING = "clock_wrong"
# The image is another one than the software was looked up as.
MOVED_WARNING = "image_moved"

_STATES = {
    "pulling": TaskState.STARTING,
    "starting": TaskState.STARTING,
    "running": TaskState.RUNNING,
    "stopped": TaskState.STOPPED,
    "failed": TaskState.FAILED,
}
# What a column of whole numbers holds.
_LARGEST = 2**63 - 1


def _clamp(value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return max(-_LARGEST, min(value, _LARGEST)) if is_number else value


def _clamp_count(value: Any) -> Any:
    return max(0, value) if isinstance(value := _clamp(value), int | float) else value


def _ignore_unreadable(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        return read(value)
    except ValidationError:
        return None


def _is_state(value: str) -> str:
    if value not in _STATES:
        raise ValueError("not a state")
    return value


def _is_interface(value: str) -> str:
    if value not in protocol.INTERFACE_KINDS:
        raise ValueError("not a kind of interface")
    return value


def _known_reason(value: Any) -> str | None:
    return value if value is None or value in protocol.REASONS else "internal"


def _known_warnings(value: Any) -> list[str]:
    return (
        [warning for warning in protocol.WARNINGS if warning in value]
        if isinstance(value, list)
        else []
    )


def _known_digests(value: Any) -> list[str]:
    values = value if isinstance(value, list) else []
    digests = [value for value in values if isinstance(value, str) and DIGEST.fullmatch(value)]
    return digests[: protocol.MAX_DIGESTS]


def _message(value: Any) -> str:
    return fit_text(value, protocol.MAX_MESSAGE) if isinstance(value, str) else ""


def _detail(value: Any) -> str:
    # The end tells more than the beginning: it is where a program says what went wrong.
    return fit_text(value, None)[-protocol.MAX_DETAIL :] if isinstance(value, str) else ""


def _log_text(value: Any) -> Any:
    # Surrogates have no encoding; the replacement has as many bytes as one would have.
    if not isinstance(value, str):
        return value
    text = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text[: protocol.MAX_LOG_CHUNK]


Integer = Annotated[int, BeforeValidator(_clamp)]
Count = Annotated[int, BeforeValidator(_clamp_count)]
Percent = Annotated[FiniteFloat, Field(ge=0, le=100)]
Tolerant = WrapValidator(_ignore_unreadable)


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ProgressReport(_Message):
    """Bytes of the image that have arrived, of those known so far."""

    done: Count
    total: Count


class InterfaceReport(_Message):
    """Where the interface answers."""

    kind: Annotated[str, AfterValidator(_is_interface)]
    port: int | None = Field(default=None, ge=1, le=65535)


class FurtherInterfaceReport(_Message):
    """Whether a further interface answers, and the port that it was published as, if it was."""

    port: int = Field(ge=1, le=65535)
    published: int | None = Field(default=None, ge=1, le=65535)
    ready: bool


class UsageReport(_Message):
    """CPU time so far (seconds) and memory now (bytes) of the container.

    Of its GPUs, where that is known: how busy they are (percent) and their memory (bytes).
    """

    cpu_seconds: FiniteFloat = Field(ge=0)
    memory: Count
    gpu_percent: Annotated[Percent | None, Tolerant] = None
    gpu_memory: Annotated[Count | None, Tolerant] = None
    gpu_memory_total: Annotated[Count | None, Tolerant] = None


class LogChunk(_Message):
    """Output of the container from byte `offset` on."""

    offset: int = Field(ge=0, le=protocol.MAX_LOG)
    text: Annotated[str, BeforeValidator(_log_text)]


class Report(_Message):
    """The full state of an attempt as its agent sees it; a later one replaces an earlier one."""

    sequence: Count
    state: Annotated[str, AfterValidator(_is_state)]
    progress: Annotated[ProgressReport | None, Tolerant] = None
    message: Annotated[str, BeforeValidator(_message)] = ""
    interface: Annotated[InterfaceReport | None, Tolerant] = None
    # Absent while the agent has not asked them, and from agents that know of none.
    interfaces: Annotated[list[FurtherInterfaceReport] | None, Tolerant] = None
    exit_code: Annotated[Integer | None, Tolerant] = None
    reason: Annotated[str | None, BeforeValidator(_known_reason)] = None
    detail: Annotated[str, BeforeValidator(_detail)] = ""
    warnings: Annotated[list[str], BeforeValidator(_known_warnings)] = []
    usage: Annotated[UsageReport | None, Tolerant] = None
    image_digests: Annotated[list[str], BeforeValidator(_known_digests)] = []
    log: Annotated[LogChunk | None, Tolerant] = None
    # Seconds since the epoch: the time limit of the batch job, and what the node's clock says.
    ends_at: Annotated[FiniteFloat | None, Tolerant] = None
    clock: Annotated[FiniteFloat | None, Tolerant] = None


def parse_report(body: bytes) -> Report:
    """Read the body of a request.

    Raises:
        InvalidOptions: it is not JSON, or has neither state nor sequence.
    """
    try:
        return Report.model_validate(json.loads(body))
    except (ValueError, RecursionError) as error:
        raise InvalidOptions("This is not a report of an agent.") from error


def apply_report(task: Task, report: Report) -> bool:
    """Bring the row up to what the agent says; returns whether users see a difference.

    A report older than the last one changes nothing. A container that ends by itself with exit
    code 0 was stopped from the inside, as a notebook's "Shut Down" does.
    """
    task.last_heartbeat = utc_now()
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
    if report.interfaces is not None:
        declared = further_ports(task)
        states = {state.port: state for state in report.interfaces if state.port in declared}
        task.interface_states = [state.model_dump() for state in states.values()]
    _apply_usage(task, report)
    _apply_image(task, report)
    task.warnings = [*_present_warnings(task, report), *_own_warnings(task, report)]
    return before != _visible(task)


def _apply_usage(task: Task, report: Report) -> None:
    if report.usage:
        task.cpu_seconds, task.memory_used = report.usage.cpu_seconds, report.usage.memory
    elif report.state == "running":
        # Unknown is not "as before": the task might be computing.
        task.cpu_seconds = None


def _apply_image(task: Task, report: Report) -> None:
    """Keep by which digest the image is known; engines may know several, for one image."""
    digests = report.image_digests
    if digests:
        is_expected = task.expected_digest in digests
        task.image_digest = task.expected_digest if is_expected else digests[0]


def _apply_state(task: Task, report: Report) -> None:
    state = _STATES[report.state]
    if _was_signalled(task, report):
        # Preempted, cancelled or out of time: the scheduler knows, and may start it again.
        return
    if state is TaskState.RUNNING and task.started is None:
        task.started = task.last_activity = utc_now()
        task.stop_at = chosen_end(task)
    if state.final:
        task.ended = task.ended or utc_now()
        task.exit_code = report.exit_code
        # A task that was asked to stop has none; the service may have had one to ask.
        if report.reason is not None:
            task.reason, task.detail = report.reason, report.detail
        if report.reason == "exited" and report.exit_code == 0 and task.started is not None:
            state = TaskState.STOPPED
    task.state = state


def _was_signalled(task: Task, report: Report) -> bool:
    """Whether the agent was ended by its scheduler, and not by its user."""
    return (
        report.state == "stopped"
        and task.job_id is not None
        and task.desired_state is DesiredState.RUN
    )


def _present_warnings(task: Task, report: Report) -> list[str]:
    """The agent's warnings, but for that of a time limit that was put off since its job began."""
    is_far = task.ends_at is not None and task.ends_at - utc_now() > TIME_LIMIT_FAR
    return [warning for warning in report.warnings if not (is_far and warning == "time_limit_near")]


def _own_warnings(task: Task, report: Report) -> list[str]:
    """What the agent can't know itself."""
    warnings = []
    if task.expected_digest and task.image_digest not in (None, task.expected_digest):
        warnings.append(MOVED_WARNING)
    if report.clock is not None:
        difference = abs(report.clock - utc_now().timestamp())
        warnings += [CLOCK_WARNING] if difference > CLOCK_TOLERANCE else []
    return warnings


def _visible(task: Task) -> tuple[object, ...]:
    # The usage changes with each heartbeat: it is shown with the next visible change or a reload.
    return (
        task.state,
        task.message,
        task.progress_done,
        task.progress_total,
        task.reason,
        tuple(task.warnings),
        task.interface_states,
        task.image_digest,
    )
