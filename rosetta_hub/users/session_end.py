"""Ending a user's sessions everywhere: at the hub, at the edge, and on pages that are open."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import delete, select

from rosetta_hub.audit.log import AuditEvent, AuditLog
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import BrowserSession
from rosetta_hub.errors import NotFound, UserError
from rosetta_hub.hub.client import HubClient


class OpenStreams:
    """The event streams that users have open; ending one closes its connection."""

    def __init__(self) -> None:
        self._streams: defaultdict[str, set[asyncio.Timeout]] = defaultdict(set)

    @contextmanager
    def watch(self, user: str, limit: asyncio.Timeout) -> Iterator[None]:
        """Let `end` bring the end of `limit` forward, as long as this goes on."""
        self._streams[user].add(limit)
        try:
            yield
        finally:
            self._streams[user].discard(limit)
            if not self._streams[user]:
                del self._streams[user]

    def end(self, user: str) -> None:
        """Have all streams of the user time out now."""
        now = asyncio.get_running_loop().time()
        for limit in self._streams.get(user, ()):
            limit.reschedule(now)


class SessionEnder:
    """Ends all logins of a user at once, or one of them.

    `cut` ends a session at the edge and forgets it; `may_enter` asks the hub about one;
    `forget_tokens` drops what the service has cached of the hub's answers about tokens;
    `cut_connections` closes the connections to the user's tasks that have no session, such as SSH;
    `streams` are those of pages.
    """

    def __init__(
        self,
        hub: HubClient,
        database: Database,
        audit: AuditLog,
        cut: Callable[[BrowserSession], Awaitable[None]],
        may_enter: Callable[[BrowserSession], Awaitable[bool | None]],
        cut_connections: Callable[[str], Awaitable[None]],
        forget_tokens: Callable[[], None],
        streams: OpenStreams,
    ) -> None:
        self._hub = hub
        self._database = database
        self._audit = audit
        self._cut = cut
        self._may_enter = may_enter
        self._cut_connections = cut_connections
        self._forget_tokens = forget_tokens
        self._streams = streams

    async def end(
        self,
        user: str,
        *,
        actor: str,
        api_tokens: bool = False,
        address: str | None = None,
        at_hub: bool = True,
    ) -> None:
        """End the user's sessions; `api_tokens` ends the user's tokens, too.

        `at_hub` is False where the hub has done its part already.

        Raises:
            HubUnavailable: the hub does not answer: nothing has ended.
            EdgeUnavailable: the edge does not answer; what is left ends there when it does.
        """
        if at_hub:
            await self._hub.end_sessions(user, api_tokens)
        self._forget_tokens()
        self._streams.end(user)
        self._audit.record(
            AuditEvent.SESSION_END,
            actor,
            user=user,
            address=address,
            detail={"api_tokens": api_tokens},
        )
        await self._cut_all(user)

    async def end_one(
        self, user: str, session: str, principal_token: str, *, browser: str, address: str | None
    ) -> None:
        """End one login of the user: of the session with this digest.

        `principal_token` is the user's own. All pages of the user that are open connect again,
        which those of this login can't. Its sessions at the edge are those whose tokens the hub
        has deleted; one about which the hub does not answer is asked about again while it is used.

        Raises:
            NotFound: the user has no such login.
            HubUnavailable: the hub does not answer: nothing has ended.
            EdgeUnavailable: the edge does not answer; what is left ends there when it is used.
        """
        try:
            await self._hub.end_session(principal_token, session)
        except UserError as error:
            raise NotFound("There is no such session. It may have ended.") from error
        self._forget_tokens()
        self._streams.end(user)
        detail = {"browser": browser}
        self._audit.record(AuditEvent.SESSION_END, user, user=user, address=address, detail=detail)
        for row in self._rows(user):
            if await self._may_enter(row) is False:
                await self._cut(row)

    def _rows(self, user: str) -> list[BrowserSession]:
        with self._database.session() as session:
            query = select(BrowserSession).where(BrowserSession.user == user)
            return list(session.scalars(query))

    async def _cut_all(self, user: str) -> None:
        try:
            for row in self._rows(user):
                await self._cut(row)
            await self._cut_connections(user)
        finally:
            # What could not be cut is not published again, so the edge drops it when it is back.
            with self._database.session() as session:
                session.execute(delete(BrowserSession).where(BrowserSession.user == user))
