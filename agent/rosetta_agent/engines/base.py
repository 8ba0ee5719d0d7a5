"""What the agent needs of a container engine.

A subclass defines ``version``, ``fetch``, ``find``, ``start``, ``inspect``, ``remove`` and
``follow_log``; it builds its command lines by pure functions ``build_*_command`` that
return argument lists, and reads output by pure functions ``parse_*``. See ``docker.py``.
"""

import abc
from typing import Callable, NamedTuple, Optional, Tuple

from rosetta_agent.logs import Follower
from rosetta_agent.processes import ProcessId, is_alive
from rosetta_agent.progress import Progress
from rosetta_agent.registry_access import RegistryAccess
from rosetta_agent.sandbox import Sandbox
from rosetta_agent.spec import AgentSpec, Attempt
from rosetta_agent.usage import Usage, measure


class Container(NamedTuple):
    """A container that was started, and how its interface is reached.

    ``process`` is its first process, or None where it is not one of this machine. With
    ``enter`` the relay joins its network namespace; ``port`` is the one it listens on
    there. A ``published`` port is one of this machine instead. ``host`` is the address of
    either where it is not the loopback's. A ``monitor`` looks after a container that has no
    engine: it is lost without. ``further`` are the published ports of further interfaces, by
    those that they have in the container.
    """

    process: Optional[ProcessId]
    port: int
    enter: bool = True
    published: Optional[int] = None
    warnings: Tuple[str, ...] = ()
    monitor: Optional[ProcessId] = None
    host: Optional[str] = None
    further: Tuple[Tuple[int, int], ...] = ()

    def is_watched(self) -> bool:
        """Whether it is seen to run, and everything that it needs with it."""
        if self.process is None or not is_alive(self.process):
            return False
        return self.monitor is None or is_alive(self.monitor)


class ContainerStatus(NamedTuple):
    """What the engine answered: ``kind`` is running, exited or gone."""

    kind: str
    exit_code: Optional[int] = None
    out_of_memory: bool = False
    detail: str = ""


class Pulling(NamedTuple):
    """How a pull tells about its progress, and learns that it is no longer wanted.

    ``wait`` sleeps for so many seconds, or until it is cancelled; then it returns true.
    ``access`` asks for the account at the registry.
    """

    cancelled: Callable[[], bool]
    wait: Callable[[float], bool]
    on_progress: Callable[[Progress], None]
    on_start: Callable[[], None]
    access: Callable[[], RegistryAccess] = RegistryAccess


class Engine(abc.ABC):
    """One engine for one attempt; methods raise TaskFailure, or StateUnknown to ask again."""

    def __init__(self, attempt: Attempt, sandbox: Sandbox) -> None:
        self.attempt = attempt
        self.sandbox = sandbox

    @property
    def name(self) -> str:
        """Name of the container."""
        return self.attempt.name

    @abc.abstractmethod
    def version(self) -> str:
        """Version of the engine, asked of the engine itself."""

    @abc.abstractmethod
    def fetch(self, spec: AgentSpec, pulling: Pulling) -> None:
        """Make the image available; ``pulling.on_start`` is called only if it has to come."""

    def image_digests(self, spec: AgentSpec) -> Tuple[str, ...]:
        """The digests by which the fetched image is known in its registry; none: not known."""
        return () if spec.image.digest is None else (spec.image.digest,)

    @abc.abstractmethod
    def find(self, spec: AgentSpec) -> Optional[Container]:
        """The container that an earlier agent of this attempt started, running or ended.

        One that was made but never started is removed, and counts as none.
        """

    @abc.abstractmethod
    def start(self, spec: AgentSpec) -> Container:
        """Start the container; it is never started twice."""

    @abc.abstractmethod
    def inspect(self) -> ContainerStatus:
        """Ask how the container is."""

    @abc.abstractmethod
    def remove(self, grace: float) -> None:
        """Stop the container within ``grace`` seconds and remove it; nothing to do is fine.

        Raises:
            StateUnknown: the engine did not answer, the container may still be there.
        """

    @abc.abstractmethod
    def follow_log(self) -> Optional[Follower]:
        """What copies the output to the log file; None where that happens anyway."""

    def sweep(self) -> None:  # noqa: B027 - most engines have nothing to do
        """Remove containers of this user whose agents were killed along with batch jobs."""

    def measure(self, container: Container) -> Optional[Usage]:
        """CPU time and memory of the container, without asking the engine."""
        return None if container.process is None else measure(container.process.pid)
