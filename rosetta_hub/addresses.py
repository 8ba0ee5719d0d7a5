"""Which addresses the service connects to for users: they must not reach its own networks."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from typing import Any

from tornado.netutil import Resolver

from rosetta_hub.errors import UserError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# RFC 6052: the last four bytes are an IPv4 address.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

# What Python takes for global: site-local addresses (RFC 3879), NAT64 of a site's own (RFC 8215),
# and IPv4 addresses written as IPv6 ones (RFC 4291).
_NOT_PUBLIC = tuple(map(ipaddress.IPv6Network, ("fec0::/10", "64:ff9b:1::/48", "::/96")))


class RequestFailed(UserError):
    """A server that a user has named can't be asked; the message is for the user.

    `reason` tells why: `unknown_host`, `private_address`, `unreachable`, `certificate`, `silent`,
    `incomplete` or `too_large`.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class AddressGuard:
    """Lets public addresses pass, and those of `allowed` networks."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = [ipaddress.ip_network(network) for network in allowed]

    def permits(self, text: str) -> bool:
        """Whether a connection to the address is allowed."""
        address = _plain(ipaddress.ip_address(text.partition("%")[0]))
        if any(address in network for network in self._allowed):
            return True
        if any(address in network for network in _NOT_PUBLIC):
            return False
        return address.is_global and not address.is_multicast


class GuardedResolver(Resolver):
    """Resolves names to permitted addresses; the connection goes to one of them, not to the name.

    So a name can't lead to another address between the check and the connection.
    """

    def initialize(self, guard: AddressGuard) -> None:
        """Keep who decides."""
        self._guard = guard

    async def resolve(
        self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[tuple[int, Any]]:
        """The permitted addresses of a host.

        Raises:
            RequestFailed: it has none.
        """
        try:
            records = await asyncio.get_running_loop().getaddrinfo(
                host, port, family=family, type=socket.SOCK_STREAM
            )
        except (OSError, UnicodeError) as error:
            message = f"The host {host} is not known. Check the address."
            raise RequestFailed("unknown_host", message) from error
        permitted = [
            (int(kind), address) for kind, _, _, _, address in records if self._permits(address)
        ]
        if not permitted:
            raise RequestFailed(
                "private_address",
                f"The host {host} is not on the public internet. Only the administrator can"
                " allow connections to it.",
            )
        return permitted

    def _permits(self, address: tuple[Any, ...]) -> bool:
        return self._guard.permits(str(address[0]))


def _plain(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, if any."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address.sixtofour or address
    return address
