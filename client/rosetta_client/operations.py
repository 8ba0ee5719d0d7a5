"""The calls of the API, as methods of both clients."""

from collections.abc import Mapping
from typing import Any, Optional, TypeVar

from rosetta_client.calls import Call, path
from rosetta_client.models import Task, TaskPage, User

T = TypeVar("T")


class Operations:
    """Methods that wait for the answer."""

    def call(self, call: Call[T]) -> T:
        """Send it."""
        raise NotImplementedError

    def list_tasks(self, *, limit: Optional[int] = None, after: Optional[str] = None) -> TaskPage:
        """A page of the tasks that the caller sees."""
        query = {"limit": limit, "after": after}
        return self.call(Call("GET", "tasks", TaskPage, query=query, repeatable=True))

    def get_task(self, task: str) -> Task:
        """A task."""
        return self.call(Call("GET", path("tasks/{task}", task=task), Task, repeatable=True))

    def start_task(self, body: Mapping[str, Any]) -> Task:
        """Start a task."""
        return self.call(Call("POST", "tasks", Task, body=body))

    def stop_task(self, task: str) -> Task:
        """Stop or cancel it."""
        return self.call(Call("POST", path("tasks/{task}/stop", task=task), Task))

    def delete_task(self, task: str) -> None:
        """Stop and delete it."""
        self.call(Call("DELETE", path("tasks/{task}", task=task), None))

    def get_user(self) -> User:
        """Who the token is of."""
        return self.call(Call("GET", "user", User, repeatable=True))
