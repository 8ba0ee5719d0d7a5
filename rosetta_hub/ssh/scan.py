"""Looking at a server's host key, for the administrator to decide whether it is pinned."""

import asyncio

import asyncssh

from rosetta_hub.ssh.endpoint import Endpoint, JumpHost
from rosetta_hub.ssh.errors import Unreachable
from rosetta_hub.ssh.host_keys import HostKey, build_known_hosts_line, find_pinned_keys
from rosetta_hub.ssh.opening import Opening

SCAN_TIMEOUT = 20.0


async def scan_host_key(endpoint: Endpoint) -> HostKey:
    """The key of the first host on the way to the endpoint for which none is pinned.

    When all are pinned, it is the endpoint's own. Hosts before it are connected to as usual, with
    all checks; to the scanned one nothing of ours is shown.

    Raises:
        SshError: a host before it can't be used, or the server does not answer.
    """
    opening = Opening(endpoint)
    try:
        for hop in opening.hops:
            if hop is opening.hops[-1] or not _is_pinned(opening, hop):
                return await _scan(opening, hop)
            await opening.connect_hop(hop)
        raise AssertionError("there is always a last hop")
    finally:
        opening.close()


def _is_pinned(opening: Opening, hop: JumpHost) -> bool:
    return bool(find_pinned_keys(opening.endpoint.known_hosts, *opening.name_of(hop)))


async def _scan(opening: Opening, hop: JumpHost) -> HostKey:
    options = opening.read_options(hop)
    host, port = str(options.host), int(options.port)
    try:
        async with asyncio.timeout(SCAN_TIMEOUT):
            key = await asyncssh.get_server_host_key(
                host,
                port,
                tunnel=opening.last,
                proxy_command=options.proxy_command,
                config=None,
            )
    except (OSError, asyncssh.Error) as error:
        raise Unreachable(f"{host}, port {port}, shows no host key: {error}") from error
    if key is None:
        raise Unreachable(f"{host}, port {port}, shows no host key.")
    name, _ = opening.name_of(hop)
    line = build_known_hosts_line(name, port, key.export_public_key().decode())
    return HostKey(name, port, key.get_fingerprint(), line)
