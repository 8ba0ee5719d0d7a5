"""A computing resource as the reconciler uses it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from rosetta_hub.database.models import Task
from rosetta_hub.resources.inventory import Inventory
from rosetta_hub.resources.wms import Job, JobEnd
from rosetta_hub.targets import Target
from rosetta_hub.tunnels.routes import Tunnel


class Resource(Protocol):
    """What every combination of access, WMS and engine offers.

    Every call may be repeated. `ResourceUnavailable` means that nothing is known.
    """

    @property
    def uses_tunnels(self) -> bool:
        """Whether its tasks are reached through the tunnels' process."""

    async def locate(self, task: Task) -> None:
        """Ask the resource what `tunnel` needs to know, unless it was asked before."""

    def tunnel(self, task: Task) -> Tunnel | None:
        """What has to be open for the edge to reach the interface, None where nothing has to.

        Asks nobody. Raises ResourceUnavailable where `locate` has to be called before.
        """

    def interface_target(self, task: Task, interface: int | None = None) -> Target | None:
        """Where the edge reaches the interface, None while it does not answer.

        `interface` is the port of a further one, which the task's software has to declare. Raises
        ResourceUnavailable where the resource has to answer first.
        """


@dataclass(frozen=True)
class HostInstance:
    """Where an agent was started: the account, and what tells one start of the host from another.

    None: not known, or of no interest there.
    """

    remote_user: str | None = None
    boot_id: str | None = None


class Host(Resource, Protocol):
    """A resource without a workload manager: agents are started at once."""

    async def instance(self, task: Task) -> HostInstance:
        """Where the task's agent is or will be started."""

    async def launch(self, task: Task) -> None:
        """See that the agent of the task's present attempt runs."""

    async def stop(self, task: Task) -> None:
        """End the attempt; returns when nothing of it is left on the host."""


class Queue(Resource, Protocol):
    """A resource whose tasks are jobs of a workload manager."""

    @property
    def has_agents(self) -> bool:
        """Whether its jobs hold an agent, which stops its container when it is told to."""

    @property
    def has_unique_names(self) -> bool:
        """Whether two jobs can't have one name, so that an attempt may be submitted again."""

    def job_name(self, task: Task) -> str:
        """The name that tells the attempt's job from all others, of other hubs included."""

    def task_of(self, job: Job) -> tuple[str, int] | None:
        """Task id and attempt of a job that this hub submitted; None for other jobs."""

    def remote_user(self, user: str) -> str:
        """The account of a user of the hub.

        Raises:
            ResourceUnavailable: the user has not said which.
        """

    async def submit(self, task: Task) -> str:
        """Submit the attempt's job; returns its id.

        Raises:
            JobRefused: the scheduler said no.
        """

    async def jobs(self, tasks: Iterable[Task]) -> list[Job]:
        """All waiting and running jobs of the tasks' accounts, in one query."""

    def why(self, job: Job, task: Task) -> str:
        """Why the task's job waits, as a message; empty when it does not."""

    async def find(self, task: Task) -> list[Job]:
        """The attempt's jobs by name, asked with the task's own account."""

    async def end(self, task: Task) -> JobEnd | None:
        """How the task's job ended; None while it has not, or where nobody knows."""

    async def ends(self, tasks: Iterable[Task]) -> dict[str, JobEnd]:
        """How the tasks' jobs ended, by their ids, as far as one query for each account tells."""

    async def cancel(self, user: str, job: Job) -> None:
        """Cancel a job of a user of the hub, in whatever state it is."""

    async def extend(self, task: Task, seconds: int) -> None:
        """Add so many seconds to the time limit of the task's running job, as its own account.

        Raises:
            JobRefused: the scheduler does not let the job's owner have more time.
        """

    async def inventory(self, user: str) -> Inventory:
        """What a user of the hub can ask for there now."""
