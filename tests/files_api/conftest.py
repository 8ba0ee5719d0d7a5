"""The API of files over HTTP: real handlers, real directories, the real files program."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from rosetta_hub.audit.log import AuditLog
from rosetta_hub.catalogue.catalogue import load_catalogue
from rosetta_hub.catalogue.storage_paths import encode_path
from rosetta_hub.config import Rosetta
from rosetta_hub.copies.records import CopyRecords
from rosetta_hub.files.archives import ArchiveTickets
from rosetta_hub.files.file_access import FileAccess
from rosetta_hub.files.preview.previews import Previews
from rosetta_hub.hub.client import HubClient
from rosetta_hub.jobs.events import JobEvents
from rosetta_hub.service.users import build_account_parts
from rosetta_hub.tasks.events import Broadcaster
from rosetta_hub.tasks.logs import Logs
from rosetta_hub.tasks.manager import TaskManager
from rosetta_hub.tunnels.client import TunnelsClient
from rosetta_hub.users.deletion import Users
from rosetta_hub.users.identities import Identities
from rosetta_hub.users.session_end import OpenStreams
from rosetta_hub.web.active_uploads import ActiveUploads
from rosetta_hub.web.application import build_application
from rosetta_hub.web.auth import build_hub_auth
from rosetta_hub.web.base_handler import MAX_BODY
from rosetta_hub.web.page_templates import PageTemplates
from rosetta_hub.web.services import Services
from tests.support.databases import open_sqlite
from tests.support.sharing import no_sharing

PREFIX = "/services/rosetta/"
COMPUTING = [{"id": "local", "name": "This machine", "container_engines": ["docker"]}]
ACCESS = "access:services!service=rosetta"
CREATED = "2026-11-01T12:00:00.123456Z"


def token(name: str, *scopes: str, kind: str = "user") -> dict[str, Any]:
    """What the hub says of a token."""
    model = {"name": name, "kind": kind, "groups": [], "created": CREATED}
    return {**model, "scopes": [ACCESS, *scopes]}


TOKENS = {
    "alice": token("alice", "access:servers!user=alice"),
    "bob": token("bob", "access:servers!user=bob"),
    # Bob's, with all rights on Alice's servers besides.
    "shared": token("bob", "access:servers!user=bob", "access:servers!user=alice"),
    "admin": token("root", "access:servers", "servers", "admin:users"),
    "reads": token("alice", "read:servers!user=alice", "servers!user=alice"),
    "one-server": token("alice", "access:servers!server=alice/x"),
    "service": token("alice", "access:servers", kind="service"),
}


def storages(folder: Path) -> list[dict[str, Any]]:
    """Storages of each kind below a folder."""
    return [
        {
            "id": "home",
            "name": "Home",
            "base_path": f"{folder}/homes/$USER",
            "create": True,
            "computing": "local",
            "bind_path": "/home/metauser",
            "home": True,
        },
        {"id": "alices", "name": "Alice's", "base_path": f"{folder}/a", "users": ["alice"]},
        {"id": "data", "name": "Data", "base_path": f"{folder}/data", "read_only": True},
        {"id": "small", "name": "Small", "base_path": f"{folder}/small"},
        {"id": "missing", "name": "Missing", "base_path": f"{folder}/missing"},
    ]


@dataclass
class Site:
    """The service."""

    port: int
    folder: Path
    services: Services

    @property
    def home(self) -> Path:
        """Alice's home."""
        return self.folder / "homes" / "alice"

    def url(self, path: str) -> str:
        """The path of an address below `api/v1/storages/`."""
        return f"{PREFIX}api/v1/storages/{path}"

    async def fetch(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        token: str = "alice",
        **headers: str,
    ) -> HTTPResponse:
        """A request with a token of the hub; `path` is below `api/v1/storages`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        address = path if path.startswith("/") else self.url(path)
        return await AsyncHTTPClient(force_instance=True).fetch(
            f"http://127.0.0.1:{self.port}{address}",
            method=method,
            body=body,
            headers={"Authorization": f"token {token}"} | named if token else named,
            raise_error=False,
            follow_redirects=False,
            allow_nonstandard_methods=True,
            request_timeout=60,
        )

    async def call(
        self, method: str, path: str, body: Any = None, token: str = "alice", **headers: str
    ) -> tuple[int, Any]:
        """Status and JSON of a call."""
        data = None if body is None else json.dumps(body).encode()
        document = {"Content_Type": "application/json", **headers}
        response = await self.fetch(method, path, data, token, **document)
        return response.code, json.loads(response.body or b"null")

    async def connect(
        self, method: str, path: str, headers: Mapping[str, str] | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection on which a request of alice's has been sent as it is, without its body."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        lines = {"Host": "hub", "Authorization": "token alice", **(headers or {})}
        address = path if path.startswith("/") else self.url(path)
        head = f"{method} {address} HTTP/1.1\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in lines.items()
        )
        writer.write(head.encode("latin-1") + b"\r\n")
        await writer.drain()
        return reader, writer


def file_path(path: bytes | str, storage: str = "home", kind: str = "file") -> str:
    """The address of a path."""
    return f"{storage}/{kind}/{encode_path(path if isinstance(path, bytes) else path.encode())}"


@contextlib.asynccontextmanager
async def run_site(folder: Path, sockets: list[socket.socket] | None = None) -> AsyncIterator[Site]:
    """The service on a folder that holds state and storages."""
    settings = Rosetta(
        computing=COMPUTING,
        storages=storages(folder),
        tasks_url="http://127.0.0.1",
        state_dir=str(folder / "state"),
    )
    keys = settings.keys()
    database = open_sqlite(folder)
    catalogue = load_catalogue([], COMPUTING, {}, storages(folder))
    logs = Logs(folder / "logs", 4096)
    tasks = TaskManager(database, catalogue, keys, logs, Broadcaster(), lambda _: None)
    auth = build_hub_auth(settings, keys)
    auth.user_for_token = user_for_token
    identities = Identities(database, keys, settings)
    # What these handlers do not use is not there.
    parts: dict[str, Any] = dict.fromkeys(field.name for field in fields(Services))
    parts |= {"audit": AuditLog(database), "streams": OpenStreams()}
    parts |= no_sharing(database, auth, keys)
    parts["account"] = build_account_parts(database, settings, keys)
    parts |= {"settings": settings, "keys": keys, "tasks": tasks, "hub_auth": auth}
    parts |= {"templates": PageTemplates([], {}), "identities": identities}
    hub = cast(HubClient, None)
    users = Users(tasks, identities, hub, do_nothing, do_nothing, lambda _: True, lambda _: None)
    files = FileAccess(catalogue, {}, TunnelsClient(folder / "no-tunnels.sock"))
    parts |= {"users": users, "files": files, "uploads": ActiveUploads()}
    parts |= {"archives": ArchiveTickets(), "previews": Previews()}
    parts |= {"copies": CopyRecords(database, JobEvents())}
    services = Services(**parts)
    sockets = sockets or bind_sockets(0, "127.0.0.1")
    server = HTTPServer(build_application(services, b"secret"), max_body_size=MAX_BODY)
    server.add_sockets(sockets)
    try:
        yield Site(sockets[0].getsockname()[1], folder, services)
    finally:
        server.stop()
        await server.close_all_connections()
        await files.close()
        database.close()
        # JupyterHub's own thread for calls that block.
        auth._pool.submit(lambda: auth._thread_loop.close()).result()
        auth._pool.shutdown()


async def user_for_token(token: str, **_: Any) -> dict[str, Any] | None:
    """What the hub would answer."""
    return TOKENS.get(token)


async def do_nothing(*_: Any) -> None:
    """There is neither edge nor tunnels."""


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """The service with storages of each kind; alice's home is empty."""
    for name in ("homes/alice", "homes/bob", "a", "data", "small"):
        (tmp_path / name).mkdir(parents=True)
    async with run_site(tmp_path) as running:
        yield running
