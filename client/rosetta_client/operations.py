"""The operations of the API as methods that wait for the answer.

Made by client/generate.py of the description of the API: do not edit.
"""

from typing import Optional, TypeVar

from rosetta_client.calls import Call, new_key, path
from rosetta_client.models import (
    ComputingList,
    InventoryView,
    NewTask,
    PasswordView,
    ServiceView,
    StartAgain,
    TaskPage,
    TaskView,
    UsageView,
    UserView,
)

T = TypeVar("T")


class Operations:
    """A method for each operation; `call` sends them."""

    def call(self, call: Call[T]) -> T:
        """Send a call."""
        raise NotImplementedError

    def get_service(self) -> ServiceView:
        """Version and features of the service."""
        return self.call(Call("GET", "", ServiceView, repeatable=True))

    def get_user(self) -> UserView:
        """The user of the token, and what the token may do."""
        return self.call(Call("GET", "user", UserView, repeatable=True))

    def get_openapi(self) -> str:
        """This description (OpenAPI 3.1)."""
        return self.call(Call("GET", "openapi.json", str, repeatable=True))

    def list_tasks(
        self,
        *,
        limit: Optional[int] = None,
        after: Optional[str] = None,
        state: Optional[list[str]] = None,
        software: Optional[str] = None,
        computing: Optional[str] = None,
        user: Optional[str] = None,
        name: Optional[str] = None,
    ) -> TaskPage:
        """The caller's tasks, and those shared with the caller, newest first."""
        return self.call(
            Call(
                "GET",
                "tasks",
                TaskPage,
                query={
                    "limit": limit,
                    "after": after,
                    "state": state,
                    "software": software,
                    "computing": computing,
                    "user": user,
                    "name": name,
                },
                repeatable=True,
            )
        )

    def start_task(self, body: NewTask) -> TaskView:
        """Start a task."""
        return self.call(
            Call(
                "POST",
                "tasks",
                TaskView,
                body=body,
                headers={"Idempotency-Key": new_key()},
                repeatable=True,
            )
        )

    def get_task(self, task: str) -> TaskView:
        """A task."""
        return self.call(Call("GET", path("tasks/{task}", task=task), TaskView, repeatable=True))

    def delete_task(self, task: str) -> None:
        """Stop a task if it runs, and forget it, log included."""
        self.call(Call("DELETE", path("tasks/{task}", task=task), None))

    def stop_task(self, task: str) -> TaskView:
        """Stop a task in whatever state it is; a queued one is cancelled."""
        return self.call(Call("POST", path("tasks/{task}/stop", task=task), TaskView))

    def start_task_again(self, task: str, body: StartAgain) -> TaskView:
        """Start a task again with the options it had: a new attempt."""
        return self.call(
            Call(
                "POST",
                path("tasks/{task}/start", task=task),
                TaskView,
                body=body,
                headers={"Idempotency-Key": new_key()},
                repeatable=True,
            )
        )

    def get_task_log(self, task: str, *, attempt: Optional[int] = None) -> str:
        """The output of a task, the last attempt by default."""
        return self.call(
            Call(
                "GET",
                path("tasks/{task}/log", task=task),
                str,
                query={"attempt": attempt},
                repeatable=True,
            )
        )

    def get_task_password(self, task: str) -> PasswordView:
        """User and one-time password of an interface that protects itself."""
        return self.call(
            Call("GET", path("tasks/{task}/password", task=task), PasswordView, repeatable=True)
        )

    def get_task_usage(self, task: str) -> UsageView:
        """What a task uses over time: CPUs, memory and GPUs, beside what was asked for."""
        return self.call(
            Call("GET", path("tasks/{task}/usage", task=task), UsageView, repeatable=True)
        )

    def stop_tasks_of_user(self, user: str) -> TaskPage:
        """Stop all tasks of a user; the answer has those that were active."""
        return self.call(Call("POST", path("users/{user}/stop", user=user), TaskPage))

    def list_computing(self) -> ComputingList:
        """The computing resources that the caller may use."""
        return self.call(Call("GET", "computing", ComputingList, repeatable=True))

    def get_inventory(self, computing: str) -> InventoryView:
        """Partitions, limits and accounts of a cluster, as the caller's own account sees them."""
        return self.call(
            Call(
                "GET",
                path("computing/{computing}/inventory", computing=computing),
                InventoryView,
                repeatable=True,
            )
        )
