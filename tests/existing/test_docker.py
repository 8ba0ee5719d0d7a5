"""DockerSpawner, before the installation of Rosetta Hub, with it, and after its removal."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from rosetta_hub.keys import Keys
from tests.spawners.hub import ROOT, User
from tests.spawners.stub import StubService

from .deployment import ExistingHub

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]

SPAWNER = """
from dockerspawner import DockerSpawner

# A class of the configuration file itself, as many hubs have one.
class SiteSpawner(DockerSpawner):
    pass

def pre_spawn_hook(spawner):
    spawner.environment["TEST_HOOK"] = f"{type(spawner).__name__} {spawner.user_options}"
    spawner.mem_limit = "256M"

c.JupyterHub.spawner_class = SiteSpawner
c.DockerSpawner.prefix = "%s"
c.DockerSpawner.image = "rosetta/jupyternotebook:0.1.0"
# The first process of a container takes no notice of SIGTERM: a stop would be 10 s of waiting.
c.DockerSpawner.extra_create_kwargs = {
    "entrypoint": ["python3", "-m", "http.server"], "stop_signal": "SIGKILL",
}
c.DockerSpawner.cmd = ["8888"]
c.DockerSpawner.options_form = '<input name="flavour">'
c.DockerSpawner.options_from_form = lambda form: {"flavour": form["flavour"][0]}
c.Spawner.pre_spawn_hook = pre_spawn_hook
c.Spawner.environment = {"TEST_SITE": "yes"}
c.DockerSpawner.poll_interval = 1
"""


def docker(*arguments: str) -> str:
    process = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    return process.stdout


@pytest.fixture(scope="module")
def prefix() -> Iterator[str]:
    """What the names of this module's containers begin with."""
    prefix = f"rosetta-test-{secrets.token_hex(4)}"
    yield prefix
    words = docker("ps", "--all", "--quiet", "--filter", f"name={prefix}").split()
    if words:
        docker("rm", "--force", *words)


@pytest_asyncio.fixture(params=["newest", "oldest"], loop_scope="module", scope="module")
async def hub(
    request: pytest.FixtureRequest, prefix: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ExistingHub]:
    """A hub of containers, without Rosetta Hub."""
    oldest = os.environ.get("ROSETTA_TEST_OLDEST_PYTHON", str(ROOT / ".venv-oldest/bin/python"))
    python = sys.executable if request.param == "newest" else oldest
    name = f"{prefix}-{request.param}"
    result = ExistingHub(tmp_path_factory.mktemp("hub"), python, SPAWNER % name)
    await result.start()
    yield result
    await result.close()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def service(hub: ExistingHub) -> AsyncIterator[StubService]:
    """The service of Rosetta Hub."""
    state = hub.directory / "state"
    state.mkdir(mode=0o700)
    stub = StubService(Keys(state).spawner_key, hub.service_port)
    stub.up()
    yield stub
    await stub.down()


async def start(hub: ExistingHub, user: str, options: dict[str, Any] | None = None) -> str:
    """Start the user's default server; returns the id of its container."""
    await hub.api("POST", f"/users/{user}")
    answer = await hub.api("POST", f"/users/{user}/server", options)
    assert answer.status_code in (201, 202), answer.text
    return container_of(await hub.ready(user, ""))


async def stop(hub: ExistingHub, user: str) -> None:
    assert (await hub.api("DELETE", f"/users/{user}/server")).status_code in (202, 204)
    await hub.gone(user, "")


def container_of(server: dict[str, Any]) -> str:
    """The id of the container: the state is DockerSpawner's own, with Rosetta Hub or without."""
    state: dict[str, str] = server["state"]
    assert state.keys() == {"object_id", "object_name"}
    return state["object_id"]


def inspect(container: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(docker("inspect", container))[0]
    return document


async def assert_usable(hub: ExistingHub, user: str) -> None:
    """The server of a user answers through the hub's proxy."""
    browser = User(hub, user)
    answer = await browser.client.get(f"/user/{user}/", follow_redirects=False)
    await browser.client.aclose()
    assert answer.headers.get("server", "").startswith("SimpleHTTP"), (answer, answer.text[:300])


async def test_servers_outlive_installation_and_removal(
    hub: ExistingHub, service: StubService
) -> None:
    runs = await start(hub, "alice")
    stopped = await start(hub, "bob", {"flavour": "sweet"})
    await stop(hub, "bob")
    for _ in range(2):
        await hub.restart(installed=True)
        assert container_of(await hub.ready("alice", "")) == runs
        await assert_usable(hub, "alice")
    # What had stopped is resumed, with the options of before.
    assert await start(hub, "bob") == stopped
    await assert_usable(hub, "bob")
    environment = inspect(stopped)["Config"]["Env"]
    assert "TEST_HOOK=SiteSpawner {'flavour': 'sweet'}" in environment
    # What runs is stopped as before.
    await stop(hub, "alice")
    assert inspect(runs)["State"]["Running"] is False
    assert await start(hub, "alice") == runs
    # A container of the catalogue next to it.
    answer = await hub.api("POST", "/users/alice/servers/task", {"software": "web"})
    assert answer.status_code in (201, 202), answer.text
    await hub.ready("alice", "task")
    assert [item["server"] for item in service.starts] == ["task"]
    await hub.api("DELETE", "/users/alice/servers/task")
    await hub.gone("alice", "task")
    # One that is started with Rosetta Hub goes on without it.
    new = await start(hub, "carol", {"flavour": "sour"})
    await hub.restart(installed=False)
    for user, container in {"alice": runs, "bob": stopped, "carol": new}.items():
        assert container_of(await hub.ready(user, "")) == container
        await assert_usable(hub, user)
        await stop(hub, user)
        assert inspect(container)["State"]["Running"] is False


async def test_card_form_and_hooks(hub: ExistingHub, service: StubService) -> None:
    await hub.restart(installed=True)
    dora = User(hub, "dora")
    await dora.log_in()
    page = await dora.form("nb")
    assert page.index('value="previous-spawner"') < page.index('value="web"')
    assert '<input name="flavour">' in page
    answer = await dora.post_form("nb", {"software": "previous-spawner", "flavour": "sweet"})
    assert answer.status_code == 302, answer.text
    container = inspect(container_of(await hub.ready("dora", "nb")))
    assert "TEST_HOOK=SiteSpawner {'flavour': 'sweet'}" in container["Config"]["Env"]
    assert "TEST_SITE=yes" in container["Config"]["Env"]
    assert container["HostConfig"]["Memory"] == 256 << 20
    await dora.client.aclose()
    await hub.api("DELETE", "/users/dora/servers/nb")
    await hub.gone("dora", "nb")
    assert "SiteSpawner, which is the software 'Jupyter server' of the catalogue" in hub.log


async def test_container_that_dies(hub: ExistingHub, service: StubService) -> None:
    container = await start(hub, "erin")
    docker("kill", container)
    await hub.gone("erin", "")
