"""From a link to an image: a real git server, podman, a registry with an account, and SSH."""

import asyncio
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rosetta_hub.agents.programs import BUILD_PROGRAM
from rosetta_hub.builds.builder import BuildFailed, Image
from rosetta_hub.builds.builds import Builds
from rosetta_hub.builds.job import BuildJobs
from rosetta_hub.builds.links import parse_link
from rosetta_hub.builds.records import BuildRecords
from rosetta_hub.builds.settings import load_builds
from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.database.models_builds import Build, BuildState
from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.files.channel import Channel
from rosetta_hub.files.channel_ssh import open_ssh_channel
from rosetta_hub.jobs.events import JobEvents
from rosetta_hub.jobs.queue import JobQueue
from rosetta_hub.ssh import Endpoint
from rosetta_hub.ssh.keys import generate_key_pair
from rosetta_hub.tasks.logs import Logs
from rosetta_hub.tunnels import TunnelsClient, TunnelsConfig, ensure_tunnels, stop_tunnels
from tests.support.databases import open_sqlite
from tests.support.eventually import until
from tests.support.git_server import GitServer
from tests.support.private_registry import ACCOUNT, PrivateRegistry, private_registry
from tests.support.sshd import Sshd

from .building import BASE, RUNTIME, Building, builds_folder, commands

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where builds have their volumes."""
    with builds_folder() as folder:
        yield folder


async def test_twenty_users_and_one_link(
    folder: Path, git_server: GitServer, tmp_path: Path
) -> None:
    repository = git_server.repository("org/app")
    repository.commit({"Dockerfile": f"FROM {BASE}\nRUN echo made > /made\nEXPOSE 8080\n"})
    options = {"directory": str(folder), "runtime": RUNTIME, "base_image": BASE, "disk": "1G"}
    settings = load_builds({**git_server.settings(), **options})
    assert settings is not None
    database = open_sqlite(tmp_path)
    records = BuildRecords(database, JobEvents())
    builder, logs = Building(folder).builder, Logs(tmp_path / "logs", 1 << 20)
    builds = Builds(settings, records, builder, logs)
    jobs = BuildJobs(settings, records, builder, logs, tmp_path / "checkouts")
    queue = JobQueue("build", records, jobs.work, settings.per_user, settings.at_once)
    records.wake = queue.wake
    link = parse_link("gh", "org/app/main", {}, settings.kinds)
    task = asyncio.create_task(queue.run(), name="queue")
    try:
        users = [User(f"user{number}") for number in range(20)]
        results = await asyncio.gather(*(builds.request(user, link) for user in users))
        (build_id,) = {build.id for build in results}
        await until(lambda: records.find(build_id).state.final)
    finally:
        queue.close()
        task.cancel()
    build = records.find(build_id)
    assert (build.state, build.attempt) == (BuildState.DONE, 1), build.message
    assert (build.recipe["pack"], build.recipe["port"]) == ("dockerfile", 8080)
    assert "STEP 2/3" in builds.log(build)[1]
    answer: Build = await builds.request(users[0], link)
    assert (answer.id, answer.state, answer.attempt) == (build_id, BuildState.DONE, 1)
    await builder.remove(Image(build.image, build.image_digest, build.image_size))
    # Somebody has removed the image: it is noticed, and built anew.
    again = await builds.request(users[0], link)
    assert (again.id, again.state) == (build_id, BuildState.QUEUED)
    database.close()


@pytest.fixture
def registry() -> Iterator[PrivateRegistry]:
    """A registry with TLS and one account."""
    with private_registry() as running:
        yield running


def into(folder: Path, registry: PrivateRegistry, password: Path) -> Building:
    """A builder that pushes there."""
    entry = {"host": registry.host, "user": ACCOUNT, "password_file": str(password)}
    return Building(
        folder,
        [{**entry, "ca_file": str(registry.authority)}],
        registry=f"{registry.host}/builds",
    )


async def test_an_image_is_pushed_with_an_account(
    folder: Path, registry: PrivateRegistry, tmp_path: Path
) -> None:
    password = tmp_path / "password"
    password.write_text(registry.password)
    building = into(folder, registry, password)
    names: set[str] = set()

    async def look() -> None:
        while True:
            names.update(commands())
            await asyncio.sleep(0.02)

    looking = asyncio.create_task(look(), name="look")
    image = await building.build("RUN echo pushed > /made")
    looking.cancel()
    assert image.reference.startswith(f"{registry.host}/builds/")
    assert any("docker://" in command for command in names)
    assert [item for item in names if any(secret in item for secret in registry.secrets)] == []
    assert not any(secret in building.log for secret in registry.secrets)
    assert await building.builder.has(image)
    result = Image(image.reference, "sha256:" + "0" * 64, None)
    assert not await building.builder.has(result)
    # It is nowhere on the builder.
    inspect = ["podman", "image", "exists", image.reference]
    assert subprocess.run(inspect, check=False).returncode != 0
    assert building.left() == []


async def test_a_registry_that_refuses(
    folder: Path, registry: PrivateRegistry, tmp_path: Path
) -> None:
    password = tmp_path / "password"
    password.write_text("wrong")
    with pytest.raises(BuildFailed, match="could not be stored") as error:
        await into(folder, registry, password).build("RUN true")
    assert error.value.transient


@dataclass
class Host:
    """A machine with sshd, and the tunnels' process that leads to it."""

    sshd: Sshd
    client: TunnelsClient
    endpoint: Endpoint

    async def open(self) -> Channel:
        """Start the build program there."""
        return await open_ssh_channel(self.client, self.endpoint, "python3", BUILD_PROGRAM)


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    """This machine, over SSH."""
    pair = generate_key_pair("builds")
    sshd = Sshd(tmp_path / "sshd")
    sshd.authorize(pair.public_key)
    sshd.start()
    with tempfile.TemporaryDirectory(prefix="tunnels") as state:
        config = TunnelsConfig(Path(state))
        await ensure_tunnels(config)
        endpoint = Endpoint(
            *("builds", "platform", "127.0.0.1", sshd.port, sshd.username, pair.private_key),
            known_hosts=sshd.known_hosts,
        )
        yield Host(sshd, TunnelsClient(config.socket), endpoint)
        await stop_tunnels(config)
    sshd.kill()


async def test_a_builder_over_ssh(folder: Path, host: Host) -> None:
    building = Building(folder, open_program=host.open)
    image = await building.build("COPY hello /", "RUN cat /hello", files={"hello": "over ssh\n"})
    assert "over ssh\n" in building.log
    assert await building.builder.has(image)
    assert building.left() == []
    await building.remove(image)


async def test_a_builder_whose_connection_is_lost(folder: Path, host: Host) -> None:
    building = Building(folder, open_program=host.open)
    task = asyncio.create_task(building.build("RUN sleep infinity"), name="build")
    await until(lambda: (2, 2) in building.steps)
    host.sshd.drop_connections()
    with pytest.raises(ResourceUnavailable, match="The builder does not answer"):
        await task
    # The program there notices, and takes everything away.
    await until(lambda: building.left() == [])
