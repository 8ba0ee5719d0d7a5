"""A cluster with a workload manager: tasks are its jobs, whatever the manager and the way there."""

import logging
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from rosetta_hub.agents.bundle import build_batch_script
from rosetta_hub.agents.spec import build_agent_spec
from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.catalogue.computing_conf import RemoteConf
from rosetta_hub.catalogue.queue_request import QueueRequest
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task
from rosetta_hub.errors import ConfigError, ResourceUnavailable
from rosetta_hub.keys import Keys
from rosetta_hub.resources.inventory import Inventory
from rosetta_hub.resources.remote import RemoteResource
from rosetta_hub.resources.wms import (
    Job,
    JobEnd,
    JobRequest,
    QueueIsPrivate,
    Wms,
    job_name,
    parse_job_name,
)
from rosetta_hub.ssh.endpoint import Endpoint
from rosetta_hub.ssh.errors import TimedOut, Unreachable
from rosetta_hub.targets import Target, TcpTarget
from rosetta_hub.tasks.interfaces import further_ports
from rosetta_hub.tunnels.routes import SshRoute, Tunnel

log = logging.getLogger(__name__)


# Accounts that are asked one after the other, in one round, where some can't ask.
ACCOUNTS_ASKED = 3


class RemoteAccounts(Protocol):
    """Whose account a user of the hub has on the cluster."""

    def remote_user(self, user: str) -> str:
        """The account's name.

        Raises:
            ResourceUnavailable: it is not known.
        """


class Cluster:
    """A queue; `open_wms` gives its workload manager as a user of the hub sees it."""

    def __init__(
        self,
        computing: Computing,
        settings: Rosetta,
        keys: Keys,
        accounts: RemoteAccounts,
        open_wms: Callable[[str], Wms],
        endpoint: Callable[[str], Endpoint] | None,
        waiting_message: Callable[[Job, JobRequest], str],
    ) -> None:
        if not isinstance(computing.conf, RemoteConf):
            raise ConfigError(f"{computing.id} is not a remote resource.")
        self._conf = computing.conf
        self._computing = computing
        self._settings = settings
        self._keys = keys
        self._accounts = accounts
        self._open_wms = open_wms
        self._endpoint = endpoint
        self._message = waiting_message
        self._remote = RemoteResource(computing, settings, keys)
        self._turns = Turns()

    @property
    def has_agents(self) -> bool:
        """See Queue."""
        return True

    @property
    def has_unique_names(self) -> bool:
        """See Queue: schedulers take any number of jobs with one name."""
        return False

    def job_name(self, task: Task) -> str:
        """See Queue."""
        return job_name(self._keys.deployment, task)

    def task_of(self, job: Job) -> tuple[str, int] | None:
        """See Queue."""
        return parse_job_name(self._keys.deployment, job.name)

    def remote_user(self, user: str) -> str:
        """See Queue."""
        return self._accounts.remote_user(user)

    async def submit(self, task: Task) -> str:
        """See Queue. The script carries the agent, and travels on standard input."""
        # The node fills the number of its user in, which nobody has to know here.
        work_dir = self._computing.work_dir("{uid}")
        context = self._remote.context(task, work_dir, listens=self._remote.tunnel != "reverse")
        job = build_agent_spec(task, self._computing, self._settings, self._keys, context)
        script = build_batch_script(job, self._conf.python, prologue=self._conf.prologue)
        return await self._open_wms(task.user).submit(self._request(task), script)

    async def jobs(self, tasks: Iterable[Task]) -> list[Job]:
        """See Queue. Any of the accounts may ask for all; the first one that can does."""
        users = {task.remote_user: task.user for task in tasks if task.remote_user}
        error: ResourceUnavailable | None = None
        for account in self._turns.spec(users)[:ACCOUNTS_ASKED]:
            try:
                jobs = await self._open_wms(users[account]).jobs(sorted(users))
            except QueueIsPrivate:
                return await self._jobs_of_each(users)
            except (Unreachable, TimedOut):
                # The same for all accounts: each of them would wait for it again.
                raise
            except ResourceUnavailable as failure:
                self._turns.failed(account)
                error = error or failure
            else:
                return jobs
        if error is not None:
            raise error
        return []

    async def _jobs_of_each(self, users: Mapping[str, str]) -> list[Job]:
        """A query an account, where the scheduler shows nobody the jobs of others.

        The jobs of an account that can't ask are missing; each of them is asked for by its own
        account before it is believed to have ended.
        """
        jobs: list[Job] = []
        errors: list[ResourceUnavailable] = []
        for account, user in users.items():
            try:
                jobs += await self._open_wms(user).jobs([account])
            except (Unreachable, TimedOut):
                raise
            except ResourceUnavailable as error:
                errors.append(error)
        if len(errors) == len(users):
            raise errors[0]
        return jobs

    def why(self, job: Job, task: Task) -> str:
        """See Queue."""
        return self._message(job, self._request(task))

    async def find(self, task: Task) -> list[Job]:
        """See Queue."""
        return await self._open_wms(task.user).find(self.job_name(task))

    async def end(self, task: Task) -> JobEnd | None:
        """See Queue."""
        return await self._open_wms(task.user).end(task.job_id) if task.job_id else None

    async def ends(self, tasks: Iterable[Task]) -> dict[str, JobEnd]:
        """See Queue."""
        jobs: dict[str, list[str]] = defaultdict(list)
        for task in tasks:
            if task.job_id is not None:
                jobs[task.user].append(task.job_id)
        ends: dict[str, JobEnd] = {}
        for user, job_ids in jobs.items():
            try:
                ends |= await self._open_wms(user).ends(job_ids)
            except (Unreachable, TimedOut) as error:
                log.warning("%s: %s", self._computing.id, error)
                break
            except ResourceUnavailable as error:
                log.warning("%s: %s", self._computing.id, error)
        return ends

    async def cancel(self, user: str, job: Job) -> None:
        """See Queue."""
        await self._open_wms(user).cancel(job.id)

    async def extend(self, task: Task, seconds: int) -> None:
        """See Queue."""
        if task.job_id is not None:
            await self._open_wms(task.user).extend(task.job_id, seconds)

    async def inventory(self, user: str) -> Inventory:
        """See Queue."""
        return await self._open_wms(user).inventory()

    @property
    def uses_tunnels(self) -> bool:
        """See Resource."""
        return True

    async def locate(self, task: Task) -> None:
        """See Resource. Node and port are reported, so that nobody has to be asked."""

    def tunnel(self, task: Task) -> Tunnel | None:
        """See Resource. Nodes are reached through the login node, unless there is another way."""
        if self._remote.tunnel == "reverse":
            return self._remote.reverse_tunnel(task)
        # The node's name comes from the scheduler, only the port from the node itself.
        if task.interface_kind != "listener" or task.interface_port is None or not task.node:
            return None
        if self._remote.tunnel == "direct" or self._endpoint is None:
            return self._remote.direct_tunnel(task, task.node)
        target = TcpTarget(task.node, task.interface_port)
        secret = self._keys.tunnel_secret(task.id, task.attempt)
        route = SshRoute(self._endpoint(task.user), target, secret)
        return Tunnel(task.id, task.attempt, route, further_ports(task))

    def interface_target(self, task: Task, interface: int | None = None) -> Target | None:
        """See Resource."""
        return self._remote.interface_target(task, interface)

    def _request(self, task: Task) -> JobRequest:
        queue_request = QueueRequest.model_validate(task.request)
        name, extra = self.job_name(task), self._computing.submit_options
        return build_request(name, task.cpus, task.memory, queue_request, extra)


class Turns:
    """Which account asks first: one that has not failed, or whose failure is the longest ago."""

    def __init__(self) -> None:
        self._failures: dict[str, int] = {}
        self._count = 0

    def spec(self, accounts: Iterable[str]) -> list[str]:
        """These accounts, in turn; the others are forgotten."""
        names = list(accounts)
        self._failures = {
            account: self._failures[account] for account in names if account in self._failures
        }
        return sorted(names, key=lambda account: self._failures.get(account, 0))

    def failed(self, account: str) -> None:
        """The account could not ask."""
        self._count += 1
        self._failures[account] = self._count


def build_request(
    name: str,
    cpus: float | None,
    memory: int | None,
    queue_request: QueueRequest,
    extra: tuple[str, ...] = (),
) -> JobRequest:
    """What is asked of the scheduler; it knows whole cores only, so parts are rounded up."""
    return JobRequest(
        name=name,
        cpus=math.ceil(cpus) if cpus else None,
        memory=memory,
        time_limit=queue_request.time,
        partition=queue_request.partition,
        account=queue_request.account,
        qos=queue_request.qos,
        gpus=queue_request.gpus or None,
        gpu_type=queue_request.gpu_type,
        constraint=queue_request.constraint,
        reservation=queue_request.reservation,
        extra=extra,
    )
