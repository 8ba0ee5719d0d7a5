"""Where to, as whom, and with which key: all that an SSH connection is opened with."""

from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True)
class JumpHost:
    """A host on the way; what is None is taken from the SSH configuration or the endpoint."""

    host: str
    port: int | None = None
    username: str | None = None

    def to_document(self) -> Document:
        """As JSON."""
        return {"host": self.host, "port": self.port, "username": self.username}


@dataclass(frozen=True)
class Endpoint:
    """One identity on one computing resource."""

    resource: str
    identity: str
    """`user alice`, or `platform`."""
    host: str
    """Host name or address, or a name of `ssh_config`."""
    port: int | None
    """None: 22, or what `ssh_config` says."""
    username: str | None
    """None: what `ssh_config` says."""
    private_key: str = field(repr=False)
    """OpenSSH's format, without a passphrase."""
    certificate: str | None = field(default=None, repr=False)
    known_hosts: str = field(default="", repr=False)
    """The pinned host keys, in OpenSSH's format."""
    jump_hosts: tuple[JumpHost, ...] = ()
    ssh_config: str | None = None
    """Path of an OpenSSH client configuration."""

    @property
    def key(self) -> tuple[str, str]:
        """Endpoints with the same key share a connection."""
        return self.resource, self.identity

    @property
    def route(self) -> tuple[object, ...]:
        """A connection is opened anew when this changes."""
        return self.host, self.port, self.username, self.jump_hosts, self.ssh_config

    def to_document(self) -> Document:
        """As JSON. It holds the private key."""
        return {
            "resource": self.resource,
            "identity": self.identity,
            "host": self.host,
            "port": self.port,
            "username": self.username,
            "private_key": self.private_key,
            "certificate": self.certificate,
            "known_hosts": self.known_hosts,
            "jump_hosts": [jump.to_document() for jump in self.jump_hosts],
            "ssh_config": self.ssh_config,
        }

    @classmethod
    def from_document(cls, document: Document) -> "Endpoint":
        """The inverse of `to_document`.

        Raises:
            TypeError: a field is missing or unknown.
        """
        jumps = tuple(JumpHost(**jump) for jump in document.get("jump_hosts", ()))
        return cls(**{**document, "jump_hosts": jumps})
