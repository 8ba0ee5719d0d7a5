"""The pod of an attempt is created, with the secrets that its containers and its node read.

Creating one again that is there already changes nothing: the answer to an earlier try may be lost.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from rosetta_hub.agents.credentials import task_environment
from rosetta_hub.agents.spec import software_of
from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.catalogue.conf_kubernetes import NamespaceConf
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task
from rosetta_hub.errors import Unavailable
from rosetta_hub.keys import Keys
from rosetta_hub.kubernetes.client import ApiRefused, KubernetesClient, NotReceived
from rosetta_hub.resources.kubernetes.pod import (
    belongs_to,
    build_labels,
    build_pod,
    build_secret,
)
from rosetta_hub.resources.kubernetes.pull_secrets import (
    add_pull_secret,
    build_pull_secret,
    has_pull_secret,
)
from rosetta_hub.resources.kubernetes.reasons import explain_quota, explain_refusal
from rosetta_hub.resources.kubernetes.sidecar import (
    add_sidecar,
    build_sidecar_secret,
    has_sidecar,
)
from rosetta_hub.resources.kubernetes.volumes import home_environment
from rosetta_hub.resources.wms import JobRefused, NotSubmitted, job_name

Document = dict[str, Any]

# The account for the image of a task: see rosetta_hub.registries.pull_access.describe_access.
FindRegistryAccess = Callable[[Task], Awaitable[Mapping[str, Any]]]

# Refusals that pass by themselves: a namespace that was just made has no account for pods yet, and
# an API server that has just started has not read the rights of accounts.
_PASSING = re.compile(
    r"error looking up service account|being terminated|etcdserver|cannot create resource"
)
_NOT_FOUND = 404


class PodSubmission:
    """Creates the pods of one computing resource.

    `dial_spec` says how the pod of a task dials the hub, `remove` deletes a pod that can't start.
    """

    def __init__(
        self,
        computing: Computing,
        conf: NamespaceConf,
        settings: Rosetta,
        keys: Keys,
        client: KubernetesClient,
        dial_spec: Callable[[Task], Document],
        remove: Callable[[Document], Awaitable[None]],
    ) -> None:
        self._computing = computing
        self._conf = conf
        self._stop_seconds = float(settings.stop_timeout)
        self._keys = keys
        self._client = client
        self._dial_spec = dial_spec
        self._remove = remove
        self._namespace = f"/api/v1/namespaces/{conf.namespace}"
        self.find_registry_access: FindRegistryAccess = _find_no_account

    async def create(self, task: Task) -> Document:
        """The pod of the attempt, which runs as soon as the cluster has room.

        Raises:
            NotSubmitted: nothing was created, and a later try may be taken.
            JobRefused: the task can't run there; the message is for its user.
            ResourceUnavailable: the server has not answered.
        """
        body = build_pod(
            job_name(self._keys.deployment, task),
            task,
            software_of(task),
            self._computing,
            self._conf,
            self._keys.deployment,
            self._stop_seconds,
        )
        access = await self._registry_access(task)
        if access["account"] is not None:
            add_pull_secret(body)
        if self._conf.tunnel == "reverse":
            add_sidecar(body, self._computing, self._conf)
        pod = await self._create_pod(task, body)
        await self._ensure_pull_secret(pod, access)
        await self.ensure_secret(task, pod)
        return pod

    async def ensure_secret(self, task: Task, pod: Document) -> None:
        """Create what the containers of the attempt read, unless it is there.

        Raises:
            ResourceUnavailable: the server has not answered.
            JobRefused: it refuses.
        """
        if has_sidecar(pod):
            # First, as its volume holds up the whole pod.
            spec = self._dial_spec(task)
            await self._create_secret(pod, build_sidecar_secret(pod, spec))
        environment = {
            **task_environment(task, software_of(task), self._keys),
            **home_environment(task),
        }
        await self._create_secret(pod, build_secret(pod, environment))

    async def ensure_pull_secret(self, task: Task, pod: Document) -> None:
        """Create the secret with the account of the image's registry, unless it is there.

        Raises:
            ResourceUnavailable: the server, or the hub, has not answered.
            JobRefused: the server refuses.
        """
        await self._ensure_pull_secret(pod, await self._registry_access(task))

    async def _ensure_pull_secret(self, pod: Document, access: Mapping[str, Any]) -> None:
        # An account that was deleted meanwhile is none.
        if has_pull_secret(pod) and access["account"] is not None:
            await self._create_secret(pod, build_pull_secret(pod, access))

    async def _registry_access(self, task: Task) -> Mapping[str, Any]:
        try:
            return await self.find_registry_access(task)
        except Unavailable as error:
            raise NotSubmitted(str(error)) from error

    async def _create_secret(self, pod: Document, secret: Document) -> None:
        try:
            await self._client.call("POST", f"{self._namespace}/secrets", secret)
        except ApiRefused as error:
            if error.reason == "AlreadyExists":
                return
            refusal = self._explain(error)
            if not isinstance(refusal, NotSubmitted):
                await self._remove(pod)
            raise refusal from error

    async def _create_pod(self, task: Task, body: Document) -> Document:
        try:
            return await self._client.call("POST", f"{self._namespace}/pods", body)
        except NotReceived as error:
            raise NotSubmitted(str(error)) from error
        except ApiRefused as error:
            if error.reason == "AlreadyExists":
                # The answer to an earlier try was lost.
                return await self._find_created(task)
            raise self._explain(error) from error

    async def _find_created(self, task: Task) -> Document:
        name = job_name(self._keys.deployment, task)
        pod = await get_pod(self._client, self._namespace, name)
        if pod is None:
            raise NotSubmitted("The pod of an earlier try has just been removed.")
        if not is_of(task, pod, self._keys.deployment):
            raise JobRefused(
                f"the namespace {self._conf.namespace} has a pod {name} that is not"
                " of this hub. Tell the administrator."
            )
        return pod

    def _explain(self, error: ApiRefused) -> NotSubmitted | JobRefused:
        """What a refusal means: to wait, or that the task can't run there."""
        if quota := explain_quota(str(error)):
            return NotSubmitted(quota)
        if _PASSING.search(str(error)):
            return NotSubmitted(f"{self._computing.name} is not ready: {error}.")
        return JobRefused(explain_refusal(str(error)))


async def get_pod(client: KubernetesClient, namespace: str, name: str) -> Document | None:
    """The pod of that name in the namespace at that path; None where there is none.

    Raises:
        ResourceUnavailable: the server has not answered, or refuses.
    """
    try:
        return await client.call("GET", f"{namespace}/pods/{name}")
    except ApiRefused as error:
        if error.status == _NOT_FOUND:
            return None
        raise NotReceived(str(error)) from error


def is_of(task: Task, pod: Document, deployment: str) -> bool:
    """Whether a pod is the one of the task's attempt, and none that got its name."""
    return belongs_to(pod, build_labels(task, deployment))


async def _find_no_account(task: Task) -> Mapping[str, Any]:
    """Before anybody asks for accounts of users."""
    return {"account": None}
