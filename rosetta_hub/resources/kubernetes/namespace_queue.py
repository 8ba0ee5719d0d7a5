"""A namespace of a Kubernetes cluster as a queue: a job is a pod, and its id the pod's uid.

The name of a pod is that of the attempt, so that creating it twice can't make two of them.
"""

import contextlib
import logging
import re
from collections.abc import Iterable
from typing import Any

from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.catalogue.conf_kubernetes import NamespaceConf
from rosetta_hub.catalogue.queue_request import QueueRequest
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task, utc_now
from rosetta_hub.errors import ConfigError, ResourceUnavailable
from rosetta_hub.keys import Keys
from rosetta_hub.kubernetes.api_server import ApiServer
from rosetta_hub.kubernetes.client import ApiRefused, KubernetesClient, NotReceived
from rosetta_hub.resources.cluster import build_request
from rosetta_hub.resources.inventory import Inventory, Partition
from rosetta_hub.resources.kubernetes.pod import (
    ATTEMPT_LABEL,
    CONTAINER,
    DEPLOYMENT_LABEL,
    TASK_LABEL,
)
from rosetta_hub.resources.kubernetes.pod_submission import PodSubmission, get_pod, is_of
from rosetta_hub.resources.kubernetes.pods import Pods
from rosetta_hub.resources.kubernetes.reasons import (
    NODE_IS_ADDED,
    explain_deletion,
    waiting_message,
)
from rosetta_hub.resources.kubernetes.removal import delete_pod
from rosetta_hub.resources.kubernetes.scale_ups import ScaleUps
from rosetta_hub.resources.kubernetes.states import (
    TERMINATING,
    build_end,
    build_job,
    find_end_in_events,
    has_ended,
)
from rosetta_hub.resources.kubernetes.tunnels import PodTunnels
from rosetta_hub.resources.kubernetes.usage import PodUsage
from rosetta_hub.resources.wms import (
    NO_MORE_TIME,
    Job,
    JobEnd,
    JobRefused,
    JobState,
    ShutOut,
    job_name,
    parse_job_name,
)
from rosetta_hub.targets import Target
from rosetta_hub.tunnels.routes import Tunnel

log = logging.getLogger(__name__)

Document = dict[str, Any]

# Bytes of a log that are read of the API server.
LOG_BYTES = 5 * 1024 * 1024
_BEING_DELETED = re.compile(r"namespace \S+ because it is being terminated")
_NO_RIGHT = re.compile(r"cannot create resource")
_NOT_FOUND = 404


class KubernetesQueue:
    """See Queue. All tasks run in one namespace, as the hub's account there."""

    def __init__(
        self, computing: Computing, settings: Rosetta, keys: Keys, client: KubernetesClient
    ) -> None:
        if not isinstance(computing.conf, NamespaceConf):
            raise ConfigError(f"{computing.id} is not a Kubernetes cluster.")
        self._conf = computing.conf
        self._computing = computing
        self._keys = keys
        self._client = client
        self._namespace = f"/api/v1/namespaces/{self._conf.namespace}"
        self._selector = f"{DEPLOYMENT_LABEL}={keys.deployment}"
        self._scale_ups = ScaleUps(self._list_events_of)
        self.pods = Pods(client, f"{self._namespace}/pods", self._selector)
        self.usage = PodUsage(client, self._conf.namespace, self._selector)
        self._tunnels = PodTunnels(
            self._conf, settings, keys, client, self.pods, pod_name=self.job_name
        )
        self.submission = PodSubmission(
            computing, self._conf, settings, keys, client, self._tunnels.dial_spec, self.remove
        )

    @property
    def has_agents(self) -> bool:
        """See Queue: the service itself looks after pods."""
        return False

    @property
    def has_unique_names(self) -> bool:
        """See Queue: the API server refuses a second pod of that name."""
        return True

    def job_name(self, task: Task) -> str:
        """See Queue."""
        return job_name(self._keys.deployment, task)

    def task_of(self, job: Job) -> tuple[str, int] | None:
        """See Queue."""
        return parse_job_name(self._keys.deployment, job.name)

    def server(self) -> ApiServer:
        """The API server, and the account there, that count now.

        Raises:
            ResourceUnavailable: the configuration can't be read now.
        """
        return self._client.server()

    def has_pods(self) -> bool:
        """Whether any pod of this hub is there.

        Raises:
            ResourceUnavailable: nothing is known of the pods now.
        """
        return bool(self.pods.all())

    def owner(self, pod: Document) -> tuple[str, int] | None:
        """Task id and attempt of one of the `pods`."""
        labels = pod["metadata"].get("labels", {})
        attempt = str(labels.get(ATTEMPT_LABEL, ""))
        return (str(labels.get(TASK_LABEL)), int(attempt)) if attempt.isdecimal() else None

    def remote_user(self, user: str) -> str:
        """See Queue."""
        return self._conf.namespace

    async def submit(self, task: Task) -> str:
        """See Queue."""
        pod = await self.submission.create(task)
        self.pods.put(pod)
        return str(pod["metadata"]["uid"])

    async def jobs(self, tasks: Iterable[Task]) -> list[Job]:
        """See Queue. Costs no query, unless a pod fits on no node: the pods are watched."""
        user, pods = self._conf.namespace, self._all_pods()
        await self._scale_ups.look(list(pods.values()))
        return [build_job(pod, user) for pod in pods.values()]

    def _all_pods(self) -> dict[str, Document]:
        try:
            return self.pods.all()
        except ResourceUnavailable as error:
            if not self.pods.removed:
                raise
            ends = dict.fromkeys(self.pods.removed, self._namespace_end)
            advice = explain_deletion(self._conf.namespace, self._computing.id)
            raise ShutOut(f"{str(error).rstrip('.')}. {advice}", ends) from error

    @property
    def _namespace_end(self) -> JobEnd:
        return JobEnd("namespace_deleted", "Deleted", by=self._conf.namespace)

    async def is_deleted(self) -> bool:
        """Whether somebody has deleted the namespace: nothing new is taken then.

        Raises:
            ResourceUnavailable: the server has not answered, or the hub may not ask any more.
        """
        probe: Document = {"metadata": {"name": "rosetta-probe"}}
        try:
            await self._client.call("POST", f"{self._namespace}/secrets", probe, {"dryRun": "All"})
        except ApiRefused as error:
            if error.status == _NOT_FOUND or _BEING_DELETED.search(str(error)):
                return True
            if _NO_RIGHT.search(str(error)):
                raise NotReceived(str(error)) from error
        return False

    def why(self, job: Job, task: Task) -> str:
        """See Queue."""
        if job.id in self._scale_ups:
            return NODE_IS_ADDED
        request = QueueRequest.model_validate(task.request)
        return waiting_message(job, build_request(job.name, task.cpus, task.memory, request))

    async def find(self, task: Task) -> list[Job]:
        """See Queue."""
        pod = await self._get(task)
        if pod is None:
            return []
        job = build_job(pod, self._conf.namespace)
        if has_ended(pod):
            return [Job(job.id, job.name, job.user, JobState.ENDED, job.scheduler_state)]
        return [job]

    async def end(self, task: Task) -> JobEnd | None:
        """See Queue."""
        pod = await self._get(task)
        if pod is not None and pod["metadata"]["uid"] == task.job_id:
            return build_end(pod)
        end = find_end_in_events(await self.events(task))
        if (end is None or end.cause == "cancelled") and await self.is_deleted():
            return self._namespace_end
        return end

    async def ends(self, tasks: Iterable[Task]) -> dict[str, JobEnd]:
        """See Queue: each is asked for by itself."""
        return {}

    async def cancel(self, user: str, job: Job) -> None:
        """See Queue. The list of pods is not needed, which `rosetta-hub shutdown` does not have."""
        if job.scheduler_state == TERMINATING:
            return
        pod = await self._get_named(job.name)
        if pod is not None and pod["metadata"]["uid"] == job.id:
            await self.remove(pod)

    async def remove(self, pod: Document) -> None:
        """Delete a pod; its secret goes with it.

        Raises:
            ResourceUnavailable: the server has not answered.
        """
        try:
            await delete_pod(self._client, f"{self._namespace}/pods", pod)
        except ApiRefused as error:
            raise NotReceived(str(error)) from error

    async def extend(self, task: Task, seconds: int) -> None:
        """See Queue: the deadline of a pod can't be put off."""
        raise JobRefused(NO_MORE_TIME)

    async def inventory(self, user: str) -> Inventory:
        """See Queue: the pools that can be chosen."""
        pools = tuple(Partition(name=name, state="up") for name in self._conf.pools)
        return Inventory(partitions=pools, collected=utc_now())

    async def events(self, task: Task) -> list[Document]:
        """What the cluster has noted about the attempt's pod, oldest first.

        Empty where the hub may not look: they only make more precise what the pod says.

        Raises:
            ResourceUnavailable: the server has not answered.
        """
        selector = f"involvedObject.kind=Pod,involvedObject.name={self.job_name(task)}"
        try:
            events = await self._list_events(selector)
        except ApiRefused as error:
            log.info("events of %s: %s", task.id, error)
            # Nothing is concluded where the hub may not look at pods either.
            await self._get(task)
            return []
        return sorted(events, key=lambda event: str(event.get("lastTimestamp") or ""))

    async def _list_events(self, selector: str) -> list[Document]:
        query = {"fieldSelector": selector}
        answer = await self._client.call("GET", f"{self._namespace}/events", query=query)
        events: list[Document] = answer.get("items") or []
        return events

    async def _list_events_of(self, reason: str) -> list[Document]:
        return await self._list_events(f"reason={reason}")

    async def log(self, pod: Document, since: str | None = None) -> bytes:
        """The output of the pod's container, each line with its time; empty while there is none.

        From its beginning, or from the second of the time `since` on; `LOG_BYTES` at most.

        Raises:
            ResourceUnavailable: the server has not answered.
        """
        path = f"{self._namespace}/pods/{pod['metadata']['name']}/log"
        query = {"container": CONTAINER, "limitBytes": str(LOG_BYTES), "timestamps": "true"}
        if since is not None:
            query["sinceTime"] = since
        # Refused while the container is being created, and once it is gone.
        with contextlib.suppress(ApiRefused):
            return await self._client.raw(path, query)
        return b""

    @property
    def uses_tunnels(self) -> bool:
        """See Resource."""
        return self._tunnels.are_used

    async def locate(self, task: Task) -> None:
        """See Resource: what the tunnels need is known."""

    def tunnel(self, task: Task) -> Tunnel | None:
        """See Resource."""
        return self._tunnels.describe(task)

    def interface_target(self, task: Task, interface: int | None = None) -> Target | None:
        """See Resource."""
        return None if task.interface_kind is None else self.probe_target(task, interface)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What users should know about tasks here; see `rosetta_agent.protocol.WARNINGS`."""
        return () if self._conf.network_policies else ("neighbours_can_connect",)

    def probe_target(self, task: Task, interface: int | None = None) -> Target | None:
        """Where an interface is, whether or not it answers yet; None while nobody knows.

        Raises:
            ResourceUnavailable: the pods have not been listed yet.
        """
        return self._tunnels.target(task, interface)

    async def _get(self, task: Task) -> Document | None:
        """The task's pod; None where there is none, or where another one has its name."""
        pod = await self._get_named(self.job_name(task))
        return pod if pod is not None and is_of(task, pod, self._keys.deployment) else None

    async def _get_named(self, name: str) -> Document | None:
        return await get_pod(self._client, self._namespace, name)
