"""What checks have to work with, and what comes of them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar

from rosetta_hub.access import Access
from rosetta_hub.catalogue.catalogue import Catalogue, User
from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.catalogue.software import Software
from rosetta_hub.config import Rosetta
from rosetta_hub.errors import RosettaError
from rosetta_hub.resources.wms import Wms
from rosetta_hub.ssh.endpoint import Endpoint
from rosetta_hub.ssh.host_keys import HostKey
from rosetta_hub.tunnels.client import TunnelsClient

Status = Literal["ok", "failed", "skipped"]


class CheckFailed(RosettaError):
    """A check found a fault; `advice` is a message with what to do."""

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.advice = advice


class CheckSkipped(RosettaError):
    """A check does not apply here; the message says why."""


@dataclass(frozen=True)
class Result:
    """What came of a check."""

    name: str
    status: Status
    seconds: float
    text: str
    advice: str = ""


class HostContext(Protocol):
    """What is reached over SSH. `Context` and that of storages say more about it."""

    @property
    def address(self) -> Callable[[], Endpoint] | None:
        """Where the server is; None where there is none."""

    @property
    def scan(self) -> Callable[[Endpoint], Awaitable[HostKey]] | None:
        """Looks at the server's host key."""

    @property
    def accept_host_key(self) -> bool:
        """Whether the key that is shown now is pinned."""

    @property
    def accepted(self) -> Path | None:
        """The file of the host keys that an administrator has accepted."""


@dataclass
class Context:
    """A resource, on behalf of a user of the hub, and what earlier checks have found out.

    `endpoint` and what follows are None where the resource has none.
    """

    computing: Computing
    settings: Rosetta
    user: str
    access: Access
    software: Software | None = None
    """One that runs there, whose image is pulled."""
    endpoint: Callable[[], Endpoint] | None = None
    address: Callable[[], Endpoint] | None = None
    """The endpoint, keys of the user or not."""
    scan: Callable[[Endpoint], Awaitable[HostKey]] | None = None
    accept_host_key: bool = False
    accepted: Path | None = None
    """The file of the host keys that an administrator has accepted."""
    open_wms: Callable[[str], Wms] | None = None
    """The scheduler, for an account."""
    wms: Wms | None = None
    tunnels: TunnelsClient | None = None
    sockets: Path | None = None
    """Where the tunnels' process offers its sockets."""
    queue_timeout: float = 300
    """Seconds that the tiny job may wait for its start."""
    account: str = ""
    """The account on the resource, once it is known."""
    node: str = ""
    skew: float | None = None
    """Of the node's clock, in seconds, where it was asked."""
    probe: "Probe | None" = None

    async def find(self, name: str) -> Any:
        """What the probe has found; waits for it.

        Raises:
            CheckFailed: the probe is over, and has not found it.
        """
        return await self.probe.find(name) if self.probe else None


class Probe(Protocol):
    """The probe on its way, on a node."""

    spec: dict[str, Any]

    async def find(self, name: str) -> Any:
        """See `Context.find`."""

    async def start(self) -> str:
        """Start it, and wait until it runs; says where."""

    async def end(self) -> str:
        """Let it end, and leave nothing behind; says how it ended."""


def find_user(name: str, catalogue: Catalogue) -> User:
    """The user for whom storages are checked.

    Only the hub knows who is in a group: the user counts as a member of each.
    """
    groups = (group for storage in catalogue.storages.values() for group in storage.groups)
    return User(name, frozenset(groups))


C = TypeVar("C")


@dataclass(frozen=True)
class Check(Generic[C]):
    """A check of a resource or a storage: what it needs to have worked, and what it does.

    `run` returns what it has found. It raises CheckFailed or CheckSkipped; any other RosettaError
    counts as a failure.
    """

    name: str
    run: Callable[[C], Awaitable[str]]
    needs: tuple[str, ...] = ()
    advice: str = ""
    """What to do after a failure that says nothing else."""
