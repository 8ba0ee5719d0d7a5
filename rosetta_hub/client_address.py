"""Where a request comes from, as far as a proxy that can be trusted has seen it."""

from collections.abc import Collection
from ipaddress import ip_address
from typing import Any

from tornado.httputil import HTTPServerRequest


def client_address(request: HTTPServerRequest, proxies: Collection[str] = ()) -> str | None:
    """The last address of `X-Forwarded-For` that is none of `proxies`; without one, the sender's.

    Each proxy adds the address that it was asked from, and the hub's own is always the last one:
    whatever a client writes there stands before. `X-Real-Ip` is not looked at, because the hub's
    proxy passes on what a client has written.
    """
    forwarded = ",".join(request.headers.get_list("X-Forwarded-For"))
    addresses = [part.strip() for part in forwarded.split(",") if part.strip()]
    for address in reversed(addresses):
        if not _is_address(address):
            return None
        if address not in proxies:
            return address
    return addresses[0] if addresses else request.remote_ip


def hub_client_address(handler: Any) -> str:
    """The address that the hub's own proxy was asked from, for a handler of the hub.

    For limits and for the audit log.
    """
    proxies = handler.settings["app"].trusted_downstream_ips
    return client_address(handler.request, proxies) or "unknown"


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
