"""What is kept for a user ends with the user: deleted on the hub, or created anew."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select
from tornado import web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.catalogue.registries import Registries
from rosetta_hub.config import Rosetta
from rosetta_hub.copies.records import CopyRecords, new_copy
from rosetta_hub.database.models import BrowserSession, DesiredState, Task, TaskState, utc_now
from rosetta_hub.database.models_copies import Copy, CopyState
from rosetta_hub.database.models_mail import MailSettings
from rosetta_hub.database.models_registries import RegistryCredential
from rosetta_hub.database.models_software import SoftwareUse, UserSoftware
from rosetta_hub.database.models_user import HubUser, Identity
from rosetta_hub.errors import Conflict, HubUnavailable
from rosetta_hub.hub.client import HubClient
from rosetta_hub.jobs.events import JobEvents
from rosetta_hub.registries.credentials import RegistryCredentials
from rosetta_hub.software.library import Library
from rosetta_hub.software.settings import UserSoftwareRules
from rosetta_hub.tasks.report import LogChunk
from rosetta_hub.users.deletion import Users
from rosetta_hub.users.identities import Identities
from tests.support.catalogues import CLUSTER
from tests.support.starting import start_task

from .conftest import ALICE, Bench
from .test_manager import report

FIRST = datetime(2026, 11, 1, 12, 0, 0, 123456, UTC)
LATER = FIRST + timedelta(microseconds=300000)


@dataclass
class Hub:
    """A hub with some users; `hidden` ones are missing in its list, as during a deletion."""

    created: dict[str, datetime | None] = field(default_factory=lambda: {"admin": FIRST})
    hidden: set[str] = field(default_factory=set)
    answers: bool = True

    async def users(self) -> dict[str, datetime | None]:
        if not self.answers:
            raise HubUnavailable("no answer")
        return {name: time for name, time in self.created.items() if name not in self.hidden}

    async def has_user(self, name: str) -> bool:
        return name in self.created

    async def user_created(self, name: str) -> datetime | None:
        return self.created.get(name)


@dataclass
class Site:
    """A hub, and what the service keeps for its users."""

    bench: Bench
    users: Users
    hub: Hub
    identities: Identities
    copies: CopyRecords
    library: Library
    credentials: RegistryCredentials
    ended: list[str]
    closed: list[tuple[str, str]]

    async def give_everything(self, name: str) -> Task:
        """A user with an ended task and its log, a key, a choice of mails, a session, a copy."""
        await self.users.recognise(name, self.hub.created[name])
        tasks, user = self.bench.tasks, User(name)
        task = start_task(tasks, "one", {"software": "echo"}, user)
        log = LogChunk(offset=0, text="secret\n")
        tasks.report(task, report("running").model_copy(update={"log": log}))
        task = tasks.stopped(tasks.find(task.id))
        self.identities.set_remote_user(user, "cluster", name)
        with tasks.database.session() as session:
            session.add(MailSettings(user=name, address=f"{name}@example.net"))
            session.add(
                BrowserSession(
                    digest=name, task_id=task.id, user=name, token=b"", expires=utc_now()
                )
            )
        self.copies.add(new_copy(user, ("one", ["a"]), ("two", "", ["a"])))
        self.library.add(user, {"name": "Own", "image_name": "own"})
        self.credentials.set(name, "registry.example.org", "account", "password")
        return task

    def kept(self, name: str) -> list[str]:
        """What there is of a user, by table."""
        values = []
        tables: list[Any] = [Task, Identity, MailSettings, BrowserSession, Copy, SoftwareUse]
        tables.append(RegistryCredential)
        with self.bench.tasks.database.session() as session:
            for table in tables:
                rows = session.scalars(select(table).where(table.user == name))
                values += [table.__tablename__ for _ in rows]
            software = select(UserSoftware).where(UserSoftware.owner == name)
            values += [UserSoftware.__tablename__ for _ in session.scalars(software)]
        return values


EVERYTHING = [
    "tasks",
    "identities",
    "mail_settings",
    "sessions",
    "copies",
    "software_uses",
    "registry_credentials",
    "user_software",
]


@pytest.fixture
def site(bench: Bench, tmp_path: Path) -> Site:
    """A hub with an administrator, and with alice."""
    settings = Rosetta(state_dir=str(tmp_path), computing=[CLUSTER])
    identities = Identities(bench.tasks.database, bench.keys, settings)
    hub, ended, closed = Hub(), list[str](), list[tuple[str, str]]()
    hub.created["alice"] = FIRST

    async def end_session(row: BrowserSession) -> None:
        ended.append(row.user)
        with bench.tasks.database.session() as session:
            session.delete(row)

    async def close_connection(user: str, computing: str) -> None:
        closed.append((user, computing))

    copies = CopyRecords(bench.tasks.database, JobEvents())
    library = Library(bench.tasks.catalogue, bench.tasks.database, UserSoftwareRules(), "/")
    credentials = RegistryCredentials(bench.tasks.database, bench.keys, Registries())

    def delete_rows(user: str) -> None:
        library.delete_user(user)
        credentials.delete_user(user)

    users = Users(
        bench.tasks,
        identities,
        cast(HubClient, hub),
        end_session,
        close_connection,
        copies.delete_user,
        delete_rows,
    )
    return Site(bench, users, hub, identities, copies, library, credentials, ended, closed)


async def test_a_deleted_user_leaves_nothing(site: Site) -> None:
    task = await site.give_everything("alice")
    await site.users.step()
    assert site.kept("alice") == EVERYTHING
    del site.hub.created["alice"]
    await site.users.step()
    assert site.kept("alice") == []
    assert site.bench.tasks.logs.read(task.id, task.attempt) == ""
    assert (site.ended, site.closed) == (["alice"], [("alice", "cluster")])
    with site.bench.tasks.database.session() as session:
        assert session.get(HubUser, "alice") is None


async def test_a_user_created_anew_inherits_nothing(site: Site) -> None:
    await site.give_everything("alice")
    await site.users.recognise("alice", LATER)
    assert site.kept("alice") == []


async def test_a_token_that_does_not_say_when(site: Site) -> None:
    await site.give_everything("alice")
    site.hub.created["alice"] = LATER
    await site.users.recognise("alice", None)
    assert site.kept("alice") == []


@pytest.mark.parametrize("created", [FIRST, FIRST.replace(microsecond=0)])
async def test_the_same_user_keeps_everything(site: Site, created: datetime) -> None:
    await site.give_everything("alice")
    await site.users.recognise("alice", created)
    assert site.kept("alice") == EVERYTHING


async def test_what_an_older_version_kept_belongs_to_who_is_there(site: Site) -> None:
    await site.give_everything("alice")
    with site.bench.tasks.database.session() as session:
        session.merge(HubUser(name="alice", created=None))
    site.users._known.clear()
    await site.users.recognise("alice", LATER)
    assert site.kept("alice") == EVERYTHING


async def test_no_answer_and_an_empty_hub_are_no_deletion(site: Site) -> None:
    await site.give_everything("alice")
    site.hub.answers = False
    with pytest.raises(HubUnavailable):
        await site.users.step()
    site.hub.answers = True
    site.hub.created.clear()
    await site.users.step()
    assert site.kept("alice") == EVERYTHING


async def test_a_user_missing_in_the_list_alone_is_there(site: Site) -> None:
    await site.give_everything("alice")
    site.hub.hidden.add("alice")
    await site.users.step()
    assert site.kept("alice") == EVERYTHING


async def test_copies_are_stopped_before_the_key_goes(site: Site) -> None:
    await site.give_everything("alice")
    (copy,) = site.copies.of_user("alice")

    def begin(row: Copy) -> None:
        row.state, row.started = CopyState.RUNNING, utc_now()

    def end(row: Copy) -> None:
        row.state, row.ended = CopyState.CANCELLED, utc_now()

    site.copies.update(copy.id, begin)
    with pytest.raises(Conflict, match="are being stopped"):
        await site.users.recognise("alice", LATER)
    assert site.closed == []
    assert site.copies.find(copy.id).cancelling
    site.copies.update(copy.id, end)
    await site.users.recognise("alice", LATER)
    assert site.kept("alice") == []


async def test_tasks_are_stopped_before_the_key_goes(site: Site) -> None:
    await site.give_everything("alice")
    tasks = site.bench.tasks
    task = start_task(tasks, "two", {"software": "echo"}, ALICE)
    with pytest.raises(Conflict, match="are being stopped"):
        await site.users.recognise("alice", LATER)
    task = tasks.find(task.id)
    assert (task.state, task.desired_state, task.forget) == (
        TaskState.QUEUED,
        DesiredState.STOP,
        True,
    )
    assert site.kept("alice") == [item for item in EVERYTHING if item != "sessions"]
    tasks.delete(tasks.stopped(task))
    await site.users.recognise("alice", LATER)
    assert site.kept("alice") == []


@pytest.fixture
async def hub_client() -> AsyncIterator[HubClient]:
    """A client of a hub that gives two users at a time."""
    names = ["a", "b", "c", "d", "e"]

    class Handler(web.RequestHandler):
        def get(self) -> None:
            offset = int(self.get_query_argument("offset"))
            assert "application/jupyterhub-pagination+json" in self.request.headers["Accept"]
            items = [{"name": name, "created": "2026-11-01T12:00:00.123456Z"} for name in names]
            document = {"offset": offset + 2} if offset + 2 < len(names) else None
            self.finish({"items": items[offset : offset + 2], "_pagination": {"next": document}})

    sockets = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(web.Application([("/users", Handler)]))
    server.add_sockets(sockets)
    yield HubClient(f"http://127.0.0.1:{sockets[0].getsockname()[1]}", "token")
    server.stop()
    await server.close_all_connections()


async def test_all_pages_of_the_users_are_read(hub_client: HubClient) -> None:
    assert await hub_client.users() == dict.fromkeys("abcde", FIRST)
