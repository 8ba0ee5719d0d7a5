"""Image references: which registry they name."""

import ipaddress


def registry_of(reference: str) -> str:
    """Host (and port) of the registry in a reference; empty where it names none.

    As docker reads it: the part before the first slash, if it looks like a host.
    """
    first, slash, _rest = reference.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first
    return ""


def is_on_loopback(reference: str) -> bool:
    """Whether the registry is this very machine, by its loopback address or as localhost."""
    host = registry_of(reference).rpartition(":")[0] or registry_of(reference)
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
