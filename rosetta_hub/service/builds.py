"""The parts of the service that build images, put together."""

import platform
import sys
from collections.abc import Callable

from rosetta_hub.agents.programs import BUILD_PROGRAM
from rosetta_hub.builds.builds import Builds
from rosetta_hub.builds.images import ImageStore
from rosetta_hub.builds.job import BuildJobs
from rosetta_hub.builds.program_builder import OpenChannel, ProgramBuilder
from rosetta_hub.builds.records import BuildRecords
from rosetta_hub.builds.settings import HERE, BuildSettings
from rosetta_hub.config import Rosetta
from rosetta_hub.database.database import Database
from rosetta_hub.database.models_builds import Build
from rosetta_hub.files.channel import Channel
from rosetta_hub.files.channel_local import start_program
from rosetta_hub.files.channel_ssh import open_ssh_channel
from rosetta_hub.jobs.events import JobEvents
from rosetta_hub.jobs.queue import JobQueue
from rosetta_hub.registries.client import RegistryClient
from rosetta_hub.resources.endpoints import Endpoints
from rosetta_hub.tasks.logs import Logs
from rosetta_hub.tunnels.client import TunnelsClient

# What machines call the architectures of images.
_ARCHS = {"x86_64": "amd64", "aarch64": "arm64"}
# Users share the platform's account on a builder.
_ANYBODY = ""


def make_builder(
    settings: Rosetta,
    builds: BuildSettings,
    endpoints: Endpoints | None,
    tunnels: TunnelsClient,
) -> ProgramBuilder:
    """The builder of the settings; `endpoints` are those of the resource that they name."""
    registries = settings.site_registries()
    client = RegistryClient(registries, settings.registry_networks)
    store = ImageStore(builds, registries, client)
    if endpoints is None:
        machine = platform.machine()
        return ProgramBuilder(builds, _open_here, _ARCHS.get(machine, machine), store)
    arch = settings.catalogue().computing[builds.builder].arch
    return ProgramBuilder(builds, _over_ssh(endpoints, tunnels), arch, store)


async def _open_here() -> Channel:
    return await start_program(BUILD_PROGRAM.command(sys.executable), BUILD_PROGRAM.stdin())


def _over_ssh(endpoints: Endpoints, tunnels: TunnelsClient) -> OpenChannel:
    async def open_channel() -> Channel:
        endpoint = endpoints.endpoint(_ANYBODY)
        return await open_ssh_channel(tunnels, endpoint, endpoints.python, BUILD_PROGRAM)

    return open_channel


class BuildParts:
    """Records, queue and facade of builds; the records alone without `c.Rosetta.builds`."""

    def __init__(
        self,
        settings: Rosetta,
        database: Database,
        endpoints: Callable[[str], Endpoints | None],
        tunnels: TunnelsClient,
    ) -> None:
        self.records = BuildRecords(database, JobEvents(), self._wake)
        self.queue: JobQueue[Build] | None = None
        self.builds: Builds | None = None
        builds = settings.build_settings()
        if builds is not None:
            near = None if builds.builder == HERE else endpoints(builds.builder)
            builder = make_builder(settings, builds, near, tunnels)
            logs = Logs(settings.state_path / "build-logs", builds.log + (64 << 10))
            folder = settings.state_path / "builds"
            jobs = BuildJobs(builds, self.records, builder, logs, folder)
            self.queue = JobQueue("build", self.records, jobs.work, builds.per_user, builds.at_once)
            self.builds = Builds(builds, self.records, builder, logs)

    def close(self) -> None:
        """Stop all builds; the next service begins them again."""
        if self.queue is not None:
            self.queue.close()

    def _wake(self) -> None:
        if self.queue is not None:
            self.queue.wake()
