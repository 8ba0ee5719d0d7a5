"""What can be done with tasks; every caller (spawner, pages, API, agents) comes through here."""

import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import select, tuple_, update
from sqlalchemy.orm import Session

from rosetta_agent.protocol import FINAL_STATES
from rosetta_hub.catalogue.catalogue import Catalogue, User
from rosetta_hub.catalogue.options import TaskSpec
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import DesiredState, Task, TaskState, utc_now
from rosetta_hub.errors import Conflict, NotAllowed, NotFound
from rosetta_hub.keys import Keys
from rosetta_hub.tasks.changes import (
    Before,
    Planner,
    ReportNote,
    Watcher,
    note_nothing,
    plan_nothing,
    watch_nothing,
)
from rosetta_hub.tasks.events import Broadcaster, Event
from rosetta_hub.tasks.limits import check_limits
from rosetta_hub.tasks.logs import Logs
from rosetta_hub.tasks.queries import TaskQueries
from rosetta_hub.tasks.report import Report, apply_report
from rosetta_hub.tasks.software_uses import record_use
from rosetta_hub.tasks.spawner_settings import NO_SETTINGS, SpawnerSettings
from rosetta_hub.tasks.usage import UsageView, forget_usage, read_usage, record_usage

# Rows that one statement changes: databases limit its variables.
HEARTBEATS_AT_ONCE = 400

# Columns that belong to one attempt, and what they are when it begins.
_FRESH: dict[str, Any] = {
    "state": TaskState.QUEUED,
    "desired_state": DesiredState.RUN,
    "forget": False,
    "sequence": 0,
    "message": "",
    "progress_done": None,
    "progress_total": None,
    "interface_kind": None,
    "interface_port": None,
    "interface_states": [],
    "exit_code": None,
    "reason": None,
    "detail": "",
    "staging": "",
    "image_digest": None,
    "warnings": [],
    "cpu_seconds": None,
    "memory_used": None,
    "remote_user": None,
    "submitting": None,
    "job_id": None,
    "job_state": None,
    "job_reason": None,
    "expected_start": None,
    "ends_at": None,
    "node": None,
    "boot_id": None,
    "started": None,
    "ended": None,
    "last_heartbeat": None,
    "last_activity": None,
    "idle_since": None,
    "kept_until": None,
    "extended_until": None,
    "end_announced": None,
    "denied_since": None,
}


class TaskManager(TaskQueries):
    """Tasks in the database, their logs, and the news of them.

    `wake` is called with the id of each task that the reconciler should look at, `watch` with
    every change of a row inside its transaction, `plan` with every new attempt inside of the
    transaction that begins it, `note_report` with every report that was taken.
    """

    def __init__(
        self,
        database: Database,
        catalogue: Catalogue,
        keys: Keys,
        logs: Logs,
        events: Broadcaster,
        wake: Callable[[str], None],
        watch: Watcher = watch_nothing,
        plan: Planner = plan_nothing,
        note_report: ReportNote = note_nothing,
    ) -> None:
        super().__init__(database)
        self.catalogue = catalogue
        self.logs = logs
        self.events = events
        self._keys = keys
        self._wake = wake
        self._watch = watch
        self._plan = plan
        self._note_report = note_report

    def start(
        self,
        server_name: str,
        spec: TaskSpec,
        user: User,
        spawner: SpawnerSettings = NO_SETTINGS,
    ) -> Task:
        """Record that the user's server should run as a task; the reconciler does the rest.

        A server that ran before gets a new attempt of the same task. `spec` is the user's by
        `resolve_options`, `spawner` is what the hub's configuration and hooks add to it.

        Raises:
            InvalidOptions: see `check_limits`.
            LimitReached: the user has too many active tasks.
            Conflict: the task is active.
        """
        spec = spawner.lower(spec)
        self.check_limits(spec, user)
        with self.database.session() as session:
            task = _of_server(session, user.name, server_name)
            if task is None:
                task = Task(
                    id=secrets.token_hex(6), user=user.name, server_name=server_name, attempt=0
                )
                session.add(task)
            elif not task.state.final:
                raise Conflict(f"The task {task.name!r} is already {_word(task)}.")
            _begin_attempt(task, spec, user)
            forget_usage(session, task)
            task.environment = spawner.encrypt_environment(self._keys.database)
            self._plan(session, task, spec, user)
            record_use(session, user.name, spec.family)
        self.logs.keep_two(task.id, task.attempt)
        self.changed(task)
        return task

    def check_limits(self, spec: TaskSpec, user: User) -> None:
        """Refuse a task that is too much beside the user's active tasks.

        Raises:
            InvalidOptions, LimitReached: see `rosetta_hub.tasks.limits.check_limits`.
        """
        if self.catalogue.limits:
            check_limits(spec, user, self.active(user=user.name), self.catalogue)

    def request_stop(self, task: Task, forget: bool = False) -> Task:
        """Record that the task should stop (and be deleted once it has); nothing waits here."""

        def stop(row: Task) -> None:
            if not row.state.final:
                row.desired_state = DesiredState.STOP
            row.forget = row.forget or forget

        return self.update(task, stop)

    def fail(self, task: Task, reason: str, detail: str = "") -> Task:
        """End the attempt with a cause that the service found itself."""

        def fail(row: Task) -> None:
            if not row.state.final:
                row.state, row.reason, row.detail = TaskState.FAILED, reason, detail
                row.ended = utc_now()

        return self.update(task, fail)

    def stopped(self, task: Task) -> Task:
        """End the attempt as it was asked for; nothing of it is left on its resource."""

        def stop(row: Task) -> None:
            if not row.state.final:
                row.state, row.ended = TaskState.STOPPED, utc_now()

        return self.update(task, stop)

    def update(self, task: Task, change: Callable[[Task], None]) -> Task:
        """Change the present row in one transaction, and tell everybody.

        Raises:
            NotFound: the task was deleted meanwhile, or a newer attempt has begun.
        """
        with self.database.session() as session:
            row = _current(session, task)
            with self._watched(session, row):
                change(row)
        self.changed(row)
        return row

    def delete(self, task: Task) -> None:
        """Remove the row and the logs; the task must be final.

        Raises:
            NotFound: it was deleted before, or started anew.
        """
        with self.database.session() as session:
            session.delete(_current(session, task))
        self.logs.remove(task.id, task.attempt)
        self.events.publish(Event("gone", task.id, task.user, task.server_name))

    def delete_user(self, user: str) -> bool:
        """Delete all tasks of a user, and stop those that are active.

        Returns whether none is left; the others are deleted once they have stopped.
        """
        tasks = self.all(user)
        for task in tasks:
            if task.state.final and task.port is None:
                self.delete(task)
            else:
                self.request_stop(task, forget=True)
        return all(task.state.final and task.port is None for task in tasks)

    def check_agent(self, task_id: str, attempt: int, secret: str) -> Task:
        """The task, if `secret` is that of its present attempt.

        Raises:
            NotFound: there is no such task, or a newer attempt has begun: the agent has to go.
            NotAllowed: the secret is wrong, whether or not there is such a task.
        """
        if not secrets.compare_digest(
            secret.encode(), self._keys.agent_secret(task_id, attempt).encode()
        ):
            raise NotAllowed("The secret is not that of this attempt.")
        task = self.find(task_id)
        if attempt != task.attempt:
            raise NotFound("A newer attempt of this task has begun.")
        return task

    def report(self, task: Task, report: Report) -> DesiredState:
        """Take a report of the present attempt, checked before; returns what it should be.

        Raises:
            NotFound: the attempt is over as far as the service knows, but its agent goes on.
        """
        if task.state.final:
            if report.state in FINAL_STATES:
                return DesiredState.STOP
            raise NotFound("This attempt is over.")
        with self.database.session() as session:
            row = _current(session, task)
            with self._watched(session, row):
                visible = apply_report(row, report)
            if report.usage is not None and row.sequence == report.sequence:
                record_usage(session, row, report.usage)
        self._take_log(row, report)
        if row.sequence == report.sequence:
            self._note_report(row, report.state)
        if visible:
            self.changed(row)
        return row.desired_state

    def note_heartbeats(self, attempts: Collection[tuple[str, int]]) -> None:
        """Note that these attempts, a task and a number each, still are as reported last."""
        keys = sorted(attempts)
        for start in range(0, len(keys), HEARTBEATS_AT_ONCE):
            part = keys[start : start + HEARTBEATS_AT_ONCE]
            rows = tuple_(Task.id, Task.attempt).in_(part) & (Task.state == TaskState.RUNNING)
            with self.database.session() as session:
                session.execute(update(Task).where(rows).values(last_heartbeat=utc_now()))

    def add_to_log(self, task: Task, text: str) -> None:
        """Append to the log of the present attempt of a task without an agent.

        Raises:
            NotFound: the attempt is over, or the task was deleted.
        """
        row = self.find(task.id)
        if row.attempt != task.attempt:
            raise NotFound("A newer attempt of this task has begun.")
        self._append_log(row, self.logs.received(task.id, task.attempt), text)

    def usage(self, task: Task) -> UsageView:
        """What the present attempt of a task has used over time."""
        with self.database.session() as session:
            return read_usage(session, task)

    def wake(self, task_id: str) -> None:
        """Have the reconciler look at the task soon."""
        self._wake(task_id)

    def changed(self, task: Task) -> None:
        """Tell open pages and the reconciler that the task is another."""
        self.events.publish(Event("task", task.id, task.user, task.server_name))
        self._wake(task.id)

    @contextmanager
    def _watched(self, session: Session, row: Task) -> Iterator[None]:
        before = Before.of(row)
        yield
        if row.state.final:
            row.environment = None
        self._watch(session, before, row)

    def _take_log(self, task: Task, report: Report) -> None:
        if report.log is not None:
            self._append_log(task, report.log.offset, report.log.text)

    def _append_log(self, task: Task, offset: int, text: str) -> None:
        new = self.logs.append(task.id, task.attempt, offset, text)
        if new:
            end = self.logs.received(task.id, task.attempt)
            self.events.publish(
                Event("log", task.id, task.user, task.server_name, end - len(new.encode()), new)
            )


def _of_server(session: Session, user: str, server_name: str) -> Task | None:
    return session.scalar(select(Task).where(Task.user == user, Task.server_name == server_name))


def _current(session: Session, task: Task) -> Task:
    row = session.get(Task, task.id, with_for_update=True)
    if row is None or row.attempt != task.attempt:
        raise NotFound("There is no such task. It may have been deleted, or started anew.")
    return row


def _word(task: Task) -> str:
    if task.desired_state is DesiredState.STOP:
        return "stopping; wait until it has stopped"
    return {"queued": "waiting to start"}.get(task.state.value, task.state.value)


def _begin_attempt(task: Task, spec: TaskSpec, user: User) -> None:
    task.attempt += 1
    task.name, task.family = spec.name, spec.family
    task.options = spec.options.model_dump(mode="json", exclude_unset=True)
    task.software = spec.software.model_dump(mode="json")
    task.computing, task.engine, task.runtime = spec.computing.id, spec.engine, spec.runtime
    task.cpus, task.memory = spec.cpus, spec.memory
    task.request = spec.request.model_dump(exclude_none=True)
    task.expected_digest = spec.expected_digest
    task.storages = [storage.model_dump(mode="json") for storage in spec.storages]
    task.stop_at = spec.options.stop_at
    task.owner_groups = sorted(user.groups)
    task.created = utc_now()
    for column, value in _FRESH.items():
        setattr(task, column, list(value) if isinstance(value, list) else value)
