"""The end of records: ended tasks, with their logs, and what the audit log has of long ago."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from rosetta_hub.audit.queries import BATCH as AUDIT_BATCH
from rosetta_hub.audit.queries import AuditQueries
from rosetta_hub.config import Rosetta
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import Task, utc_now
from rosetta_hub.errors import NotFound, UserError
from rosetta_hub.hub.client import HubClient
from rosetta_hub.tasks.manager import TaskManager

log = logging.getLogger(__name__)

# Tasks that are deleted in one round at most, for each reason: each one is a call of the hub.
BATCH = 100


class Retention:
    """Keeps ended tasks for `ended_tasks_days`, and at most `ended_tasks_per_user` of each user.

    A round reads the tasks that it deletes, and those that have ended since the last round.
    """

    def __init__(self, tasks: TaskManager, hub: HubClient, settings: Rosetta) -> None:
        self._tasks = tasks
        self._hub = hub
        self._age = timedelta(days=settings.ended_tasks_days)
        self._most = settings.ended_tasks_per_user
        # Users who may have too many; at first everybody.
        self._users: set[str] = set()
        self._looked = datetime.fromtimestamp(0, UTC)

    async def step(self) -> None:
        """One round.

        Raises:
            HubUnavailable: the hub does not answer; the rest is deleted in a later round.
        """
        for task in self._too_old() + self._too_many():
            await self._delete(task)

    def _too_old(self) -> list[Task]:
        if not self._age:
            return []
        return self._tasks.ended_before(utc_now() - self._age, BATCH)

    def _too_many(self) -> list[Task]:
        if not self._most:
            return []
        began = utc_now()
        self._users |= self._tasks.users_with_tasks_ended_since(self._looked)
        self._looked = began
        tasks: list[Task] = []
        for user in sorted(self._users):
            if len(tasks) >= BATCH:
                break
            surplus = self._tasks.ended_of(user, self._most, BATCH)
            tasks += surplus
            if not surplus:
                self._users.discard(user)
        return tasks

    async def _delete(self, candidate: Task) -> None:
        try:
            task = self._tasks.find(candidate.id)
            if task.state.final and task.attempt == candidate.attempt:
                # The default server stays: the hub does not remove it.
                if task.server_name:
                    await self._hub.stop_server(task.user, task.server_name, remove=True)
                self._tasks.request_stop(task, forget=True)
                log.info("%s: deleted, it ended at %s", task.id, task.ended)
        except NotFound:
            # The hub has asked for it, or it was started again.
            return
        except UserError as error:
            log.warning("%s: the hub keeps its server: %s", candidate.id, error)


class AuditRetention:
    """Deletes records of the audit log after `audit_days`."""

    def __init__(self, database: Database, settings: Rosetta) -> None:
        self._queries = AuditQueries(database)
        self._age = timedelta(days=settings.audit_days)

    async def step(self) -> None:
        """Delete what is too old.

        Raises:
            DatabaseUnavailable: the rest is deleted in a later round.
        """
        if not self._age:
            return
        before = utc_now() - self._age
        while await asyncio.to_thread(self._queries.delete_before, before) == AUDIT_BATCH:
            pass
