"""The registry beside the hub: real clients push with tokens of the hub, tasks pull without one."""

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.ports import free_port
from tests.support.private_registry import run, serve_registry

from .deployment import Deployment, User

ROOT = Path(__file__).parents[2]
IMAGE = "rosetta-test/agent"
COMPUTING: list[dict[str, Any]] = [
    {"id": "local", "name": "This machine", "container_engines": ["docker", "podman"]}
]
EXTRA = """
c.Rosetta.registry = {{"host": "{host}", "plain_http": True}}
c.JupyterHub.load_groups = {{"physics": {{"users": ["alice"]}}}}
"""


@dataclass
class Site:
    """A hub, its registry, and the images that clients of this machine have of it."""

    hub: Deployment
    host: str

    def reference(self, name: str) -> str:
        return f"{self.host}/{name}"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """The registry is configured with what `rosetta-hub registry` prints, and nothing else."""
    folder, host = tmp_path_factory.mktemp("registry"), f"127.0.0.1:{free_port()}"
    hub = Deployment(folder / "hub", [], COMPUTING, extra=EXTRA.format(host=host))
    await hub.start()
    certificate = folder / "rosetta.pem"
    certificate.write_text(await print_registry(hub, "certificate"))
    files = ["--storage", str(folder / "data"), "--certificate", str(certificate)]
    config = await print_registry(hub, "config", "--address", host, *files)
    await asyncio.to_thread(
        run, ["docker", "build", "--quiet", "--tag", IMAGE, str(ROOT / "tests/agent/image")]
    )
    with serve_registry(folder, host, config):
        yield Site(hub, host)
    await hub.stop()
    images = [f"{host}/{name}:1" for name in ("alice/docker", "alice/podman", "groups/physics/app")]
    for engine in ("docker", "podman"):
        command = [engine, "rmi", "--force", *images]
        await asyncio.to_thread(subprocess.run, command, capture_output=True, check=False)


async def print_registry(hub: Deployment, *arguments: str) -> str:
    command = [sys.executable, "-m", "rosetta_hub", "registry", *arguments]
    result = await asyncio.to_thread(run, [*command, "--config", str(hub.config)])
    return result.stdout


@dataclass
class Client:
    """A command line that is logged in at the registry, with files of its own."""

    engine: str
    folder: Path

    def call(self, verb: str, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """Run it; podman takes its options behind the verb."""
        if self.engine == "docker":
            argv = ["docker", "--config", str(self.folder), verb]
        else:
            argv = ["podman", verb, "--authfile", str(self.folder / "auth.json")]
            argv += ["--tls-verify=false"]
        return subprocess.run(
            [*argv, *words], input=text, capture_output=True, text=True, check=False
        )

    def push(self, reference: str) -> subprocess.CompletedProcess[str]:
        """Push the small image under that name."""
        run(["docker", "tag", IMAGE, reference])
        if self.engine == "podman":
            run(["sh", "-c", 'docker save "$0" | podman load --quiet', reference])
        return self.call("push", "--quiet", reference)


@contextmanager
def logged_in(engine: str, site: Site, user: User) -> Iterator[Client]:
    """A client with the user's token of the hub as password."""
    with tempfile.TemporaryDirectory() as name:
        client = Client(engine, Path(name))
        words = ["--username", user.name, "--password-stdin", site.host]
        answer = client.call("login", *words, text=user.token)
        assert answer.returncode == 0, answer.stderr
        assert user.token not in answer.stdout + answer.stderr
        yield client


@pytest.mark.parametrize("engine", ["docker", "podman"])
async def test_users_push_and_pull_in_their_spaces(site: Site, engine: str) -> None:
    alice, bob = await site.hub.user("alice"), await site.hub.user("bob")
    own, shared = site.reference(f"alice/{engine}:1"), site.reference("groups/physics/app:1")
    with logged_in(engine, site, alice) as client:
        for reference in (own, shared):
            result = await asyncio.to_thread(client.push, reference)
            assert result.returncode == 0, result.stderr
            run([engine, "rmi", "--force", reference])
            result = await asyncio.to_thread(client.call, "pull", reference)
            assert result.returncode == 0, result.stderr
        for name in ("bob/app:1", "groups/biology/app:1", "physics/app:1", "app:1"):
            result = await asyncio.to_thread(client.push, site.reference(name))
            assert result.returncode != 0, name
            run(["docker", "rmi", "--force", site.reference(name)])
    with logged_in(engine, site, bob) as client:
        for reference in (own, shared):
            result = await asyncio.to_thread(client.call, "pull", reference)
            assert result.returncode != 0
            assert "denied" in result.stderr, result.stderr
            assert (await asyncio.to_thread(client.push, reference)).returncode != 0
    assert alice.token not in site.hub.log


async def test_tokens_of_others_and_of_deleted_users_are_refused(site: Site) -> None:
    carol, bob = await site.hub.user("carol"), await site.hub.user("bob")
    with logged_in("docker", site, carol):
        pass
    with tempfile.TemporaryDirectory() as name:
        client = Client("docker", Path(name))
        words = ["--username", "carol", "--password-stdin", site.host]
        assert client.call("login", *words, text=bob.token).returncode != 0
        await site.hub.hub_api("DELETE", "/users/carol")
        answer = client.call("login", *words, text=carol.token)
        assert answer.returncode != 0
        assert "unauthorized" in answer.stderr


async def add_software(user: User, site: Site, image: str) -> str:
    """Software of the user's own; its id."""
    entry = {"name": "Own", "registry": site.host, "image_name": image, "image_tag": "1"}
    answer = await user.api("POST", "software", entry)
    assert answer.code == 201, answer.body
    family_id: str = json.loads(answer.body)["family"]
    return family_id


@pytest.mark.parametrize("engine", ["docker", "podman"])
async def test_tasks_pull_from_the_spaces_of_their_users(site: Site, engine: str) -> None:
    """Nobody types an account; and who is not in the space does not get what is here by now."""
    alice, bob = await site.hub.user("alice"), await site.hub.user("bob")
    image = f"alice/{engine}"
    with logged_in("docker", site, alice) as client:
        assert client.push(site.reference(f"{image}:1")).returncode == 0
    for text in ("docker", "podman"):
        argv = [text, "rmi", "--force", site.reference(f"{image}:1")]
        subprocess.run(argv, capture_output=True, check=False)
    for user, states in ((alice, "running"), (bob, "failed")):
        family_id = await add_software(user, site, image)
        task = await user.start(software=family_id, computing="local", engine=engine)
        task = await user.until(task["id"], "running", "failed")
        assert task["state"] == states, task["message"]
        if user is bob:
            assert "may not pull this image" in task["message"]
        await user.clean()
    assert "rosetta-task." not in site.hub.log
