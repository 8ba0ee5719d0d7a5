"""Deleting a pod of the hub, and no other one that got its name."""

from typing import Any

from rosetta_hub.kubernetes.client import ApiRefused, KubernetesClient
from rosetta_hub.resources.kubernetes.states import has_started

Document = dict[str, Any]

_GONE = 404
_CHANGED = 409


async def delete_pod(client: KubernetesClient, pods: str, pod: Document) -> None:
    """Delete one of the namespace whose pods are at the path `pods`; it may be gone already.

    Software that was started gets its seconds between SIGTERM and SIGKILL. A pod whose software was
    not started is gone at once, and its node cleans up by itself, for which it may take a minute.

    Raises:
        ApiRefused: the server refuses.
        ResourceUnavailable: it has not answered.
    """
    path = f"{pods}/{pod['metadata']['name']}"
    if has_started(pod) or not await _delete_at_once(client, path, pod):
        await _delete(client, path, pod)


async def _delete_at_once(client: KubernetesClient, path: str, pod: Document) -> bool:
    """Returns whether that was done: not where the software has been started meanwhile."""
    try:
        await client.call("DELETE", path, _only_as(pod))
    except ApiRefused as error:
        if error.status != _CHANGED:
            return False
        return await _delete_changed(client, path, pod["metadata"]["uid"])
    return True


async def _delete_changed(client: KubernetesClient, path: str, uid: str) -> bool:
    """The same of the pod as it is now; one that changes again is not waited for."""
    try:
        pod = await client.call("GET", path)
        if pod["metadata"]["uid"] != uid or has_started(pod):
            return False
        await client.call("DELETE", path, _only_as(pod))
    except ApiRefused:
        return False
    return True


def _only_as(pod: Document) -> Document:
    """Options that delete a pod at once, if it still is as it was seen."""
    metadata = pod["metadata"]
    preconditions = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
    return {"gracePeriodSeconds": 0, "preconditions": preconditions}


async def _delete(client: KubernetesClient, path: str, pod: Document) -> None:
    try:
        await client.call("DELETE", path, {"preconditions": {"uid": pod["metadata"]["uid"]}})
    except ApiRefused as error:
        if error.status not in (_GONE, _CHANGED):
            raise
