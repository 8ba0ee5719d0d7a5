"""Counters and durations of tasks: what happened, as it happens."""

import time
from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram
from sqlalchemy.orm import Session

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.catalogue.options import TaskSpec
from rosetta_hub.database.models import Task, TaskState, utc_now
from rosetta_hub.tasks.changes import Before

# Seconds: a local start is over within the first ones, a queue may take days.
START_BUCKETS = (2, 5, 15, 60, 300, 1800, 7200, 86400)
PHASE_BUCKETS = (1, 5, 15, 60, 300, 1800)
# Failures of which the user, the software or the scheduler's policy is the cause.
EXPECTED_REASONS = frozenset(
    {
        *("exited", "out_of_memory", "out_of_disk", "time_limit", "cancelled", "preempted"),
        *("evicted", "quota_exceeded"),
    }
)
# The last steps of a start, by the state that the agent reports in them.
PHASES = {"pulling": "image", "starting": "container"}
# Ours are about fifty; agents of other versions may send more, but not without end.
MOST_REASONS = 100


class TaskMetrics:
    """A `Planner` and a `Watcher` of the task manager.

    Labels are of configured or fixed sets: resources, states, reasons; never users or tasks. What
    is counted in a transaction that fails afterwards stays counted. `now` is a clock, in seconds.
    """

    def __init__(
        self, registry: CollectorRegistry, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._now = now
        self._starts = Counter(
            "rosetta_task_starts",
            "Attempts of tasks that began, started again included.",
            ["computing"],
            registry=registry,
        )
        self._ends = Counter(
            "rosetta_task_ends",
            "Attempts of tasks that ended, with the reason; none where a user stopped it.",
            ["computing", "state", "reason"],
            registry=registry,
        )
        self._faults = Counter(
            "rosetta_task_faults",
            "Attempts of tasks that failed for a reason that administrators should look at.",
            ["computing"],
            registry=registry,
        )
        self._wait = Histogram(
            "rosetta_task_wait_seconds",
            "Time from the user's click until the resource began to start the task.",
            ["computing"],
            buckets=START_BUCKETS,
            registry=registry,
        )
        self._start = Histogram(
            "rosetta_task_start_seconds",
            "Time from the user's click until the task's interface answered.",
            ["computing"],
            buckets=START_BUCKETS,
            registry=registry,
        )
        self._phase = Histogram(
            "rosetta_task_phase_seconds",
            "Time that a start spent on its image (pulled and prepared) and on its container.",
            ["computing", "phase"],
            buckets=PHASE_BUCKETS,
            registry=registry,
        )
        self._reasons = set[str]()
        # The phase that each starting task is in, and since when.
        self._phases: dict[str, tuple[str, float]] = {}

    def begin(self, computing: Sequence[str]) -> None:
        """Begin to count at 0 for the configured resources, so that the first start is seen."""
        for name in computing:
            self._starts.labels(name)
            self._faults.labels(name)
            self._wait.labels(name)
            self._start.labels(name)
            for phase in PHASES.values():
                self._phase.labels(name, phase)
            for state in (TaskState.STOPPED, TaskState.FAILED):
                self._ends.labels(name, state.value, "")

    def plan(self, _session: Session, task: Task, _spec: TaskSpec, _user: User) -> None:
        """Count a start."""
        self._phases.pop(task.id, None)
        self._starts.labels(task.computing).inc()

    def watch(self, _session: Session, before: Before, task: Task) -> None:
        """Count what the change of a task's state tells."""
        if task.state is before.state:
            return
        seconds = (utc_now() - task.created).total_seconds()
        if before.state is TaskState.QUEUED and not task.state.final:
            self._wait.labels(task.computing).observe(seconds)
        if task.state is TaskState.RUNNING:
            self._start.labels(task.computing).observe(seconds)
        if task.state.final:
            self._phases.pop(task.id, None)
            self._ends.labels(task.computing, task.state.value, self._reason(task)).inc()
            if task.state is TaskState.FAILED and task.reason not in EXPECTED_REASONS:
                self._faults.labels(task.computing).inc()

    def note_report(self, task: Task, state: str) -> None:
        """Count the phase that has ended where an agent reports another `state` than before.

        Phases that went on while the service was started again are not counted.
        """
        phase, now = PHASES.get(state), self._now()
        previous = self._phases.get(task.id)
        if previous is not None and previous[0] != phase:
            self._phase.labels(task.computing, previous[0]).observe(now - previous[1])
            del self._phases[task.id]
        if phase is not None and task.id not in self._phases:
            self._phases[task.id] = (phase, now)

    def _reason(self, task: Task) -> str:
        """The task's reason as a label."""
        reason = task.reason or ""
        if len(self._reasons) < MOST_REASONS:
            self._reasons.add(reason)
        return reason if reason in self._reasons else "other"
