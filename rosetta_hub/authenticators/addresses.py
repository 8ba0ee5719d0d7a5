"""Where requests to the hub come from."""

from typing import Any

from rosetta_hub.client_address import client_address


def address_of(handler: Any) -> str:
    """The address that the hub's own proxy was asked from, for limits and for the audit log.

    Not `request.remote_ip`: clients choose that by `X-Real-Ip`, which the proxy passes on.
    """
    proxies = handler.settings["app"].trusted_downstream_ips
    return client_address(handler.request, proxies) or "unknown"
