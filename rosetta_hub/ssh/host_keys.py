"""Host keys: which are pinned, and how one is added."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncssh
from asyncssh.public_key import get_default_certificate_algs, get_default_public_key_algs

DEFAULT_PORT = 22


@dataclass(frozen=True)
class HostKey:
    """What a server shows, not trusted yet."""

    host: str
    port: int
    fingerprint: str
    """`SHA256:...`, as `ssh-keygen -l` prints it."""
    line: str
    """For `known_hosts`."""


def find_pinned_keys(known_hosts: str, host: str, port: int, address: str = "") -> list[str]:
    """Fingerprints of the host keys, and of the keys of CAs, that are pinned for a server."""
    return [key.get_fingerprint() for key in _match(known_hosts, host, port, address)]


def order_algorithms(known_hosts: str, host: str, port: int) -> list[str]:
    """The algorithms of host keys that a server is asked for; empty when nothing is pinned for it.

    Those of the pinned keys come first. The others follow, so that a server that has no such key
    shows the one that it has: asked for the pinned ones alone, it would hang up without a word.
    """
    host_keys, ca_keys = _match_by_kind(known_hosts, host, port, "")
    if not host_keys and not ca_keys:
        return []
    pinned = [name for key in host_keys for name in key.sig_algorithms]
    certified = get_default_certificate_algs()
    names = [*(certified if ca_keys else []), *pinned, *get_default_public_key_algs()]
    return [name.decode() for name in dict.fromkeys(names)]


def _match(known_hosts: str, host: str, port: int, address: str) -> list[asyncssh.SSHKey]:
    host_keys, ca_keys = _match_by_kind(known_hosts, host, port, address)
    return [*host_keys, *ca_keys]


def _match_by_kind(
    known_hosts: str, host: str, port: int, address: str
) -> tuple[Sequence[asyncssh.SSHKey], Sequence[asyncssh.SSHKey]]:
    other_port = port if port != DEFAULT_PORT else None
    host_keys, ca_keys, *_ = asyncssh.import_known_hosts(known_hosts).match(
        host, address, other_port
    )
    return host_keys, ca_keys


def join_known_hosts(pinned: str, accepted: str) -> str:
    """Both, without the accepted keys of hosts for which a key is pinned.

    `accepted` has lines of `build_known_hosts_line`.
    """
    known_hosts = asyncssh.import_known_hosts(pinned)
    lines = [line for line in accepted.splitlines() if not _is_pinned(known_hosts, line)]
    return "\n".join([pinned, *lines, ""])


def _is_pinned(known_hosts: asyncssh.SSHKnownHosts, line: str) -> bool:
    # The whole name, `[host]:port`: a key for another port of the host is another server's.
    host_keys, ca_keys, *_ = known_hosts.match(line.partition(" ")[0], "", None)
    return bool(host_keys or ca_keys)


def build_known_hosts_line(host: str, port: int, public_key: str) -> str:
    """A line of `known_hosts`; `public_key` is an algorithm and a key."""
    name = host if port == DEFAULT_PORT else f"[{host}]:{port}"
    return f"{name} {' '.join(public_key.split()[:2])}"


def accept_host_key(path: Path, key: HostKey) -> None:
    """Pin a key: its line is added to a file (0600, made when missing) unless it is there."""
    text = path.read_text() if path.exists() else ""
    if key.line in text.splitlines():
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{key.line}\n" if not text or text.endswith("\n") else f"\n{key.line}\n")
