"""The agents' API: one call, `POST agents/<task>/<attempt>`."""

from rosetta_agent.protocol import REFUSALS
from rosetta_hub.errors import NotAllowed
from rosetta_hub.tasks.report import parse_report
from rosetta_hub.web.handlers import BaseHandler


class ReportHandler(BaseHandler):
    """Takes reports; the answer tells the agent what its task should be.

    403 and 404 mean that the agent has no claim (any more): it stops its container. They say
    that they are ours, as a hub that starts gives the same answers for want of this service.
    """

    routine = True

    def post(self, task_id: str, attempt: str) -> None:
        """Take the report of an attempt; `Authorization: Bearer <secret of the attempt>`."""
        scheme, _, secret = self.request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer":
            raise NotAllowed("An agent's secret is required.")
        tasks = self.services.tasks
        task = tasks.check_agent(task_id, int(attempt), secret)
        desired_state = tasks.report(task, parse_report(self.request.body))
        offset = tasks.logs.received(task.id, task.attempt)
        self.answer({"desired_state": desired_state.value, "log_offset": offset})

    def write_message(self, status: int, message: str) -> None:
        """The error, and whether it refuses the agent."""
        self.answer({"error": message, "refused": status in REFUSALS}, status)

    def check_xsrf_cookie(self) -> None:
        """No cookie is used here."""
