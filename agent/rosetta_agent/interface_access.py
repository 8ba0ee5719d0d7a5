"""Access to the interfaces of a container: which kind there is, and that it stays open."""

from typing import Any, Callable, Dict, List, Optional, Tuple

from rosetta_agent import namespaces
from rosetta_agent.access_options import DialOptions
from rosetta_agent.dialer import DialerSpec, start_dialer
from rosetta_agent.engines.base import Container
from rosetta_agent.errors import TaskFailure
from rosetta_agent.interface_probes import ReachedInterface
from rosetta_agent.processes import ProcessId, is_alive, terminate
from rosetta_agent.readiness import Address
from rosetta_agent.relay import RelayTarget, start_relay
from rosetta_agent.sandbox import Sandbox, recorded_identity
from rosetta_agent.spec import AgentSpec, FurtherInterface

Record = Callable[..., None]


class InterfaceAccess:
    """Helpers that lead to one container; what they are is recorded, so they are found again.

    ``state`` is what the sandbox has recorded, ``record`` changes it.
    """

    def __init__(
        self, spec: AgentSpec, sandbox: Sandbox, state: Dict[str, Any], record: Record
    ) -> None:
        self._spec = spec
        self._sandbox = sandbox
        self._state = state
        self._record = record

    def address(self, container: Container) -> Address:
        """Where this machine reaches the interface."""
        if self._needs_relay(container):
            return self._sandbox.socket
        return (container.host or "127.0.0.1", container.published or container.port)

    def interface(self, container: Container) -> Dict[str, Any]:
        """The interface, as it is reported."""
        if not self._needs_relay(container):
            return {"kind": "port", "port": container.published or container.port}
        if self._spec.dial is not None:
            return {"kind": "dial"}
        if self._spec.listen is not None:
            return {"kind": "listener", "port": self._state.get("listener")}
        return {"kind": "socket"}

    def further(self, container: Container) -> List[ReachedInterface]:
        """The further interfaces of the software, and how this machine reaches them."""
        ports = dict(self._further_ports(container))
        return [
            self._reached(interface, container, ports.get(interface.port))
            for interface in self._spec.interfaces
        ]

    def _reached(
        self, interface: FurtherInterface, container: Container, port: Optional[int]
    ) -> ReachedInterface:
        if port is None:
            return ReachedInterface(interface, None)
        if self._needs_relay(container):
            path = self._sandbox.interface_socket(interface.port)
            return ReachedInterface(interface, path)
        address = (container.host or "127.0.0.1", port)
        return ReachedInterface(interface, address, port)

    def _further_ports(self, container: Container) -> Tuple[Tuple[int, int], ...]:
        """Declared ports, and where they are: in the container's network, or published.

        In a network that the container shares with the machine, the port may be somebody else's:
        nobody is led there.
        """
        if container.published is not None:
            return container.further
        if container.process is None or _shares_network(container):
            return ()
        return tuple((interface.port, interface.port) for interface in self._spec.interfaces)

    def _needs_relay(self, container: Container) -> bool:
        if container.process is None:
            return False
        has_way_in = self._spec.listen is not None or self._spec.dial is not None
        return container.published is None or has_way_in

    def keep(self, container: Container) -> None:
        """Start the helpers, unless those that were recorded still run."""
        if self._needs_relay(container) and not self._lives("relay"):
            self._start_relay(container)
        if self._spec.dial is not None and container.process and not self._lives("dialer"):
            self._start_dialer(self._spec.dial, container, container.process)

    def _lives(self, name: str) -> bool:
        identity = recorded_identity(self._state, name)
        return identity is not None and is_alive(identity)

    def _start_relay(self, container: Container) -> None:
        assert container.process is not None  # noqa: S101 - there is a relay only then
        target = RelayTarget(
            container.published or container.port,
            container.process,
            container.enter and container.published is None,
            container.host,
            self._further_ports(container),
        )
        port = self._state.get("listener") or 0
        try:
            relay = start_relay(self._sandbox, target, self._spec.listen, port)
        except TaskFailure:
            if is_alive(container.process):
                raise
            return  # there is nothing to relay to any more
        self._record(relay=list(relay.process), listener=relay.port)

    def _start_dialer(self, dial: DialOptions, container: Container, process: ProcessId) -> None:
        spec = DialerSpec(
            url=dial.url,
            ca=dial.ca,
            secret=self._spec.secret,
            task=self._spec.attempt.task,
            attempt=self._spec.attempt.attempt,
            socket=self._sandbox.socket,
            container=list(process),
            further=[
                [declared, self._sandbox.interface_socket(declared)]
                for declared, _port in self._further_ports(container)
            ],
        )
        self._record(dialer=list(start_dialer(self._sandbox, spec)))

    def close(self) -> None:
        """End the helpers."""
        for name in ("relay", "dialer"):
            terminate(recorded_identity(self._state, name), 2.0)


def _shares_network(container: Container) -> bool:
    """Whether other programs of the machine listen in the network of a container, too."""
    assert container.process is not None  # noqa: S101 - tells the type checker
    return not container.enter or namespaces.is_own_network(container.process.pid)
