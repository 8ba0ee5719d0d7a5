"""The pages whose scripts ask the API, and what leads to tasks: their pages, and into them."""

import re
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

import jupyterhub
from jupyterhub.services.auth import HubOAuthCallbackHandler

from rosetta_hub.accounts import invitations
from rosetta_hub.agents.spec import software_of
from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.catalogue.interfaces import Interface, find_interface
from rosetta_hub.config import SERVICE_NAME
from rosetta_hub.database.models import Task
from rosetta_hub.errors import NotFound, RosettaError, UserError
from rosetta_hub.ingress.sessions import NewSession
from rosetta_hub.tasks.interfaces import further_interfaces
from rosetta_hub.tasks.queries import ABSENT
from rosetta_hub.tasks.task_urls import is_http, is_open, task_url, waiting_path
from rosetta_hub.web.admin_base import AdminPageHandler
from rosetta_hub.web.base_handler import BaseHandler
from rosetta_hub.web.page_handler import PageHandler
from rosetta_hub.web.task_access import TaskAccess
from rosetta_hub.web.task_lists import first_lists

_SHA256 = re.compile(r"[0-9a-f]{64}")


class TasksPage(TaskAccess, PageHandler):
    """The dashboard: tasks with live state."""

    async def get(self) -> None:
        """The page, with the lists that its script shows at first."""
        families = self.services.tasks.catalogue.families_for(self.principal.user)
        native = any(family.default.kind == "native" for family in families)
        self.render_page("tasks.html", native=native, lists=await first_lists(self))


class TaskStatusPage(TaskAccess, PageHandler):
    """A task's page, which is its waiting room until it runs."""

    def get(self, task_id: str) -> None:
        """The page; its script asks the API."""
        task = self.visible_task(task_id)
        view = self.services.viewer.view(task, self.principal.rights(task))
        shareable = self.services.sharing.permission.may_end(self.principal, task)
        self.render_page("task.html", task=view.model_dump(mode="json"), shareable=shareable)


class FilesPage(PageHandler):
    """`files/` lists the storages, `files/STORAGE/PATH` is a folder."""

    def get(self) -> None:
        """The page, which is the same for every address: its script reads the address."""
        self.render_page("files.html")


class SoftwarePage(PageHandler):
    """`software` lists it, and has the form to add some."""

    def get(self) -> None:
        """The page, with what the user may do there: what it hides, the API refuses."""
        self.render_page("software.html", access=self._access(), builds_url=self._builds_url())

    def _builds_url(self) -> str:
        """Where software is added from a repository; empty where the user may not."""
        builds = self.services.builds
        may_build = builds is not None and builds.may_build(self.principal.user)
        return f"{self.services.settings.service_prefix}v2/?add" if may_build else ""

    def _access(self) -> dict[str, Any]:
        rules, groups = self.services.library.rules, self.principal.groups
        return {
            "may_add": rules.may_add(groups),
            "power": rules.is_power_user(groups),
            "groups": sorted(groups),
            "registries": list(rules.registries),
            "power_groups": sorted(rules.power_groups),
        }


class AccountPage(PageHandler):
    """`account`: what users see and set of what is theirs."""

    def get(self) -> None:
        """The page."""
        self.render_page("account.html")


class AdminPage(AdminPageHandler):
    """`admin`, with tabs that ask `api/v1/admin/…`."""

    def get(self) -> None:
        """The page."""
        self.render_page("admin.html", invitations=invitations)


class HubServerPath(BaseHandler):
    """`/user/<name>/<server>/<path>`, the hub's own address of a server: leads to the service's.

    The hub's proxy sends these here, because the spawner said so; the hub itself asks here
    whether the server is up, and takes any redirect for a yes. No cookie of the service is sent
    to this path, so nothing is looked up: the answer depends on the path alone.
    """

    def get(self) -> None:
        """To the same server and path below the service's prefix."""
        # The hub compares it with its own, and warns where there is none.
        self.set_header("X-JupyterHub-Version", jupyterhub.__version__)
        prefix = self.services.settings.service_prefix
        base = prefix.removesuffix(f"services/{SERVICE_NAME}/")
        path = str(self.request.uri).removeprefix(f"{base}user/")
        self.redirect(f"{prefix}servers/{path}")


class ServerPage(PageHandler):
    """`servers/<name>/<server>/<path>`: leads to the page of the server's task."""

    def get(self) -> None:
        """To the task's page, which opens the task at that path as soon as it is ready.

        As at the hub, it is a path of the default server where no server has that name.
        """
        # Not decoded, because a slash in the name of a file is no separator.
        prefix = f"{self.services.settings.service_prefix}servers/"
        user, _, server_path = self.request.path.removeprefix(prefix).partition("/")
        name, _, path = server_path.partition("/")
        task = self._find(user, name)
        if task is None:
            task, path = self._find(user, ""), server_path
        if task is None:
            raise NotFound(ABSENT)
        inside = _inside(path, self.request.query)
        self.redirect(waiting_path(task, self.services.settings, inside))

    def _find(self, user: str, server_name: str) -> Task | None:
        """The task, None where there is none that the user may see."""
        try:
            task = self.services.tasks.find_server(unquote(user), unquote(server_name))
        except NotFound:
            return None
        return task if self.principal.sees(task.user, task.server_name) else None


class OpenPage(PageHandler):
    """The redirect into a task: one ticket for one browser.

    The edge has to recognise the browser that comes with a ticket: otherwise anybody could pass a
    ticket on, and lead another user into a task of his own. So a browser goes to the edge first,
    which comes back with `browser`, and to the edge again with a ticket for that browser.
    """

    async def get(self, task_id: str) -> None:
        """To the edge; to the task's page, which waits, while nobody can go in.

        `?next=` is the path of the container to go to, with its query; `?interface=` is the name or
        the port of a further interface.
        """
        task = self.services.tasks.find(task_id)
        self.principal.check("access:servers", task)
        interface = _find_further(task, self.get_query_argument("interface", ""))
        if interface is None and not is_http(task):
            raise UserError("This task is not a web page: its page tells how to connect.")
        port = None if interface is None else interface.port
        inside = _local_path(self.get_query_argument("next", ""))
        settings = self.services.settings
        if not is_open(task):
            self.redirect(waiting_path(task, settings, inside, port))
            return
        path = software_of(task).interface_path if interface is None else interface.path
        query = {"next": inside or path, **await self._ticket(task, port)}
        self.redirect(f"{task_url(task, settings, port)}/_rosetta/open?{urlencode(query)}")

    async def _ticket(self, task: Task, interface: int | None) -> dict[str, str]:
        browser = self.get_query_argument("browser", "")
        if not _SHA256.fullmatch(browser):
            # Otherwise the browser would show an error of its own.
            await self.services.edge.check()
            return {}
        token = self.hub_auth.get_token(self)
        name, edge = self.principal.name, self.services.edge
        new = edge.start_session(task, name, token)
        if name != task.user:
            await self._check_again(task, new)
        ticket = await edge.issue_ticket(task, name, new, browser, interface)
        if new.is_new:
            self.audit_task(AuditEvent.TASK_ENTER, task)
        return {"ticket": ticket}

    async def _check_again(self, task: Task, new: NewSession) -> None:
        """Ask the hub once more about somebody with whom the task is shared.

        The end of a share ends the sessions that there are, of which this is one from now on; a
        share that was ended just before is noticed here.
        """
        try:
            if not await self.renew():
                raise NotFound(ABSENT)
            self.principal.check("access:servers", task)
        except RosettaError:
            await self.services.edge.cancel_session(new)
            raise


class OAuthCallback(HubOAuthCallbackHandler, BaseHandler):
    """Where the hub sends a browser back after the login."""

    @property
    def hub_auth(self):  # type: ignore[no-untyped-def]
        return self.services.hub_auth


def _find_further(task: Task, key: str) -> Interface | None:
    """The further interface of that name or port; None where none is asked for.

    Raises:
        NotFound: the task's software declares no such interface.
    """
    if not key:
        return None
    declared = further_interfaces(task)
    interface = find_interface(declared, key)
    if interface is None:
        names = ", ".join(interface.name for interface in declared) or "none"
        raise NotFound(f"This task has no such interface. Its further interfaces: {names}.")
    return interface


def _inside(path: str, query: str) -> str:
    """Path and query of the container; empty where an address names the server alone."""
    # The hub counts its own redirects there.
    text = "&".join(part for part in query.split("&") if not part.startswith("redirects="))
    return f"/{path}?{text}" if text else f"/{path}" if path else ""


def _local_path(path: str) -> str:
    """The path if it is one, an empty text otherwise: never another host."""
    parts = urlsplit(path)
    good = path.startswith("/") and not path.startswith(("//", "/\\")) and not parts.netloc
    return path if good else ""
