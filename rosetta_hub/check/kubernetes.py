"""Checks of a Kubernetes cluster: its server, the rights of the hub's account, a pod."""

from dataclasses import dataclass
from typing import Any

from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.catalogue.conf_kubernetes import NamespaceConf
from rosetta_hub.catalogue.software import Software
from rosetta_hub.check.context import Check, CheckFailed
from rosetta_hub.database.models import Task
from rosetta_hub.kubernetes.client import ApiRefused, KubernetesClient
from rosetta_hub.resources.kubernetes.pod import build_pod
from rosetta_hub.resources.kubernetes.rights import Right, rights_of

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
# Of a pod that is never created.
_EXAMPLE = Software(name="Check", registry="localhost", image_name="check")


@dataclass
class KubernetesContext:
    """A cluster, with what reaches it."""

    computing: Computing
    conf: NamespaceConf
    client: KubernetesClient


async def check_server(context: KubernetesContext) -> str:
    """The API server answers, and its certificate is the expected one."""
    version = await context.client.call("GET", "/version")
    server = context.client.server()
    address = "through kubectl" if server.socket else server.url
    return f"{address}, Kubernetes {version.get('gitVersion', '?')}"


async def check_rights(context: KubernetesContext) -> str:
    """The hub's account may do in the namespace what the hub does there."""
    missing: list[str] = []
    extras: list[str] = []
    for right in rights_of(context.conf):
        verbs = [verb for verb in right.verbs if not await _may(context, right, verb)]
        if verbs:
            text = f"{', '.join(verbs)} {right.name}"
            (missing if right.required else extras).append(f"{text} ({right.why})")
    if missing:
        raise CheckFailed(
            f"the account may not: {'; '.join(missing)}",
            f"Let the cluster's administrator apply what `rosetta-hub kubernetes manifests"
            f" {context.computing.id}` prints.",
        )
    found = f"all that tasks need in the namespace {context.conf.namespace}"
    return f"{found}; it may not: {'; '.join(extras)}" if extras else found


async def _may(context: KubernetesContext, right: Right, verb: str) -> bool:
    attributes = {
        "namespace": context.conf.namespace,
        "verb": verb,
        "group": right.group,
        "resource": right.resource,
        "subresource": right.subresource,
    }
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = await context.client.call("POST", _REVIEWS, body)
    return bool(answer.get("status", {}).get("allowed"))


async def check_pod(context: KubernetesContext) -> str:
    """The server would take a pod as the hub makes them: nothing is created."""
    computing = context.computing
    row: dict[str, Any] = {
        "id": "0" * 12,
        "attempt": 1,
        "cpus": computing.default_cpus,
        "memory": computing.default_memory,
        "storages": [],
        "request": {"time": computing.default_time or computing.max_time},
    }
    pod = build_pod(
        "rosetta-check", Task(**row), _EXAMPLE, computing, context.conf, "check", stop=10
    )
    path = f"/api/v1/namespaces/{context.conf.namespace}/pods"
    try:
        await context.client.call("POST", path, pod, {"dryRun": "All"})
    except ApiRefused as error:
        raise CheckFailed(
            str(error), "Ask the cluster's administrator; the message is the server's own."
        ) from error
    return "a pod with the resource's defaults would be taken"


KUBERNETES_CHECKS = (
    Check[KubernetesContext](
        "api server", check_server, advice="See that 'conf' names the server and a valid account."
    ),
    Check[KubernetesContext]("rights", check_rights, ("api server",)),
    Check[KubernetesContext]("pod", check_pod, ("rights",)),
)
