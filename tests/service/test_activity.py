"""Activity is told to the hub, user by user, whatever the hub thinks of one of them."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest
from cryptography.fernet import Fernet
from jupyterhub.services.auth import HubOAuth

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.database.models import BrowserSession, Task, utc_now
from rosetta_hub.edge.client import Activity
from rosetta_hub.errors import Conflict, HubUnavailable
from rosetta_hub.hub.client import HubClient
from rosetta_hub.ingress.edge_publisher import EdgePublisher
from rosetta_hub.periodic.activity import ActivityReporter
from rosetta_hub.sharing.principals import Principals
from rosetta_hub.sharing.session_check import SessionCheck
from tests.support.starting import start_task

from .conftest import Bench

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@dataclass
class Hub:
    """A hub that refuses reports with some servers, and fails for some users."""

    unknown: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    reports: list[tuple[str, list[str]]] = field(default_factory=list)

    async def report_activity(self, user: str, servers: dict[str, str]) -> None:
        if user in self.failing:
            raise HubUnavailable("500")
        if self.unknown & servers.keys():
            raise Conflict("No such server")
        self.reports.append((user, sorted(servers)))

    def told(self) -> list[tuple[str, list[str]]]:
        """The reports since the last time."""
        reports, self.reports = self.reports, []
        return reports


@dataclass
class Edge:
    """What went through the edge, and which sessions were ended."""

    seen: dict[str, Activity] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)

    async def activity(self) -> dict[str, Activity]:
        return self.seen

    async def end_session(self, row: BrowserSession) -> None:
        self.ended.append(row.digest)


@dataclass
class Site:
    """The reporter with everything around it."""

    bench: Bench
    hub: Hub
    edge: Edge
    reporter: ActivityReporter

    def use(self, user: str, server: str, sessions: dict[str, int] | None = None) -> Task:
        """Something goes through a task of the user's now."""
        owner = User(user)
        task = start_task(self.bench.tasks, server, {"software": "echo"}, owner)
        self.edge.seen[task.id] = Activity(1, 1, in_a_moment(), 0, sessions or {})
        return task


def in_a_moment() -> int:
    """A time after the reporter's last look, in milliseconds."""
    return int((utc_now() + timedelta(seconds=5)).timestamp() * 1000)


@pytest.fixture
def site(bench: Bench) -> Site:
    hub, edge = Hub(), Edge()
    reporter = ActivityReporter(
        bench.tasks,
        cast(EdgePublisher, edge),
        cast(HubClient, hub),
        SessionCheck(bench.tasks, cast(HubOAuth, None), cast(Principals, None), bench.keys),
    )
    return Site(bench, hub, edge, reporter)


async def test_a_refusal_concerns_the_refused_server_alone(site: Site) -> None:
    for user, server in [("alice", "gone"), ("alice", "there"), ("bob", "one"), ("carol", "one")]:
        site.use(user, server)
    site.hub.unknown.add("gone")
    await site.reporter.step()
    assert site.hub.told() == [("alice", ["there"]), ("bob", ["one"]), ("carol", ["one"])]


async def test_a_user_with_whom_the_hub_has_trouble_comes_last(site: Site) -> None:
    for user in ("alice", "bob"):
        site.use(user, "one")
    site.hub.failing.add("alice")
    for _ in range(2):
        with pytest.raises(HubUnavailable):
            await site.reporter.step()
    assert ("bob", ["one"]) in site.hub.told()
    site.hub.failing.clear()
    site.edge.seen.clear()
    await site.reporter.step()
    assert site.hub.told() == [("alice", ["one"])]
    await site.reporter.step()
    assert site.hub.told() == []


async def test_a_session_of_another_secret_ends_and_nothing_else_does(site: Site) -> None:
    task = site.use("alice", "one", {"old": in_a_moment()})
    row: dict[str, Any] = {"task_id": task.id, "user": "alice", "token": b"not of this secret"}
    row["token"] = Fernet(Fernet.generate_key()).encrypt(b"token")
    with site.bench.tasks.database.session() as session:
        session.add(BrowserSession(digest="old", expires=utc_now() + timedelta(hours=1), **row))
    await site.reporter.step()
    assert site.edge.ended == ["old"]
    assert site.hub.told() == [("alice", ["one"])]
