"""Tasks that waited in a queue, started, and that nobody opens: they hold a node for nobody."""

import logging
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from rosetta_hub.catalogue.units import format_duration
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import BrowserSession, DesiredState, Task, TaskState, utc_now
from rosetta_hub.edge.client import Activity
from rosetta_hub.errors import NotFound
from rosetta_hub.ingress.edge_publisher import EdgePublisher
from rosetta_hub.tasks.manager import TaskManager

log = logging.getLogger(__name__)


class UnopenedCuller:
    """Stops a queued resource's task that nobody opens within `cull_unopened_timeout` minutes.

    The minutes begin with the start of the task, and anew with that of the service: nobody can
    open a task while it is down. A task counts as opened when something went through its listener,
    or when a browser holds a ticket for it.
    """

    def __init__(self, tasks: TaskManager, edge: EdgePublisher, settings: Rosetta) -> None:
        self._tasks = tasks
        self._edge = edge
        self._computing = settings.catalogue().computing
        self._grace = timedelta(minutes=settings.cull_unopened_timeout)
        self._began = utc_now()

    async def step(self) -> None:
        """One round.

        Raises:
            EdgeUnavailable: it does not answer: who opened what is unknown, and nothing is stopped.
        """
        unopened = [task for task in await self._tasks.active_by_turns() if self._is_due(task)]
        if not unopened:
            return
        activity, entered = await self._edge.activity(), self._entered()
        for task in unopened:
            if not was_opened(task, activity, entered):
                self._stop(task)

    def _is_due(self, task: Task) -> bool:
        computing = self._computing.get(task.computing)
        if computing is None or not computing.has_queue or task.started is None:
            return False
        if task.state is not TaskState.RUNNING or task.desired_state is not DesiredState.RUN:
            return False
        return utc_now() - max(task.started, self._began) >= self._grace

    def _entered(self) -> set[str]:
        with self._tasks.database.session() as session:
            return set(session.scalars(select(BrowserSession.task_id)))

    def _stop(self, task: Task) -> None:
        grace = format_duration(int(self._grace.total_seconds()))
        log.info("%s: nobody opened it within %s", task.id, grace)

        def stop(row: Task) -> None:
            # Meanwhile it may have ended by itself.
            if row.state is TaskState.RUNNING and row.desired_state is DesiredState.RUN:
                row.desired_state, row.reason, row.detail = DesiredState.STOP, "unopened", grace

        try:
            self._tasks.update(task, stop)
        except NotFound:
            return


def was_opened(task: Task, activity: Mapping[str, Activity], entered: Collection[str]) -> bool:
    """Whether anybody has been in the task since it started."""
    if task.started is None or task.id in entered:
        return True
    if task.last_activity is not None and task.last_activity > task.started:
        return True
    traffic = activity.get(task.id)
    if traffic is None or traffic.last_request is None:
        return False
    return datetime.fromtimestamp(traffic.last_request / 1000, UTC) > task.started
