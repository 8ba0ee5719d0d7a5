"""What all handlers share: authentication, errors as messages, headers, JSON."""

import json
import logging
import secrets
import unicodedata
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from jupyterhub.services.auth import HubOAuth, HubOAuthenticated
from pydantic import BaseModel
from tornado import web

from rosetta_hub.accounts.administration import AccountAdministration
from rosetta_hub.administration.administration import Administration
from rosetta_hub.audit.log import AuditEvent, AuditLog
from rosetta_hub.builds.builds import Builds
from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.catalogue.options import TaskSpec
from rosetta_hub.catalogue.registries import Registries
from rosetta_hub.client_address import client_address
from rosetta_hub.config import Rosetta
from rosetta_hub.copies.records import CopyRecords
from rosetta_hub.database.models import Task
from rosetta_hub.errors import (
    HubUnavailable,
    InvalidOptions,
    NotAllowed,
    NotFound,
    RosettaError,
)
from rosetta_hub.files.access import FileAccess
from rosetta_hub.files.archives import ArchiveTickets
from rosetta_hub.files.preview.previews import Previews
from rosetta_hub.hub.client import HubClient, created_time
from rosetta_hub.ingress.edge_publisher import EdgePublisher
from rosetta_hub.keys import Keys
from rosetta_hub.lifetimes.lifetimes import Lifetimes
from rosetta_hub.log_format import request_id
from rosetta_hub.registries.credentials import Credentials
from rosetta_hub.registries.hub_registry import HubRegistry
from rosetta_hub.registries.lookup import Lookup
from rosetta_hub.resources.inventory_collector import InventoryCollector
from rosetta_hub.sharing.principals import Principals
from rosetta_hub.sharing.sharing import Sharing
from rosetta_hub.software.library import Library
from rosetta_hub.software.logos import Logos
from rosetta_hub.software.policy import ImagePolicy
from rosetta_hub.tasks.conditions import Conditions
from rosetta_hub.tasks.manager import TaskManager
from rosetta_hub.tasks.principal import Principal
from rosetta_hub.tasks.view import Viewer
from rosetta_hub.users.account import AccountParts
from rosetta_hub.users.deletion import Users
from rosetta_hub.users.identities import Identities, IdentityTester
from rosetta_hub.users.session_end import OpenStreams, SessionEnder
from rosetta_hub.web.active_uploads import ActiveUploads
from rosetta_hub.web.health import Health
from rosetta_hub.web.page_templates import PageTemplates
from rosetta_hub.web.starters import Starter, Starters
from rosetta_hub.web.starting import check_options

log = logging.getLogger(__name__)

# Bytes; no request of ours is larger, but for an agent's report with a piece of log.
MAX_BODY = 1 << 20

_POLICY = (
    "default-src 'self'; img-src 'self' data: https:; object-src 'none'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'"
)
# A site's own page.html may hold styles, but no scripts.
PAGE_POLICY = f"{_POLICY}; style-src 'self' 'unsafe-inline'"

SECURITY_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Services:
    """What handlers work with; one instance an application."""

    settings: Rosetta
    keys: Keys
    tasks: TaskManager
    viewer: Viewer
    edge: EdgePublisher
    hub: HubClient
    hub_auth: HubOAuth
    templates: PageTemplates
    inventory: InventoryCollector
    identities: Identities
    users: Users
    health: Health
    identity_tester: IdentityTester
    # Called with user and computing resource when an identity is another than before.
    identity_changed: Callable[[str, str], Coroutine[Any, Any, None]]
    files: FileAccess
    copies: CopyRecords
    builds: Builds | None
    uploads: ActiveUploads
    archives: ArchiveTickets
    previews: Previews
    lookup: Lookup
    registries: Registries
    credentials: Credentials
    hub_registry: HubRegistry | None
    library: Library
    logos: Logos
    image_policy: ImagePolicy
    metrics: Callable[[], Coroutine[Any, Any, bytes]]
    audit: AuditLog
    lifetimes: Lifetimes
    # Called with a task that is a job, and seconds to add to the job's time limit.
    extend_job: Callable[[Task, int], Coroutine[Any, Any, None]]
    session_ender: SessionEnder
    account_administration: AccountAdministration | None
    streams: OpenStreams
    administration: Administration
    starters: Starters
    conditions: Conditions
    principals: Principals
    sharing: Sharing
    account: AccountParts


class BaseHandler(web.RequestHandler):
    """Errors become `{"error": message}`; nothing of an exception that is not ours is shown."""

    services: Services
    # Whether such requests come by themselves, every few seconds.
    routine = False

    def initialize(self, services: Services) -> None:
        """Keep what the application hands to each handler."""
        self.services = services
        # In the log, and in the answer: users tell it to administrators.
        request_id.set(secrets.token_hex(4))
        self.set_header(*_id_header())

    def set_default_headers(self) -> None:
        """Headers of every answer."""
        self.clear_header("Server")
        for name, value in SECURITY_HEADERS.items():
            self.set_header(name, value)
        self.set_header(*_id_header())

    def json_body(self) -> dict[str, Any]:
        """The request's body as a JSON object.

        Raises:
            InvalidOptions: it is something else.
        """
        try:
            body = json.loads(self.request.body or b"{}")
        except (ValueError, RecursionError) as error:
            raise InvalidOptions("The body of the request is not JSON.") from error
        if not isinstance(body, dict):
            raise InvalidOptions("The body of the request is not a JSON object.")
        return body

    @property
    def client_address(self) -> str | None:
        """Where the request comes from; see `client_address`."""
        return client_address(self.request, self.services.settings.trusted_proxies)

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        """A part of the address as text.

        Raises:
            HTTPError: it is not UTF-8, or holds a control character, which no name here has.
        """
        text = super().decode_argument(value, name)
        if any(unicodedata.category(letter) == "Cc" for letter in text):
            raise web.HTTPError(400, "The address holds a control character.")
        return text

    async def check_start(self, options: Mapping[str, Any], user: User) -> TaskSpec:
        """The task that options of a user ask for, with the software that the user has.

        Raises:
            InvalidOptions, StorageRefused, ImageRefused, ImageUnchecked: see `check_options`.
        """
        services = self.services
        catalogue = services.library.catalogue_for(user)
        return await check_options(
            options, catalogue, user, services.inventory, services.image_policy
        )

    def answer(self, body: BaseModel | dict[str, Any], status: int = 200) -> None:
        """Send JSON."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(body.model_dump_json() if isinstance(body, BaseModel) else json.dumps(body))

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Errors with a status of their own are answers, not faults."""
        if not isinstance(value, RosettaError):
            super().log_exception(typ, value, tb)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with a message."""
        status, message = self._explained(status_code, kwargs)
        self.set_status(status)
        self.write_message(status, message)

    def write_message(self, status: int, message: str) -> None:
        """How this handler shows an error."""
        self.answer({"error": message}, status)

    def _explained(self, status: int, kwargs: dict[str, Any]) -> tuple[int, str]:
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, RosettaError):
            return getattr(error, "status", 500), str(error)
        if isinstance(error, web.HTTPError) and error.log_message:
            return status, error.log_message
        if status >= 500:
            return status, (
                "Something went wrong. The administrator finds it in the log, as request"
                f" {request_id.get()}."
            )
        return status, f"The request was refused: {HTTPStatus(status).phrase}."


def _id_header() -> tuple[str, str]:
    return "X-Request-Id", request_id.get()


class HubHandler(HubOAuthenticated, BaseHandler):
    """For users of the hub: an OAuth cookie of a browser, or a token in `Authorization`."""

    _principal: Principal
    # Whether the hub is asked anew what the principal may do: its answers are kept for half a
    # minute, and what has just been shared should be there.
    renews_rights = False
    # Whether nothing is answered where the hub does not say so just now.
    needs_renewal = False

    @property
    def hub_auth(self) -> HubOAuth:
        """The hub's OAuth."""
        return self.services.hub_auth

    async def prepare(self) -> None:
        """Let nobody in whom the hub does not know; JupyterHub's own XSRF check is part of it."""
        await self.hub_auth.get_user(self, sync=False)
        model = self.get_current_user()
        if model is None:
            self.not_logged_in()
            return
        self._check_origin()
        if self.renews_rights and not await self._renew(model):
            self.not_logged_in()
            return
        if model.get("kind", "user") == "user":
            await self.services.users.recognise(model["name"], created_time(model))
            self._note_browser(model["name"])
        self._principal = await self.services.principals.of(model, self.renews_rights)

    async def renew(self) -> bool:
        """Ask the hub anew what the principal may do; False where its token is good no more.

        Raises:
            HubUnavailable: the hub does not answer.
        """
        model = self.get_current_user()
        self.needs_renewal = True
        if not await self._renew(model):
            return False
        self._principal = await self.services.principals.of(model, renew=True)
        return True

    def _note_browser(self, user: str) -> None:
        session_id = self.hub_auth.get_session_id(self)
        if not session_id or self.hub_auth.get_token(self, in_cookie=False):
            return
        user_agent = self.request.headers.get("User-Agent", "")
        address = str(self.client_address)
        self.services.account.browsers.note(user, session_id, user_agent, address)

    @property
    def caller_token(self) -> str:
        """The hub's token that the request came with, in a cookie or in a header."""
        return str(self.hub_auth.get_token(self))

    @property
    def principal(self) -> Principal:
        """Who asks."""
        return self._principal

    def audit(
        self,
        event: AuditEvent,
        *,
        user: str | None = None,
        task: str | None = None,
        target: str | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Write down that the principal did something, and from where; see `AuditLog.record`."""
        self.services.audit.record(
            event,
            self.principal.name,
            user=user,
            task=task,
            target=target,
            address=self.client_address,
            detail=detail,
        )

    def audit_task(self, event: AuditEvent, task: Task) -> None:
        """Write down what the principal did with a task."""
        self.audit(event, user=task.user, task=task.id, detail={"name": task.name})

    async def start_at_hub(self, user: str, server: str, options: dict[str, Any]) -> None:
        """Have the hub start a server, and record who did once its spawner asks us.

        Raises:
            HubUnavailable: the hub does not answer.
            UserError: the hub, or its spawner, refuses.
        """
        starter = Starter(self.principal.name, self.client_address)
        with self.services.starters.note(user, server, starter):
            await self.services.hub.start_server(user, server, options)

    def visible_tasks(self, user: str | None = None) -> list[Task]:
        """All tasks that the principal sees (of a user), newest first; an admin's own by default.

        What others have is not even read: a list costs what is in it.
        """
        tasks, principal = self.services.tasks, self.principal
        owners = principal.owners()
        if user is None and principal.admin:
            user = principal.name
        some = owners if user is None else None
        listed = tasks.all(user) if some is None else tasks.of_owners(*some)
        return [task for task in listed if principal.sees(task.user, task.server_name)]

    def visible_task(self, task_id: str) -> Task:
        """The task.

        Raises:
            NotFound: there is none that the principal may see.
        """
        task = self.services.tasks.find(task_id)
        if not self.principal.sees(task.user, task.server_name):
            raise NotFound("There is no such task. It may have been deleted.")
        return task

    def not_logged_in(self) -> None:
        """Answer to a request without a valid token or cookie.

        Raises:
            NotAllowed: always; pages lead to the hub's login instead.
        """
        raise NotAllowed("Log in to the hub, or send one of its tokens in 'Authorization'.")

    async def _renew(self, model: dict[str, Any]) -> bool:
        """Bring the hub's cached answer up to date, in place: later requests find it renewed.

        Returns whether the token still lets its user in.

        Raises:
            HubUnavailable: the hub does not answer, and `needs_renewal`.
        """
        token, session = self.hub_auth.get_token(self), self.hub_auth.get_session_id(self)
        try:
            renewed = await self.hub_auth.user_for_token(
                token, use_cache=False, session_id=session, sync=False
            )
        except web.HTTPError as error:
            # The hub did not say no.
            log.warning("the rights of %s could not be renewed: %s", model["name"], error)
            if self.needs_renewal:
                raise HubUnavailable(
                    "JupyterHub does not say what you may do now. Try again in a moment."
                ) from error
            return True
        if renewed is not None:
            model.update(renewed)
        return renewed is not None

    def _check_origin(self) -> None:
        # A second lock beside the XSRF token: another site's page does not act here.
        origin = self.request.headers.get("Origin")
        if origin is None or self.request.method in ("GET", "HEAD", "OPTIONS"):
            return
        if urlsplit(origin).netloc != self.request.host:
            raise NotAllowed("The request comes from a page of another site.")


class PageHandler(HubHandler):
    """For pages: whoever is not logged in is sent to the hub, errors are pages too."""

    renews_rights = True

    def not_logged_in(self) -> None:
        """Send the browser to the hub's login."""
        self.redirect(self.get_login_url())

    async def prepare(self) -> None:
        """Besides, give the browser the XSRF token that the page's script sends back."""
        await super().prepare()
        if not self._finished:
            # Reading the property sets the cookie.
            _ = self.xsrf_token

    def render_page(self, name: str, **context: Any) -> None:
        """Render a template of `templates/service`."""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", PAGE_POLICY)
        self.finish(self.services.templates.render(name, {**self._context(), **context}))

    def write_message(self, status: int, message: str) -> None:
        """An error as a page."""
        self.render_page("error.html", status=status, message=message)

    def _context(self) -> dict[str, Any]:
        """What the hub gives to all templates, as far as the service knows it."""
        hub_url = self.hub_auth.hub_prefix
        principal = getattr(self, "_principal", None)
        return {
            "base_url": hub_url,
            "prefix": self.services.settings.service_prefix.removesuffix("services/rosetta/"),
            "user": {"name": principal.name, "admin": principal.admin} if principal else None,
            "parsed_scopes": {"admin-ui": {}} if principal and principal.admin else {},
            "login_url": f"{hub_url}login",
            "logout_url": f"{hub_url}logout",
            "dates": self.services.account.dates.of(principal.name) if principal else None,
            "static_url": lambda path, **_: f"{hub_url}static/{path}",
        }
