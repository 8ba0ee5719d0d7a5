"""Settings of a namespace of a Kubernetes cluster, by the way to its API server."""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from rosetta_hub.catalogue.computing_conf import Conf, PodTunnelKind, SshLogin
from rosetta_hub.catalogue.validation import Entry, pattern

# Names: labels and subdomains of RFC 1123, of which the latter name objects; qualified ones.
_LABEL = pattern(
    r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", "use at most 63 lowercase letters, digits and dashes"
)
OBJECT_NAME = r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$"
_NAME = pattern(OBJECT_NAME, "use lowercase letters, digits, dashes and dots")
_QUALIFIED = pattern(
    r"^([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$",
    "write a name such as 'example.org/pool'",
)
_IMAGE = pattern(r"^[^\s-]\S*$", "write the name of an image without spaces")
_VALUE = pattern(
    r"^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$",
    "use at most 63 letters, digits, dashes, dots and underscores",
)
_ABSOLUTE = pattern(r"^/\S+$", "write an absolute path without spaces")
_PROGRAM = pattern(r"^(/\S+|[A-Za-z0-9._-]+)$", "write the name or the absolute path of a program")
Label = Annotated[str, Field(pattern=_LABEL)]
ObjectName = Annotated[str, Field(pattern=_NAME)]
Qualified = Annotated[str, Field(pattern=_QUALIFIED)]
LabelValue = Annotated[str, Field(pattern=_VALUE)]

# What every other access mode has, and nothing in a pod could follow.
_OF_AGENTS = ("work_dir", "engine_options", "path", "pull_proxy")


class Toleration(Entry):
    """A taint of nodes that tasks tolerate, in the words of Kubernetes."""

    key: str = ""
    operator: str = Field(default="Equal", pattern=r"^(Equal|Exists)$")
    value: str = ""
    effect: str = Field(default="", pattern=r"^(|NoSchedule|PreferNoSchedule|NoExecute)$")

    def to_document(self) -> dict[str, str]:
        """As a pod has it."""
        return {key: value for key, value in self.model_dump().items() if value}


class NamespaceConf(Conf):
    """What every access mode has with the WMS `kubernetes`."""

    namespace: Label = Field(description="Namespace of the tasks' pods; it has to exist.")
    runtime_classes: dict[str, ObjectName] = Field(
        default={},
        description="RuntimeClass of each runtime of `internal[...]`; others are the default one.",
    )
    pools: dict[Label, dict[Qualified, LabelValue]] = Field(
        default={},
        description="Pools of nodes by name, as the labels of their nodes; users choose one as the"
        " partition.",
    )
    gpu_resource: Qualified = Field(
        default="nvidia.com/gpu", description="Resource by which a pod asks for GPUs."
    )
    tolerations: tuple[Toleration, ...] = Field(
        default=(), description="Taints that tasks tolerate: `key`, `operator`, `value`, `effect`."
    )
    image_pull_secrets: tuple[ObjectName, ...] = Field(
        default=(), description="Secrets of the namespace with the site's accounts of registries."
    )
    pod_labels: dict[Qualified, LabelValue] = Field(
        default={}, description="Further labels of the pods."
    )
    queue: Label | None = Field(
        default=None,
        description="Queue of Kueue that admits the pods (its label `kueue.x-k8s.io/queue-name`).",
    )
    service_account: ObjectName | None = Field(
        default=None,
        description="Service account of the pods, default that of the namespace; they do not get"
        " its token. On OpenShift, its security context constraints count.",
    )
    random_user: bool = Field(
        default=False,
        description="The cluster runs containers as users of its own choice, as OpenShift does;"
        " users are told where they choose the resource.",
    )
    tunnel: PodTunnelKind = Field(
        default="portforward",
        description="How the edge reaches the pods: the API server forwards (`portforward`), at"
        " their own addresses (`pod`), or a second container dials the hub (`reverse`).",
    )
    network_policies: bool = Field(
        default=False,
        description="The cluster enforces NetworkPolicies, and one of the namespace keeps other"
        " pods away from tasks; without, their pages warn of neighbours.",
    )
    agent_image: str | None = Field(
        default=None,
        pattern=_IMAGE,
        description="Image with Python 3.6 or newer, for the containers that run programs of the"
        " hub's.",
    )

    @model_validator(mode="before")
    @classmethod
    def _without_agents(cls, value: Any) -> Any:
        for key in _OF_AGENTS:
            if isinstance(value, dict) and value.get(key):
                raise ValueError(f"{key!r} can't be used: no agent runs in a pod")
        return value

    @model_validator(mode="after")
    def _image_of_dialler(self) -> Self:
        if self.tunnel == "reverse" and self.agent_image is None:
            raise ValueError("'tunnel' is 'reverse', which needs 'agent_image'")
        return self


class KubernetesConf(NamespaceConf):
    """Access mode `api`: the service itself speaks with the API server."""

    kubeconfig: str | None = Field(
        default=None,
        pattern=_ABSOLUTE,
        description="File with server, authority and account: a certificate or a token.",
    )
    context: str | None = Field(
        default=None, description="Context of the file; default its current one."
    )
    in_cluster: bool = Field(
        default=False,
        description="The service is a pod of the cluster, and uses its service account.",
    )

    @model_validator(mode="after")
    def _one_account(self) -> Self:
        if bool(self.kubeconfig) == self.in_cluster:
            raise ValueError("give one of 'kubeconfig' and 'in_cluster'")
        if self.context and not self.kubeconfig:
            raise ValueError("'context' is one of a 'kubeconfig'")
        return self


class KubectlConf(NamespaceConf):
    """Access mode `local`: the `kubectl` of the service's machine logs in."""

    kubectl: str = Field(
        default="kubectl", pattern=_PROGRAM, description="Name or path of the program."
    )
    kubeconfig: str = Field(
        pattern=_ABSOLUTE, description="Its file, with any login that kubectl knows."
    )
    context: str | None = Field(
        default=None, description="Context of the file; default its current one."
    )


class KubectlSshConf(NamespaceConf, SshLogin):
    """Access mode `ssh`: the `kubectl` of a login node logs in."""

    kubectl: str = Field(
        default="kubectl", pattern=_PROGRAM, description="Name or path of the program there."
    )
    kubeconfig: str | None = Field(
        default=None,
        pattern=_ABSOLUTE,
        description="Its file there; default that of the account, `~/.kube/config`.",
    )
    context: str | None = Field(
        default=None, description="Context of the file; default its current one."
    )

    def files(self) -> dict[str, Path]:
        """See Conf: the kubeconfig is a file of the login node."""
        return {key: path for key, path in super().files().items() if key != "kubeconfig"}
