"""Sharing with real hubs: what their shares, tokens and refusals really are."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import pytest
import pytest_asyncio
from jupyterhub.services.auth import HubOAuth

from rosetta_hub.audit.log import AuditLog
from rosetta_hub.catalogue.catalogue import User as CatalogueUser
from rosetta_hub.catalogue.catalogue import load_catalogue
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task, utc_now
from rosetta_hub.errors import Conflict, NotFound
from rosetta_hub.hub.client import HubClient
from rosetta_hub.ingress.edge_publisher import EdgePublisher
from rosetta_hub.ingress.sessions import BrowserSessions
from rosetta_hub.service.sharing import SharingParts
from rosetta_hub.sharing.records import NewLink
from rosetta_hub.sharing.view import share_id
from rosetta_hub.tasks.events import Broadcaster
from rosetta_hub.tasks.logs import Logs
from rosetta_hub.tasks.manager import TaskManager
from rosetta_hub.tasks.principal import Principal
from rosetta_hub.web.auth import build_hub_auth
from tests.sharing.fakes import FakeEdge
from tests.support.catalogues import LOCAL
from tests.support.databases import open_sqlite
from tests.support.starting import start_task

from .hub import Hub, User
from .stub import StubService

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPTIONS = {"software": "web", "computing": "here", "version": "2"}
SOFTWARE = [{"id": "web", "name": "Web", "image_name": "example/web", "image_tag": "2"}]


@dataclass
class Office:
    """The service's parts that share, beside a real hub."""

    hub: Hub
    auth: HubOAuth
    edge: FakeEdge
    sessions: BrowserSessions
    tasks: TaskManager
    parts: SharingParts

    async def token(self, user: str, scopes: list[str] | None = None) -> str:
        """A token of a user, by default for everything that the user may do."""
        body = {} if scopes is None else {"scopes": scopes}
        answer = await self.hub.api("POST", f"/users/{user}/tokens", body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    async def model(self, token: str) -> dict[str, Any]:
        """What the hub says of a token now."""
        model = await self.auth.user_for_token(token, use_cache=False, sync=False)
        return cast(dict[str, Any], model)

    async def enters(self, token: str, task: Task) -> bool:
        """Whether somebody may enter a task, as the service sees it."""
        principal = await self.parts.principals.of(await self.model(token), renew=True)
        return principal.may("access:servers", task.user, task.server_name)


@pytest_asyncio.fixture(loop_scope="module")
async def office(
    hub: Hub, service: StubService, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Office]:
    """The parts, with the token of that hub's service."""
    folder = tmp_path_factory.mktemp("office")
    settings = Rosetta(
        hub_url=hub.url,
        hub_api_url=f"{hub.url}/hub/api",
        tasks_url="http://localhost",
        state_dir=str(hub.directory / "state"),
    )
    database, keys = open_sqlite(folder), settings.keys()
    logs = Logs(folder / "logs", 4096)
    catalogue = load_catalogue(SOFTWARE, [LOCAL])
    tasks = TaskManager(database, catalogue, keys, logs, Broadcaster(), lambda _: None)
    auth = build_hub_auth(settings, keys)
    client = HubClient(settings.hub_api_url, keys.service_token)
    sessions = BrowserSessions(database, keys, 12)
    edge = FakeEdge(sessions)
    parts = SharingParts(
        settings, tasks, client, auth, cast(EdgePublisher, edge), keys, AuditLog(database)
    )
    yield Office(hub, auth, edge, sessions, tasks, parts)
    database.close()
    # JupyterHub's own thread for calls that block.
    auth._pool.submit(lambda: auth._thread_loop.close()).result()
    auth._pool.shutdown()


@pytest_asyncio.fixture(loop_scope="module")
async def task(office: Office, alice: User) -> Task:
    """A running server of alice's, and its task."""
    answer = await alice.api("POST", "one", OPTIONS)
    assert answer.status_code in (201, 202), answer.text
    await alice.hub.ready(alice.name, "one")
    return start_task(office.tasks, "one", {"software": "web"}, CatalogueUser(alice.name))


async def add_user(hub: Hub, name: str, group: str = "") -> str:
    """A user of the hub, in a group."""
    await hub.api("POST", f"/users/{name}")
    if group:
        await hub.api("POST", f"/groups/{group}")
        answer = await hub.api("POST", f"/groups/{group}/users", {"users": [name]})
        assert answer.status_code == 200, answer.text
    return name


async def test_a_user_enters_and_is_put_out(office: Office, task: Task) -> None:
    guest = await add_user(office.hub, f"guest-{task.user}")
    token, sharing = await office.token(guest), office.parts.sharing
    assert not await office.enters(token, task)
    await sharing.share_with_user(task, guest, task.user)
    assert await office.enters(token, task)
    office.sessions.start(task, guest, token)
    office.sessions.start(task, task.user, await office.token(task.user))
    (share,) = await sharing.shares(task)
    assert (share.kind, share.name, share.owner) == ("user", guest, task.user)
    assert list(await sharing.shared_with(guest)) == [(task.user, "one")]
    await sharing.end(task, share_id("user", guest))
    assert office.edge.ended == [guest]
    assert not await office.enters(token, task)
    assert await sharing.shares(task) == []


async def test_the_members_of_a_group_enter(office: Office, task: Task) -> None:
    """The hub gives their tokens nothing; with the service they enter, until the share ends."""
    member = await add_user(office.hub, f"member-{task.user}", f"team-{task.user}")
    token, sharing = await office.token(member), office.parts.sharing
    root = Principal("root", frozenset(), True, frozenset())
    await sharing.share_with_group(task, f"team-{task.user}", root)
    alone = Principal.from_model(await office.model(token))
    assert not alone.may("access:servers", task.user, "one")
    assert await office.enters(token, task)
    assert not await office.enters(
        await office.token(member, ["access:services!service=rosetta", "read:users!user"]), task
    )
    office.sessions.start(task, member, token)
    await sharing.end(task, share_id("group", f"team-{task.user}"))
    assert office.edge.ended == [member]
    assert not await office.enters(token, task)


async def test_a_link_and_its_time(office: Office, task: Task) -> None:
    guest = await add_user(office.hub, f"linked-{task.user}")
    sharing = office.parts.sharing
    soon = utc_now() + timedelta(hours=1)
    _, code = sharing.records.add_link(task, NewLink(soon, 1), task.user)
    for _ in range(2):
        await sharing.accept(code, guest)
    assert await office.enters(await office.token(guest), task)
    with pytest.raises(Conflict, match="as often as it may"):
        await sharing.accept(code, await add_user(office.hub, f"late-{task.user}"))
    await sharing.share_with_user(task, guest, task.user, utc_now() + timedelta(microseconds=1))
    await sharing.step()
    assert await sharing.shares(task) == []


async def test_what_the_hub_refuses_and_ends(office: Office, task: Task) -> None:
    sharing = office.parts.sharing
    with pytest.raises(NotFound, match="no user named 'nobody at all'"):
        await sharing.share_with_user(task, "nobody at all", task.user)
    root = Principal("root", frozenset(), True, frozenset())
    with pytest.raises(NotFound, match="no group named"):
        await sharing.share_with_group(task, "no such group", root)
    guest = await add_user(office.hub, f"gone-{task.user}")
    await sharing.share_with_user(task, guest, task.user)
    await office.hub.api("DELETE", f"/users/{guest}")
    assert await sharing.shares(task) == []
    assert sharing.records.of_task(task) == {}


async def test_the_hubs_own_shares_and_codes(office: Office, task: Task) -> None:
    """What the owner does with the hub's own means is seen and ended here."""
    sharing, server = office.parts.sharing, f"{task.user}/one"
    guest = await add_user(office.hub, f"other-{task.user}")
    service = HubClient(f"{office.hub.url}/hub/api", office.auth.api_token)
    await service.grant_share(task.user, "one", "user", guest)
    code = await service._call("POST", f"/share-codes/{server}", {})
    assert [share.name for share in await sharing.shares(task)] == [guest]
    await sharing.end_all(task)
    assert await sharing.shares(task) == []
    result = await service._call("GET", f"/share-codes/{server}?offset=0&limit=10")
    assert (result["items"], bool(code)) == ([], True)
