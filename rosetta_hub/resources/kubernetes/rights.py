"""What the hub's account may do in the namespace of the tasks: one row for each right.

`rosetta-hub check` looks for them, `rosetta-hub kubernetes manifests` and docs/kubernetes.md list
them. Who adds a call of the API server adds its row here.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from rosetta_hub.catalogue.conf_kubernetes import NamespaceConf

Document = dict[str, Any]

ROLE = "rosetta-hub"
RBAC_GROUP = "rbac.authorization.k8s.io"


def _always(conf: NamespaceConf) -> bool:
    return True


@dataclass(frozen=True)
class ClusterRight:
    """Verbs for one kind of object, or for one part of it (`subresource`) such as a pod's log.

    `group` is empty for the core group. `when` says for which resources the hub needs the right.
    Without a right that is not `required`, something less is known or shown, and tasks run all the
    same.
    """

    group: str
    resource: str
    subresource: str
    verbs: tuple[str, ...]
    why: str
    when: Callable[[NamespaceConf], bool] = _always
    required: bool = True

    @property
    def name(self) -> str:
        """The object as a Role names it, such as `pods/log`."""
        return "/".join(filter(None, (self.resource, self.subresource)))

    @property
    def full_name(self) -> str:
        """The same with its group, as users write it, such as `pods.metrics.k8s.io`."""
        return ".".join(filter(None, (self.name, self.group)))


RIGHTS = (
    ClusterRight(
        "", "pods", "", ("create", "get", "list", "watch", "delete"), "each task is a pod"
    ),
    ClusterRight("", "pods", "log", ("get",), "the log of a task"),
    # Newer servers ask for the second verb, too.
    ClusterRight(
        "", "pods", "portforward", ("get", "create"), "connections to the interface of a task"
    ),
    ClusterRight("", "events", "", ("list",), "why a task waits, and how it ended"),
    ClusterRight("", "secrets", "", ("create",), "variables and passwords of a task"),
    ClusterRight(
        "",
        "resourcequotas",
        "",
        ("list",),
        "`rosetta-hub check` says what is left of the quota",
        required=False,
    ),
    ClusterRight(
        "",
        "persistentvolumeclaims",
        "",
        ("get",),
        "`rosetta-hub check` looks at the claims of storages",
        required=False,
    ),
    ClusterRight(
        "metrics.k8s.io",
        "pods",
        "",
        ("list",),
        "CPU and memory that tasks use, so that idle ones end",
        required=False,
    ),
)


def rights_of(conf: NamespaceConf) -> tuple[ClusterRight, ...]:
    """The rights that the hub needs for a resource with these settings."""
    return tuple(right for right in RIGHTS if right.when(conf))


def build_rules(rights: Iterable[ClusterRight]) -> list[Document]:
    """The rights as rules of a Role."""
    return [
        {"apiGroups": [right.group], "resources": [right.name], "verbs": list(right.verbs)}
        for right in rights
    ]


def build_role(rights: Iterable[ClusterRight], namespace: str) -> Document:
    """The Role that grants the rights in a namespace."""
    return {
        "apiVersion": f"{RBAC_GROUP}/v1",
        "kind": "Role",
        "metadata": {"name": ROLE, "namespace": namespace},
        "rules": build_rules(rights),
    }
