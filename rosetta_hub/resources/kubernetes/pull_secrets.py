"""The account with which nodes pull the image of one task: a secret that goes with its pod. Pure.

The pod is created first, as the secret belongs to it. A node that looks before the secret is there
tries again; `reports.py` waits for that.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

from rosetta_hub.catalogue.registries import DOCKER_HUB
from rosetta_hub.resources.kubernetes.pod import build_owned_metadata

Document = dict[str, Any]

_SUFFIX = "-pull"
# What the files of Docker's client call Docker Hub, where everybody else says `docker.io`.
_DOCKER_HUB_KEYS = (DOCKER_HUB, "https://index.docker.io/v1/")


def add_pull_secret(pod: Document) -> None:
    """Let the pod name the secret of its own account, before those of the site."""
    name = {"name": f"{pod['metadata']['name']}{_SUFFIX}"}
    pod["spec"]["imagePullSecrets"] = [name, *pod["spec"].get("imagePullSecrets", [])]


def has_pull_secret(pod: Document) -> bool:
    """Whether the pod's image is pulled with an account of its own."""
    own = f"{pod['metadata']['name']}{_SUFFIX}"
    return any(secret.get("name") == own for secret in pod["spec"].get("imagePullSecrets") or ())


def build_pull_secret(pod: Document, access: Mapping[str, Any]) -> Document:
    """The secret of a pod, as the API server answered it; `access` has host, account, password."""
    login = f"{access['account']}:{access['password']}".encode()
    host = str(access["host"])
    entry = {"auth": base64.b64encode(login).decode()}
    hosts = _DOCKER_HUB_KEYS if host == DOCKER_HUB else (host,)
    config = {"auths": dict.fromkeys(hosts, entry)}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": build_owned_metadata(pod, f"{pod['metadata']['name']}{_SUFFIX}"),
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": json.dumps(config)},
    }
