"""What the administrator of a cluster applies for the hub: objects of Kubernetes, and their YAML.

The hub never creates them itself. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.catalogue.conf_kubernetes import NamespaceConf
from rosetta_hub.catalogue.storages import Storage
from rosetta_hub.kubernetes.quantities import parse_quantity
from rosetta_hub.resources.kubernetes.pod import DEPLOYMENT_LABEL
from rosetta_hub.resources.kubernetes.rights import RBAC_GROUP, ROLE, build_role, rights_of
from rosetta_hub.resources.kubernetes.sidecar import LIMITS
from rosetta_hub.resources.kubernetes.volumes import build_amounts

Document = dict[str, Any]

# Of the account's token where the account is made here, and of what bounds all tasks together.
TOKEN_SECRET = f"{ROLE}-token"
QUOTA = "rosetta-tasks"
POLICY = "rosetta-tasks"
# Kubernetes 1.21 and newer give it to each namespace.
NAMESPACE_LABEL = "kubernetes.io/metadata.name"
# What a container of the hub's own may take.
_OWN = {name: parse_quantity(amount) for name, amount in build_amounts()["limits"].items()}


@dataclass(frozen=True)
class HubAccount:
    """The hub's account: a service account of a namespace, or a user (of a certificate)."""

    name: str
    namespace: str | None = None
    """That of the service account; None for a user."""

    @property
    def subject(self) -> Document:
        """As a RoleBinding names it."""
        if self.namespace is None:
            return {"kind": "User", "apiGroup": RBAC_GROUP, "name": self.name}
        return {"kind": "ServiceAccount", "namespace": self.namespace, "name": self.name}


@dataclass(frozen=True)
class Manifest:
    """One object, and a comment on it for the administrator who reads the file."""

    comment: str
    document: Document


def build_manifests(
    computing: Computing,
    conf: NamespaceConf,
    account: HubAccount | None,
    tasks: int | None,
    edge: str | None = None,
    storages: Sequence[Storage] = (),
) -> list[Manifest]:
    """All that the hub needs in the namespace of a resource, in the order of creation.

    Without an `account`, a service account and its token are made. With a number of `tasks`, a
    quota bounds what they take together: so many with the resource's defaults, and a pod for each
    of the `storages` that is reached there. `edge` is the network (CIDR), or the namespace, from
    which the hub's edge connects to pods by itself.
    """
    namespace = conf.namespace
    own = account is None
    account = account or HubAccount(ROLE, namespace)
    return [
        Manifest("The pods of all tasks are here.", _object("v1", "Namespace", namespace)),
        *(_build_account(namespace) if own else ()),
        Manifest(
            "What the hub's account may do here, and nothing else.",
            build_role(rights_of(conf), namespace),
        ),
        Manifest("Grants it to the account.", _build_binding(namespace, account)),
        Manifest(
            "Nobody but the hub connects to a task. Needs a network that enforces policies:"
            f" `rosetta-hub check {computing.id}` tries it.",
            _build_policy(namespace, edge),
        ),
        *(
            [Manifest(f"All tasks together: {tasks} with the defaults.", quota)]
            if tasks is not None and (quota := _build_quota(computing, conf, storages, tasks))
            else ()
        ),
    ]


def format_manifests(manifests: list[Manifest]) -> str:
    """The YAML that `kubectl apply --filename` takes."""
    return "".join(
        f"---\n# {manifest.comment}\n{yaml.safe_dump(manifest.document, sort_keys=False)}"
        for manifest in manifests
    )


def _object(version: str, kind: str, name: str, namespace: str | None = None) -> Document:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def _build_account(namespace: str) -> list[Manifest]:
    secret = _object("v1", "Secret", TOKEN_SECRET, namespace)
    secret["metadata"]["annotations"] = {"kubernetes.io/service-account.name": ROLE}
    secret["type"] = "kubernetes.io/service-account-token"
    return [
        Manifest("The hub's account.", _object("v1", "ServiceAccount", ROLE, namespace)),
        Manifest("The cluster puts the account's token in here.", secret),
    ]


def _build_binding(namespace: str, account: HubAccount) -> Document:
    return {
        **_object(f"{RBAC_GROUP}/v1", "RoleBinding", ROLE, namespace),
        "roleRef": {"apiGroup": RBAC_GROUP, "kind": "Role", "name": ROLE},
        "subjects": [account.subject],
    }


def _build_policy(namespace: str, edge: str | None) -> Document:
    tasks = {"matchExpressions": [{"key": DEPLOYMENT_LABEL, "operator": "Exists"}]}
    spec: Document = {"podSelector": tasks, "policyTypes": ["Ingress"]}
    # Without a rule, nobody is admitted: forwarded connections come by way of the node.
    if edge is not None and "/" in edge:
        spec["ingress"] = [{"from": [{"ipBlock": {"cidr": edge}}]}]
    elif edge is not None:
        labels = {"matchLabels": {NAMESPACE_LABEL: edge}}
        spec["ingress"] = [{"from": [{"namespaceSelector": labels}]}]
    return {**_object("networking.k8s.io/v1", "NetworkPolicy", POLICY, namespace), "spec": spec}


def _build_quota(
    computing: Computing, conf: NamespaceConf, storages: Sequence[Storage], tasks: int
) -> Document:
    used = [storage for storage in storages if computing.id in storage.computing]
    makes = any(storage.create and storage.bind_path for storage in used)
    # A pod of the hub's for each storage whose files are reached there.
    pods = sum(
        storage.access_through_computing and storage.computing[0] == computing.id
        for storage in used
    )
    hard = {"pods": str(tasks + pods)}
    if computing.default_cpus:
        cpus = _limit_of_task("cpu", computing.default_cpus, conf, makes)
        hard["limits.cpu"] = f"{round((tasks * cpus + pods * _OWN['cpu']) * 1000)}m"
    if computing.default_memory:
        memory = _limit_of_task("memory", computing.default_memory, conf, makes)
        hard["limits.memory"] = str(round(tasks * memory + pods * _OWN["memory"]))
    return {**_object("v1", "ResourceQuota", QUOTA, conf.namespace), "spec": {"hard": hard}}


def _limit_of_task(name: str, default: float, conf: NamespaceConf, makes: bool) -> float:
    """What a quota counts for the pod of a task; `makes` is whether it makes directories first."""
    limit = default + (parse_quantity(LIMITS[name]) if conf.tunnel == "reverse" else 0)
    # Containers that run before the others count where one takes more than these together.
    return max(limit, _OWN[name]) if makes else limit
