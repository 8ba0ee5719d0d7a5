"""A hub that exists: without Rosetta Hub, with it, and without it again."""

from pathlib import Path
from typing import Any

from tests.spawners.hub import Hub

# What any hub has.
PLAIN = """
import gc, json, os, sys
from pathlib import Path
gc.freeze()  # as in tests/spawners/hub.py

test = json.loads(Path(__file__).with_name("test.json").read_text())
c.JupyterHub.bind_url = f"http://127.0.0.1:{test['port']}"
c.JupyterHub.hub_port = test["hub_port"]
c.JupyterHub.cleanup_servers = False
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{test['proxy_port']}"
c.ConfigurableHTTPProxy.command = [test["proxy"]]
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.services = [{"name": "test", "api_token": test["token"]}]
c.JupyterHub.load_roles = [{
    "name": "test", "services": ["test"],
    "scopes": ["admin:users", "admin:servers", "admin:server_state", "admin:groups", "read:hub"],
}]
"""

# The lines that install Rosetta Hub.
INSTALLED = """
import rosetta_hub

c.Rosetta.hub_url = f"http://127.0.0.1:{test['port']}"
c.Rosetta.tasks_url = "http://localhost"
c.Rosetta.service_url = test["service_url"]
c.Rosetta.state_dir = "state"
c.Rosetta.computing = [{"name": "Here", "container_engines": ["docker"]}]
c.Rosetta.software = test["software"]
c.TaskSpawner.poll_interval = 1
rosetta_hub.setup(c, __file__, manage_service=False)
"""

WEB: dict[str, Any] = {"id": "web", "name": "Web", "image_name": "example/web"}


class ExistingHub(Hub):
    """A hub with a spawner of its own, into which Rosetta Hub is installed later."""

    def __init__(self, directory: Path, python: str, spawner: str) -> None:
        """`spawner` is the part of the configuration that is about the spawner."""
        self._plain = PLAIN + spawner
        super().__init__(directory, python, [WEB], self._plain)

    async def restart(self, installed: bool) -> None:
        """Kill it, and start it with or without Rosetta Hub; its servers and the proxy go on."""
        self.kill()
        self.configure(self._plain + INSTALLED if installed else self._plain)
        await self.start()
