"""Tasks whose server the hub does not have any more: nobody could stop them but the service."""

import logging
from collections import Counter

from rosetta_hub.database.models import DesiredState
from rosetta_hub.hub.client import HubClient
from rosetta_hub.tasks.manager import TaskManager

log = logging.getLogger(__name__)

# Rounds. A hub that has just started does not know all of its servers yet, and a start that is
# under way is recorded here a moment before it is there.
PATIENCE = 3


class OrphanStopper:
    """Stops a task that was absent from three successful answers of the hub in a row.

    This happens where the hub gave up a stop while the service was away, where a user was
    deleted, or where the hub lost its database.
    """

    def __init__(self, tasks: TaskManager, hub: HubClient) -> None:
        self._tasks = tasks
        self._hub = hub
        self._absent: Counter[str] = Counter()

    async def step(self) -> None:
        """One round.

        Raises:
            HubUnavailable: the hub does not answer: nothing is known.
        """
        tasks = await self._tasks.active_by_turns()
        active = [task for task in tasks if task.desired_state is DesiredState.RUN]
        # All at once: a request a user would keep a hub of 500 users busy for ten seconds.
        servers = await self._hub.active_servers() if active else {}
        absent = [task for task in active if task.server_name not in servers.get(task.user, ())]
        self._absent = Counter({task.id: self._absent[task.id] + 1 for task in absent})
        for task in absent:
            if self._absent[task.id] >= PATIENCE:
                log.warning("%s: the hub has no server %r of it", task.id, task.server_name)
                self._tasks.request_stop(task)
