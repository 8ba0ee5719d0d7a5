"""Asking again about users who are logged in; a no ends their sessions."""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tornado import web

from rosetta_hub.accounts.links import Subject, links_of_user
from rosetta_hub.accounts.who import check_active, note_refresh
from rosetta_hub.audit.log import SERVICE, AuditEvent
from rosetta_hub.authenticators.method import (
    MethodUnavailable,
    SignIn,
    SignInExpired,
    SignInRefused,
)
from rosetta_hub.authenticators.service_client import LoginServiceClient
from rosetta_hub.background import spawn
from rosetta_hub.errors import DatabaseUnavailable, NotAllowed
from rosetta_hub.hub.session_end import end_login, server_tokens

if TYPE_CHECKING:
    from rosetta_hub.authenticators.authenticator import RosettaAuthenticator

log = logging.getLogger(__name__)

# The key of `auth_state` that is ours; the others are the method's.
RECORD = "rosetta"
# Seconds in which the result of a refresh is good for other requests of the user.
_SHARED = 2.0

# What `Authenticator.refresh_user` returns.
Refreshed = bool | dict[str, Any]


class Refresher:
    """One refresh a user at a time, whose result all requests share."""

    def __init__(self, authenticator: "RosettaAuthenticator", service: LoginServiceClient) -> None:
        self._authenticator = authenticator
        self._service = service
        self._running: dict[str, asyncio.Task[Refreshed]] = {}

    def admitted(self, user: str) -> None:
        """The user has signed in: what was refused before does not count."""
        self._running.pop(user, None)

    async def refresh(self, user: Any, handler: Any) -> Refreshed:
        """The user's model brought up to date, True where nothing is to be asked.

        False: the user's sessions have ended.
        """
        running = self._running.get(user.name)
        if running is None:
            running = spawn(self._refresh(user, handler), f"refresh {user.name}")
            self._running[user.name] = running
            running.add_done_callback(lambda task: self._forget_later(user.name, task))
        refreshed = await asyncio.shield(running)
        if refreshed is False and not hasattr(handler, "_token_authenticated"):
            # JupyterHub 6.1 reads it also where a cookie was used, and fails.
            handler._token_authenticated = False
        return dict(refreshed) if isinstance(refreshed, dict) else refreshed

    async def check_start(self, user: Any) -> None:
        """Refuse the start of a server.

        Raises:
            HTTPError: the user's provider or the configuration refused the user.
        """
        record = (await user.get_auth_state() or {}).get(RECORD) or {}
        if record.get("refused"):
            raise web.HTTPError(403, "%s", record["ended"])
        try:
            await self._authenticator.accounts.transact(
                lambda session: check_active(session, user.name)
            )
        except NotAllowed as error:
            raise web.HTTPError(403, "%s", str(error)) from error

    def _forget_later(self, name: str, task: asyncio.Task[Refreshed]) -> None:
        def forget() -> None:
            if self._running.get(name) is task:
                del self._running[name]

        if task.cancelled() or task.exception() or task.result() is False:
            forget()
            return
        asyncio.get_running_loop().call_later(_SHARED, forget)

    async def _refresh(self, user: Any, handler: Any) -> Refreshed:
        state = await user.get_auth_state() or {}
        record = state.get(RECORD) or {}
        if "ended" in record:
            # No cookie is left; what the user's tokens may do has been decided.
            return True
        try:
            return await self._ask(user, state, record, handler)
        except (SignInRefused, NotAllowed) as error:
            await self._end(user, str(error), is_refused=True)
        except SignInExpired as error:
            await self._end(user, str(error), is_refused=False)
        except (MethodUnavailable, DatabaseUnavailable) as error:
            grace = self._authenticator.refresh_grace
            if time.time() - record.get("checked", 0) < grace:
                log.warning("%s is not asked about: %s", user.name, error)
                return True
            await self._end(user, f"{error} ({grace} s)", is_refused=False)
        return False

    async def _ask(
        self, user: Any, state: Mapping[str, Any], record: Mapping[str, Any], handler: Any
    ) -> Refreshed:
        is_known = await self._authenticator.accounts.transact(
            lambda session: _check(session, user.name, record)
        )
        if not record:
            if is_known:
                raise SignInExpired("It is not known how you have signed in. Sign in again.")
            # Without a login of ours: a user of tokens alone, or of another authenticator.
            return True
        method = self._authenticator.method_by_id.get(record["method"])
        if method is None:
            raise SignInRefused("The way in which you have signed in is not offered any more.")
        sign_in = await method.refresh(user, state, handler)
        if sign_in is None:
            return True
        subject = Subject(record["issuer"], record["subject"])
        if sign_in.subject != subject:
            raise SignInRefused(f"{method.title} says that you are somebody else. Sign in again.")
        return await self._renewed(user, method, sign_in)

    async def _renewed(self, user: Any, method: Any, sign_in: SignIn) -> dict[str, Any]:
        authenticator = self._authenticator
        claimant = authenticator.claimant(method, sign_in)
        await authenticator.accounts.transact(
            lambda session: note_refresh(session, claimant, user.name)
        )
        model = authenticator.model(method, sign_in, user.name)
        if model["admin"] is None:
            model["admin"] = True if user.name in authenticator.admin_users else None
        return model

    async def _end(self, user: Any, reason: str, is_refused: bool) -> None:
        """End what the user has open, here, in the service and at the edge."""
        revoke = self._authenticator.revoke_api_tokens
        api_tokens = revoke == "always" or (revoke == "refused" and is_refused)
        log.warning("ending the sessions of %s: %s", user.name, reason)
        await user.save_auth_state({RECORD: {"ended": reason, "refused": is_refused}})
        await self.end(user, reason, api_tokens)

    async def end(self, user: Any, reason: str, api_tokens: bool) -> None:
        """End all sessions of a user of the hub, wherever they are."""
        keep = server_tokens(user.db, user) if api_tokens else frozenset()
        end_login(user.db, user.orm_user, api_tokens, keep)
        # Written here and not by the service, which may be down.
        await self._authenticator.accounts.record(
            AuditEvent.SESSION_END,
            SERVICE,
            user=user.name,
            detail={"reason": reason, "api_tokens": api_tokens},
        )
        await self._service.end_sessions(user.name, api_tokens)


def _check(session: Any, user: str, record: Mapping[str, Any]) -> bool:
    """Whether the user has a login; refuses one who is blocked, or whose login was unlinked.

    Raises:
        NotAllowed: the user is blocked.
        SignInExpired: the login that was used leads elsewhere by now.
    """
    check_active(session, user)
    links = links_of_user(session, user)
    if record and not any(
        (link.issuer, link.subject) == (record["issuer"], record["subject"]) for link in links
    ):
        raise SignInExpired("The login that you have used was removed from your account.")
    return bool(links)
