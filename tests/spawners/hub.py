"""A real hub in a process of its own, with its proxy, that tests kill and start again."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx

from tests.support.ports import free_ports

ROOT = Path(__file__).parents[2]
PROXY = Path(sys.executable).parent / "configurable-http-proxy"
TOKEN = "test-token-of-the-administrator"
DEADLINE = 40.0

CONFIG = """
import gc, json, os, sys
from pathlib import Path
import rosetta_hub
# At its end Python looks for garbage among all that a hub has imported, for no use to a test.
gc.freeze()

test = json.loads(Path(__file__).with_name("test.json").read_text())
c.JupyterHub.bind_url = f"http://127.0.0.1:{test['port']}"
c.JupyterHub.hub_port = test["hub_port"]
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{test['proxy_port']}"
c.ConfigurableHTTPProxy.command = [test["proxy"]]
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {"root"}
c.JupyterHub.services = [{"name": "test", "api_token": test["token"]}]
c.JupyterHub.load_roles = [{
    "name": "test", "services": ["test"],
    "scopes": [
        "admin:users", "admin:servers", "admin:server_state", "admin:groups", "groups", "read:hub",
        "tokens",
    ],
}]
c.Rosetta.hub_url = f"http://127.0.0.1:{test['port']}"
c.Rosetta.tasks_url = "http://localhost"
c.Rosetta.service_url = test["service_url"]
c.Rosetta.state_dir = "state"
c.Rosetta.computing = [
    {"id": "here", "name": "This machine", "container_engines": ["docker[runc,runsc]"],
     "max_cpus": 4, "max_memory": "8G", "default_memory": "1G"},
]
c.Rosetta.software = test["software"]
c.TaskSpawner.poll_interval = 1
c.TaskSpawner.answer_timeout = 5
c.TaskSpawner.start_timeout = 8
# What this deployment had before: its own spawner, with hooks and a form.
from jupyterhub.auth import DummyAuthenticator

class Authenticator(DummyAuthenticator):
    def pre_spawn_start(self, user, spawner):
        spawner.environment["TEST_AUTHENTICATOR"] = "yes"
        if hasattr(spawner, "volumes"):
            spawner.volumes = {"/data": user.name}

    async def authenticate(self, handler, data):
        return {"name": data["username"], "auth_state": {"token": "from-login"}}

def auth_state_hook(spawner, auth_state):
    spawner.environment["TEST_AUTH_STATE"] = str((auth_state or {}).get("token"))

def pre_spawn_hook(spawner):
    spawner.environment["TEST_HOOK"] = f"{type(spawner).__name__} {spawner.user_options}"

c.JupyterHub.authenticator_class = Authenticator
c.Authenticator.enable_auth_state = True
c.CryptKeeper.keys = [b"0" * 32]
c.Spawner.cmd = [str(Path(sys.executable).parent / "jupyterhub-singleuser")]
c.Spawner.args = ["--allow-root"]
c.Spawner.http_timeout = 60
c.Spawner.auth_state_hook = auth_state_hook
c.SimpleLocalProcessSpawner.home_dir_template = str(Path(__file__).parent / "home-{username}")
c.SimpleLocalProcessSpawner.poll_interval = 1
c.SimpleLocalProcessSpawner.interrupt_timeout = 5
c.SimpleLocalProcessSpawner.environment = {
    "JUPYTERHUB_ACTIVITY_INTERVAL": "1", "TEST_CLASS": "yes",
}
c.SimpleLocalProcessSpawner.pre_spawn_hook = pre_spawn_hook
c.SimpleLocalProcessSpawner.options_form = '<input name="flavour" value="plain">'
c.SimpleLocalProcessSpawner.options_from_form = lambda form: {"flavour": form["flavour"][0]}
c.Spawner.group_overrides = {
    "1": {
        "groups": ["biologists"], "spawner_override": {"environment": {"TEST_GROUP": "yes"}},
    },
}
c.SlowSpawner.start_timeout = 3
rosetta_hub.setup(c, __file__, manage_service=False)
"""


# Spawners of other projects, as a hub may have them.
PECULIAR = """
import asyncio, os
from jupyterhub.spawner import SimpleLocalProcessSpawner
from traitlets import Dict

class SlowSpawner(SimpleLocalProcessSpawner):
    volumes = Dict()

    async def progress(self):
        yield {"progress": 11, "message": f"Looking for a node, {self._spawn_pending}"}
        yield {"progress": 22, "message": f"Volumes {self.volumes}"}

    async def start(self):
        await asyncio.sleep(3600)

class BrokenSpawner(SimpleLocalProcessSpawner):
    def __init__(self, **kwargs):
        if kwargs["user_options"]:
            raise KeyError("no cluster here")
        super().__init__(**kwargs)
"""


def http_client(**options: Any) -> httpx.AsyncClient:
    """A client for addresses without TLS.

    It reads no authorities, which would take 40 ms of the processor: a test that waits makes a
    client ten times a second.
    """
    return httpx.AsyncClient(timeout=DEADLINE, verify=False, **options)


async def until(
    condition: Callable[[], Awaitable[Any]], what: str, deadline: float = DEADLINE
) -> Any:
    """The first true value of the condition, asked again and again."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        if value := await condition():
            return value
        await asyncio.sleep(0.1)
    raise TimeoutError(f"not within {deadline} s: {what}")


class Hub:
    """One deployment: a directory with its configuration and database."""

    def __init__(
        self,
        directory: Path,
        python: str,
        software: list[dict[str, Any]],
        config: str = CONFIG,
    ) -> None:
        self.directory = directory
        self.python = python
        self.port, hub_port, proxy_port, self.service_port = free_ports(4)
        self.url = f"http://127.0.0.1:{self.port}"
        self.settings: dict[str, Any] = {
            "port": self.port,
            "hub_port": hub_port,
            "proxy_port": proxy_port,
            "proxy": str(PROXY),
            "token": TOKEN,
            "service_url": f"http://127.0.0.1:{self.service_port}",
            "software": software,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self.configure(config)
        (directory / "peculiar.py").write_text(PECULIAR)

    @property
    def log(self) -> str:
        """All that the hub has written so far."""
        return (self.directory / "hub.log").read_text()

    def configure(self, config: str) -> None:
        """Have this configuration read at the next start."""
        (self.directory / "jupyterhub_config.py").write_text(config)

    def spawn(self) -> None:
        """Start the process, without waiting."""
        (self.directory / "test.json").write_text(json.dumps(self.settings))
        with (self.directory / "hub.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.python, "-m", "jupyterhub", "--debug"],
                cwd=self.directory,
                env=os.environ | {"PYTHONPATH": str(self.directory)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def start(self) -> None:
        """Start it and wait until it answers through its proxy."""
        self.spawn()

        async def answers() -> bool:
            assert self._process
            assert self._process.poll() is None, self.log[-3000:]
            try:
                # Through the proxy, whose routes to the hub come last.
                return (await self.api("GET", "/info")).status_code == 200
            except httpx.HTTPError:
                return False

        try:
            await until(answers, "the hub answers")
        except TimeoutError:
            self.kill()
            raise

    def kill(self) -> None:
        """kill -9: nothing is cleaned up, the proxy goes on."""
        assert self._process
        self._process.kill()
        self._process.wait(DEADLINE)

    async def close(self) -> None:
        """End the hub, its proxy and what its spawners have left."""
        if self._process and self._process.poll() is None:
            for pid in await self._native_pids():
                os.kill(pid, signal.SIGTERM)
            self._process.terminate()
            await asyncio.to_thread(self._process.wait, DEADLINE)
        # Left over where the hub was killed by a test that has failed.
        pid_file = self.directory / "jupyterhub-proxy.pid"
        if pid_file.exists():
            os.kill(int(pid_file.read_text().split()[0]), signal.SIGTERM)

    async def _native_pids(self) -> list[int]:
        users = (await self.api("GET", "/users?state=active")).json()
        servers = [server for user in users for server in user["servers"].values()]
        return [server["state"]["child_state"]["pid"] for server in servers if _is_native(server)]

    async def api(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """A call of the hub's REST API as an administrator."""
        async with http_client() as client:
            return await client.request(
                method,
                f"{self.url}/hub/api{path}",
                headers={"Authorization": f"token {TOKEN}"},
                json=body,
            )

    async def server(self, user: str, name: str) -> dict[str, Any]:
        """What the hub says of an active server; empty when there is none."""
        model = (await self.api("GET", f"/users/{user}")).json()
        answer: dict[str, Any] = model.get("servers", {}).get(name, {})
        return answer

    async def ready(self, user: str, name: str) -> dict[str, Any]:
        """The server, as soon as the hub calls it ready."""

        async def condition() -> dict[str, Any]:
            server = await self.server(user, name)
            return server if server.get("ready") else {}

        result: dict[str, Any] = await until(condition, f"{user}/{name} is ready")
        return result

    async def gone(self, user: str, name: str) -> None:
        """Wait until the hub has no active server of that name."""

        async def condition() -> bool:
            return not await self.server(user, name)

        await until(condition, f"{user}/{name} is not active")


def _is_native(server: dict[str, Any]) -> bool:
    return "pid" in ((server.get("state") or {}).get("child_state") or {})


class User:
    """A browser, logged in as one user."""

    def __init__(self, hub: Hub, name: str) -> None:
        self.hub = hub
        self.name = name
        self.client = http_client(base_url=hub.url, follow_redirects=True)

    async def api(self, method: str, server: str, body: Any = None) -> httpx.Response:
        """A call of the hub's REST API about one of the user's servers."""
        return await self.hub.api(method, f"/users/{self.name}/servers/{server}", body)

    async def log_in(self) -> None:
        """Through the login form."""
        await self.client.get("/hub/login")
        form = {"username": self.name, "password": "", "_xsrf": self.xsrf}
        answer = await self.client.post("/hub/login", data=form, follow_redirects=False)
        assert answer.status_code == 302, answer.text
        # Older hubs give the cookie against forgery with the first page after the login.
        await self.client.get("/hub/home")

    @property
    def xsrf(self) -> str:
        """The token against forgery that the hub's forms carry."""
        values = [cookie for cookie in self.client.cookies.jar if cookie.name == "_xsrf"]
        return str(next(item.value for item in values if item.path == "/hub/"))

    async def form(self, server: str) -> str:
        """The page with the catalogue."""
        answer = await self.client.get(f"/hub/spawn/{self.name}/{server}")
        assert answer.status_code == 200
        return answer.text

    async def post_form(self, server: str, fields: dict[str, Any]) -> httpx.Response:
        """Press "Start"; redirects are not followed."""
        return await self.client.post(
            f"/hub/spawn/{self.name}/{server}",
            params={"_xsrf": self.xsrf},
            data=fields,
            follow_redirects=False,
        )
