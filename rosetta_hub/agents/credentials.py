"""How a task's interface learns its credential, and how the edge presents it."""

import base64

from rosetta_hub.catalogue.software import Software


def interface_environment(software: Software, password: str) -> dict[str, str]:
    """The variables by which the container learns its credential; empty when it needs none.

    `AUTH_PASS` is the contract of Rosetta's containers, `JUPYTER_TOKEN` is Jupyter Server's own.
    """
    environment: dict[str, str] = {}
    if software.interface_auth == "jupyter":
        environment["JUPYTER_TOKEN"] = password
    if software.interface_auth in ("basic", "password") or software.supports_interface_auth:
        environment["AUTH_USER"] = software.interface_auth_user
        environment["AUTH_PASS"] = password
    return environment


def authorization_header(software: Software, password: str) -> str | None:
    """The `Authorization` header that the edge adds to each request, None when it adds none."""
    if software.interface_auth == "jupyter":
        return f"token {password}"
    if software.interface_auth == "basic":
        pair = f"{software.interface_auth_user}:{password}".encode()
        return "Basic " + base64.b64encode(pair).decode()
    return None
