"""The pod through which the hub reaches the files of a storage: its documents. Pure.

It mounts the storage, and runs the files program as the owner of the files: on a port of its
loopback address, which the API server forwards, for those who know its secret.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rosetta_hub.agents.programs import POD_FILES_PROGRAM
from rosetta_hub.catalogue.conf_kubernetes import NamespaceConf
from rosetta_hub.catalogue.owners import Owner, other_groups, pod_owner
from rosetta_hub.catalogue.storages import Storage
from rosetta_hub.resources.kubernetes.pod import CONTAINER, build_base
from rosetta_hub.resources.kubernetes.volumes import (
    Place,
    build_amounts,
    build_groups,
    build_hardening,
)

Document = dict[str, Any]

# Labels of these pods and their secrets; the value of the first one is the deployment's id.
FILES_LABEL = "rosetta-hub/files"
PLACE_LABEL = "rosetta-hub/files-of"
PORT = 7070
ROOT = "/storage"
# Seconds without a connection after which the program ends, and with it the pod.
IDLE_SECONDS = 120
# Seconds after which the cluster ends the pod in any case; longer copies go on in another one.
LONGEST_SECONDS = 24 * 3600
_STOP_SECONDS = 5
_PROGRAM = "/rosetta"
_VOLUME = "storage"
# Whose the files are that are only read, and of which nothing else is known.
_NOBODY = Owner(65534, 65534)


@dataclass(frozen=True)
class ServedPlace:
    """What a pod serves: a place, as whose files; without an owner they can only be read."""

    place: Place
    owner: Owner | None
    groups: tuple[int, ...] = ()
    read_only: bool = False


def serve(storage: Storage, user: str) -> tuple[ServedPlace, str]:
    """What a pod has to serve for a user's files of a storage, and where they are in it.

    A claim is served as a whole: its users share a pod, in which each session is a process that
    stays below its own path. A directory of the nodes is served alone.

    Raises:
        StorageRefused: a name can't be part of a path, or the user has no account here.
    """
    owner, path = pod_owner(storage.owner, user), storage.path(user)
    is_account = owner is not None and storage.owner == "system"
    groups = other_groups(user, owner) if owner is not None and is_account else ()
    claim = storage.claim_of(user)
    place = Place(claim, "" if claim else path)
    below = path.rstrip("/") if claim else ""
    return ServedPlace(place, owner, groups, storage.read_only), f"{ROOT}{below}"


def build_file_pod(
    served: ServedPlace, conf: NamespaceConf, deployment: str, number: int, nodes: Iterable[str]
) -> Document:
    """The pod of that number; `nodes` are those that have the place mounted, and are preferred.

    The name is the same for the same pod, so that creating it twice can't make two of them.
    """
    spec = _build_spec(served, conf)
    digest = find_digest(served, conf)
    name = f"rosetta-files-{deployment}-{digest}-{number}"
    spec["volumes"].append(
        {"name": "program", "secret": {"secretName": name, "defaultMode": 0o444}}
    )
    if preferred := sorted(set(nodes)):
        spec["affinity"] = _build_affinity(preferred)
    labels = {**conf.pod_labels, FILES_LABEL: deployment, PLACE_LABEL: digest}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": conf.namespace, "labels": labels},
        "spec": spec,
    }


def find_digest(served: ServedPlace, conf: NamespaceConf) -> str:
    """What differs where another pod is needed: for another place, or another release."""
    parts = json.dumps(_build_spec(served, conf), sort_keys=True).encode()
    return hashlib.sha256(parts + POD_FILES_PROGRAM.stdin()).hexdigest()[:16]


def number_of(pod: Document) -> int:
    """The number at the end of its name."""
    return int(pod["metadata"]["name"].rpartition("-")[2])


def program_data(secret: str) -> dict[str, str]:
    """What the secret of the pod holds."""
    return {"program": POD_FILES_PROGRAM.stdin().decode(), "secret": secret}


def _build_spec(served: ServedPlace, conf: NamespaceConf) -> Document:
    owner = served.owner or _NOBODY
    spec = {
        **build_base(conf, _STOP_SECONDS),
        "activeDeadlineSeconds": LONGEST_SECONDS,
        "containers": [_build_container(owner, served.read_only, conf)],
        "volumes": [served.place.to_volume(_VOLUME, served.read_only)],
    }
    if served.owner is not None and not served.read_only:
        spec["securityContext"] |= build_groups(served.owner, served.groups)
    if conf.tolerations:
        spec["tolerations"] = [toleration.to_document() for toleration in conf.tolerations]
    return spec


def _build_container(owner: Owner, read_only: bool, conf: NamespaceConf) -> Document:
    program, secret = f"{_PROGRAM}/program", f"{_PROGRAM}/secret"
    return {
        "name": CONTAINER,
        "image": conf.agent_image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-I", "-S", "-B", program, str(PORT), str(IDLE_SECONDS), secret],
        "resources": build_amounts(),
        "securityContext": build_hardening(owner),
        "volumeMounts": [
            {"name": _VOLUME, "mountPath": ROOT, "readOnly": read_only},
            {"name": "program", "mountPath": _PROGRAM, "readOnly": True},
        ],
    }


def _build_affinity(nodes: list[str]) -> Document:
    # A claim that one node alone can use would keep this pod waiting elsewhere.
    expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": nodes}
    term = {"weight": 100, "preference": {"matchExpressions": [expression]}}
    return {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [term]}}
