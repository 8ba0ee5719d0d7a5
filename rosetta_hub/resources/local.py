"""Resources whose agents run on the machine of the service."""

import os
from pathlib import PurePosixPath

from rosetta_agent.protocol import socket_name
from rosetta_hub.agents.spec import LaunchContext, build_agent_spec, build_stop_spec
from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.catalogue.computing_conf import DockerApiConf
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task
from rosetta_hub.keys import Keys
from rosetta_hub.resources.access_local import LocalAccess
from rosetta_hub.resources.direct_launcher import DirectLauncher, build_local_invocation
from rosetta_hub.resources.published_port import LocalPorts
from rosetta_hub.resources.resource import HostInstance
from rosetta_hub.targets import Target, TcpTarget, UnixTarget
from rosetta_hub.tunnels.routes import Tunnel


class LocalHost:
    """This machine, without a workload manager; or a Docker host that is reached from it."""

    def __init__(self, computing: Computing, settings: Rosetta, keys: Keys) -> None:
        self._computing = computing
        self._settings = settings
        self._keys = keys
        self._launch_context = local_setting(computing, settings)
        self._ports = LocalPorts(settings)
        self._wms = DirectLauncher(LocalAccess(), build_local_invocation)
        conf = computing.conf
        self._address = conf.publish_address if isinstance(conf, DockerApiConf) else "127.0.0.1"

    async def instance(self, task: Task) -> HostInstance:
        """Of no interest: the service sees its own machine's restart."""
        return HostInstance()

    async def launch(self, task: Task) -> None:
        """Start the agent, or see that it runs."""
        job = build_agent_spec(
            task, self._computing, self._settings, self._keys, self._launch_context
        )
        await self._wms.submit(job)

    async def stop(self, task: Task) -> None:
        """Stop agent and container."""
        spec = build_stop_spec(task, self._computing, self._settings, self._launch_context)
        await self._wms.cancel(spec)

    @property
    def uses_tunnels(self) -> bool:
        """The edge is here, too."""
        return False

    async def locate(self, task: Task) -> None:
        """Nobody has to be asked."""

    def tunnel(self, task: Task) -> Tunnel | None:
        """None is needed."""
        return None

    def interface_target(self, task: Task, interface: int | None = None) -> Target | None:
        """The socket in the sandbox, or a port of the loopback address or the Docker host's."""
        if task.interface_kind == "socket":
            sandbox = PurePosixPath(self._launch_context.work_dir) / f"{task.id}-{task.attempt}"
            return UnixTarget(str(sandbox / socket_name(interface)))
        port = self._ports.published(task, interface)
        return None if port is None else TcpTarget(self._address, port)


def local_setting(computing: Computing, settings: Rosetta) -> LaunchContext:
    """What an agent is told that runs next to the service."""
    return LaunchContext(
        work_dir=computing.work_dir(os.getuid()),
        agents_url=settings.agents_url,
        engine_host=_engine_host(computing),
    )


def _engine_host(computing: Computing) -> dict[str, str] | None:
    conf = computing.conf
    if not isinstance(conf, DockerApiConf):
        return None
    return {
        "url": conf.url,
        "ca": conf.ca_file,
        "certificate": conf.certificate_file,
        "key": conf.key_file,
        "publish_address": conf.publish_address,
    }
