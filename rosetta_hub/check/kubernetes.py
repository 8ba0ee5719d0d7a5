"""Checks of a Kubernetes cluster that create nothing: server, rights, quota, dry runs, claims."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.catalogue.conf_kubernetes import NamespaceConf
from rosetta_hub.catalogue.software import Software
from rosetta_hub.check.context import Check, CheckFailed, CheckSkipped
from rosetta_hub.database.models import Task
from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.kubernetes.client import (
    ApiRefused,
    KubernetesClient,
    NotAccepted,
    NotTrusted,
)
from rosetta_hub.kubernetes.expiry import find_expiry
from rosetta_hub.kubernetes.quantities import parse_quantity
from rosetta_hub.resources.kubernetes.pod import build_pod
from rosetta_hub.resources.kubernetes.rights import ClusterRight, rights_of
from rosetta_hub.tunnels.client import TunnelsClient

Document = dict[str, Any]

FORBIDDEN = 403

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
ADVICE_SERVER = (
    "See that the server's address in the kubeconfig is right, and that no firewall or proxy is in"
    " between."
)
_ADVICE_AUTHORITY = (
    "Name the cluster's own authority as 'certificate-authority' in the kubeconfig, and an address"
    " for which the server has its certificate."
)
_ADVICE_ACCOUNT = (
    "Put a new certificate or token into the kubeconfig, which is read at each call. The token of"
    " the secret 'rosetta-hub-token' does not expire."
)
# The annotation in which OpenShift says by which rules a pod was let in.
_CONSTRAINTS = "openshift.io/scc"
# Of a pod that is never created.
_EXAMPLE = Software(name="Check", registry="localhost", image_name="check")


@dataclass
class KubernetesContext:
    """A cluster, with what reaches it, and the pods that the checks have created there."""

    computing: Computing
    conf: NamespaceConf
    client: KubernetesClient
    software: Software | None = None
    """One that runs there, whose image is pulled where `agent_image` names none."""
    claims: tuple[str, ...] = ()
    """The persistent volume claims of the user's storages there."""
    tunnels: TunnelsClient | None = None
    sockets: Path | None = None
    """Where the tunnels' process offers its sockets."""
    queue_timeout: float = 300
    """Seconds that a pod may take until it runs."""
    pods: dict[str, Document] = field(default_factory=dict)
    """What was created, by name."""

    @property
    def namespace(self) -> str:
        """The path of the namespace's objects."""
        return f"/api/v1/namespaces/{self.conf.namespace}"


async def check_server(context: KubernetesContext) -> str:
    """The API server answers, its certificate is the expected one, and it knows the account."""
    server = context.client.server()
    expiry = find_expiry(server)
    try:
        version = await context.client.call("GET", "/version")
    except NotAccepted as error:
        raise CheckFailed(_explain_account(expiry), _ADVICE_ACCOUNT) from error
    except NotTrusted as error:
        raise CheckFailed(f"{server.url}: {error}", _ADVICE_AUTHORITY) from error
    except ResourceUnavailable as error:
        raise CheckFailed(f"{server.url}: {error}", ADVICE_SERVER) from error
    address = "through kubectl" if server.socket else server.url
    until = f", account valid until {_format_day(expiry)}" if expiry else ""
    return f"{address}, Kubernetes {version.get('gitVersion', '?')}{until}"


def _explain_account(expiry: datetime | None) -> str:
    if expiry is not None and expiry < datetime.now(UTC):
        return f"the account's certificate or token has expired on {_format_day(expiry)}"
    return "the API server does not accept the account's certificate or token"


def _format_day(time: datetime) -> str:
    return f"{time:%-d %B %Y}"


async def check_rights(context: KubernetesContext) -> str:
    """The hub's account may do in the namespace what the hub does there."""
    missing: list[str] = []
    extras: list[str] = []
    for right in rights_of(context.conf):
        verbs = [verb for verb in right.verbs if not await _may(context, right, verb)]
        if verbs:
            text = f"{', '.join(verbs)} {right.full_name}"
            (missing if right.required else extras).append(f"{text} ({right.why})")
    if missing:
        raise CheckFailed(
            f"the account may not: {'; '.join(missing)}",
            f"Let the cluster's administrator apply what `rosetta-hub kubernetes manifests"
            f" {context.computing.id}` prints.",
        )
    rights = f"all that tasks need in the namespace {context.conf.namespace}"
    return f"{rights}; it may not: {'; '.join(extras)}" if extras else rights


async def _may(context: KubernetesContext, right: ClusterRight, verb: str) -> bool:
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


async def check_quota(context: KubernetesContext) -> str:
    """What the quotas of the namespace leave."""
    try:
        answer = await context.client.call("GET", f"{context.namespace}/resourcequotas")
    except ApiRefused as error:
        if error.status == FORBIDDEN:
            raise CheckSkipped("the account may not look at it") from error
        raise
    lines, full = [], []
    for quota in answer.get("items") or []:
        hard, used = (quota.get("status", {}).get(key) or {} for key in ("hard", "used"))
        for name, limit in hard.items():
            lines.append(f"{name} {used.get(name, '0')} of {limit}")
            if _ratio(used.get(name, "0"), limit) >= 1:
                full.append(name)
    if full:
        raise CheckFailed(
            f"used up: {', '.join(full)} ({'; '.join(lines)})",
            "Tasks wait until others end. Ask the cluster's administrator for a larger quota.",
        )
    return "; ".join(lines) or "none: nothing but the cluster's size bounds the tasks together"


def _ratio(used: str, limit: str) -> float:
    try:
        amount, most = parse_quantity(used), parse_quantity(limit)
    except ValueError:
        return 0
    return amount / most if most else 1


async def check_pod(context: KubernetesContext) -> str:
    """The server would take a pod as the hub makes them: nothing is created."""
    pod = await _try_pod(context, runtime=None)
    text = "a pod with the resource's defaults would be taken"
    constraints = (pod.get("metadata", {}).get("annotations") or {}).get(_CONSTRAINTS)
    if not constraints:
        return text
    user = _find_user(pod)
    advice = "" if context.conf.random_user or user is None else ": set 'random_user' in 'conf'"
    return f"{text}, under the constraints {constraints}, as user {user or 'of the image'}{advice}"


def _find_user(pod: Document) -> int | None:
    spec = pod["spec"]
    for security in (spec["containers"][0].get("securityContext"), spec.get("securityContext")):
        if security and security.get("runAsUser") is not None:
            return int(security["runAsUser"])
    return None


async def check_runtimes(context: KubernetesContext) -> str:
    """The server knows the RuntimeClass of each runtime."""
    classes = context.conf.runtime_classes
    if not classes:
        raise CheckSkipped("'runtime_classes' has none")
    for runtime in classes:
        await _try_pod(context, runtime)
    return f"a pod of each would be taken: {', '.join(classes.values())}"


async def _try_pod(context: KubernetesContext, runtime: str | None) -> Document:
    pod = build_example(context, "rosetta-check", runtime)
    try:
        return await context.client.call(
            "POST", f"{context.namespace}/pods", pod, {"dryRun": "All"}
        )
    except ApiRefused as error:
        raise CheckFailed(
            str(error), "Ask the cluster's administrator; the message is the server's own."
        ) from error


def build_example(context: KubernetesContext, name: str, runtime: str | None = None) -> Document:
    """A pod as tasks get it, with the defaults of the resource."""
    computing = context.computing
    row: dict[str, Any] = {
        "id": "0" * 12,
        "attempt": 1,
        "cpus": computing.default_cpus,
        "memory": computing.default_memory,
        "request": {"time": computing.default_time or computing.max_time},
        "runtime": runtime,
        "storages": [],
    }
    return build_pod(
        name, Task(**row), context.software or _EXAMPLE, computing, context.conf, "check", stop=10
    )


async def check_claims(context: KubernetesContext) -> str:
    """The claims of the storages are there, and have a volume."""
    if not context.claims:
        raise CheckSkipped("no storage of the user is a claim")
    claims = [await _describe_claim(context, name) for name in context.claims]
    return "; ".join(claims)


async def _describe_claim(context: KubernetesContext, name: str) -> str:
    try:
        path = f"{context.namespace}/persistentvolumeclaims/{name}"
        claim = await context.client.call("GET", path)
    except ApiRefused as error:
        if error.status == FORBIDDEN:
            raise CheckSkipped("the account may not look at claims") from error
        raise CheckFailed(
            f"{name}: {error}", f"Create it in the namespace {context.conf.namespace}."
        ) from error
    spec, phase = claim.get("spec", {}), claim.get("status", {}).get("phase")
    storage_class = spec.get("storageClassName") or "no StorageClass"
    text = f"{name}: {phase}, {storage_class}, {', '.join(spec.get('accessModes') or ())}"
    if phase == "Lost":
        raise CheckFailed(text, "Its volume is gone. Ask the cluster's administrator.")
    return text


KUBERNETES_CHECKS = (
    Check[KubernetesContext](
        "api server", check_server, advice="See that 'conf' names the server and a valid account."
    ),
    Check[KubernetesContext]("rights", check_rights, ("api server",)),
    Check[KubernetesContext]("quota", check_quota, ("rights",)),
    Check[KubernetesContext]("dry run", check_pod, ("rights",)),
    Check[KubernetesContext]("runtimes", check_runtimes, ("dry run",)),
    Check[KubernetesContext]("claims", check_claims, ("api server",)),
)
