"""Since when tasks are idle: neither traffic passes the edge, nor are their CPUs busy."""

import enum
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rosetta_hub.catalogue.lifetimes import Lifetime
from rosetta_hub.database.models import Task

# The CPU use is the mean of this time, so that a cron job of a few seconds is no work.
WINDOW = timedelta(minutes=5)
# A task that was used within this time is not idle: nobody clicks all the time.
PAUSE = timedelta(minutes=1)


class CpuUse(enum.Enum):
    """What is known of a task's CPUs; `UNKNOWN` is never idle, `PENDING` is not known yet."""

    BUSY = enum.auto()
    QUIET = enum.auto()
    PENDING = enum.auto()
    UNKNOWN = enum.auto()


@dataclass
class _Samples:
    """CPU seconds of an attempt, by when its agent reported them; `busy` is when it was last."""

    attempt: int
    seconds: deque[tuple[datetime, float]] = field(default_factory=deque)
    began: datetime | None = None
    busy: datetime | None = None


class IdleWatch:
    """Measures tasks, round by round. `liveness_timeout` is how long an agent may not report.

    What was measured is kept in memory. A service that has been restarted measures anew, and takes
    a task for idle as long as it was before, if nothing speaks against it.
    """

    def __init__(self, liveness_timeout: timedelta) -> None:
        self._liveness_timeout = liveness_timeout
        self._samples: dict[str, _Samples] = {}

    def forget_others(self, task_ids: Iterable[str]) -> None:
        """Keep what was measured of these tasks alone."""
        ids = set(task_ids)
        self._samples = {key: samples for key, samples in self._samples.items() if key in ids}

    def measure(self, task: Task, lifetime: Lifetime, now: datetime) -> CpuUse:
        """Take the latest CPU time of a running task into account."""
        samples = self._samples.get(task.id)
        if samples is None or samples.attempt != task.attempt:
            samples = self._samples[task.id] = _Samples(task.attempt)
        use = self._use(samples, task, lifetime, now)
        if use is CpuUse.BUSY:
            samples.busy = now
        return use

    def idle_since(
        self, task: Task, lifetime: Lifetime, use: CpuUse, traffic: datetime | None, now: datetime
    ) -> datetime | None:
        """Since when a task is idle; None: it is not.

        `traffic` is when something passed the edge last, as far as that is known.
        """
        samples = self._samples[task.id]
        if use in (CpuUse.BUSY, CpuUse.UNKNOWN) or samples.began is None:
            return None
        used = max(filter(None, (task.started, task.last_activity, traffic, samples.busy)))
        if task.idle_since is not None and used <= task.idle_since:
            return task.idle_since
        pause = min(PAUSE, timedelta(seconds=lifetime.idle_timeout or 0))
        # What it did before it was measured nobody knows.
        since = max(used, samples.began)
        return None if use is CpuUse.PENDING or now - since < pause else since

    def _use(self, samples: _Samples, task: Task, lifetime: Lifetime, now: datetime) -> CpuUse:
        last_heartbeat, seconds = task.last_heartbeat, task.cpu_seconds
        if (
            last_heartbeat is None
            or seconds is None
            or now - last_heartbeat > self._liveness_timeout
        ):
            samples.seconds.clear()
            samples.began = None
            return CpuUse.UNKNOWN
        if samples.seconds and seconds < samples.seconds[-1][1]:
            # Processes have ended whose time is not counted any more: something happens there.
            samples.seconds.clear()
            samples.seconds.append((last_heartbeat, seconds))
            return CpuUse.BUSY
        window = min(WINDOW, timedelta(seconds=lifetime.idle_timeout or 0))
        _add(samples, last_heartbeat, seconds, window)
        return _compare(samples, lifetime.idle_cpu, window)


def _add(samples: _Samples, last_heartbeat: datetime, seconds: float, window: timedelta) -> None:
    if not samples.seconds or last_heartbeat > samples.seconds[-1][0]:
        samples.seconds.append((last_heartbeat, seconds))
    if samples.began is None:
        samples.began = last_heartbeat
    # The first one is the last that is old enough.
    while len(samples.seconds) > 2 and last_heartbeat - samples.seconds[1][0] >= window:
        samples.seconds.popleft()


def _compare(samples: _Samples, idle_cpu: float, window: timedelta) -> CpuUse:
    (first, before), (last, after) = samples.seconds[0], samples.seconds[-1]
    if last - first >= window:
        # An agent that was silent for a while reports what happened in all of it.
        rate = (after - before) / (last - first).total_seconds()
        return CpuUse.BUSY if rate >= idle_cpu else CpuUse.QUIET
    work = idle_cpu * window.total_seconds()
    return CpuUse.BUSY if after - before >= work else CpuUse.PENDING
