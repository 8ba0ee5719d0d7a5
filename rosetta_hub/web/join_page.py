"""`join/<code>`: a link that shares a task. It shows what it is about; its button accepts it."""

from typing import Any

from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.database.models import Task
from rosetta_hub.database.models_sharing import ShareLink
from rosetta_hub.tasks.task_urls import page_path
from rosetta_hub.web.page_handler import PageHandler
from rosetta_hub.web.problem import Problem


class JoinPage(PageHandler):
    """Whose task it is, what the link allows, and a button; looking at it uses up nothing."""

    # The code lets in whoever has it.
    logged_path = "join/…"

    def _request_summary(self) -> str:
        """What tornado writes of a request that fails."""
        return f"{self.request.method} {self.logged_path} ({self.client_address})"

    def get(self, code: str) -> None:
        """The page; to the task itself where the user has it already."""
        link, task = self.services.sharing.find_link(code)
        name = self.principal.name
        if name != task.user and self.principal.may("access:servers", task.user, task.server_name):
            self.redirect(page_path(task, self.services.settings))
            return
        if (refusal := self.services.sharing.explain_refusal(link, task, name)) is not None:
            raise refusal
        self.render_page("join.html", xsrf=self.xsrf_token.decode(), **_context(link, task))

    async def post(self, code: str) -> None:
        """Accept it, and lead to the task's page."""
        task, link = await self.services.sharing.accept(code, self.principal.name)
        self.audit(AuditEvent.SHARE_ACCEPT, user=task.user, task=task.id, detail={"link": link.id})
        self.redirect(page_path(task, self.services.settings), status=303)

    def answer_problem(self, problem: Problem) -> None:
        """Why the link does not let the user in."""
        self.set_status(problem.status)
        self.render_page("join.html", status=problem.status, message=problem.detail)


def _context(link: ShareLink, task: Task) -> dict[str, Any]:
    software = task.software
    return {
        "owner": task.user,
        "task_name": task.name,
        "software": software.get("name") or task.family,
        "until": link.until and link.until.isoformat(),
    }
