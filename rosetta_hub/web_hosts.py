"""Host names as browsers spell them: `127.1` and `127.0.0.1` are one host to a browser."""

import ipaddress
import re
import socket
from urllib.parse import urlsplit, urlunsplit

# Where an address without a port leads.
DEFAULT_PORTS = {"http": 80, "https": 443}
# What is an IPv4 address to a browser: its last label is a number.
_NUMBER = re.compile(r"(0x[0-9a-f]*|\d+)$", re.ASCII)


def normalise_host(host: str) -> str:
    """The host as a browser puts it into the `Host` header (https://url.spec.whatwg.org/#host-parsing).

    Lower case, international names in ASCII, addresses in their one canonical form, IPv6 in
    brackets. A dot at the end is dropped, because the addresses that this deployment hands out have
    none. A star as the first label stays.

    Raises:
        ValueError: no browser takes it for a host.
    """
    if ":" in host:
        return f"[{ipaddress.IPv6Address(host.strip('[]'))}]"
    star = "*." if host.startswith("*.") else ""
    name = host.removeprefix("*.").rstrip(".").encode("idna").decode().lower()
    if not name:
        raise ValueError("there is no host name")
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        return str(ipaddress.IPv4Address(_read_ipv4(name)))
    return star + name


def _read_ipv4(name: str) -> bytes:
    try:
        # Reads hexadecimal, octal and missing parts as browsers do.
        return socket.inet_aton(name)
    except OSError as error:
        raise ValueError(f"{name} is not an IPv4 address") from error


def normalise_url(url: str) -> str:
    """The address with its host as a browser spells it.

    Raises:
        ValueError: no browser takes its host for one.
    """
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port is not None else ""
    return urlunsplit(parts._replace(netloc=normalise_host(parts.hostname or "") + port))


def is_loopback(host: str) -> bool:
    """Whether browsers reach this host without a network, and trust it without TLS."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
