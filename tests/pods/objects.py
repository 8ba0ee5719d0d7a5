"""Objects as the API server of Kubernetes 1.20 answers them, with what tests want to change."""

from typing import Any

from rosetta_hub.catalogue.computing import Computing, load_computing
from rosetta_hub.database.models import Task

Document = dict[str, Any]

NAMESPACE = "rosetta"
NAME = "rosetta-0123abcd-00112233aabb-1"
UID = "5f0c0fb2-28a0-4d0a-9a5e-0c7a0c1fa6a1"


def entry(**changes: Any) -> Document:
    """A cluster as the configuration has it."""
    conf = {"kubeconfig": "/etc/kubeconfig", "namespace": NAMESPACE, **changes.pop("conf", {})}
    return {
        "id": "cloud",
        "name": "The cloud",
        "type": "cluster",
        "access_mode": "api",
        "wms": "kubernetes",
        "container_engines": ["internal"],
        "max_time": "12h",
        **changes,
        "conf": conf,
    }


def computing(**changes: Any) -> Computing:
    """The same, as it is loaded."""
    return load_computing([entry(**changes)])["cloud"]


def task(**columns: Any) -> Task:
    """The row of a task whose pod is wanted."""
    row: Document = {
        "id": "00112233aabb",
        "attempt": 1,
        "user": "alice",
        "computing": "cloud",
        "engine": "internal",
        "runtime": None,
        "cpus": 0.5,
        "memory": 256 << 20,
        "request": {"time": 3600},
        "storages": [],
    }
    return Task(**{**row, **columns})


def pod(status: Document | None = None, **spec: Any) -> Document:
    """A pod that has a node, unless the caller says otherwise."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": NAME,
            "namespace": NAMESPACE,
            "uid": UID,
            "labels": {
                "rosetta-hub/deployment": "0123abcd",
                "rosetta-hub/task": "00112233aabb",
                "rosetta-hub/attempt": "1",
            },
        },
        "spec": {"nodeName": "node1", "activeDeadlineSeconds": 3600, **spec},
        "status": {"phase": "Pending", **(status or {})},
    }


def container(kind: str, **state: Any) -> list[Document]:
    """`containerStatuses` with the one container in that state."""
    return [{"name": "task", "state": {kind: state}, "imageID": ""}]


def running(started: str = "2026-11-27T10:00:00Z") -> Document:
    """The status of a pod whose container runs."""
    return {
        "phase": "Running",
        "startTime": "2026-11-27T09:59:58Z",
        "containerStatuses": container("running", startedAt=started),
    }


def waiting(reason: str, message: str = "") -> Document:
    """The status of a pod whose container is not started yet."""
    statuses = container("waiting", reason=reason, message=message)
    return {"phase": "Pending", "startTime": "2026-11-27T09:59:58Z", "containerStatuses": statuses}


def ended(phase: str = "Failed", of_pod: str | None = None, **terminated: Any) -> Document:
    """The status of a pod that is over."""
    statuses = container("terminated", **terminated) if terminated else []
    status = {"phase": phase, "containerStatuses": statuses}
    return {**status, "reason": of_pod} if of_pod else status


def event(reason: str, message: str = "", count: int = 1) -> Document:
    """Something that the cluster has noted about the pod."""
    return {"reason": reason, "message": message, "count": count}
