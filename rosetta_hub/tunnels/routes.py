"""Tunnels as the service describes them: whose they are, and the route of their bytes."""

from dataclasses import dataclass, field, replace
from typing import Any

from rosetta_hub.kubernetes.api_server import ApiServer
from rosetta_hub.ssh.endpoint import Endpoint
from rosetta_hub.targets import Target, parse_target

Document = dict[str, Any]


@dataclass(frozen=True)
class SshRoute:
    """Over the SSH connection of an identity, to what its host reaches."""

    endpoint: Endpoint
    target: Target
    secret: str | None = field(default=None, repr=False)
    """Hexadecimal; with it, the other end asks for the handshake before a byte passes."""
    targets: tuple[tuple[int, Target], ...] = ()
    """Those of further interfaces, by their ports, where the handshake does not tell them apart."""

    def to_document(self) -> Document:
        """As the API takes it."""
        return {
            "kind": "ssh",
            "endpoint": self.endpoint.to_document(),
            "target": self.target.to_document(),
            "secret": self.secret,
            **self._describe_targets(),
        }

    def _describe_targets(self) -> Document:
        # A process of the former version refuses keys that it does not know.
        targets = [[port, target.to_document()] for port, target in self.targets]
        return {"targets": targets} if targets else {}

    def is_same(self, other: "Route") -> bool:
        """Whether connections over the other may go on; the identity's key is not a reason."""
        return (
            isinstance(other, SshRoute)
            and self.endpoint.key == other.endpoint.key
            and (self.target, self.secret, self.targets)
            == (other.target, other.secret, other.targets)
        )


@dataclass(frozen=True)
class DirectRoute:
    """To a port of the node itself: TLS with a pinned key, then the handshake."""

    host: str
    port: int
    secret: str = field(repr=False)
    """Hexadecimal."""
    spki: str
    """SHA-256, in hexadecimal, of the node's public key (SubjectPublicKeyInfo)."""

    def to_document(self) -> Document:
        """As the API takes it."""
        return {
            "kind": "direct",
            "host": self.host,
            "port": self.port,
            "secret": self.secret,
            "spki": self.spki,
        }

    def is_same(self, other: "Route") -> bool:
        """Whether connections over the other may go on."""
        return self == other


@dataclass(frozen=True)
class ReverseRoute:
    """The node dials; it proves itself with the agent's secret."""

    secret_sha256: str
    """In hexadecimal."""

    def to_document(self) -> Document:
        """As the API takes it."""
        return {"kind": "agent", "secret_sha256": self.secret_sha256}

    def is_same(self, other: "Route") -> bool:
        """Whether connections over the other may go on."""
        return self == other


@dataclass(frozen=True)
class KubernetesRoute:
    """Through the API server of a Kubernetes cluster, which forwards to ports of a pod."""

    server: ApiServer
    namespace: str
    pod: str
    uid: str
    """Of the pod: another one that gets its name is never entered."""
    port: int
    """Of the main interface; those of further ones are their own."""

    def to_document(self) -> Document:
        """As the API takes it."""
        return {
            "kind": "kubernetes",
            "server": self.server.to_document(),
            "namespace": self.namespace,
            "pod": self.pod,
            "uid": self.uid,
            "port": self.port,
        }

    def is_same(self, other: "Route") -> bool:
        """Whether connections over the other may go on; a new token is not a reason."""
        return isinstance(other, KubernetesRoute) and replace(other, server=self.server) == self


@dataclass(frozen=True)
class KubectlRoute:
    """To the API server that a `kubectl proxy` leads to, here or on the host of an identity.

    A program is started there that keeps it; see agent/rosetta_agent/kubectl_proxy.py.
    """

    argv: tuple[str, ...]
    program: str = field(repr=False)
    """What it reads from its standard input first."""
    endpoint: Endpoint | None = None
    """None: this machine."""

    def to_document(self) -> Document:
        """As the API takes it."""
        return {
            "kind": "kubectl",
            "argv": list(self.argv),
            "program": self.program,
            "endpoint": self.endpoint.to_document() if self.endpoint else None,
        }

    def is_same(self, other: "Route") -> bool:
        """Whether connections over the other may go on; the identity's key is not a reason."""
        return isinstance(other, KubectlRoute) and self._place == other._place

    @property
    def _place(self) -> tuple[object, ...]:
        return self.argv, self.program, self.endpoint and self.endpoint.key


Route = SshRoute | DirectRoute | ReverseRoute | KubernetesRoute | KubectlRoute


@dataclass(frozen=True)
class Tunnel:
    """The tunnel of one attempt of a task."""

    id: str
    """The task's: 12 hexadecimal digits."""
    attempt: int
    route: Route
    interfaces: tuple[int, ...] = ()
    """The ports of further interfaces: each has a socket of its own."""

    def to_document(self) -> Document:
        """As the API takes it."""
        return {
            "id": self.id,
            "attempt": self.attempt,
            "route": self.route.to_document(),
            "interfaces": list(self.interfaces),
        }

    @classmethod
    def from_document(cls, document: Document) -> "Tunnel":
        """The inverse of `to_document`.

        Raises:
            KeyError, TypeError, ValueError: something is missing, or not known.
        """
        return cls(
            _check_id(document["id"]),
            int(document["attempt"]),
            parse_route(document["route"]),
            tuple(int(port) for port in document.get("interfaces", [])),
        )


def _check_id(value: object) -> str:
    # It becomes the name of a file.
    if not (isinstance(value, str) and value.isalnum() and len(value) <= 40):
        raise ValueError("the id of a task is letters and digits")
    return value


def parse_route(document: Document) -> Route:
    """The inverse of a route's `to_document`.

    Raises:
        KeyError, TypeError, ValueError: something is missing, or not known.
    """
    fields = {key: value for key, value in document.items() if key != "kind"}
    kind = document["kind"]
    if kind == "ssh":
        fields["endpoint"] = Endpoint.from_document(fields["endpoint"])
        fields["target"] = parse_target(fields["target"])
        targets = fields.get("targets", [])
        fields["targets"] = tuple((int(port), parse_target(target)) for port, target in targets)
        return SshRoute(**fields)
    if kind == "direct":
        return DirectRoute(**fields)
    if kind == "kubernetes":
        return KubernetesRoute(**{**fields, "server": ApiServer(**fields["server"])})
    if kind == "kubectl":
        endpoint = fields["endpoint"]
        fields["endpoint"] = None if endpoint is None else Endpoint.from_document(endpoint)
        return KubectlRoute(**{**fields, "argv": tuple(fields["argv"])})
    if kind == "agent":
        return ReverseRoute(**fields)
    raise ValueError(f"{kind!r} is no route")
