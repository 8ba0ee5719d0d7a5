"""The pods through which the hub reaches files: made when they are needed, found again, removed.

A pod ends by itself when it is not used; what is left of it then is removed here. So nothing has
to be remembered: a service that was killed finds the pods by their labels.
"""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from rosetta_hub.catalogue.conf_kubernetes import NamespaceConf
from rosetta_hub.database.models import utc_now
from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.keys import Keys
from rosetta_hub.kubernetes.client import ApiRefused, KubernetesClient
from rosetta_hub.resources.kubernetes.file_pod import (
    FILES_LABEL,
    PLACE_LABEL,
    PORT,
    ServedPlace,
    build_file_pod,
    find_digest,
    number_of,
    program_data,
)
from rosetta_hub.resources.kubernetes.pod import build_secret
from rosetta_hub.resources.kubernetes.reasons import explain_quota
from rosetta_hub.resources.kubernetes.removal import delete_pod
from rosetta_hub.resources.kubernetes.reports import explain_start
from rosetta_hub.resources.kubernetes.states import (
    container_state,
    has_ended,
    is_terminating,
    parse_time,
)
from rosetta_hub.tunnels.routes import KubernetesRoute

log = logging.getLogger(__name__)

Document = dict[str, Any]

# Seconds between two looks at a pod that is starting.
LOOK_INTERVAL = 0.3
# Seconds between two rounds of removal, while there are pods.
SWEEP_INTERVAL = 60.0
# Seconds until the next round while there are none: `rosetta-hub check` makes some, too.
REST_INTERVAL = 3600.0
# Seconds that all clusters together get when the service ends: the hub waits ten for its services.
REMOVAL_TIMEOUT = 5.0
# A pod that has not started by then is removed: nobody waits for it any more.
LONGEST_START = timedelta(minutes=10)


@dataclass(frozen=True)
class FilePod:
    """A pod that runs, and the secret that it asks for."""

    route: KubernetesRoute
    secret: str = field(repr=False)


class FilePods:
    """One a Kubernetes resource. `task_pods` gives the pods of tasks there, by their names."""

    def __init__(
        self,
        conf: NamespaceConf,
        keys: Keys,
        client: KubernetesClient,
        task_pods: Callable[[], Mapping[str, Document]],
    ) -> None:
        self._conf = conf
        self._keys = keys
        self._client = client
        self._task_pods = task_pods
        self._path = f"/api/v1/namespaces/{conf.namespace}"
        # Names and uids of pods that have been seen running.
        self._ready: dict[str, tuple[str, str]] = {}
        self._locks = defaultdict[str, asyncio.Lock](asyncio.Lock)
        self._used = asyncio.Event()
        self._used.set()

    async def ready(self, served: ServedPlace, timeout: float) -> FilePod:
        """A pod that serves the place: the one that runs, or a new one.

        Raises:
            ResourceUnavailable: there is none within `timeout` seconds; the message says why.
        """
        digest = find_digest(served, self._conf)
        last: list[Document] = []
        try:
            async with asyncio.timeout(timeout), self._locks[digest]:
                if digest not in self._ready:
                    self._ready[digest] = await self._start(served, digest, last.append)
                return self._describe(*self._ready[digest])
        except TimeoutError as error:
            why = await self._explain(last[-1]) if last else "The cluster does not answer."
            raise ResourceUnavailable(why) from error
        except ApiRefused as error:
            raise ResourceUnavailable(explain_quota(str(error)) or str(error)) from error

    def forget(self, served: ServedPlace) -> None:
        """Look again at the next use: the pod was not reached."""
        self._ready.pop(find_digest(served, self._conf), None)

    async def run(self) -> None:
        """Remove what is left of pods, again and again."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._used.wait(), REST_INTERVAL)
            try:
                self._used.clear()
                if await self.sweep():
                    self._used.set()
            except (ApiRefused, ResourceUnavailable) as error:
                log.info("the pods of files can't be listed: %s", error)
                self._used.set()
            except Exception:
                log.exception("the pods of files could not be removed")
                self._used.set()
            await asyncio.sleep(SWEEP_INTERVAL)

    async def sweep(self) -> bool:
        """Remove pods that have ended, or that never start; returns whether others are left.

        Raises:
            ApiRefused, ResourceUnavailable: the server has refused, or not answered.
        """
        pods = await self._list_all()
        over = [pod for pod in pods if has_ended(pod) or _is_stuck(pod)]
        for pod in over:
            await delete_pod(self._client, f"{self._path}/pods", pod)
        return len(over) < len(pods)

    async def remove_all(self) -> None:
        """Remove all of them, when the service ends: no session outlives it.

        Later, nobody might: the resource may be removed from the configuration meanwhile.

        Raises:
            ApiRefused, ResourceUnavailable: the server has refused, or not answered.
        """
        for pod in await self._list_all():
            if not is_terminating(pod):
                await delete_pod(self._client, f"{self._path}/pods", pod)

    async def _start(
        self, served: ServedPlace, digest: str, note_pod: Callable[[Document], None]
    ) -> tuple[str, str]:
        self._used.set()
        pods = await self._list(f"{FILES_LABEL}={self._keys.deployment},{PLACE_LABEL}={digest}")
        alive = [pod for pod in pods if not has_ended(pod) and not is_terminating(pod)]
        number = 1 + max(map(number_of, pods), default=0)
        pod = alive[0] if alive else await self._create(served, number)
        name = str(pod["metadata"]["name"])
        note_pod(pod)
        if "running" not in container_state(pod):
            await self._ensure_secret(pod)
        while "running" not in container_state(pod):
            await asyncio.sleep(LOOK_INTERVAL)
            pod = await self._client.call("GET", f"{self._path}/pods/{name}")
            note_pod(pod)
            if has_ended(pod):
                raise ResourceUnavailable(await self._explain(pod))
        return name, str(pod["metadata"]["uid"])

    def _describe(self, name: str, uid: str) -> FilePod:
        route = KubernetesRoute(self._client.server(), self._conf.namespace, name, uid, PORT)
        return FilePod(route, self._keys.file_pod_secret(name))

    async def _create(self, served: ServedPlace, number: int) -> Document:
        nodes = self._nodes_with(served.place.claim)
        pod = build_file_pod(served, self._conf, self._keys.deployment, number, nodes)
        try:
            return await self._client.call("POST", f"{self._path}/pods", pod)
        except ApiRefused as error:
            if error.reason != "AlreadyExists":
                raise
            name = pod["metadata"]["name"]
            return await self._client.call("GET", f"{self._path}/pods/{name}")

    async def _ensure_secret(self, pod: Document) -> None:
        secret = self._keys.file_pod_secret(pod["metadata"]["name"])
        body = build_secret(pod, program_data(secret))
        try:
            await self._client.call("POST", f"{self._path}/secrets", body)
        except ApiRefused as error:
            if error.reason != "AlreadyExists":
                raise

    def _nodes_with(self, claim: str) -> list[str]:
        """The nodes on which tasks have the claim mounted."""
        pods: list[Document] = []
        with contextlib.suppress(ResourceUnavailable):
            pods = list(self._task_pods().values()) if claim else []
        return [
            str(pod["spec"]["nodeName"])
            for pod in pods
            if pod["spec"].get("nodeName") and not has_ended(pod) and _has_claim(pod, claim)
        ]

    async def _explain(self, pod: Document) -> str:
        """Why a pod does not run yet."""
        events: list[Document] = []
        query = {"fieldSelector": f"involvedObject.uid={pod['metadata']['uid']}"}
        with contextlib.suppress(ApiRefused, ResourceUnavailable):
            events = (await self._client.call("GET", f"{self._path}/events", query=query))["items"]
        return f"The pod that reaches the files does not run yet. {explain_start(pod, events)}"

    async def _list_all(self) -> list[Document]:
        return await self._list(f"{FILES_LABEL}={self._keys.deployment}")

    async def _list(self, selector: str) -> list[Document]:
        answer = await self._client.call(
            "GET", f"{self._path}/pods", query={"labelSelector": selector}
        )
        items: list[Document] = answer.get("items") or []
        return items


def _is_stuck(pod: Document) -> bool:
    created = parse_time(pod["metadata"].get("creationTimestamp"))
    is_old = created is not None and utc_now() - created > LONGEST_START
    return is_old and "running" not in container_state(pod)


def _has_claim(pod: Document, claim: str) -> bool:
    volumes = pod["spec"].get("volumes") or []
    return any(
        (volume.get("persistentVolumeClaim") or {}).get("claimName") == claim for volume in volumes
    )


async def remove_file_pods(
    file_pods: Mapping[str, FilePods], timeout: float = REMOVAL_TIMEOUT
) -> None:
    """Have the clusters remove them; where one does not answer in time, they end by themselves."""
    await asyncio.gather(*(_remove(name, pods, timeout) for name, pods in file_pods.items()))


async def _remove(name: str, pods: FilePods, timeout: float) -> None:
    try:
        async with asyncio.timeout(timeout):
            await pods.remove_all()
    except (ApiRefused, ResourceUnavailable, TimeoutError) as error:
        why = str(error) or f"the cluster has not answered within {timeout:g} s"
        log.warning("%s: its pods of files are not removed: %s", name, why)
