"""OpenSSH's client configuration, read by asyncssh, and the hops that follow from it."""

from dataclasses import replace

import asyncssh

from rosetta_hub.ssh.endpoint import Endpoint, JumpHost
from rosetta_hub.ssh.errors import SshRefused


def resolve_hops(endpoint: Endpoint) -> list[JumpHost]:
    """The hosts to connect to, in order; the last is the endpoint's own.

    `ProxyJump` of the configuration counts where the endpoint names no jump hosts. asyncssh would
    follow it by itself, but with the service's own keys and `~/.ssh/known_hosts`.

    Raises:
        Refused: the configuration can't be read, or there is no user name.
    """
    own = JumpHost(endpoint.host, endpoint.port, endpoint.username)
    jumps = endpoint.jump_hosts
    if endpoint.ssh_config and not jumps:
        options = read_options(endpoint, own)
        proxy_jump = options.tunnel
        # `none` is how the configuration says that an earlier line does not count.
        if isinstance(proxy_jump, str) and proxy_jump.lower() != "none":
            jumps = parse_proxy_jump(proxy_jump)
    return [_add_username(endpoint, hop) for hop in (*jumps, own)]


def _add_username(endpoint: Endpoint, hop: JumpHost) -> JumpHost:
    """With the name of the configuration, or the endpoint's: never that of the service."""
    configured = read_options(endpoint, hop).config.get("User")
    username = hop.username or configured or endpoint.username
    if not username:
        raise SshRefused(
            f"No user name is configured for {hop.host} of {endpoint.resource}. The administrator"
            " has to set one."
        )
    return replace(hop, username=str(username))


def read_options(endpoint: Endpoint, hop: JumpHost) -> asyncssh.SSHClientConnectionOptions:
    """What the configuration says about a hop, without keys of the service's own account.

    Raises:
        Refused: the configuration can't be read.
    """
    try:
        return asyncssh.SSHClientConnectionOptions(
            config=[endpoint.ssh_config] if endpoint.ssh_config else None,
            host=hop.host,
            port=() if hop.port is None else hop.port,
            username=() if hop.username is None else hop.username,
            client_keys=None,
            agent_path=None,
            known_hosts=b"#",
        )
    except (OSError, ValueError) as error:
        raise SshRefused(
            f"The SSH configuration {endpoint.ssh_config} of {endpoint.resource} can't be used:"
            f" {error}. The administrator has to mend it."
        ) from error


def parse_proxy_jump(text: str) -> tuple[JumpHost, ...]:
    """`ProxyJump`'s list of `user@host:port`; an IPv6 address with a port stands in brackets."""
    return tuple(_parse_jump(part.strip()) for part in text.split(",") if part.strip())


def _parse_jump(text: str) -> JumpHost:
    user, at, rest = text.removeprefix("ssh://").rpartition("@")
    host, colon, port = rest.rpartition(":")
    if not (colon and port.isdigit() and (":" not in host or host.endswith("]"))):
        host, port = rest, ""
    return JumpHost(host.strip("[]"), int(port) if port else None, user if at else None)
