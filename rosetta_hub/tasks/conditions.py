"""What keeps a computing resource from being asked, told on the pages of its tasks."""

from dataclasses import dataclass
from datetime import datetime

from rosetta_hub.database.models import Task, utc_now


@dataclass(frozen=True)
class Condition:
    """A message, and since when it is true."""

    since: datetime
    message: str


class Conditions:
    """By resource and user of the hub; kept in memory, because a restart asks again anyway."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Condition] = {}

    def add(self, task: Task, message: str) -> bool:
        """Note what went wrong when the task's resource was asked; returns whether it is news."""
        key = (task.computing, task.user)
        previous = self._known.get(key)
        if previous is not None and previous.message == message:
            return False
        self._known[key] = Condition(previous.since if previous else utc_now(), message)
        return True

    def clear(self, task: Task) -> bool:
        """The resource answered; returns whether that is news."""
        return self._known.pop((task.computing, task.user), None) is not None

    def of_computing(self, computing: str) -> dict[str, Condition]:
        """What is known to be wrong with a resource, by the user for whom it was asked."""
        return {
            user: condition for (key, user), condition in self._known.items() if key == computing
        }

    def of(self, task: Task) -> Condition | None:
        """What is known to be wrong with the task's resource."""
        return self._known.get((task.computing, task.user))
