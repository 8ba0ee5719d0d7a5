"""A real hub with the extension, in processes of its own, that a test can kill part by part."""

import asyncio
import contextlib
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from tornado.simple_httpclient import HTTPStreamClosedError

from rosetta_hub.edge.client import EdgeClient
from rosetta_hub.errors import EdgeUnavailable
from tests.support.ports import free_port, free_ports

Value = TypeVar("Value")

ROOT = Path(__file__).parents[2]
# What Chromium sends when a link of the hub's page leads to a task.
NAVIGATION = {
    "Accept": "text/html",
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}

ADMIN_SCOPES = [
    *("admin:users", "admin:servers", "admin:groups", "tokens", "shares", "access:servers"),
]

TEMPLATE = """
import gc
import rosetta_hub
# At its end Python looks for garbage among all that a hub has imported, for no use to a test.
gc.freeze()
c.JupyterHub.bind_url = "http://localhost:{hub}"
c.JupyterHub.hub_port = {hub_api}
c.JupyterHub.pid_file = "{directory}/hub.pid"
c.JupyterHub.db_url = "sqlite:///{directory}/jupyterhub.sqlite"
c.ConfigurableHTTPProxy.pid_file = "{directory}/jupyterhub-proxy.pid"
c.JupyterHub.cookie_secret = bytes.fromhex("{cookie_secret}")
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_api}"
c.ConfigurableHTTPProxy.auth_token = "{proxy_token}"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.services = [dict(name="test", api_token="{admin_token}")]
c.JupyterHub.load_roles = [dict(name="test", services=["test"], scopes={scopes})]
c.Rosetta.hub_url = "http://localhost:{hub}"
c.Rosetta.tasks_url = "{tasks_url}"
c.Rosetta.service_url = "http://127.0.0.1:{service}"
c.Rosetta.tasks_ports = "{first}-{last}"
c.Rosetta.heartbeat_interval = 1
c.Rosetta.software = {software!r}
c.Rosetta.computing = {computing!r}
{extra}
rosetta_hub.setup(c, __file__, manage_service={manage_service})
"""


async def eventually(
    probe: Callable[[], Awaitable[Value | None]], what: str, seconds: float = 60
) -> Value:
    """The first true answer of `probe`; fails the test when there is none in time."""
    deadline = time.monotonic() + seconds
    last: Value | None = None
    while time.monotonic() < deadline:
        last = await probe()
        if last:
            return last
        await asyncio.sleep(0.1)
    raise TimeoutError(f"{what}: not within {seconds} s; last answer: {last!r}")


@dataclass
class Deployment:
    """A hub in `directory`; `python` is the interpreter whose packages it runs with,
    and `prefix` what runs a command on the machine where that is (see machines.py)."""

    directory: Path
    software: list[dict[str, Any]]
    computing: list[dict[str, Any]]
    python: str = sys.executable
    prefix: tuple[str, ...] = ()
    extra: str = ""
    tasks_url: str = "http://127.0.0.1"
    ports: int = 20
    manage_service: bool = True
    admin_token: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    _hub: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.hub_port, self.service_port = free_port(), free_port()
        self.first_port = free_ports(self.ports)[0]
        self.url = f"http://localhost:{self.hub_port}"
        self.directory.mkdir(exist_ok=True)
        self._write_config()

    def _write_config(self) -> None:
        text = TEMPLATE.format(
            bin=Path(self.python).parent,
            directory=self.directory,
            hub=self.hub_port,
            hub_api=free_port(),
            proxy_api=free_port(),
            proxy_token=secrets.token_hex(16),
            cookie_secret=secrets.token_hex(32),
            admin_token=self.admin_token,
            scopes=ADMIN_SCOPES,
            service=self.service_port,
            tasks_url=self.tasks_url,
            first=self.first_port,
            last=self.first_port + self.ports - 1,
            software=self.software,
            computing=self.computing,
            extra=self.extra,
            manage_service=self.manage_service,
        )
        self.config = self.directory / "jupyterhub_config.py"
        self.config.write_text(text)

    @property
    def state_dir(self) -> Path:
        """Where the service keeps its state."""
        return self.directory / "rosetta_state"

    @property
    def log(self) -> str:
        """All that hub, proxy and service have said."""
        return (self.directory / "hub.log").read_text()

    async def start(self) -> None:
        """Start the hub, and wait until the service answers through its proxy."""
        environment = {**os.environ, "PATH": f"{Path(self.python).parent}:{os.environ['PATH']}"}
        command = [*self.prefix, self.python, "-m", "jupyterhub", "-f", str(self.config)]
        with (self.directory / "hub.log").open("ab") as log:
            self._hub = subprocess.Popen(
                command,
                cwd=self.directory,
                env=environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        await self.answers()

    async def answers(self) -> None:
        """Wait until hub, service and edge answer."""

        async def probe() -> bool:
            assert self._hub is None or self._hub.poll() is None, self.log[-3000:]
            response = await self.fetch("GET", f"{self.url}/services/rosetta/health")
            hub = await self.fetch("GET", f"{self.url}/hub/health")
            return response.code == 200 and hub.code == 200 and await self._edge_answers()

        await eventually(probe, "the hub answers")

    async def _edge_answers(self) -> bool:
        with contextlib.suppress(EdgeUnavailable):
            return bool((await EdgeClient(self.state_dir / "edge.sock").status()).pid)
        return False

    def kill_hub(self) -> None:
        """Kill -9 the hub's process alone."""
        assert self._hub is not None
        self._hub.kill()
        self._hub.wait()

    def kill_proxy(self) -> None:
        """Kill -9 the hub's proxy, which outlives a killed hub."""
        os.kill(self.proxy_pid(), signal.SIGKILL)

    def kill_service(self) -> None:
        """Kill -9 the service."""
        os.kill(self.service_pid(), signal.SIGKILL)

    def service_pid(self) -> int:
        """The process of the service."""
        return int((self.state_dir / "service.lock").read_text())

    def proxy_pid(self) -> int:
        """The process of the hub's proxy."""
        text = (self.directory / "jupyterhub-proxy.pid").read_text()
        return int(text.split()[0])

    def edge_pid(self) -> int | None:
        """The process of the edge, as its log says."""
        with contextlib.suppress(OSError):
            result = re.findall(r"ready, process (\d+)", (self.state_dir / "edge.log").read_text())
            return int(result[-1]) if result else None
        return None

    def agent_pid(self, task: dict[str, Any]) -> int:
        """The process of a task's agent."""
        return int(json.loads((self.sandbox(task) / "agent.json").read_text())["agent"][0])

    def sandbox(self, task: dict[str, Any]) -> Path:
        """A task's directory on this machine."""
        work_dir = self.computing[0].get("conf", {}).get("work_dir", f"/tmp/rosetta-{os.getuid()}")
        return Path(work_dir) / f"{task['id']}-{task['attempt']}"

    async def stop_hub(self) -> None:
        """Stop the hub, and the service that it has started, as an administrator would."""
        if self._hub is not None and self._hub.poll() is None:
            pid = (self.directory / "hub.pid").read_text()
            # Not a signal to our child: what runs a command elsewhere does not hand it on.
            subprocess.run([*self.prefix, "kill", pid], check=True)
            await asyncio.to_thread(self._hub.wait, 60)

    async def stop(self) -> None:
        """Stop the hub as an administrator would, then all tasks and the edge."""
        await self.stop_hub()
        shutdown = ["-m", "rosetta_hub", "shutdown", "--config", str(self.config)]
        command = [*self.prefix, self.python, *shutdown]
        result = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, timeout=150, check=False
        )
        assert result.returncode == 0, result.stderr

    async def stop_edge(self) -> None:
        """End the edge alone."""
        pid = self.edge_pid()
        if pid is not None:
            os.kill(pid, signal.SIGTERM)

    async def fetch(
        self,
        method: str,
        url: str,
        token: str = "",
        body: Any = None,
        headers: dict[str, str] | None = None,
        follow: bool = False,
    ) -> HTTPResponse:
        """One request; answers of any status are returned, 599 is none."""
        values = dict(headers or {})
        if token:
            values["Authorization"] = f"token {token}"
        if body is not None:
            values.setdefault("Content-Type", "application/json")
        request = HTTPRequest(
            url if url.startswith("http") else self.url + url,
            method=method,
            headers=values,
            body=None if body is None else json.dumps(body),
            allow_nonstandard_methods=True,
            follow_redirects=follow,
            request_timeout=60,
        )
        try:
            return await AsyncHTTPClient().fetch(request, raise_error=False)
        except (OSError, HTTPStreamClosedError) as error:
            return HTTPResponse(request, 599, error=error)

    async def fetch_page(self, url: str) -> HTTPResponse:
        """A navigation of a browser without cookies."""
        return await self.fetch("GET", url, headers=NAVIGATION)

    async def hub_api(self, method: str, path: str, body: Any = None) -> Any:
        """A call of the hub's REST API as an administrator; fails the test when refused."""
        response = await self.fetch(method, f"/hub/api{path}", self.admin_token, body)
        assert response.code < 400, (path, response.code, response.body)
        return json.loads(response.body or b"null")

    async def user(self, name: str) -> "User":
        """A user with a token for everything that is its own."""
        await self.fetch("POST", f"/hub/api/users/{name}", self.admin_token)
        answer = await self.hub_api("POST", f"/users/{name}/tokens", {})
        return User(self, name, answer["token"])


@dataclass
class User:
    """A user of the hub, by token."""

    deployment: Deployment
    name: str
    token: str = field(repr=False)

    async def api(self, method: str, path: str, body: Any = None) -> HTTPResponse:
        """A call of the service's REST API, again where the user has to wait for a while."""
        url = f"/services/rosetta/api/v1/{path}"
        while True:
            response = await self.deployment.fetch(method, url, self.token, body)
            if response.code != 429:
                return response
            await asyncio.sleep(int(response.headers["Retry-After"]))

    async def start(self, **options: Any) -> dict[str, Any]:
        """Start a task; returns it."""
        response = await self.api("POST", "tasks", options)
        assert response.code == 201, response.body
        task: dict[str, Any] = json.loads(response.body)
        return task

    async def task(self, task_id: str) -> dict[str, Any] | None:
        """The task as it is now, None when it is gone."""
        response = await self.api("GET", f"tasks/{task_id}")
        return json.loads(response.body) if response.code == 200 else None

    async def until(self, task_id: str, *states: str, seconds: float = 90) -> dict[str, Any]:
        """The task once it is in one of these states."""

        async def probe() -> dict[str, Any] | None:
            task = await self.task(task_id)
            return task if task and task["state"] in states else None

        try:
            return await eventually(probe, f"{task_id} is {states}", seconds)
        except TimeoutError:
            raise TimeoutError(f"{await self.task(task_id)}") from None

    async def delete(self, task_id: str) -> None:
        """Delete a task, and wait until it is gone."""

        async def gone() -> bool:
            return (await self.api("GET", f"tasks/{task_id}")).code == 404

        await self.api("DELETE", f"tasks/{task_id}")
        await eventually(gone, f"{task_id} is gone")

    async def clean(self) -> None:
        """Delete all tasks of the user, and wait until they are gone."""
        deleted: set[str] = set()

        async def gone() -> bool:
            response = await self.api("GET", "tasks")
            if response.code == 503:
                # A hub that was killed just now, or has much to do, answers later.
                return False
            assert response.code == 200, response.body
            listed = [
                task["id"]
                for task in json.loads(response.body)["tasks"]
                if task["user"] == self.name
            ]
            for task_id in listed:
                if task_id not in deleted:
                    answer = await self.api("DELETE", f"tasks/{task_id}")
                    deleted.update([task_id] if answer.code < 500 else [])
            return not listed

        await eventually(gone, f"the tasks of {self.name} are gone", 120)

    async def enter(self, task: dict[str, Any], interface: str = "") -> "OpenedTask":
        """Open a task as a browser does that is logged in as this user, once it can be opened.

        `interface` is the name or port of a further one.
        """

        async def tunnel() -> str | None:
            view = await self.task(task["id"])
            return view["open_url"] if view else None

        await eventually(tunnel, f"the tunnel to {task['id']}")
        ticket_url, browser_cookie = await self.ask_for_ticket(task["id"], interface=interface)
        headers = {**NAVIGATION, "Cookie": browser_cookie}
        opened = await self.deployment.fetch("GET", ticket_url, headers=headers)
        assert opened.code == 302, (opened.code, opened.body)
        cookie = opened.headers["Set-Cookie"].split(";")[0]
        return OpenedTask(self.deployment, ticket_url.split("/_rosetta")[0], cookie)

    async def ask_for_ticket(
        self,
        task_id: str,
        fetch: Callable[[str], Awaitable[HTTPResponse]] | None = None,
        interface: str = "",
    ) -> tuple[str, str]:
        """The address with a ticket, and the cookie of the browser that may use it.

        `fetch` sends the requests to the edge.
        """
        query = f"?interface={interface}" if interface else ""
        open_url = f"/services/rosetta/open/{task_id}{query}"
        answer = await self.deployment.fetch("GET", open_url, self.token)
        assert answer.code == 302, (answer.code, answer.body)
        send = fetch or self.deployment.fetch_page
        named = await send(answer.headers["Location"])
        assert named.code == 302, (named.code, named.body)
        issued = await self.deployment.fetch("GET", named.headers["Location"], self.token)
        assert issued.code == 302, (issued.code, issued.body)
        return issued.headers["Location"], named.headers["Set-Cookie"].split(";")[0]


@dataclass
class OpenedTask:
    """A task at the edge, with the cookie that opens it."""

    deployment: Deployment
    url: str
    cookie: str = field(repr=False)

    async def get(self, path: str = "/", **headers: str) -> HTTPResponse:
        """A request that a page of the task itself makes."""
        document = {"Cookie": self.cookie, "Sec-Fetch-Site": "same-origin", **headers}
        return await self.deployment.fetch("GET", self.url + path, headers=document)

    def websocket_request(self, path: str) -> HTTPRequest:
        """A WebSocket that a page of the task itself opens."""
        headers = {"Cookie": self.cookie, "Origin": self.url}
        return HTTPRequest(self.url.replace("http", "ws", 1) + path, headers=headers)
