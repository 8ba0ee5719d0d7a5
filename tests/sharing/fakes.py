"""A hub and an edge in memory, for the parts that share tasks."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from jupyterhub.services.auth import HubOAuth

from rosetta_hub.audit.log import AuditLog
from rosetta_hub.config import Rosetta
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import BrowserSession, Task
from rosetta_hub.edge.client import Activity
from rosetta_hub.errors import Conflict, HubUnavailable
from rosetta_hub.hub.client import HubClient
from rosetta_hub.hub.shares import HubShare, Kind
from rosetta_hub.ingress.edge_publisher import EdgePublisher
from rosetta_hub.ingress.sessions import BrowserSessions
from rosetta_hub.keys import Keys
from rosetta_hub.sharing.guests import Guests
from rosetta_hub.sharing.permission import SharePermission
from rosetta_hub.sharing.principals import Principals
from rosetta_hub.sharing.records import ShareRecords
from rosetta_hub.sharing.session_check import SessionCheck
from rosetta_hub.sharing.share_mails import ShareMails
from rosetta_hub.sharing.sharing import Sharing
from rosetta_hub.tasks.manager import TaskManager
from tests.support.catalogues import LOCAL

SETTINGS = Rosetta(
    hub_url="http://localhost:8000",
    tasks_url="http://127.0.0.1",
    computing=[LOCAL],
    smtp_host="mail.example.org",
    mail_from="hub@example.org",
    mail_domain="example.org",
)


@dataclass
class FakeHub:
    """Users, groups and shares of a hub; a token is its user's name."""

    groups: dict[str, list[str]] = field(default_factory=dict)
    users: set[str] = field(default_factory=lambda: {"alice", "bob", "carol"})
    shares: set[tuple[str, str, str, str]] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    # None: does nothing; an error that the next grant raises, before or after it has granted.
    refuse: Exception | None = None
    lose_answer: bool = False

    async def _called(self, name: str) -> None:
        self.calls.append(name)
        # Others come between, as with a hub that is asked over a network.
        await asyncio.sleep(0)

    async def has_user(self, name: str) -> bool:
        """Whether there is one of that name."""
        await self._called("has_user")
        return name in self.users

    async def group_names(self) -> list[str]:
        """All groups."""
        return sorted(self.groups)

    async def grant_share(self, user: str, server: str, kind: Kind, name: str) -> None:
        """Share, unless told otherwise."""
        await self._called("grant_share")
        if self.refuse is not None:
            raise self.refuse
        if kind == "user" and name not in self.users:
            raise Conflict(f"No such user: {name}")
        self.shares.add((user, server, kind, name))
        if self.lose_answer:
            self.lose_answer = False
            raise HubUnavailable("no answer")

    async def revoke_share(self, user: str, server: str, kind: Kind, name: str) -> None:
        """End one."""
        await self._called("revoke_share")
        self.shares.discard((user, server, kind, name))

    async def revoke_all_shares(self, user: str, server: str) -> None:
        """End all of a server."""
        await self._called("revoke_all_shares")
        self.shares = {share for share in self.shares if share[:2] != (user, server)}

    async def has_share(self, user: str, server: str, guest: str) -> bool:
        """Whether there is one with that user."""
        await self._called("has_share")
        return (user, server, "user", guest) in self.shares

    async def shares_of_server(self, user: str, server: str) -> list[HubShare]:
        """Those of a server."""
        await self._called("shares_of_server")
        return [_share(*share) for share in self.shares if share[:2] == (user, server)]

    async def shares_with_user(self, user: str) -> list[HubShare]:
        """Those with a user, and with the user's groups."""
        await self._called("shares_with_user")
        groups = self.groups_of(user)
        return [
            _share(*share)
            for share in self.shares
            if (share[2] == "user" and share[3] == user)
            or (share[2] == "group" and share[3] in groups)
        ]

    def groups_of(self, user: str) -> list[str]:
        """The groups of a user."""
        return [name for name, members in self.groups.items() if user in members]

    def model(self, user: str) -> dict[str, Any]:
        """The answer to a token of the user's: like the hub, without what groups have."""
        scopes = [f"{verb}!user={user}" for verb in ("access:servers", "servers", "read:servers")]
        scopes += [
            f"access:servers!server={owner}/{server}"
            for owner, server, kind, name in self.shares
            if kind == "user" and name == user
        ]
        return {"name": user, "groups": self.groups_of(user), "scopes": scopes, "admin": False}

    @property
    def cache(self) -> dict[str, Any]:
        """What `HubOAuth` keeps: nothing."""
        return {}

    async def user_for_token(self, token: str, **_: Any) -> dict[str, Any] | None:
        """The model; a deleted user has none."""
        return self.model(token) if token in self.users else None


def _share(owner: str, server: str, kind: str, name: str) -> HubShare:
    scopes = frozenset({f"access:servers!server={owner}/{server}"})
    return HubShare(cast(Kind, kind), name, owner, server, scopes)


class FakeEdge:
    """Keeps which sessions were ended, and says what it is told to have seen."""

    def __init__(self, sessions: BrowserSessions) -> None:
        self._sessions = sessions
        self.ended: list[str] = []
        self.seen: Mapping[str, Activity] = {}

    def sessions_of(self, task: Task) -> list[BrowserSession]:
        """Those of the database."""
        return self._sessions.rows(task)

    async def end_session(self, row: BrowserSession) -> None:
        """End one."""
        self.ended.append(row.user)
        self._sessions.end(row)

    async def activity(self) -> Mapping[str, Activity]:
        """What went through."""
        return self.seen


@dataclass
class Office:
    """The parts that share tasks, with what is around them."""

    hub: FakeHub
    edge: FakeEdge
    sessions: BrowserSessions
    tasks: TaskManager
    sharing: Sharing
    principals: Principals
    keys: Keys


def make_office(
    database: Database, tasks: TaskManager, sessions: BrowserSessions, keys: Keys
) -> Office:
    """All of it, with an empty hub."""
    hub, edge = FakeHub(), FakeEdge(sessions)
    client, auth = cast(HubClient, hub), cast(HubOAuth, hub)
    principals = Principals(client, auth)
    check = SessionCheck(tasks, auth, principals, keys)
    guests = Guests(cast(EdgePublisher, edge), check, principals, tasks.events)
    records, permission = ShareRecords(database), SharePermission(True)
    mails = ShareMails(database, SETTINGS, keys)
    sharing = Sharing(tasks, client, records, guests, permission, AuditLog(database), mails)
    return Office(hub, edge, sessions, tasks, sharing, principals, keys)
