"""Asks a scheduler about all jobs of a resource at once, and brings their tasks up to date."""

import contextlib
import logging
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial

from rosetta_hub.background import gather_limited
from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.database.models import DesiredState, Task, TaskState, utc_now
from rosetta_hub.errors import NotFound, ResourceUnavailable
from rosetta_hub.reconciler.query_pace import QueryPace
from rosetta_hub.resources.resource import Queue
from rosetta_hub.resources.wms import Job, JobEnd, JobState, ShutOut
from rosetta_hub.tasks.conditions import Conditions
from rosetta_hub.tasks.manager import TaskManager

log = logging.getLogger(__name__)

# Answers without a job, after which it is believed to be gone where accounting knows nothing.
PATIENCE = 3
# Ends that are asked for one by one, at a time: sshd allows ten commands on a connection.
SETTLED_AT_ONCE = 4
# A job whose task has ended gets this long to end by itself, and is looked for this long.
ORPHAN_AGE = timedelta(seconds=60)
RECENT = timedelta(minutes=10)

# A scheduler asks a job to end before its time is over, and its clock ticks in halves of a minute.
ASKED_BEFORE_END = timedelta(minutes=2)

_FAILURES = {
    "time_limit": "time_limit",
    "out_of_memory": "out_of_memory",
    "out_of_disk": "out_of_disk",
    "node_failure": "node_failure",
    "evicted": "evicted",
    "preempted": "preempted",
    "cancelled": "cancelled",
    "namespace_deleted": "namespace_deleted",
}


class JobWatcher:
    """One a resource. "Could not ask" changes nothing but the note on the tasks' pages."""

    def __init__(
        self, computing: Computing, queue: Queue, tasks: TaskManager, conditions: Conditions
    ) -> None:
        self._computing = computing
        self._queue = queue
        self._tasks = tasks
        self._conditions = conditions
        self._absent: Counter[tuple[str, int]] = Counter()
        self._located: set[tuple[str, int, TaskState]] = set()
        self.pace = QueryPace(float(computing.query_interval))

    def expect_change(self) -> None:
        """Ask earlier than usual: something was submitted."""
        self.pace.expect_change()

    def locate(self, task: Task) -> None:
        """Ask for the node of a task whose agent reports: at once when it begins, and when it runs.

        Later reports of a task whose node is still not known wait for the usual queries.
        """
        key = (task.id, task.attempt, task.state)
        if key not in self._located:
            self._located.add(key)
            self.pace.hurry()

    async def run(self) -> None:
        """Ask again and again."""
        while True:
            self.pace.begin()
            await self._round()
            await self.pace.wait()

    async def _round(self) -> None:
        try:
            await self.step()
        except ResourceUnavailable as error:
            log.warning("%s: %s", self._computing.id, error)
        except Exception:
            log.exception("%s: its queue could not be looked at", self._computing.id)

    async def step(self) -> None:
        """One query, and what follows from it.

        Raises:
            ResourceUnavailable: nobody answered.
        """
        computing, lately = self._computing.id, utc_now() - RECENT
        active = _with_jobs(self._tasks.active(computing))
        ended = _with_jobs(self._tasks.ended_since(lately, computing))
        self._forget_others(active)
        if not active and not ended:
            return
        asked_at = utc_now()
        try:
            jobs = await self._queue.jobs(active + ended)
        except ResourceUnavailable as error:
            self._note(active, str(error))
            if isinstance(error, ShutOut):
                self._end_removed(active, error.ends)
            raise
        self._note(active, None)
        by_name = defaultdict(list)
        for job in jobs:
            by_name[job.name].append(job)
        missing = [
            task
            for task in active
            if not self._found(task, by_name[self._queue.job_name(task)], asked_at)
        ]
        await self._settle_all(missing)
        await self._cancel_orphans(jobs)

    def _end_removed(self, active: list[Task], ends: Mapping[str, JobEnd]) -> None:
        for task in active:
            if (end := ends.get(task.job_id or "")) is not None:
                with contextlib.suppress(NotFound):
                    self._tasks.update(task, partial(_finish, end=end))

    def _forget_others(self, active: list[Task]) -> None:
        """Keep nothing of attempts that have ended."""
        attempts = {(task.id, task.attempt) for task in active}
        self._located = {key for key in self._located if key[:2] in attempts}
        self._absent = Counter({key: self._absent[key] for key in attempts & self._absent.keys()})

    def _note(self, tasks: list[Task], message: str | None) -> None:
        for task in tasks:
            news = (
                self._conditions.clear(task)
                if message is None
                else self._conditions.add(task, message)
            )
            if news:
                # The condition is recorded once a user; all open pages of the user's tasks show it.
                for other in tasks:
                    if other.user == task.user:
                        self._tasks.changed(other)

    def _found(self, task: Task, jobs: list[Job], asked_at: datetime) -> bool:
        """Bring a task up to date whose job was in the answer; False where it was not."""
        job = next((job for job in jobs if job.id == task.job_id), None)
        if job is None:
            self._absent[task.id, task.attempt] += 1
            return False
        self._absent.pop((task.id, task.attempt), None)
        try:
            self._apply(task, job, asked_at)
        except NotFound:
            pass
        except Exception:
            # The other tasks of the resource are brought up to date all the same.
            log.exception("%s: its job could not be followed", task.id)
        return True

    async def _settle_all(self, tasks: list[Task]) -> None:
        """Their jobs were in no successful answer: find out how they ended, together."""
        ends = await self._queue.ends(tasks) if len(tasks) > 1 else {}

        async def settle(task: Task) -> None:
            await self._try_settle(task, ends.get(task.job_id or ""))

        await gather_limited(SETTLED_AT_ONCE, settle, tasks)

    async def _try_settle(self, task: Task, end: JobEnd | None) -> None:
        try:
            await self._settle(task, end)
        except NotFound:
            pass
        except ResourceUnavailable as error:
            log.warning("%s: %s", task.id, error)
        except Exception:
            log.exception("%s: the end of its job could not be recorded", task.id)

    def _apply(self, task: Task, job: Job, asked_at: datetime) -> None:
        message = self._queue.why(job, task) if job.state is JobState.PENDING else ""
        if _shown(task) != _as_shown(job, message) or _is_requeued(task, job):
            self._tasks.update(task, partial(_follow, job=job, message=message, asked_at=asked_at))

    async def _settle(self, task: Task, end: JobEnd | None) -> None:
        asked_at = utc_now()
        end = end or await self._queue.end(task)
        if end is None:
            live = [job for job in await self._queue.find(task) if job.state is not JobState.ENDED]
            if live:
                # A scheduler that hides the jobs of other accounts: this one asked for itself.
                self._apply(task, live[0], asked_at)
                return
            if self._absent[task.id, task.attempt] < PATIENCE:
                return
        self._absent.pop((task.id, task.attempt), None)
        self._tasks.update(task, partial(_finish, end=end))

    async def _cancel_orphans(self, jobs: list[Job]) -> None:
        """Cancel jobs of ours that no task wants: those of a submission whose answer was lost.

        Other resources may have their jobs in the same queue. Tasks are read again, because some
        may have begun while the scheduler was asked.
        """
        ours = [(job, owner) for job in jobs if (owner := self._queue.task_of(job)) is not None]
        tasks = self._tasks.by_ids({task_id for _, (task_id, _) in ours})
        orphans = [
            job for job, (task_id, attempt) in ours if _is_orphan(job, tasks.get(task_id), attempt)
        ]
        users = self._tasks.users_of_accounts(self._computing.id, {job.user for job in orphans})
        for job in orphans:
            if job.user in users:
                log.warning("job %s (%s) belongs to no task: cancelling it", job.id, job.name)
                await self._cancel(users[job.user], job)

    async def _cancel(self, user: str, job: Job) -> None:
        try:
            await self._queue.cancel(user, job)
        except ResourceUnavailable as error:
            log.warning("job %s: %s", job.id, error)
        except Exception:
            log.exception("job %s could not be cancelled", job.id)


def _with_jobs(tasks: list[Task]) -> list[Task]:
    return [task for task in tasks if task.job_id is not None]


def _is_orphan(job: Job, task: Task | None, attempt: int) -> bool:
    if task is None or attempt < task.attempt:
        return True
    if task.state.final:
        return task.ended is not None and utc_now() - task.ended > ORPHAN_AGE
    return task.job_id is not None and job.id != task.job_id


def _is_requeued(task: Task, job: Job) -> bool:
    return job.state is JobState.PENDING and task.state in (TaskState.STARTING, TaskState.RUNNING)


def _as_shown(job: Job, message: str) -> tuple[object, ...]:
    # As a row, because its columns cut texts that are too long.
    row = Task(job_state=job.scheduler_state, job_reason=message, node=job.node)
    row.expected_start, row.ends_at = job.expected_start, job.ends_at
    return _shown(row)


def _shown(task: Task) -> tuple[object, ...]:
    return (task.job_state, task.job_reason, task.expected_start, task.ends_at, task.node)


def _follow(task: Task, job: Job, message: str, asked_at: datetime) -> None:
    if _is_requeued(task, job):
        if task.last_heartbeat is not None and task.last_heartbeat > asked_at:
            # Its agent has begun to report since the scheduler was asked: the answer is old.
            return
        # Preempted, or its node is gone: the scheduler starts it again, with a new agent.
        task.state, task.sequence, task.message = TaskState.QUEUED, 0, ""
        task.interface_kind = task.interface_port = task.started = task.last_heartbeat = None
        task.interface_states = []
    task.job_state, task.job_reason = job.scheduler_state, message
    task.expected_start, task.ends_at, task.node = job.expected_start, job.ends_at, job.node


def _finish(task: Task, end: JobEnd | None) -> None:
    if task.state.final:
        return
    task.ended = utc_now()
    task.job_state = end.scheduler_state if end else None
    if task.desired_state is DesiredState.STOP:
        task.state = TaskState.STOPPED
        return
    task.state = TaskState.FAILED
    task.reason = _reason(task, end)
    task.exit_code = end.exit_code if end else None
    task.detail = _detail(end, task)


def _reason(task: Task, end: JobEnd | None) -> str:
    if end is None:
        return "job_lost"
    if end.cause == "exited" and _was_at_its_limit(task):
        # Asked in time, its agent has ended everything in good order.
        return "time_limit"
    return _FAILURES.get(end.cause, "job_ended")


def _was_at_its_limit(task: Task) -> bool:
    return task.ends_at is not None and utc_now() > task.ends_at - ASKED_BEFORE_END


def _detail(end: JobEnd | None, task: Task) -> str:
    if end is None:
        return ""
    if end.cause == "namespace_deleted":
        return end.by or ""
    if end.cause == "cancelled" and end.by:
        return "you" if end.by == task.remote_user else end.by
    return end.node or task.node or "" if end.cause == "node_failure" else end.scheduler_state
