"""The builder of `c.Rosetta.builds`: on this machine, or on a computing resource over SSH."""

import platform
import sys

from rosetta_hub.agents.programs import BUILD_PROGRAM
from rosetta_hub.builds.images import ImageStore
from rosetta_hub.builds.program_builder import OpenChannel, ProgramBuilder
from rosetta_hub.builds.settings import BuildSettings
from rosetta_hub.config import Rosetta
from rosetta_hub.files.channel import Channel
from rosetta_hub.files.channel_local import start_program
from rosetta_hub.files.channel_ssh import open_ssh_channel
from rosetta_hub.registries.client import RegistryClient
from rosetta_hub.resources.endpoints import Endpoints
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
