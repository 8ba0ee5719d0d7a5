"""The agents' API: `POST agents/<task>/<attempt>`, and `GET …/credential` before a pull."""

from typing import Any

from rosetta_agent.protocol import REFUSALS
from rosetta_hub.database.models import DesiredState, Task, TaskState
from rosetta_hub.errors import NotAllowed, NotFound
from rosetta_hub.registries.pull_access import describe_access
from rosetta_hub.tasks.report import parse_report
from rosetta_hub.web.base_handler import BaseHandler
from rosetta_hub.web.problem import Problem


class AgentHandler(BaseHandler):
    """What agents call; `Authorization: Bearer <secret of the attempt>`.

    403 and 404 mean that the agent has no claim (any more): it stops its container. They say
    that they are ours, as a hub that starts gives the same answers for want of this service.
    """

    routine = True

    def task(self, task_id: str, attempt: str) -> Task:
        """The task whose agent this is.

        Raises:
            NotFound, NotAllowed: see `TaskManager.check_agent`.
        """
        scheme, _, secret = self.request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer":
            raise NotAllowed("An agent's secret is required.")
        return self.services.tasks.check_agent(task_id, int(attempt), secret)

    def answer_problem(self, problem: Problem) -> None:
        """The error, and whether it refuses the agent."""
        super().answer_problem(problem.with_members(refused=problem.status in REFUSALS))

    def check_xsrf_cookie(self) -> None:
        """No cookie is used here."""


class CredentialHandler(AgentHandler):
    """Tells how the registry of the task's image is reached, with which account."""

    async def get(self, task_id: str, attempt: str) -> None:
        """Answer it to an agent whose task is about to start, and to no other.

        Raises:
            NotFound: the container runs or has ended, so there is nothing to pull.
            HubUnavailable, ResourceUnavailable: nothing is known; the agent asks again.
        """
        task, services = self.task(task_id, attempt), self.services
        starts = task.state in (TaskState.QUEUED, TaskState.STARTING)
        if not starts or task.desired_state is not DesiredState.RUN:
            raise NotFound("This attempt has nothing to pull.")
        groups = await services.hub.user_groups(task.user)
        access: dict[str, Any] = describe_access(
            task.user, groups, task.software, services.registries, services.credentials
        )
        self.answer(access)


class ReportHandler(AgentHandler):
    """Takes reports; the answer tells the agent what its task should be."""

    def post(self, task_id: str, attempt: str) -> None:
        """Take the report of an attempt."""
        tasks, task = self.services.tasks, self.task(task_id, attempt)
        desired_state = tasks.report(task, parse_report(self.request.body))
        offset = tasks.logs.received(task.id, task.attempt)
        self.answer({"desired_state": desired_state.value, "log_offset": offset})


def agent_routes(prefix: str, arguments: dict[str, Any]) -> list[tuple[str, Any, dict[str, Any]]]:
    """The routes of this module below `prefix`."""
    attempt = rf"{prefix}agents/([0-9a-f]{{12}})/([1-9][0-9]{{0,8}})"
    return [
        (attempt, ReportHandler, arguments),
        (rf"{attempt}/credential", CredentialHandler, arguments),
    ]
