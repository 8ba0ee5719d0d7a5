"""What asyncssh raises while a connection is opened, as our errors with messages."""

import socket
from dataclasses import dataclass

import asyncssh

from rosetta_hub.ssh.endpoint import Endpoint, JumpHost
from rosetta_hub.ssh.errors import (
    HostKeyChanged,
    HostKeyUnknown,
    KeyRefused,
    SshError,
    Unreachable,
)
from rosetta_hub.ssh.host_keys import find_pinned_keys
from rosetta_hub.ssh.keys import read_public_key

ACCEPT = "rosetta-hub check {resource} --accept-host-key"


@dataclass(frozen=True)
class Offer:
    """A host key, or the key of a host's CA, that is not trusted."""

    host: str
    address: str
    port: int
    fingerprint: str


def explain_failure(
    error: Exception,
    endpoint: Endpoint,
    hop: JumpHost,
    options: asyncssh.SSHClientConnectionOptions,
    offer: Offer | None,
) -> SshError:
    """The error of ours for one of asyncssh's or of the system's."""
    address = f"{options.host}, port {options.port}"
    if isinstance(error, asyncssh.PermissionDenied):
        return _explain_refused_key(endpoint, str(options.username), str(options.host))
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        name = str(options.host_key_alias or options.host)
        return _explain_host_key(
            error, endpoint, address, offer or Offer(name, "", options.port, "")
        )
    if isinstance(error, asyncssh.KeyExchangeFailed):
        name = str(options.host_key_alias or options.host)
        if find_pinned_keys(endpoint.known_hosts, name, options.port):
            return _explain_host_key(error, endpoint, address, Offer(name, "", options.port, ""))
    return Unreachable(f"{address}, can't be reached: {_explain_system(error)}")


def explain_second_factor(username: str, host: str) -> KeyRefused:
    """The error for a server that wants a code or a password beside the key."""
    return KeyRefused(
        f"{host} does not let the user name '{username}' in with a key alone: it asks for a second"
        " factor, a code or a password, which the hub can't give. The administrator of the cluster"
        " has to accept keys alone from the hub's address, in sshd_config: `Match Address HUB`,"
        " below it `AuthenticationMethods publickey`; or give the hub another login node."
    )


def _explain_refused_key(endpoint: Endpoint, username: str, host: str) -> KeyRefused:
    if endpoint.certificate is not None:
        return KeyRefused(
            f"{host} does not accept the certificate for the user name '{username}'. Either it has"
            " expired, or the host does not trust its CA, or there is no such user; the server"
            " does not tell which."
        )
    return KeyRefused(
        f"{host} does not accept the key for the user name '{username}'. Either the key is not"
        " installed there yet, or the user name is wrong; the server does not tell which. Check"
        f" the name, and that ~/.ssh/authorized_keys of that account holds {_line(endpoint)}."
    )


def _line(endpoint: Endpoint) -> str:
    """What has to be installed. Users find it with the options that belong in front of it."""
    if endpoint.identity.startswith("user "):
        return "the line shown under 'Account'"
    return f"this line: {read_public_key(endpoint.private_key)}"


def _explain_host_key(
    error: Exception, endpoint: Endpoint, address: str, offer: Offer
) -> HostKeyChanged | HostKeyUnknown:
    pinned = find_pinned_keys(endpoint.known_hosts, offer.host, offer.port, offer.address)
    key_text = f" ({offer.fingerprint})" if offer.fingerprint else ""
    if not pinned:
        return HostKeyUnknown(
            f"No host key of {address}, is pinned, so nothing is sent there. The administrator"
            f" compares the key that it shows{key_text} with the host's own, and pins it:"
            f" {ACCEPT.format(resource=endpoint.resource)}"
        )
    return HostKeyChanged(
        f"The host key of {address}, is not the pinned one: nothing is sent there. It shows"
        f" another key{key_text} than {', '.join(pinned)}; {error}. Somebody may listen in, or the"
        " host was installed anew: the administrator has to find out, and to replace its line in"
        " known_hosts when the new key is right."
    )


def _explain_system(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it did not answer in time."
    if isinstance(error, socket.gaierror):
        return f"its name is not known ({error.strerror})."
    if isinstance(error, OSError):
        return f"{error.strerror or error}."
    return f"{error}."
