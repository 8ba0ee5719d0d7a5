"""The pages: dashboard, a task's page, and the way in."""

from urllib.parse import quote, urlencode, urlsplit

import jupyterhub
from jupyterhub.services.auth import HubOAuthCallbackHandler

from rosetta_hub.errors import NotFound, UserError
from rosetta_hub.service.handlers import BaseHandler, PageHandler
from rosetta_hub.tasks.job import software_of
from rosetta_hub.tasks.links import door_url, is_http, is_open, page_path


class TasksPage(PageHandler):
    """The dashboard: tasks with live state."""

    def get(self) -> None:
        """The page; its script asks the API."""
        cards = self.services.tasks.catalogue.cards_for(self.caller.person)
        self.render_page("tasks.html", native=any(one.default.kind == "native" for one in cards))


class TaskPage(PageHandler):
    """A task's page, which is its waiting room until it runs."""

    def get(self, task_id: str) -> None:
        """The page; its script asks the API."""
        task = self.visible_task(task_id)
        view = self.services.viewer.view(task, self.caller.rights(task))
        self.render_page("task.html", task=view.model_dump(mode="json"))


class HubServerPath(BaseHandler):
    """`/user/<name>/<server>/...`, the hub's own address of a server: leads to the service's.

    The hub's proxy sends these here, because the spawner said so; the hub itself asks here
    whether the server is up, and takes any redirect for a yes. No cookie of the service is sent
    to this path, so nothing is looked up: the answer depends on the path alone.
    """

    def get(self, user: str, server_name: str | None) -> None:
        """To the same server below the service's prefix."""
        # The hub compares it with its own, and warns where there is none.
        self.set_header("X-JupyterHub-Version", jupyterhub.__version__)
        prefix = self.services.settings.service_prefix
        name = quote(server_name or "", safe="")
        self.redirect(f"{prefix}servers/{quote(user, safe='')}/{name}")


class ServerPage(PageHandler):
    """`servers/<name>/<server>`: leads to the page of the server's task."""

    def get(self, user: str, server_name: str) -> None:
        """To the task's page, which opens the task by itself as soon as it is ready."""
        task = self.services.tasks.find_server(user, server_name)
        if not self.caller.sees(task.user, task.server_name):
            raise NotFound("There is no such task. It may have been deleted.")
        self.redirect(f"{page_path(task, self.services.settings)}?wait=1")


class OpenPage(PageHandler):
    """The way into a task: one ticket for one browser."""

    async def get(self, task_id: str) -> None:
        """To the edge with a ticket; to the task's page, which waits, while nobody can go in.

        `?next=` is the path inside the task to go to.
        """
        task = self.services.tasks.find(task_id)
        self.caller.check("access:servers", task)
        if not is_http(task):
            raise UserError("This task is not a web page: its page tells how to connect.")
        if not is_open(task):
            self.redirect(f"{page_path(task, self.services.settings)}?wait=1")
            return
        token = self.hub_auth.get_token(self)
        ticket = await self.services.edge.issue_ticket(task, self.caller.name, token)
        path = _local_path(self.get_query_argument("next", "")) or software_of(task).interface_path
        query = urlencode({"ticket": ticket, "next": path})
        self.redirect(f"{door_url(task, self.services.settings)}/_rosetta/open?{query}")


class OAuthCallback(HubOAuthCallbackHandler, BaseHandler):
    """Where the hub sends a browser back after the login."""

    @property
    def hub_auth(self):  # type: ignore[no-untyped-def]
        return self.services.hub_auth


def _local_path(path: str) -> str:
    """The path if it is one, an empty text otherwise: never another host."""
    parts = urlsplit(path)
    good = path.startswith("/") and not path.startswith(("//", "/\\")) and not parts.netloc
    return path if good else ""
