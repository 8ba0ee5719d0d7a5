"""Tasks whose owners have lost the group that let them use the software, computing or storages."""

import logging
from collections.abc import Callable
from datetime import datetime

from rosetta_hub.catalogue.catalogue import Catalogue, User, may_use
from rosetta_hub.database.models import Task, utc_now
from rosetta_hub.errors import NotFound
from rosetta_hub.hub.client import HubClient
from rosetta_hub.tasks.manager import TaskManager

log = logging.getLogger(__name__)


class GroupWatcher:
    """Notes since when a task's owner may not use it any more; with the group back, that is over.

    What counts is what the groups of the task's start allowed, and those of now do not: a changed
    configuration is no reason. A round asks the hub about users in pages, and only while there
    are tasks whose owners had groups.
    """

    def __init__(
        self,
        tasks: TaskManager,
        hub: HubClient,
        catalogue_for: Callable[[User], Catalogue],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._tasks = tasks
        self._hub = hub
        self._catalogue_for = catalogue_for
        self._now = now

    async def step(self) -> None:
        """One round.

        Raises:
            HubUnavailable: the hub does not answer: nothing is known, and nothing changes.
        """
        tasks = [task for task in await self._tasks.active_by_turns() if task.owner_groups]
        if not tasks:
            return
        members = await self._hub.members()
        for task in tasks:
            user = members.get(task.user)
            # Whoever is unknown is being deleted, and the tasks with the user.
            if user is not None:
                self._note(task, self._is_denied(task, user))

    def _is_denied(self, task: Task, user: User) -> bool:
        before = User(user.name, frozenset(task.owner_groups), user.admin)
        if user.admin or before.groups <= user.groups:
            return False
        return self._may_have(task, before) and not self._may_have(task, user)

    def _may_have(self, task: Task, user: User) -> bool:
        """Whether the user may have all that the task is made of."""
        catalogue = self._catalogue_for(user)
        family = next(
            (family for family in catalogue.families_for(user) if family.id == task.family), None
        )
        version = family and family.version(str(task.software.get("image_tag")))
        computing = catalogue.computing.get(task.computing)
        storages = {storage.id for storage in catalogue.storages_of(user)}
        bound = {storage["id"] for storage in task.storages if storage.get("id")}
        return (
            version is not None
            and computing is not None
            and may_use(user, computing)
            and bound <= storages
        )

    def _note(self, task: Task, is_denied: bool) -> None:
        if is_denied == (task.denied_since is not None):
            return
        since = self._now() if is_denied else None
        log.info("%s: %s %s use it", task.id, task.user, "may not" if is_denied else "may again")

        def note(row: Task) -> None:
            row.denied_since = since
            row.end_announced = None

        try:
            self._tasks.update(task, note)
        except NotFound:
            return
