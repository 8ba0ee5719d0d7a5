"""The steps of a task that is a job of a workload manager."""

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Protocol

from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import DesiredState, Task, TaskState, utc_now
from rosetta_hub.errors import AuthenticationFailed, HostKeyProblem, StorageRefused
from rosetta_hub.ingress.ingress import Ingress
from rosetta_hub.resources.resource import Queue
from rosetta_hub.resources.wms import Job, JobRefused, JobState, NotSubmitted
from rosetta_hub.tasks.manager import TaskManager

log = logging.getLogger(__name__)

# Seconds. A submission whose answer was lost may still reach a slow scheduler for this long; only
# then is a job that is not found believed not to exist.
LATE_SUBMISSION = 90.0
# Seconds between two looks for a job whose submission or end is not known yet.
LOOK_AGAIN = 3.0
# Seconds after which it is forgotten when an agent was asked to stop its task.
FORGET = 3600.0
# Seconds after which the tunnel is published anew: certificates of ours are short-lived.
REFRESH = 600.0


class Watcher(Protocol):
    """Who asks the scheduler of one resource (see rosetta_hub.reconciler.job_watcher)."""

    def expect_change(self) -> None:
        """The queue has changed."""

    def locate(self, task: Task) -> None:
        """The task's agent reports, and the scheduler has not told its node yet."""


class JobSteps:
    """Submits, and cancels; in between the scheduler is asked by `watchers`, one a resource."""

    def __init__(
        self,
        tasks: TaskManager,
        ingress: Ingress,
        settings: Rosetta,
        watchers: Mapping[str, Watcher],
    ) -> None:
        self._tasks = tasks
        self._ingress = ingress
        self._watchers = watchers
        # What an agent needs to stop its container by itself, which it does better than a kill.
        self._grace = timedelta(seconds=settings.stop_timeout + 2 * settings.heartbeat_interval)
        self._asked: dict[tuple[str, int], float] = {}

    async def step(self, task: Task, queue: Queue) -> float | None:
        """Do one step; returns seconds until the next look, None when others will call."""
        if task.desired_state is DesiredState.STOP:
            return await self._stop(task, queue)
        wait = await self._ingress.open(task)
        if wait is not None:
            return wait
        if task.job_id is None:
            return await self._submit(task, queue)
        if task.node is None and task.state is not TaskState.QUEUED:
            self._watchers[task.computing].locate(task)
        return REFRESH

    async def _submit(self, task: Task, queue: Queue) -> float | None:
        account = queue.remote_user(task.user)
        if task.submitting is not None and not queue.has_unique_names:
            jobs = await queue.find(task)
            if jobs:
                self._submitted(task, jobs[0].id)
                return None
            if _may_arrive_late(task):
                return LOOK_AGAIN

        def begin(row: Task) -> None:
            row.submitting, row.remote_user = utc_now(), account

        task = self._tasks.update(task, begin)
        try:
            job_id = await queue.submit(task)
        except JobRefused as error:
            self._tasks.fail(task, "refused", str(error))
            return None
        except StorageRefused as error:
            self._tasks.fail(task, error.reason, str(error))
            return None
        except (AuthenticationFailed, HostKeyProblem, NotSubmitted):
            # Nobody was let in, or nobody was there, so nothing was submitted.
            self._tasks.update(task, _not_submitted)
            raise
        self._submitted(task, job_id)
        return None

    def _submitted(self, task: Task, job_id: str) -> None:
        def submitted(row: Task) -> None:
            row.job_id, row.submitting = job_id, None

        log.info("%s: job %s", task.id, job_id)
        self._tasks.update(task, submitted)
        self._watchers[task.computing].expect_change()

    async def _stop(self, task: Task, queue: Queue) -> float | None:
        await self._ingress.close_to_users(task)
        if task.job_id is None and task.submitting is None:
            self._tasks.stopped(task)
            return None
        live = [job for job in await queue.find(task) if job.state is not JobState.ENDED]
        if not live:
            return self._gone(task, queue)
        if not (queue.has_agents and self._agent_does_it(task, live)):
            for job in live:
                await queue.cancel(task.user, job)
        return LOOK_AGAIN

    def _gone(self, task: Task, queue: Queue) -> float | None:
        # A pod that is created later is removed by its reporter.
        if task.job_id is None and not queue.has_unique_names and _may_arrive_late(task):
            return LOOK_AGAIN
        self._asked.pop((task.id, task.attempt), None)
        self._tasks.stopped(task)
        return None

    def _agent_does_it(self, task: Task, jobs: list[Job]) -> bool:
        """Whether its agent is there to stop it, and still has time to."""
        if task.last_heartbeat is None or all(job.state is JobState.PENDING for job in jobs):
            return False
        if utc_now() - task.last_heartbeat > self._grace:
            return False
        now = utc_now().timestamp()
        # Most end by their agents, of which nothing is heard here.
        self._asked = {
            key: asked_at for key, asked_at in self._asked.items() if now - asked_at < FORGET
        }
        began = self._asked.setdefault((task.id, task.attempt), now)
        return now - began < self._grace.total_seconds()


def _may_arrive_late(task: Task) -> bool:
    """Whether a slow scheduler may yet get to a submission whose answer is not known."""
    if task.submitting is None:
        return False
    return (utc_now() - task.submitting).total_seconds() < LATE_SUBMISSION


def _not_submitted(task: Task) -> None:
    task.submitting = None
