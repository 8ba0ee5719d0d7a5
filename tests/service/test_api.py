"""The REST API over HTTP: what is asked wrongly is a message, never an error of the service."""

import json
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import HTTPError

from rosetta_hub.audit.log import AuditLog
from rosetta_hub.catalogue.catalogue import User, load_catalogue
from rosetta_hub.catalogue.lifetimes import load_lifetimes
from rosetta_hub.catalogue.options import TaskSpec, parse_options
from rosetta_hub.catalogue.registries import Registries
from rosetta_hub.config import Rosetta
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import Task
from rosetta_hub.edge.client import Activity
from rosetta_hub.errors import EdgeUnavailable
from rosetta_hub.hub.client import HubClient
from rosetta_hub.lifetimes.lifetimes import Lifetimes
from rosetta_hub.metrics.metrics import Metrics
from rosetta_hub.metrics.sources import Sources
from rosetta_hub.registries.client import RegistryClient
from rosetta_hub.registries.credentials import RegistryCredentials
from rosetta_hub.registries.hub_registry import HubRegistry, load_registry
from rosetta_hub.registries.lookup import Lookup
from rosetta_hub.resources.wms import JobRefused
from rosetta_hub.service.users import build_account_parts
from rosetta_hub.software.library import Library
from rosetta_hub.software.logos import Logos
from rosetta_hub.software.policy import ImagePolicy
from rosetta_hub.software.settings import UserSoftwareRules
from rosetta_hub.tasks.conditions import Conditions
from rosetta_hub.tasks.view import Viewer
from rosetta_hub.users.deletion import Users
from rosetta_hub.users.identities import Identities
from rosetta_hub.users.session_end import OpenStreams
from rosetta_hub.web import task_start
from rosetta_hub.web.application import build_application
from rosetta_hub.web.auth import build_hub_auth
from rosetta_hub.web.health import Health, database_check, disk_check
from rosetta_hub.web.open_connections import OpenConnections
from rosetta_hub.web.page_templates import PageTemplates
from rosetta_hub.web.rate_limit import RateLimit
from rosetta_hub.web.services import Administration, Services
from rosetta_hub.web.starters import Starters
from rosetta_hub.web.task_start import check_options
from tests.support.catalogues import CLUSTER, LOCAL
from tests.support.sharing import no_sharing
from tests.support.starting import start_task

from .conftest import ALICE, SOFTWARE, Bench
from .fake_edge import FakeEdge
from .test_history import add_history, counted_rows
from .test_manager import report

PREFIX = "/services/rosetta/"
COMPUTING = [LOCAL, CLUSTER | {"wms": "none", "container_engines": ["podman"]}]
REGISTRIES = [
    {
        "host": "site.example.org",
        "user": "robot",
        "password_file": "/nonexistent",
        "groups": ["physics"],
        "plain_http": True,
    }
]
LIFETIMES = [{"idle_timeout": "2h", "longest": "12h"}]
ACCESS = "access:services!service=rosetta"
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
CREATED = "2026-11-01T12:00:00.123456Z"


def scopes_of(user: str) -> list[str]:
    """What a user may do with servers of the user's own."""
    verbs = ("access:servers", "servers", "read:servers", "delete:servers")
    return [ACCESS, *(f"{verb}!user={user}" for verb in verbs)]


@dataclass
class Hub:
    """A hub that knows two users, and starts servers as ours would."""

    bench: Bench
    scopes: dict[str, list[str]] = field(
        default_factory=lambda: {name: scopes_of(name) for name in ("alice", "bob")}
    )

    stopped: list[tuple[str, str]] = field(default_factory=list)
    groups: dict[str, list[str]] = field(default_factory=dict)
    admins: set[str] = field(default_factory=set)
    # Whose a token is that is not called like its owner.
    owners: dict[str, str] = field(default_factory=dict)
    is_silent: bool = False
    # How a start goes through the hub's spawner, where a test wants that.
    start_as_hub: Callable[[str, str, dict[str, Any]], Awaitable[None]] | None = None
    used: list[tuple[str, str]] = field(default_factory=list)

    async def report_activity(self, user: str, servers: dict[str, str]) -> None:
        self.used += [(user, name) for name in servers]

    async def start_server(self, user: str, server_name: str, options: dict[str, Any]) -> None:
        if self.start_as_hub is not None:
            await self.start_as_hub(user, server_name, options)
            return
        start_task(self.bench.tasks, server_name, options, User(user))

    async def stop_server(self, user: str, server_name: str, remove: bool = False) -> None:
        assert not remove
        self.stopped.append((user, server_name))

    async def user_groups(self, user: str) -> set[str]:
        return set(self.groups.get(user, []))

    async def has_user(self, user: str) -> bool:
        return user in self.scopes

    def user(self, token: str) -> dict[str, Any] | None:
        """Who has a token, which is the user's name here.

        Raises:
            HTTPError: as JupyterHub's client, where the hub does not answer.
        """
        if self.is_silent:
            raise HTTPError(502, "The hub does not answer.")
        scopes = self.scopes.get(token)
        if not scopes:
            return None
        rights = {"scopes": [*scopes], "admin": token in self.admins}
        groups = self.groups.get(token, [])
        name = self.owners.get(token, token)
        return {"name": name, "created": CREATED, "groups": [*groups], **rights}


@dataclass
class Site:
    """The service's handlers, and what is around them."""

    port: int
    bench: Bench
    hub: Hub
    library: Library
    image_policy: ImagePolicy
    state_dir: Path
    edge_answers: bool = True
    credentials: RegistryCredentials | None = None
    hub_registry: HubRegistry | None = None
    conditions: Conditions = field(default_factory=Conditions)
    edge: FakeEdge = field(default_factory=FakeEdge)
    streams: OpenStreams = field(default_factory=OpenStreams)
    # Whose sessions were ended, and how.
    ended: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    lookup: Lookup = field(default_factory=lambda: Lookup(RegistryClient(Registries())))
    extended: list[tuple[str, int]] = field(default_factory=list)
    extend_refusal: str = ""
    # A clock that stands still: what is used up stays so.
    rate_limit: RateLimit = field(default_factory=lambda: RateLimit(1000, lambda: 0.0))
    lifetimes: Lifetimes = field(
        default_factory=lambda: Lifetimes(load_lifetimes(LIFETIMES, (), ()))
    )

    async def end_sessions_of(self, user: str, **how: Any) -> None:
        """Note that a user's sessions were ended."""
        self.ended.append((user, how))

    async def extend_job(self, task: Task, seconds: int) -> None:
        """A scheduler that gives more time, or says why not."""
        if self.extend_refusal:
            raise JobRefused(self.extend_refusal)
        self.extended.append((task.id, seconds))

    async def check_edge(self) -> None:
        """See whether the edge answers."""
        if not self.edge_answers:
            raise EdgeUnavailable("no answer")

    async def activity(self) -> dict[str, Activity]:
        """Nothing went through the edge."""
        return {}

    async def fetch(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        token: str = "alice",
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> HTTPResponse:
        """A request with a token of the hub."""
        scheme = "Rosetta-Hub" if token == self.bench.keys.spawner_key else "token"
        return await AsyncHTTPClient(force_instance=True).fetch(
            f"http://127.0.0.1:{self.port}{PREFIX}{path}",
            method=method,
            body=body,
            headers={"Authorization": f"{scheme} {token}", **headers} if token else {},
            raise_error=False,
            follow_redirects=False,
            allow_nonstandard_methods=True,
        )

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        token: str = "alice",
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> tuple[int, Any]:
        """Status and JSON of a call."""
        data = None if body is None else json.dumps(body).encode()
        document = {"Content-Type": "application/json", **headers}
        response = await self.fetch(method, path, data, token, document)
        return response.code, json.loads(response.body or b"null")

    async def listed(self, token: str) -> list[str]:
        """The ids of the tasks in somebody's list."""
        status, answer = await self.call("GET", "api/v1/tasks", token=token)
        assert status == 200
        return [task["id"] for task in answer["tasks"]]

    def start(self) -> Task:
        """A task of alice's that runs."""
        task = start_task(self.bench.tasks, "one", {"software": "echo"}, ALICE)
        self.bench.tasks.report(task, report("running"))
        return self.bench.tasks.find(task.id)


@pytest.fixture
async def site(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Site]:
    """The service's handlers with two users."""
    settings = Rosetta(
        software=SOFTWARE,
        computing=COMPUTING,
        tasks_url="http://127.0.0.1",
        state_dir=str(tmp_path),
        smtp_host="mail.example.org",
        mail_from="hub@example.org",
        mail_domain="example.org",
        registries=REGISTRIES,
        registry={"host": "images.example.org"},
    )
    tasks, database = bench.tasks, bench.tasks.database
    administration = Administration(database, settings.heartbeat_interval)
    catalogue = load_catalogue(SOFTWARE, COMPUTING)
    tasks.catalogue = replace(catalogue, drained=administration.drains.reasons)
    auth, hub = build_hub_auth(settings, bench.keys), Hub(bench)

    async def check_hub(_url: str, api_token: str, cache_key: str, use_cache: bool) -> Any:
        # As JupyterHub's own, but for the request.
        if use_cache and cache_key in auth.cache:
            return auth.cache[cache_key]
        model = hub.user(api_token)
        if use_cache:
            auth.cache[cache_key] = model
        return model

    monkeypatch.setattr(
        type(auth),
        "_check_hub_authorization",
        lambda _, url, api_token, cache_key=None, use_cache=True: check_hub(
            url, api_token, cache_key, use_cache
        ),
    )

    async def nothing(*_: Any) -> None:
        """There is neither edge nor tunnels."""

    sockets = bind_sockets(0, "127.0.0.1")
    library = Library(tasks.catalogue, database, UserSoftwareRules(), PREFIX)
    result = Site(sockets[0].getsockname()[1], bench, hub, library, no_policy(database), tmp_path)
    identities = Identities(database, bench.keys, settings)
    checks = {
        "database": (database_check(database), "The database can't be used."),
        "disk": (disk_check(tmp_path), "Nothing can be written."),
        "edge": (result.check_edge, "The edge does not answer."),
    }
    monkeypatch.setattr("rosetta_hub.web.health.MAX_AGE", 0)
    parts: dict[str, Any] = dict.fromkeys(item.name for item in fields(Services))
    parts |= {"audit": AuditLog(database), "streams": result.streams}
    parts["rate_limit"] = result.rate_limit
    parts |= no_sharing(database, auth, bench.keys)
    parts["account"] = build_account_parts(database, settings, bench.keys)
    parts |= {"settings": settings, "keys": bench.keys, "tasks": tasks, "hub_auth": auth}
    parts |= {"templates": PageTemplates([], {}), "identities": identities, "hub": hub}
    viewer = Viewer(settings, tasks.logs, result.conditions, result.lifetimes)
    parts["extend_job"] = result.extend_job
    parts |= {"edge": result.edge, "connections": OpenConnections(limit=3)}
    parts |= {"viewer": viewer, "lifetimes": result.lifetimes, "health": Health(checks)}
    parts |= {
        "starters": Starters(),
        "administration": administration,
        "conditions": result.conditions,
    }
    parts["session_ender"] = SimpleNamespace(end=result.end_sessions_of)
    parts |= {"identity_changed": nothing, "lookup": result.lookup}
    hub_client = cast(HubClient, None)
    users = Users(tasks, identities, hub_client, nothing, nothing, bool, library.delete_user)
    parts |= {"users": users, "library": library}
    parts |= {"image_policy": result.image_policy}
    parts |= {"logos": Logos(database, library.rules)}
    result.hub_registry = load_registry("images.example.org", tmp_path, bench.keys)
    registries = settings.site_registries()
    result.credentials = RegistryCredentials(database, bench.keys, registries, result.hub_registry)
    parts |= {"registries": registries, "credentials": result.credentials}
    parts |= {"hub_registry": result.hub_registry}
    metrics = Metrics()
    metrics.register_state(database, ["local"], settings.heartbeat_interval)
    sources = Sources(parts["health"].parts, result.activity)
    parts |= {"metrics": lambda: metrics.render(sources)}
    server = HTTPServer(build_application(Services(**parts), b"secret"))
    server.add_sockets(sockets)
    yield result
    server.stop()
    await server.close_all_connections()
    # JupyterHub's own thread for calls that block.
    auth._pool.submit(lambda: auth._thread_loop.close()).result()
    auth._pool.shutdown()


def no_policy(database: Database) -> ImagePolicy:
    """All images may run."""
    return ImagePolicy(None, database, no_digest, lambda _: True)


async def no_digest(*_: Any) -> str:
    """No registry is asked."""
    raise AssertionError


# --- what is asked wrongly ------------------------------------------------------------------------

SURROGATE = '"\\ud800"'
HUGE = "1" + "0" * 400
BODIES = [
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b"\xff\xfe",
    b'{"a":' * 50_000,
    b"[" * 50_000,
    b'{"software": "echo", "memory": 1180591620717411303424}',
    *(
        f'{{"software": "echo", "{option}": {value}}}'.encode()
        for option in ("memory", "cpus", "time", "gpus", "name", "server", "version", "size", "x")
        for value in (HUGE, f'"{HUGE}"', "1e999", "NaN", "{}", "[[]]", SURROGATE, '"\\u0000"')
    ),
    f'{{"software": {SURROGATE}}}'.encode(),
    b'{"software": {}, "computing": []}',
    f'{{"remote_user": {SURROGATE}}}'.encode(),
    b'{"remote_user": "\\u0000"}',
    f'{{"address": {SURROGATE}}}'.encode(),
    b'{"address": "a\\u0000@example.org"}',
    f'{{"address": {HUGE}}}'.encode(),
]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "api/v1/tasks"),
        ("PUT", "api/v1/account/mail"),
        ("PUT", "api/v1/account/identities/cluster"),
        ("PUT", "hub/tasks/alice/one"),
        ("POST", "api/v1/software"),
        ("POST", "hub/software/alice"),
    ],
)
async def test_a_malformed_body_is_a_message(site: Site, method: str, path: str) -> None:
    token = site.bench.keys.spawner_key if path.startswith("hub/") else "alice"
    for body in BODIES:
        if path.startswith("hub/") and body.startswith(b'{"software"'):
            body = b'{"created": "%s", "options": %s}' % (CREATED.encode(), body)
        response = await site.fetch(method, path, body, token)
        assert 400 <= response.code < 500, (body[:80], response.code)
        assert json.loads(response.body)["detail"].endswith("."), response.body
    assert site.bench.tasks.all() == []


async def test_a_spawner_starts_the_task_that_was_checked(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def check_and_halve(*arguments: Any) -> TaskSpec:
        return replace(await check_options(*arguments), memory=1 << 30)

    monkeypatch.setattr(task_start, "check_options", check_and_halve)
    options = {"software": "echo", "version": "2", "memory": "2G"}
    body = json.dumps({"created": CREATED, "options": options}).encode()
    response = await site.fetch("PUT", "hub/tasks/alice/one", body, site.bench.keys.spawner_key)
    assert response.code == 201, response.body
    task = site.bench.tasks.find_server("alice", "one")
    assert (task.software["image_tag"], task.memory) == ("2", 1 << 30)
    assert parse_options(task.options) == parse_options(options)


@pytest.mark.parametrize(
    "path",
    [
        "api/v1/tasks?user=%00",
        "api/v1/events?task=%00",
        "api/v1/events?task=%ff",
        "api/v1/computing/%00/inventory",
        "servers/%00/one",
        "servers/alice/%ff",
        "api/v1/tasks/xyz",
        "nowhere",
        "api/v1/account/identities/%00/test",
    ],
)
async def test_a_malformed_address_is_a_message(site: Site, path: str) -> None:
    response = await site.fetch("GET", path)
    assert 400 <= response.code < 500
    assert b"OK" not in response.body
    assert len(response.body) > 20


async def test_an_unknown_address_says_so(site: Site) -> None:
    status, answer = await site.call("GET", "nowhere")
    assert (status, answer["detail"]) == (404, "There is nothing at this address.")


async def test_another_method_is_told_which_there_are(site: Site) -> None:
    response = await site.fetch("PATCH", "api/v1/tasks")
    detail = "The request was refused: Method Not Allowed."
    assert (response.code, json.loads(response.body)["detail"]) == (405, detail)
    assert response.headers["Allow"] == "GET, POST"
    assert response.headers["Content-Type"] == "application/problem+json"


async def test_the_log_of_an_attempt_with_a_number_that_is_none(site: Site) -> None:
    task = site.start()
    for number in ("9" * 400, "-1", "x"):
        path = f"api/v1/tasks/{task.id}/log?attempt={number}"
        status, problem = await site.call("GET", path)
        assert (status, problem["errors"][0]["pointer"]) == (422, "/query/attempt")


# --- the hub's polls ------------------------------------------------------------------------------


async def test_the_spawners_are_told_of_active_tasks_alone(site: Site) -> None:
    task, key = site.start(), site.bench.keys.spawner_key
    ended = start_task(site.bench.tasks, "two", {"software": "echo"}, ALICE)
    site.bench.tasks.stopped(ended)
    record = {"id": task.id, "user": "alice", "server_name": "one", "state": "running"}
    assert await site.call("GET", "hub/tasks", token=key) == (200, {"tasks": [record]})
    assert (await site.call("GET", "hub/tasks"))[0] == 403


# --- all tasks of a user --------------------------------------------------------------------------


async def test_all_tasks_of_a_user_are_stopped_before_the_user_is_deleted(site: Site) -> None:
    first, second = site.start(), start_task(site.bench.tasks, "two", {"software": "echo"}, ALICE)
    other = start_task(site.bench.tasks, "one", {"software": "echo"}, User("bob"))
    site.hub.scopes["admin"] = [ACCESS, "delete:servers", "read:servers"]
    assert (await site.call("POST", "api/v1/users/alice/stop", token="bob"))[0] == 404
    status, answer = await site.call("POST", "api/v1/users/alice/stop", token="admin")
    assert status == 202
    assert {task["id"] for task in answer["tasks"]} == {first.id, second.id}
    targets = {task.id: task.desired_state.value for task in site.bench.tasks.all()}
    assert targets == {first.id: "stop", second.id: "stop", other.id: "run"}
    assert sorted(site.hub.stopped) == [("alice", "one"), ("alice", "two")]


# --- limits ---------------------------------------------------------------------------------------


async def test_a_limit_is_a_conflict_that_names_tasks(site: Site) -> None:
    limits = [{"tasks": 1}]
    site.bench.tasks.catalogue = load_catalogue(SOFTWARE, COMPUTING, limits)
    assert (await site.call("POST", "api/v1/tasks", {"software": "echo", "name": "First"}))[
        0
    ] == 201
    status, answer = await site.call("POST", "api/v1/tasks", {"software": "echo"})
    assert status == 409
    assert answer["detail"].endswith("Stop one of them first: 'First'.")


# --- shared tasks ---------------------------------------------------------------------------------


async def test_a_task_is_in_the_list_of_a_guest_as_soon_as_it_is_shared(site: Site) -> None:
    task = site.start()
    assert await site.listed("bob") == []
    assert (await site.call("GET", f"api/v1/tasks/{task.id}", token="bob"))[0] == 404
    site.hub.scopes["bob"].append("access:servers!server=alice/one")
    assert await site.listed("bob") == [task.id]
    # And what comes from that list may be asked about.
    assert (await site.call("GET", f"api/v1/tasks/{task.id}", token="bob"))[0] == 200
    site.hub.scopes["bob"].pop()
    assert await site.listed("bob") == []


async def test_the_page_of_a_task_that_has_just_been_shared(site: Site) -> None:
    task = site.start()
    assert (await site.fetch("GET", f"tasks/{task.id}", token="bob")).code == 404
    site.hub.scopes["bob"].append("access:servers!server=alice/one")
    assert (await site.fetch("GET", f"tasks/{task.id}", token="bob")).code == 200


async def test_the_dashboard_comes_with_the_lists_of_its_user(site: Site) -> None:
    name = "</script><b>'"
    runs = start_task(site.bench.tasks, "one", {"software": "echo", "name": name}, ALICE)
    ended = [start_task(site.bench.tasks, f"e{n}", {"software": "echo"}, ALICE) for n in range(51)]
    for task in ended:
        site.bench.tasks.stopped(task)
    start_task(site.bench.tasks, "own", {"software": "echo"}, User("bob"))
    page = (await site.fetch("GET", "")).body.decode()
    match = re.search(r'<script type="application/json" id="first-lists">(.*?)</script>', page)
    assert match is not None
    lists = json.loads(match[1])
    assert [(task["id"], task["name"]) for task in lists["active"]] == [(runs.id, name)]
    for state in ("active", "ended"):
        _, answer = await site.call("GET", f"api/v1/tasks?state={state}&limit=50")
        listed = lists["active"] if state == "active" else lists["ended"]["tasks"]
        assert listed == answer["tasks"]
    assert lists["ended"]["next"] == answer["next"] is not None


async def test_only_declared_interfaces_are_opened(site: Site) -> None:
    task = start_task(site.bench.tasks, "one", {"software": "echo"}, ALICE)

    def declare(row: Task) -> None:
        interfaces = [{"name": "My Board", "port": 8787, "protocol": "http", "path": "/"}]
        row.software = {**row.software, "interfaces": interfaces}

    site.bench.tasks.update(task, declare)
    for key in ("my%20board", "8787"):
        answer = await site.fetch("GET", f"open/{task.id}?interface={key}")
        waiting = f"{PREFIX}tasks/{task.id}?wait=1&interface=8787"
        assert (answer.code, answer.headers["Location"]) == (302, waiting)
    unknown = await site.fetch("GET", f"open/{task.id}?interface=22")
    assert unknown.code == 404
    assert b"Its further interfaces: My Board." in unknown.body
    for key in ("8787", "22"):
        answer = await site.fetch("GET", f"open/{task.id}?interface={key}", token="bob")
        assert (answer.code, b"My Board" in answer.body) == (404, False)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_list_reads_what_is_in_it(site: Site) -> None:
    add_history(site.bench.tasks.database, "local")
    task, other = site.start(), start_task(site.bench.tasks, "two", {"software": "echo"}, ALICE)
    site.hub.scopes["bob"].append("access:servers!server=alice/one")
    own = start_task(site.bench.tasks, "own", {"software": "echo"}, User("bob"))
    assert await site.listed("bob") == [own.id, task.id]
    with counted_rows(site.bench.tasks.database) as counts:
        assert await site.listed("bob") == [own.id, task.id]
        assert await site.listed("alice") == [other.id, task.id]
    assert (counts["rows"], counts["scans"]) == (4, 0)
    site.hub.scopes["all"] = [ACCESS, "read:servers"]
    assert len(await site.listed("all")) == 100


# --- health ---------------------------------------------------------------------------------------


async def test_health_names_what_is_down(site: Site) -> None:
    status, answer = await site.call("GET", "health", token="")
    assert (status, answer["status"]) == (200, "ok")
    assert set(answer["parts"]) == {"database", "disk", "edge"}
    site.edge_answers = False
    # Writing to this device fails as writing to a full disk does.
    (site.state_dir / "health.probe").symlink_to("/dev/full")
    with database_down(site.bench):
        status, answer = await site.call("GET", "health", token="")
    assert status == 503
    messages = {name: part["message"] for name, part in answer["parts"].items()}
    assert messages == {
        "database": "The database can't be used.",
        "disk": "Nothing can be written.",
        "edge": "The edge does not answer.",
    }
    assert answer["detail"] == " ".join(messages.values())
    site.edge_answers = True
    assert (await site.call("GET", "health", token=""))[0] == 200


async def test_each_part_has_a_health_of_its_own(site: Site) -> None:
    status, answer = await site.call("GET", "health/edge", token="")
    assert (status, answer["status"], answer["message"]) == (200, "ok", "")
    site.edge_answers = False
    status, answer = await site.call("GET", "health/edge", token="")
    assert (status, answer["status"]) == (503, "faulty")
    assert answer["detail"] == "The edge does not answer."
    assert (await site.call("GET", "health/disk", token=""))[0] == 200
    # This deployment has no tunnels.
    assert (await site.call("GET", "health/tunnels", token=""))[0] == 404


@contextmanager
def database_down(bench: Bench) -> Iterator[None]:
    """The database answers no query."""
    engine = bench.tasks.database.engine

    def fail(*_: Any) -> None:
        raise OperationalError("SELECT", {}, ConnectionRefusedError("secret.example.org"))

    event.listen(engine, "before_cursor_execute", fail)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", fail)


async def test_a_request_without_a_database_is_told_to_come_back(site: Site) -> None:
    await site.listed("alice")
    with database_down(site.bench):
        status, answer = await site.call("GET", "api/v1/tasks")
    assert status == 503
    assert answer["detail"].startswith("The service can't use its database now.")
    assert "secret" not in answer["detail"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_full_database_is_told_to_come_back(site: Site) -> None:
    engine = site.bench.tasks.database.engine
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
    statuses = [
        (await site.call("POST", "api/v1/tasks", {"software": "echo", "name": "n" * 80}))[0]
        for _ in range(60)
    ]
    assert set(statuses) == {201, 503}


# --- the log --------------------------------------------------------------------------------------


async def test_what_comes_every_few_seconds_is_no_news(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    task, key = site.start(), site.bench.keys.spawner_key
    caplog.set_level(logging.DEBUG, "rosetta_hub.web.application")
    await site.fetch("GET", "hub/tasks/alice/one", token=key)
    await site.fetch("GET", "health", token="")
    await site.fetch("GET", f"api/v1/tasks/{task.id}")
    await site.fetch("GET", "hub/tasks/alice/none", token=key)
    levels = [record.levelname for record in caplog.records]
    assert levels == ["DEBUG", "DEBUG", "INFO", "INFO"]
