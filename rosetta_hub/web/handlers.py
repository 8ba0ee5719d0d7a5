"""What all handlers share: authentication, errors as messages, headers, JSON."""

import json
import logging
import secrets
import unicodedata
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from jupyterhub.services.auth import HubOAuth, HubOAuthenticated
from pydantic import BaseModel
from tornado import web

from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.catalogue.options import TaskSpec
from rosetta_hub.client_address import client_address
from rosetta_hub.database.models import Task
from rosetta_hub.database.pages import Page
from rosetta_hub.errors import (
    HubUnavailable,
    MalformedRequest,
    NotAllowed,
    NotFound,
    NotLoggedIn,
    RosettaError,
    TooManyRequests,
)
from rosetta_hub.hub.client import created_time
from rosetta_hub.log_format import request_id
from rosetta_hub.tasks.listing import TaskQuery, read_tasks
from rosetta_hub.tasks.principal import Principal
from rosetta_hub.tasks.view import TaskView
from rosetta_hub.web.problem import MEDIA_TYPE, Problem, describe_error
from rosetta_hub.web.rate_limit import Quota
from rosetta_hub.web.rights import OWN_SUBJECTS, Right
from rosetta_hub.web.services import Services
from rosetta_hub.web.starters import Starter
from rosetta_hub.web.starting import check_options

log = logging.getLogger(__name__)

# Bytes; no request of ours is larger, but for an agent's report with a piece of log.
MAX_BODY = 1 << 20

CONTENT_POLICY = (
    "default-src 'self'; img-src 'self' data: https:; object-src 'none'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'"
)

SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class BaseHandler(web.RequestHandler):
    """Errors become problem details; nothing of an exception that is not ours is shown."""

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
        for name, value in self.more_headers().items():
            self.set_header(name, value)

    def more_headers(self) -> dict[str, str]:
        """Headers of every answer of this handler, refusals included."""
        return {}

    def compute_etag(self) -> None:
        """No entity tag, unless a handler sets one: tornado would hash every answer."""

    def json_body(self) -> dict[str, Any]:
        """The request's body as a JSON object.

        Raises:
            MalformedRequest: it is something else.
        """
        try:
            body = json.loads(self.request.body or b"{}")
        except (ValueError, RecursionError) as error:
            raise MalformedRequest("The body of the request is not JSON.") from error
        if not isinstance(body, dict):
            raise MalformedRequest("The body of the request is not a JSON object.")
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

    def check_right(self, right: Right) -> None:
        """Refuse whoever lacks what an operation needs, as far as the right alone tells."""

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
        """Answer with the problem that the error is."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, RosettaError):
            for name, value in error.headers.items():
                self.set_header(name, value)
        if status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            self.set_header("Allow", ", ".join(allowed_methods(type(self))))
        self.answer_problem(describe_error(error, status_code))

    def answer_problem(self, problem: Problem) -> None:
        """How this handler tells of a refusal or a fault."""
        self.set_status(problem.status)
        self.set_header("Content-Type", MEDIA_TYPE)
        self.finish(problem.model_dump_json(exclude_none=True))

    def refuse(self, status: int, message: str) -> None:
        """Refuse the request; unlike with an error that is raised, headers are kept."""
        self.answer_problem(describe_error(web.HTTPError(status, message), status))


def allowed_methods(handler: type[web.RequestHandler]) -> list[str]:
    """The methods that a handler answers."""
    return [
        method
        for method in handler.SUPPORTED_METHODS
        if getattr(handler, method.lower()) is not getattr(web.RequestHandler, method.lower())
    ]


def _id_header() -> tuple[str, str]:
    return "X-Request-Id", request_id.get()


class HubHandler(HubOAuthenticated, BaseHandler):
    """For users of the hub: an OAuth cookie of a browser, or a token in `Authorization`."""

    _principal: Principal
    _quota: Quota | None = None
    # Whether the hub is asked anew what the principal may do: its answers are kept for half a
    # minute, and what has just been shared should be there.
    renews_rights = False
    # Whether nothing is answered where the hub does not say so just now.
    needs_renewal = False

    @property
    def hub_auth(self) -> HubOAuth:
        """The hub's OAuth."""
        return self.services.hub_auth

    def is_counted(self) -> bool:
        """Whether the request is one of those that `c.Rosetta.api_requests_per_minute` limits."""
        return True

    def more_headers(self) -> dict[str, str]:
        """What the principal has left of its requests."""
        return self._quota.headers() if self._quota else {}

    async def prepare(self) -> None:
        """Let nobody in whom the hub does not know; JupyterHub's own XSRF check is part of it.

        Raises:
            TooManyRequests: the principal has sent too many.
        """
        await self.hub_auth.get_user(self, sync=False)
        model = self.get_current_user()
        if model is None:
            self.not_logged_in()
            return
        self._check_origin()
        self._count(model)
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

    def _count(self, model: dict[str, Any]) -> None:
        limit = self.services.rate_limit
        if limit is None or not self.is_counted():
            return
        self._quota = limit.count(f"{model.get('kind', 'user')} {model['name']}")
        self.set_default_headers()
        if self._quota.wait:
            raise TooManyRequests(
                f"You have sent more than {self._quota.limit} requests in a minute."
                f" Try again in {self._quota.wait} s."
            )

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

    def check_right(self, right: Right) -> None:
        """Refuse a token that may not do this with what is the principal's own.

        Raises:
            NotAllowed: it lacks the scopes.
        """
        if right.subject in OWN_SUBJECTS:
            self.principal.check_own(*right.scopes)

    def visible_tasks(self, wanted: TaskQuery) -> Page[Task]:
        """A page of the tasks that the principal sees, newest first; an admin's own by default.

        Raises:
            InvalidOptions: the cursor is none of this list.
        """
        principal = self.principal
        if wanted.user is None and principal.admin:
            wanted = wanted.model_copy(update={"user": principal.name})
        return read_tasks(self.services.tasks.database, wanted, principal.owners())

    def visible_task(self, task_id: str) -> Task:
        """The task.

        Raises:
            NotFound: there is none that the principal may see.
        """
        task = self.services.tasks.find(task_id)
        if not self.principal.sees(task.user, task.server_name):
            raise NotFound("There is no such task. It may have been deleted.")
        return task

    def task_view(self, task: Task) -> TaskView:
        """A task as the principal sees it."""
        return self.services.viewer.view(task, self.principal.rights(task))

    def not_logged_in(self) -> None:
        """Answer to a request without a valid token or cookie.

        Raises:
            NotLoggedIn: always; pages lead to the hub's login instead.
        """
        raise NotLoggedIn("Log in to the hub, or send one of its tokens in 'Authorization'.")

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
