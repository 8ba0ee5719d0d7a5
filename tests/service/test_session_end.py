"""All sessions of a user end at once: at the hub, at the edge, on open pages."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

import pytest
from sqlalchemy import select

from rosetta_hub.audit.log import AuditLog
from rosetta_hub.database.models import BrowserSession, Task
from rosetta_hub.database.models_audit import AuditRecord
from rosetta_hub.errors import EdgeUnavailable, HubUnavailable, NotFound, UserError
from rosetta_hub.hub.client import HubClient
from rosetta_hub.ingress.sessions import BrowserSessions
from rosetta_hub.users.session_end import OpenStreams, SessionEnder
from tests.support.starting import start_task

from .conftest import ALICE, Bench


@dataclass
class World:
    """Hub and edge as far as the end of sessions concerns them."""

    bench: Bench
    task: Task
    asked_alone: list[tuple[str, str]] = field(default_factory=list)
    refusal: Exception | None = None
    asked: list[tuple[str, bool]] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    disconnected: list[str] = field(default_factory=list)
    forgotten: int = 0
    hub_is_down: bool = False
    edge_is_down: bool = False
    streams: OpenStreams = field(default_factory=OpenStreams)

    async def end_sessions(self, user: str, api_tokens: bool = False) -> None:
        if self.hub_is_down:
            raise HubUnavailable("no")
        self.asked.append((user, api_tokens))

    async def end_session(self, principal_token: str, session: str) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.asked_alone.append((principal_token, session))

    async def may_enter(self, row: BrowserSession) -> bool | None:
        """The hub knows of the tokens of Bob's first login no more."""
        token = self.bench.keys.database.decrypt(row.token).decode()
        return token != "token of bob"

    async def cut_session(self, row: BrowserSession) -> None:
        if self.edge_is_down:
            raise EdgeUnavailable("no")
        self.cut.append(row.user)

    async def cut_connections(self, user: str) -> None:
        self.disconnected.append(user)

    def forget(self) -> None:
        self.forgotten += 1

    @property
    def ender(self) -> SessionEnder:
        database = self.bench.tasks.database
        return SessionEnder(
            cast(HubClient, self),
            database,
            AuditLog(database),
            self.cut_session,
            self.may_enter,
            self.cut_connections,
            self.forget,
            self.streams,
        )

    @property
    def sessions(self) -> BrowserSessions:
        return BrowserSessions(self.bench.tasks.database, self.bench.keys, hours=12)

    def audited(self) -> list[AuditRecord]:
        with self.bench.tasks.database.session() as session:
            return list(session.scalars(select(AuditRecord)))

    def users_inside(self) -> list[str]:
        with self.bench.tasks.database.session() as session:
            return sorted(session.scalars(select(BrowserSession.user)))


@pytest.fixture
def world(bench: Bench) -> World:
    """Alice and Bob are in a task of Alice's."""
    task = start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    world = World(bench, task)
    for user in ("alice", "bob"):
        world.sessions.start(task, user, f"token of {user}")
    return world


async def test_everything_of_the_user_ends(world: World) -> None:
    await world.ender.end("bob", actor="root", api_tokens=True, address="192.0.2.1")
    assert world.asked == [("bob", True)]
    assert (world.cut, world.disconnected, world.forgotten) == (["bob"], ["bob"], 1)
    assert world.users_inside() == ["alice"]
    [record] = world.audited()
    assert (record.event, record.actor, record.user) == ("session.end", "root", "bob")
    assert record.detail == {"api_tokens": True}


async def test_hub_that_does_not_answer_changes_nothing(world: World) -> None:
    world.hub_is_down = True
    with pytest.raises(HubUnavailable):
        await world.ender.end("bob", actor="root")
    assert world.users_inside() == ["alice", "bob"]
    # The hub tells of itself that it has ended the logins.
    await world.ender.end("bob", actor="service", at_hub=False)
    assert world.users_inside() == ["alice"]


async def test_edge_that_is_down_learns_it_from_the_next_state(world: World) -> None:
    world.edge_is_down = True
    with pytest.raises(EdgeUnavailable):
        await world.ender.end("bob", actor="root")
    assert world.users_inside() == ["alice"]


async def test_open_streams_of_the_user_end(world: World) -> None:
    ended = []

    async def stream(user: str, has_begun: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(600) as limit:
                with world.streams.watch(user, limit):
                    has_begun.set()
                    await asyncio.Event().wait()
        except TimeoutError:
            ended.append(user)

    by_name = {user: asyncio.Event() for user in ("alice", "bob")}
    streams = {user: asyncio.create_task(stream(user, by_name[user])) for user in by_name}
    for event in by_name.values():
        await event.wait()
    await world.ender.end("bob", actor="root")
    await asyncio.wait_for(streams["bob"], 10)
    assert ended == ["bob"]
    streams["alice"].cancel()
    await asyncio.wait(streams.values())


async def test_one_login_of_a_user_ends_alone(world: World) -> None:
    world.sessions.start(world.task, "bob", "other token of bob")
    await world.ender.end_one("bob", "0" * 64, "of-bob", browser="Safari", address="192.0.2.1")
    assert world.asked_alone == [("of-bob", "0" * 64)]
    # The hub has deleted the token of the one login, and knows the other.
    assert (world.cut, world.disconnected, world.forgotten) == (["bob"], [], 1)
    assert [row.detail for row in world.audited()] == [{"browser": "Safari"}]


@pytest.mark.parametrize(
    ("error", "expected"), [(UserError("none"), NotFound), (HubUnavailable("no"), HubUnavailable)]
)
async def test_hub_that_does_not_end_a_login_changes_nothing(
    world: World, error: Exception, expected: type[Exception]
) -> None:
    world.refusal = error
    with pytest.raises(expected):
        await world.ender.end_one("bob", "0" * 64, "of-bob", browser="Safari", address=None)
    assert (world.cut, world.forgotten, world.audited()) == ([], 0, [])
