"""A standalone host over SSH: the agent is started there and detaches itself."""

import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

from rosetta_agent.protocol import socket_name
from rosetta_hub.access import Access
from rosetta_hub.agents.bundle import Verb, build_remote_command, build_remote_stdin
from rosetta_hub.agents.spec import LaunchContext, build_agent_spec, build_stop_spec
from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.catalogue.computing_conf import SshConf
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task
from rosetta_hub.errors import ConfigError, ResourceUnavailable
from rosetta_hub.keys import Keys
from rosetta_hub.resources.direct_launcher import DirectLauncher
from rosetta_hub.resources.endpoints import Endpoints
from rosetta_hub.resources.published_port import published_port
from rosetta_hub.resources.remote import RemoteResource
from rosetta_hub.resources.resource import HostInstance
from rosetta_hub.ssh.endpoint import Endpoint
from rosetta_hub.targets import Target, TcpTarget, UnixTarget
from rosetta_hub.tasks.interfaces import further_ports
from rosetta_hub.tunnels.routes import SshRoute, Tunnel

# Seconds for a command that asks the host about itself.
ASK_TIMEOUT = 30
# The kernel's id of this start, when its first process was started (for a host that is a
# container), and the uid: see proc(5).
ASK_COMMAND = ["cat", "/proc/sys/kernel/random/boot_id", "/proc/1/stat", "/proc/self/status"]


class SshHost:
    """A host with sshd and container engines."""

    def __init__(
        self,
        computing: Computing,
        settings: Rosetta,
        keys: Keys,
        endpoints: Endpoints,
        open_access: Callable[[Endpoint], Access],
    ) -> None:
        if not isinstance(computing.conf, SshConf):
            raise ConfigError(f"{computing.id} is not reached over SSH.")
        self._conf = computing.conf
        self._computing = computing
        self._settings = settings
        self._keys = keys
        self._endpoints = endpoints
        self._open_access = open_access
        self._remote = RemoteResource(computing, settings, keys)
        self._uids: dict[str, int] = {}

    async def instance(self, task: Task) -> HostInstance:
        """The account, and which start of the host this is."""
        _, boot_id = await self._ask(task.user)
        return HostInstance(self._endpoints.remote_user(task.user), boot_id)

    async def launch(self, task: Task) -> None:
        """Start the agent, or see that it runs; it outlives the connection."""
        context = await self._launch_context(task)
        job = build_agent_spec(task, self._computing, self._settings, self._keys, context)
        await self._wms(task.user).submit(job)

    async def stop(self, task: Task) -> None:
        """Stop agent and container."""
        context = await self._launch_context(task)
        spec = build_stop_spec(task, self._computing, self._settings, context)
        await self._wms(task.user).cancel(spec)

    @property
    def uses_tunnels(self) -> bool:
        """See Resource."""
        return True

    async def locate(self, task: Task) -> None:
        """Ask for the number of the account, which is part of the path of a socket."""
        if self._remote.tunnel != "reverse" and task.interface_kind == "socket":
            await self._work_dir(task.user)

    def tunnel(self, task: Task) -> Tunnel | None:
        """By the tunnel that the administrator chose; through the one SSH connection by default."""
        if self._remote.tunnel == "reverse":
            return self._remote.reverse_tunnel(task)
        if task.interface_kind == "listener":
            return self._remote.direct_tunnel(task, self._conf.host)
        target = self._target(task)
        if target is None:
            return None
        further = {port: self._target(task, port) for port in further_ports(task)}
        targets = tuple(
            (port, endpoint) for port, endpoint in further.items() if endpoint is not None
        )
        route = SshRoute(self._endpoints.endpoint(task.user), target, None, targets)
        return Tunnel(task.id, task.attempt, route, tuple(further))

    def interface_target(self, task: Task, interface: int | None = None) -> Target | None:
        """The socket that the tunnels process offers for the task."""
        return self._remote.interface_target(task, interface)

    def _target(self, task: Task, interface: int | None = None) -> Target | None:
        if task.interface_kind == "socket":
            sandbox = PurePosixPath(self._known_work_dir(task.user)) / f"{task.id}-{task.attempt}"
            return UnixTarget(str(sandbox / socket_name(interface)))
        port = published_port(task, interface)
        return None if port is None else TcpTarget("127.0.0.1", port)

    async def _launch_context(self, task: Task) -> LaunchContext:
        listens = self._remote.tunnel == "direct"
        return self._remote.context(task, await self._work_dir(task.user), listens)

    async def _work_dir(self, user: str) -> str:
        account = self._endpoints.remote_user(user)
        if account not in self._uids:
            self._uids[account], _ = await self._ask(user)
        return self._computing.work_dir(self._uids[account])

    def _known_work_dir(self, user: str) -> str:
        uid = self._uids.get(self._endpoints.remote_user(user))
        if uid is None:
            raise ResourceUnavailable(f"{self._computing.name} has not answered yet.")
        return self._computing.work_dir(uid)

    async def _ask(self, user: str) -> tuple[int, str]:
        access = self._endpoints.access(user, self._open_access)
        answer = await access.run(ASK_COMMAND, "", ASK_TIMEOUT)
        return parse_host(answer.stdout)

    def _wms(self, user: str) -> DirectLauncher:
        return DirectLauncher(
            self._endpoints.access(user, self._open_access), self._build_invocation
        )

    def _build_invocation(self, verb: Verb, job: Mapping[str, Any]) -> tuple[list[str], str]:
        return build_remote_command(verb, self._conf.python), build_remote_stdin(job)


def parse_host(text: str) -> tuple[int, str]:
    """The uid, and what tells one start of the host from another, from `ASK_COMMAND`'s output.

    Raises:
        ResourceUnavailable: it is something else.
    """
    boot_id, _, rest = text.partition("\n")
    stat, _, status = rest.partition("\n")
    # The name in parentheses may hold spaces; the start time is the 22nd field, the 20th after it.
    fields = stat.rpartition(")")[2].split()
    uid = re.search(r"^Uid:\s+(\d+)", status, re.MULTILINE)
    if uid is None or len(fields) < 20:
        raise ResourceUnavailable("The host did not answer as a Linux machine does.")
    return int(uid[1]), f"{boot_id.strip()} {fields[19]}"
