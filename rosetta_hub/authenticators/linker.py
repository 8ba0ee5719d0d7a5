"""Adding a login to a user, undoing it, and making two users one: within the hub's process."""

import json
import secrets
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from jupyterhub import orm
from tornado import web

from rosetta_hub.accounts.links import unlink
from rosetta_hub.accounts.merge import merge_users
from rosetta_hub.accounts.who import Claimant, Decision
from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.authenticators.method import External, LoginMethod
from rosetta_hub.client_address import hub_client_address
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_logins import LoginLink
from rosetta_hub.errors import NotAllowed
from rosetta_hub.hub.session_end import end_login
from rosetta_hub.keys import Keys
from rosetta_hub.mail import account_mails

if TYPE_CHECKING:
    from rosetta_hub.authenticators.authenticator import RosettaAuthenticator

MERGE_COOKIE = "rosetta-merge"
# Seconds in which a merge is confirmed, and how long a mail can undo a link.
MERGE_SECONDS = 600
UNDO_LIFETIME = timedelta(days=30)
_DAY = 86400


class Linker:
    """Explicit changes of who is who; all of them are in the audit log, and can be undone."""

    def __init__(
        self, authenticator: "RosettaAuthenticator", settings: Rosetta, keys: Keys
    ) -> None:
        self._authenticator = authenticator
        self._hub_url = settings.hub_url.rstrip("/") + "/hub/"
        self._account = f"{settings.service_prefix}account#logins"
        self._mails = settings.mail_available
        self._keys = keys

    async def link(self, method: LoginMethod, handler: Any, data: External, intent: str) -> str:
        """Link the login that a provider has just proved; returns where the browser goes.

        Raises:
            HTTPError: the browser is not the one that asked for it, or the method says no.
        """
        user = handler.current_user
        if user is None or user.name != intent:
            raise web.HTTPError(403, "Sign in again before you add a login.")
        sign_in = await self._authenticator.identify(method, handler, data)
        if sign_in is None:
            raise web.HTTPError(403, "The login was refused.")
        claimant = self._authenticator.claimant(method, sign_in)
        try:
            decision = await self._authenticator.accounts.decide(claimant, intent)
        except NotAllowed as error:
            raise web.HTTPError(403, "%s", str(error)) from error
        if decision.other is not None:
            self._offer_merge(handler, intent, decision.other)
            return f"{handler.hub.base_url}rosetta/merge"
        if decision.linked_by is not None:
            await self._record(AuditEvent.LOGIN_LINK, handler, intent, method.id)
        return self._account

    def _offer_merge(self, handler: Any, into: str, other: str) -> None:
        value = json.dumps({"into": into, "other": other, "time": time.time()})
        handler._set_cookie(
            MERGE_COOKIE,
            value,
            expires_days=MERGE_SECONDS / _DAY,
            path=handler.hub.base_url,
            samesite="Strict",
        )

    def offered_merge(self, handler: Any) -> str:
        """The other user, whose login this browser has just proved.

        Raises:
            HTTPError: there is none.
        """
        cookie = handler.get_secure_cookie(MERGE_COOKIE, max_age_days=MERGE_SECONDS / _DAY)
        offer = json.loads(cookie) if cookie else {}
        is_old = time.time() - offer.get("time", 0) > MERGE_SECONDS
        if is_old or offer.get("into") != handler.current_user.name:
            raise web.HTTPError(404, "There is nothing to be merged. Add the login once more.")
        return str(offer["other"])

    async def merge(self, handler: Any) -> str:
        """Make one user of two; returns where the browser goes."""
        other, into = self.offered_merge(handler), handler.current_user.name
        await self._authenticator.accounts.transact(
            lambda session: merge_users(session, into, other)
        )
        handler.clear_cookie(MERGE_COOKIE, path=handler.hub.base_url)
        await self._record(AuditEvent.LOGIN_MERGE, handler, into, other)
        await self.end_sessions(handler, other)
        return self._account

    async def tell(self, decision: Decision, claimant: Claimant, handler: Any) -> None:
        """Mail the user that a login was linked by address; whoever is logged in, is no more."""
        await self._record(AuditEvent.LOGIN_LINK, handler, decision.user, claimant.method)
        await self.end_sessions(handler, decision.user)
        address = claimant.email
        if not self._mails or address is None:
            return

        def queue(session: Any) -> None:
            link = session.get(LoginLink, decision.link_id)
            token = self._keys.undo_link(link.id, link.linked_at.timestamp())
            query = urlencode({"link": link.id, "token": token})
            title = self._authenticator.method_by_id[claimant.method].title
            context = {"method": title, "link": f"{self._hub_url}rosetta/undo-link?{query}"}
            account_mails.queue(session, self._keys, "linked", address, context, user=decision.user)

        await self._authenticator.accounts.transact(queue)

    async def undo(self, handler: Any, link_id: int, token: str) -> None:
        """End a link that a mail was about.

        Raises:
            HTTPError: the token is not that of the mail, or the link has ended.
        """

        def end(session: Any) -> LoginLink | None:
            link = session.get(LoginLink, link_id)
            if link is None or link.active_key is None:
                return None
            good = self._keys.undo_link(link.id, link.linked_at.timestamp())
            is_old = utc_now() - link.linked_at > UNDO_LIFETIME
            if is_old or not secrets.compare_digest(good, token):
                return None
            unlinked: LoginLink = unlink(session, link.user, link.id, last_ok=True)
            return unlinked

        link = await self._authenticator.accounts.transact(end)
        if link is None:
            raise web.HTTPError(404, "This link does not work any more. The login is not linked.")
        await self._record(AuditEvent.LOGIN_UNLINK, handler, link.user, link.method)
        await self.end_sessions(handler, link.user)

    async def end_sessions(self, handler: Any, user: str) -> None:
        """Have all browsers of a user log in again."""
        orm_user = orm.User.find(handler.db, user)
        if orm_user is not None:
            end_login(handler.db, orm_user)
        await self._authenticator.service.end_sessions(user, False)

    async def _record(self, event: AuditEvent, handler: Any, user: str, target: str) -> None:
        await self._authenticator.accounts.record(
            event, user, user=user, target=target, address=hub_client_address(handler)
        )
