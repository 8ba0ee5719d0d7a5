"""The whole service over HTTP with something of everything, and a hub that knows the roles."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from rosetta_hub import background
from rosetta_hub.builds.source import RepositorySource
from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import TaskState, utc_now
from rosetta_hub.database.models_copies import Copy, CopyState, OnConflict
from rosetta_hub.reconciler.work_queue import WorkQueue
from rosetta_hub.service.composition import Parts
from rosetta_hub.service.services import build_services
from rosetta_hub.web.application import build_application
from tests.builds.fake_builder import FakeBuilder
from tests.support.catalogues import CLUSTER, LOCAL
from tests.support.databases import open_sqlite
from tests.support.starting import start_task

from .hub import FakeHub
from .roles import ROLES, SERVER, TEAM
from .state import Rows, State

PREFIX = "/services/rosetta/"
SOFTWARE = [
    {
        **{"id": "echo", "name": "Echo", "image_name": "rosetta/echo", "image_tag": "1"},
        "interface_auth": "password",
        **{"supports_interface_auth": True, "interface_protocol": "ssh", "interface_port": 22},
    }
]
COMPUTING = [LOCAL, CLUSTER | {"auth_mode": "user_keys"}]
# On a cluster that does not answer: no request gets as far as its files.
STORAGES = [
    {
        **{"id": "data", "name": "Data", "base_path": "/data", "bind_path": "/data"},
        **{"computing": "cluster", "access_through_computing": True},
    }
]
APP = {"name": "App", "image_name": "team/app", "image_tag": "1"}
LOGO = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M0 0h8v8z"/></svg>'
SOURCE = RepositorySource("gh", "https://github.com/octo/hello", "a" * 40, "main", "octo/hello")
# Seconds.
TIMEOUT = 20


@dataclass
class Answer:
    """The head of an answer, and its body where it has a length."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def is_refusal(self) -> bool:
        """Whether the user is told that it may not, or that there is nothing."""
        to_login = self.status == 302 and "/hub/api/oauth2/" in self.headers.get("location", "")
        return self.status in (401, 403, 404) or to_login

    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


@dataclass
class Site:
    """The service."""

    port: int
    parts: Parts
    hub: FakeHub
    state: State
    # What is in the place of each parameter of a path, by what stands before it, or by all of it.
    ids: dict[str, str]

    async def fetch(
        self,
        method: str,
        path: str,
        token: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """A request to an address below the service's prefix; streams are left after the head."""
        document = {"Host": "hub", "Connection": "close", **(headers or {})}
        if token:
            document["Authorization"] = f"token {token}"
        if body is not None:
            document["Content-Length"] = str(len(body))
        lines = "".join(f"{name}: {value}\r\n" for name, value in document.items())
        request = f"{method} {PREFIX}{path.lstrip('/')} HTTP/1.1\r\n{lines}\r\n".encode()
        async with asyncio.timeout(TIMEOUT):
            return await self._exchange(request + (body or b""), method)

    async def _exchange(self, request: bytes, method: str) -> Answer:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            first, *fields = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            pairs = (field.split(": ", 1) for field in fields if field)
            headers = {name.lower(): value for name, value in pairs}
            length = 0 if method == "HEAD" else int(headers.get("content-length", 0))
            body = await reader.readexactly(length)
            return Answer(int(first.split()[1]), headers, body)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def settle(self) -> Rows:
        """All rows, once what requests have begun in the background has ended."""
        async with asyncio.timeout(TIMEOUT):
            while start := set(background._running):
                await asyncio.wait(start)
        return self.state.read()

    async def call(self, method: str, path: str, body: Any, token: str = "alice") -> Any:
        """A call that has to work; returns its answer."""
        answer = await self.fetch(method, path, token, json.dumps(body).encode())
        assert answer.status < 300, (method, path, answer)
        return answer.json()


@pytest.fixture(scope="package")
def no_outside() -> Iterator[None]:
    """Nothing outside of the process is asked, and no task is worked on."""

    async def resolve(*_: object) -> RepositorySource:
        return SOURCE

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rosetta_hub.builds.builds.resolve", resolve)
        patch.setattr("rosetta_hub.builds.builds.packs_version", lambda _settings: "1")
        patch.setattr("rosetta_hub.service.builds.make_builder", lambda *_: FakeBuilder())
        patch.setattr(WorkQueue, "add", lambda *_: None)
        yield


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def site(tmp_path_factory: pytest.TempPathFactory, no_outside: None) -> AsyncIterator[Site]:
    """The service, in which alice has one of everything."""
    async with open_site(tmp_path_factory.mktemp("rights"), STORAGES) as site:
        yield site


@contextlib.asynccontextmanager
async def open_site(folder: Path, storages: list[dict[str, Any]]) -> AsyncIterator[Site]:
    """The service with its state in a folder."""
    hub = FakeHub()
    async with contextlib.AsyncExitStack() as stack:
        hub_port = await stack.enter_async_context(serve(HTTPServer(hub.application())))
        open_sqlite(folder).close()
        parts = Parts(settings(folder, hub_port, storages))
        stack.push_async_callback(close, parts)
        hub.start = lambda user, server, options: start_task(parts.tasks, server, options, user)
        application = build_application(build_services(parts), b"secret")
        port = await stack.enter_async_context(serve(HTTPServer(application)))
        state = State(parts.database)
        stack.callback(state.close)
        result = Site(port, parts, hub, state, {})
        await fill(result)
        yield result


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def undo(site: Site) -> AsyncIterator[None]:
    """Whatever a test does, the next one finds the service as it was."""
    before = site.state.read()
    yield
    site.state.restore(before, await site.settle())
    site.hub.changes.clear()


@contextlib.asynccontextmanager
async def serve(server: HTTPServer) -> AsyncIterator[int]:
    """Serve on a free port."""
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    yield sockets[0].getsockname()[1]
    server.stop()
    await server.close_all_connections()


async def close(parts: Parts) -> None:
    """End what the parts hold open."""
    await parts.files.close()
    parts.database.close()
    # JupyterHub's own thread for calls that block.
    parts.hub_auth._pool.submit(lambda: parts.hub_auth._thread_loop.close()).result()
    parts.hub_auth._pool.shutdown()


def settings(folder: Path, hub_port: int, storages: list[dict[str, Any]]) -> Rosetta:
    """A deployment with everything that can be had."""
    return Rosetta(
        software=SOFTWARE,
        computing=COMPUTING,
        storages=storages,
        tasks_url="http://127.0.0.1",
        hub_api_url=f"http://127.0.0.1:{hub_port}/hub/api",
        state_dir=str(folder),
        db_url=f"sqlite:///{folder}/rosetta.sqlite",
        # Each role asks everything within a minute.
        api_requests_per_minute=0,
        smtp_host="mail.example.org",
        mail_from="hub@example.org",
        mail_domain="example.org",
        registry={"host": "images.example.org"},
        builds={"engine": "podman"},
        user_software={"power_groups": ["staff"]},
        template_vars={"rosetta_authenticator": True, "rosetta_local_accounts": True},
    )


async def fill(site: Site) -> None:
    """Give alice and her group what paths name, and let the service know everybody."""
    for role in ROLES.values():
        if role.kind == "user":
            await site.fetch("GET", "api/v1/tasks", role.token)
    team = {"owner": {"kind": "group", "name": TEAM}}
    version = await site.call("POST", "api/v1/software", APP | team)
    build = {"provider": "gh", "spec": "octo/hello/main"}
    site.ids |= {
        **{"users": "alice", "computing": "cluster", "storages": "data", "identities": "cluster"},
        **{"registries": "127.0.0.1:1", "software": version["family"], "versions": version["id"]},
        # Administrators name a version there.
        "/api/v1/admin/software": version["id"],
        "tasks": _start(site.parts),
        "builds": (await site.call("POST", "api/v1/builds", build))["id"],
        "copies": site.parts.copies.add(_copy()).id,
    }
    await site.call("PUT", "api/v1/account/identities/cluster", {"remote_user": "ada"})
    account = {"account": "ada", "password": "not a secret"}
    await site.call("PUT", "api/v1/registries/127.0.0.1:1", account)
    logo = await site.fetch("PUT", f"api/v1/software/{version['family']}/logo", "alice", LOGO)
    assert logo.status == 204, logo
    site.hub.changes.clear()


def _start(parts: Parts) -> str:
    """The id of a running task."""
    task = start_task(parts.tasks, SERVER, {"software": "echo"}, User("alice"))
    with parts.database.session() as session:
        row = session.merge(task)
        row.state, row.last_heartbeat = TaskState.RUNNING, utc_now()
    return task.id


def _copy() -> Copy:
    """A copy of alice's that waits."""
    return Copy(
        **{"id": "c" * 12, "user": "alice", "groups": [TEAM], "admin": False, "created": utc_now()},
        **{"source_storage": "data", "source_paths": ["x"], "target_storage": "data"},
        **{"target_path": "y", "target_names": ["x"], "conflict": OnConflict.SKIP},
        state=CopyState.QUEUED,
    )
