"""The ways to run it: with TLS, by host names, as processes of its own, on other foundations."""

import asyncio
import contextlib
import os
import secrets
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse

from rosetta_agent.spec import container_name
from tests.service.postgres import postgresql
from tests.support.browsing import visit
from tests.support.certificates import make_certificate
from tests.support.ports import free_port

from .browser import chromium, log_in
from .conftest import COMPUTING, ECHO, SSH_IMAGE, python_software
from .deployment import NAVIGATION, Deployment, User, eventually
from .test_life import containers

SOFTWARE = [
    python_software("echo", ECHO),
    {"id": "ssh", "name": "SSH server", **SSH_IMAGE},
]


@contextlib.asynccontextmanager
async def running(directory: Path, **keys: Any) -> AsyncIterator[Deployment]:
    """A hub of this configuration."""
    deployment = Deployment(directory / "hub", SOFTWARE, COMPUTING, **keys)
    try:
        await deployment.start()
        yield deployment
    finally:
        await deployment.stop()


@dataclass
class Visitor:
    """A browser whose resolver takes every name of `*.localhost` for this machine."""

    user: User
    authority: Path | None = None

    async def get(self, url: str, **headers: str) -> HTTPResponse:
        """One request for an address of the edge."""
        name = urlsplit(url).netloc
        request = HTTPRequest(
            url.replace(urlsplit(url).hostname or "", "127.0.0.1", 1),
            headers={"Host": name, **headers},
            ca_certs=str(self.authority) if self.authority else None,
            follow_redirects=False,
        )
        return await AsyncHTTPClient().fetch(request, raise_error=False)

    async def enter(self, task: dict[str, Any]) -> tuple[str, str]:
        """Open a task: its address, and the cookie that the browser gets (with its attributes)."""

        async def fetch(url: str) -> HTTPResponse:
            return await self.get(url, **NAVIGATION)

        ticket_url, browser = await self.user.ask_for_ticket(task["id"], fetch)
        opened = await self.get(ticket_url, **NAVIGATION, Cookie=browser)
        assert opened.code == 302, opened.body
        return ticket_url.split("/_rosetta")[0], opened.headers["Set-Cookie"]


def same_origin(cookie: str) -> dict[str, str]:
    """Headers of a request that a page of the task makes."""
    return {"Cookie": cookie.split(";")[0], "Sec-Fetch-Site": "same-origin"}


async def start(user: User, software: str = "echo") -> dict[str, Any]:
    """A running task."""
    return await user.until((await user.start(software=software))["id"], "running")


async def test_tls(tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path)
    extra = f'c.Rosetta.tls_cert = "{cert}"\nc.Rosetta.tls_key = "{key}"'
    async with running(tmp_path, tasks_url="https://127.0.0.1", extra=extra) as deployment:
        alice = await deployment.user("alice")
        visitor = Visitor(alice, cert)
        task = await start(alice)
        url, cookie = await visitor.enter(task)
        assert urlsplit(url).scheme == "https"
        assert cookie.startswith(f"__Host-rosetta-{task['id']}=")
        assert {"Secure", "HttpOnly", "Path=/"} <= {part.strip() for part in cookie.split(";")}
        answer = await visitor.get(f"{url}/inside", **same_origin(cookie))
        assert (answer.code, answer.body[:8]) == (200, b"/inside\n")
        assert (await visitor.get(url, **{"Sec-Fetch-Site": "same-origin"})).code == 403
        await alice.clean()


async def test_a_host_name_for_each_task(tmp_path: Path) -> None:
    port = free_port()
    tasks_url = f"http://*.tasks.localhost:{port}"
    async with running(tmp_path, tasks_url=tasks_url) as deployment:
        alice = await deployment.user("alice")
        visitor = Visitor(alice)
        first, second, ssh = [await start(alice, name) for name in ("echo", "echo", "ssh")]
        url, cookie = await visitor.enter(first)
        other_url, other_cookie = await visitor.enter(second)
        assert url == f"http://{first['id']}.tasks.localhost:{port}"
        assert other_url == f"http://{second['id']}.tasks.localhost:{port}"
        for address, own in ((url, cookie), (other_url, other_cookie)):
            assert (await visitor.get(address, **same_origin(own))).code == 200
        renamed = cookie.replace(first["id"], second["id"])
        for stranger in (cookie, renamed):
            assert (await visitor.get(other_url, **same_origin(stranger))).code == 403
        nobody = url.replace(first["id"], secrets.token_hex(6))
        assert (await visitor.get(nobody, **same_origin(cookie))).code == 421
        await says_ssh(ssh["interface"]["url"], deployment)
        await opens_in_a_browser(deployment, first, url)
        await alice.clean()


async def says_ssh(command: str, deployment: Deployment) -> None:
    """Whether the command that users are told leads to the SSH server, on a port of its own."""
    ssh, option, port, login = command.split()
    assert (ssh, option, login) == ("ssh", "-p", "metauser@tasks.localhost")
    assert deployment.first_port <= int(port) < deployment.first_port + deployment.ports
    reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
    assert (await asyncio.wait_for(reader.readline(), 20)).startswith(b"SSH-2.0")
    writer.close()
    await writer.wait_closed()


async def opens_in_a_browser(deployment: Deployment, task: dict[str, Any], url: str) -> None:
    """Whether a real browser gets in, and goes on there under the name of the task."""
    async with chromium() as browser:
        page = await log_in(await browser.new_context(), deployment, "alice")
        await visit(page, f"{deployment.url}{task['open_url']}")
        await visit(page, f"{url}/again")
        assert page.url == f"{url}/again"
        assert (await page.inner_text("body")).startswith("/again")


class Unit:
    """A part that systemd would run: `rosetta-hub service` or `rosetta-hub edge`."""

    def __init__(self, deployment: Deployment, name: str, log: Path) -> None:
        self._deployment, self._name, self._log = deployment, name, log
        self.start()

    def start(self) -> None:
        """Start it, again after a `kill`."""
        command = [self._deployment.python, "-m", "rosetta_hub", self._name]
        command += ["--config", str(self._deployment.config)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd="/", stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )

    def kill(self) -> None:
        """End it without a warning."""
        self._process.kill()
        self._process.wait(20)

    def stop(self) -> None:
        """End it as systemd does."""
        self._process.terminate()
        self._process.wait(20)


@contextlib.contextmanager
def units(deployment: Deployment) -> Iterator[tuple[Unit, Unit]]:
    """Service and edge of a deployment, each a process of its own."""
    deployment.state_dir.mkdir(mode=0o700)
    edge = Unit(deployment, "edge", deployment.state_dir / "edge.log")
    service = Unit(deployment, "service", deployment.directory / "service.log")
    try:
        yield service, edge
    finally:
        service.stop()
        edge.stop()


UNITS = """
c.Rosetta.manage_edge = False
c.Rosetta.hub_api_url = f"http://127.0.0.1:{c.JupyterHub.hub_port}/hub/api"
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def db_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The line of the configuration that names the service's database."""
    if request.param == "sqlite":
        yield ""
        return
    with postgresql() as url:
        yield f"c.Rosetta.db_url = {url!r}"


async def test_service_and_edge_as_processes_of_their_own(tmp_path: Path, db_url: str) -> None:
    extra = UNITS + db_url
    keys: dict[str, Any] = {"extra": extra, "manage_service": False}
    deployment = Deployment(tmp_path / "hub", SOFTWARE, COMPUTING, **keys)
    try:
        with units(deployment) as (service, edge):
            await deployment.start()
            assert (deployment.state_dir / "rosetta.sqlite").exists() is not bool(db_url)
            await survives(await deployment.user("alice"), service, edge)
    finally:
        await deployment.stop()


async def survives(alice: User, *parts: Unit) -> None:
    """A task is the same one after each of the parts was killed and started again."""
    task = await start(alice)
    ticket_url = await alice.enter(task)

    async def reachable() -> bool:
        entry = await alice.task(task["id"])
        again = entry is not None and entry["state"] == "running"
        return again and (await ticket_url.get()).code == 200

    assert await reachable()
    for part in parts:
        part.kill()
        assert not await reachable()
        part.start()
        await eventually(reachable, "the task is reachable again")
    value = await alice.task(task["id"])
    assert value is not None
    assert (value["attempt"], value["started"]) == (1, task["started"])
    assert containers(task["id"]) == [container_name(task["id"], 1)]
    await alice.clean()
    assert containers(task["id"]) == []


async def test_the_oldest_hub(tmp_path: Path) -> None:
    """The main job where the packages are the oldest that are supported."""
    python = os.environ.get("ROSETTA_TEST_OLDEST_PYTHON", "")
    assert Path(python).is_file(), "scripts/test makes .venv-oldest and names its interpreter"
    async with running(tmp_path, python=python) as deployment:
        assert (await deployment.hub_api("GET", "/"))["version"].startswith("5.2.")
        alice = await deployment.user("alice")
        task = await start(alice)
        assert (await (await alice.enter(task)).get()).code == 200
        assert (await alice.api("POST", f"tasks/{task['id']}/stop")).code == 202
        await alice.until(task["id"], "stopped")
        assert containers(task["id"]) == []
        await alice.clean()
        servers = (await deployment.hub_api("GET", "/users/alice"))["servers"]
        assert task["server_name"] not in servers
