"""The second container of pods whose tunnel is `reverse`: it dials the hub. Pure.

It runs the agent's program in the image of the administrator's choice. Program and secret are in a
secret that goes with the pod and that the software's container has no part in.
"""

import base64
import json
from typing import Any

from rosetta_hub.agents.bundle import sidecar_program
from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.catalogue.conf_kubernetes import NamespaceConf
from rosetta_hub.resources.kubernetes.pod import build_owned_metadata

Document = dict[str, Any]

SIDECAR = "rosetta-agent"
"""The name of the container and of its volume."""
# What it may use: asyncio takes 15 MB, and a connection that is full 256 KB.
REQUESTS = {"cpu": "50m", "memory": "128Mi"}
LIMITS = {"cpu": "500m", "memory": "128Mi"}
_DISK = "16Mi"
_SUFFIX = "-agent"
_FOLDER = "/rosetta-agent"
_PROGRAM, _SPEC = "program.pyz", "spec.json"


def add_sidecar(pod: Document, computing: Computing, conf: NamespaceConf) -> None:
    """Let the pod have the container, in the resource's `agent_image`."""
    spec = pod["spec"]
    secret = {"secretName": f"{pod['metadata']['name']}{_SUFFIX}"}
    spec["volumes"] = [*spec.get("volumes", []), {"name": SIDECAR, "secret": secret}]
    # A quota on what is limited refuses containers without a limit of it.
    disk = {"ephemeral-storage": _DISK} if computing.disk_limit else {}
    spec["containers"].append(
        {
            "name": SIDECAR,
            "image": conf.agent_image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["python3", "-I", "-B", f"{_FOLDER}/{_PROGRAM}", f"{_FOLDER}/{_SPEC}"],
            "resources": {"requests": {**REQUESTS, **disk}, "limits": {**LIMITS, **disk}},
            "volumeMounts": [{"name": SIDECAR, "mountPath": _FOLDER, "readOnly": True}],
            "securityContext": {
                "privileged": False,
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            },
            # Its last words tell why it ended.
            "terminationMessagePolicy": "FallbackToLogsOnError",
        }
    )


def has_sidecar(pod: Document) -> bool:
    """Whether the pod dials the hub."""
    return any(container["name"] == SIDECAR for container in pod["spec"].get("containers", []))


def build_sidecar_secret(pod: Document, spec: Document) -> Document:
    """The secret of the container; `spec` is what `rosetta_agent.sidecar` reads."""
    files = {_PROGRAM: sidecar_program(), _SPEC: json.dumps(spec).encode()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": build_owned_metadata(pod, f"{pod['metadata']['name']}{_SUFFIX}"),
        "data": {name: base64.b64encode(data).decode() for name, data in files.items()},
    }
