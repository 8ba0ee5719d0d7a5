"""The variables of a task's container with its credential, and how the edge presents that."""

import base64

from rosetta_hub.catalogue.software import Software
from rosetta_hub.database.models import Task
from rosetta_hub.keys import Keys
from rosetta_hub.tasks.spawner_settings import decrypt_environment


def task_environment(task: Task, software: Software, keys: Keys) -> dict[str, str]:
    """The variables of the attempt's container: the hub's, the software's, and its credential.

    Of one name the last of these counts.

    Raises:
        ResourceUnavailable: see `decrypt_environment`.
    """
    password = keys.interface_password(task.id, task.attempt)
    return {
        **decrypt_environment(task.environment, keys.database),
        **software.environment,
        **interface_environment(software, password),
    }


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
