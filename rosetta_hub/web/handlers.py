"""Requests of users and services of the hub: who asks, what they may, what is written down."""

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from jupyterhub.services.auth import HubOAuth, HubOAuthenticated
from tornado import web

from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.audit.queries import AuditFilter, AuditQueries
from rosetta_hub.config import SERVICE_NAME
from rosetta_hub.database.models import Task, utc_now
from rosetta_hub.errors import (
    HubUnavailable,
    NotAllowed,
    NotFound,
    NotLoggedIn,
    ScopeMissing,
    TooManyRequests,
)
from rosetta_hub.hub.client import created_time
from rosetta_hub.tasks.principal import Principal
from rosetta_hub.tasks.queries import ABSENT
from rosetta_hub.users.idempotency import RequestAttempt
from rosetta_hub.web.base_handler import BaseHandler
from rosetta_hub.web.rate_limit import Quota
from rosetta_hub.web.rights import OWN_SUBJECTS, Right, RightSubject

log = logging.getLogger(__name__)


class HubHandler(HubOAuthenticated, BaseHandler):
    """For users of the hub: an OAuth cookie of a browser, or a token in `Authorization`."""

    _principal: Principal
    # What the hub says of the token, also where it may not use the service.
    _token_model: dict[str, Any] | None = None
    _quota: Quota | None = None
    # The task that the path names, as it was when the right to it was checked.
    task: Task
    # Of a request with an `Idempotency-Key`, while it is carried out.
    attempt: RequestAttempt | None = None
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
        self._token_model = await self.hub_auth.get_user(self, sync=False)
        model = self.get_current_user()
        if model is None:
            self.not_logged_in()
            return
        self._check_origin()
        self._count(model)
        if self.renews_rights and not await self._renew(model):
            self._token_model = None
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
    def principal_token(self) -> str:
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

    def audit_entry(self, task: Task) -> None:
        """Write down that the principal enters a task, once in the hours of a browser's session.

        A page asks for a password each time it is looked at, and programs open many connections.
        """
        interval = timedelta(hours=self.services.settings.session_hours)
        if not self.was_audited(AuditEvent.TASK_ENTER, interval, task.id):
            self.audit_task(AuditEvent.TASK_ENTER, task)

    def was_audited(self, event: AuditEvent, interval: timedelta, task: str | None = None) -> bool:
        """Whether the log has such an event of the principal within the last `interval`."""
        recent = AuditFilter(
            event=event, actor=self.principal.name, task=task, since=utc_now() - interval
        )
        return AuditQueries(self.services.tasks.database).has_any(recent)

    def check_right(self, right: Right, path: Sequence[str]) -> None:
        """Refuse a token that may not do this with what is the principal's own.

        Raises:
            NotAllowed: it lacks the scopes.
            NotFound: the path begins with a task that the principal has nothing to do with.
        """
        if right.subject in OWN_SUBJECTS:
            self.principal.check_own(*right.scopes)
        elif right.subject is RightSubject.TASK:
            self._check_task(right, path[0])

    def _check_task(self, right: Right, task_id: str) -> None:
        self.task, principal = self.services.tasks.find(task_id), self.principal
        owner, server = self.task.user, self.task.server_name
        if not principal.sees(owner, server) and not any(
            principal.may(scope, owner, server) for scope in right.scopes
        ):
            raise NotFound(ABSENT)

    def not_logged_in(self) -> None:
        """Answer to a request without a valid token or cookie.

        Raises:
            ScopeMissing: the hub knows the token, which may not use the service.
            NotLoggedIn: otherwise; pages lead to the hub's login instead.
        """
        if self._token_model is not None:
            raise ScopeMissing(
                "This token may not use the service: it lacks the scope"
                f" 'access:services!service={SERVICE_NAME}'."
            )
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
