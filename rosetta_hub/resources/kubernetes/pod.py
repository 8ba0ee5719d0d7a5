"""The pod of a task: pure functions from the task's row to the documents that are created.

Hardening is that of the other engines: no new privileges, no raw sockets, seccomp's default
profile; and no account of the cluster inside.
"""

import re
from collections.abc import Mapping
from typing import Any

from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.catalogue.conf_kubernetes import NamespaceConf
from rosetta_hub.catalogue.software import Software
from rosetta_hub.database.models import Task
from rosetta_hub.resources.kubernetes.volumes import add_storages, find_storages
from rosetta_hub.resources.wms import JobRefused

Document = dict[str, Any]

# Labels of our pods and secrets; the value of the first one is the deployment's id.
DEPLOYMENT_LABEL = "rosetta-hub/deployment"
TASK_LABEL = "rosetta-hub/task"
ATTEMPT_LABEL = "rosetta-hub/attempt"
# By which Kueue knows the queue of a pod.
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
# The name of the software's container in each pod.
CONTAINER = "task"

_PULL_POLICIES = {"missing": "IfNotPresent", "always": "Always", "never": "Never"}
_USER = re.compile(r"^([0-9]+)(?::([0-9]+))?$")
# Without these, a pod is deleted whose node was silent for five minutes, and may still run there.
_LOST_NODE = tuple(
    {"key": f"node.kubernetes.io/{word}", "operator": "Exists", "effect": "NoExecute"}
    for word in ("not-ready", "unreachable")
)
# Where programs write that expect a root directory of their own.
_WRITABLE = ("/tmp", "/run")  # noqa: S108 - in the container


def build_pod(
    name: str,
    task: Task,
    software: Software,
    computing: Computing,
    conf: NamespaceConf,
    deployment: str,
    stop: float,
) -> Document:
    """The pod of the attempt. Its variables are in the secret of the same name.

    `conf` is that of the resource, `deployment` the hub's id, `stop` the seconds that its processes
    get between SIGTERM and SIGKILL.

    Raises:
        JobRefused: the software can't run in a pod as it is described.
    """
    spec = {
        **build_base(conf, round(stop)),
        "containers": [_build_container(name, task, software, computing, conf)],
        **_build_placement(task, software, conf),
    }
    if time := task.request.get("time"):
        spec["activeDeadlineSeconds"] = time
    if software.read_only_root:
        spec["volumes"] = [{"name": _volume_name(path), "emptyDir": {}} for path in _WRITABLE]
    add_storages(spec, find_storages(task, software), conf.agent_image)
    labels = {**conf.pod_labels, **_build_queue(conf), **build_labels(task, deployment)}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": conf.namespace, "labels": labels},
        "spec": spec,
    }


def build_base(conf: NamespaceConf, stop: int) -> Document:
    """What the specs of all pods of the hub have in common.

    `stop` are the seconds that processes get between SIGTERM and SIGKILL.
    """
    base: Document = {
        # A second container after the end of the first would have nothing of the user's session.
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": stop,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
    }
    if conf.image_pull_secrets:
        base["imagePullSecrets"] = [{"name": secret} for secret in conf.image_pull_secrets]
    if conf.service_account:
        base["serviceAccountName"] = conf.service_account
    return base


def build_secret(pod: Document, environment: dict[str, str]) -> Document:
    """The variables of the pod's container; the secret is removed with the pod.

    `pod` is what the API server answered, with its uid.
    """
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": build_owned_metadata(pod, pod["metadata"]["name"]),
        "stringData": environment,
    }


def build_owned_metadata(pod: Document, name: str) -> Document:
    """Metadata of an object that is removed with the pod."""
    metadata = pod["metadata"]
    owner = {
        "apiVersion": "v1",
        "kind": "Pod",
        "name": metadata["name"],
        "uid": metadata["uid"],
    }
    return {
        "name": name,
        "namespace": metadata["namespace"],
        "labels": metadata["labels"],
        "ownerReferences": [owner],
    }


def build_labels(task: Task, deployment: str) -> dict[str, str]:
    """By which the pods of this hub, and of this task, are found."""
    return {
        DEPLOYMENT_LABEL: deployment,
        TASK_LABEL: task.id,
        ATTEMPT_LABEL: str(task.attempt),
    }


def belongs_to(pod: Document, labels: Mapping[str, str]) -> bool:
    """Whether a pod has these labels, those of `build_labels`."""
    own = pod["metadata"].get("labels") or {}
    return labels.items() <= own.items()


def _build_queue(conf: NamespaceConf) -> dict[str, str]:
    # Kueue holds such a pod back, by a scheduling gate, until its queue admits it.
    return {QUEUE_LABEL: conf.queue} if conf.queue else {}


def _build_container(
    name: str, task: Task, software: Software, computing: Computing, conf: NamespaceConf
) -> Document:
    resources = _build_resources(task, computing, conf)
    container: Document = {
        "name": CONTAINER,
        "image": software.image,
        "imagePullPolicy": _PULL_POLICIES[software.pull],
        "envFrom": [{"secretRef": {"name": name}}],
        "resources": {"limits": resources, "requests": resources},
        "securityContext": _build_security(software),
    }
    if software.command:
        # As an engine's command line does: the image's entry point stays.
        container["args"] = list(software.command)
    if software.read_only_root:
        container["volumeMounts"] = [
            {"name": _volume_name(path), "mountPath": path} for path in _WRITABLE
        ]
    return container


def _build_resources(task: Task, computing: Computing, conf: NamespaceConf) -> dict[str, str]:
    resources = {}
    if task.cpus:
        resources["cpu"] = f"{round(task.cpus * 1000)}m"
    if task.memory:
        resources["memory"] = str(task.memory)
    if computing.disk_limit:
        resources["ephemeral-storage"] = str(computing.disk_limit)
    if gpus := task.request.get("gpus"):
        resources[conf.gpu_resource] = str(gpus)
    return resources


def _build_security(software: Software) -> Document:
    capabilities: Document = {"drop": ["NET_RAW"]}
    if software.add_capabilities:
        capabilities["add"] = [
            capability.removeprefix("CAP_") for capability in software.add_capabilities
        ]
    security: Document = {
        "privileged": False,
        "allowPrivilegeEscalation": software.new_privileges,
        "readOnlyRootFilesystem": software.read_only_root,
        "capabilities": capabilities,
    }
    if software.container_user is not None:
        match = _USER.match(software.container_user)
        if match is None:
            raise JobRefused(
                f"The software runs as {software.container_user!r}, and Kubernetes knows users by"
                " their numbers only. Tell the administrator."
            )
        security["runAsUser"] = int(match[1])
        if match[2] is not None:
            security["runAsGroup"] = int(match[2])
    return security


def _build_placement(task: Task, software: Software, conf: NamespaceConf) -> Document:
    placement: Document = {}
    selector = dict(conf.pools.get(task.request.get("partition") or "", {}))
    if software.image_arch:
        selector["kubernetes.io/arch"] = software.image_arch.partition("/")[0]
    if selector:
        placement["nodeSelector"] = selector
    placement["tolerations"] = [
        *(toleration.to_document() for toleration in conf.tolerations),
        *_LOST_NODE,
    ]
    if runtime_class := conf.runtime_classes.get(task.runtime or ""):
        placement["runtimeClassName"] = runtime_class
    return placement


def _volume_name(path: str) -> str:
    return path.strip("/")
