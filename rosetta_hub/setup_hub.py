"""Wiring into an existing hub: what the second line of `jupyterhub_config.py` does."""

import sys
from pathlib import Path
from typing import Any

import rosetta_templates
from rosetta_hub.config import SERVICE_NAME, Rosetta

# What the service may do on the hub: know who asks, start and stop servers on behalf of users that
# it has checked, report activity. It may not read tokens, nor create or delete users.
SERVICE_SCOPES = [
    "read:users",
    "read:groups",
    "list:users",
    "servers",
    "delete:servers",
    "read:servers",
    "users:activity",
    "access:servers",
]

# What a browser's token carries to the service: the user's own servers and those shared with them.
CLIENT_SCOPES = ["self", "access:servers", "read:servers", "servers", "delete:servers"]


def setup(c: Any, config_file: str, manage_service: bool = True) -> None:
    """Make the hub of this configuration start containers.

    Adds the service (started by the hub, unless `manage_service` is False), its role, the
    spawner, the page templates, and named servers. What the configuration already has stays:
    services, roles and template paths are added to. Call it on top of the file; everything it
    sets can be overridden below.

    `config_file` is `__file__`: the service reads the same configuration.
    """
    directory = Path(config_file).absolute().parent
    c.Rosetta.state_dir = str(directory / str(c.Rosetta.get("state_dir", "rosetta_state")))
    settings = Rosetta(config=c)
    c.JupyterHub.spawner_class = "rosetta"
    c.JupyterHub.allow_named_servers = True
    c.JupyterHub.default_url = settings.service_prefix
    # Before the hub's own, of which some are replaced.
    c.JupyterHub.template_paths.insert(0, str(Path(rosetta_templates.__file__).parent))
    _append(c.JupyterHub, "services", _service(settings, config_file, manage_service))
    for role in _roles():
        _append(c.JupyterHub, "load_roles", role)


def _append(section: Any, name: str, item: Any) -> None:
    # A LazyConfigValue, where nothing was assigned before: extend() keeps the trait's default.
    getattr(section, name).append(item)


def _service(settings: Rosetta, config_file: str, managed: bool) -> dict[str, Any]:
    service: dict[str, Any] = {
        "name": SERVICE_NAME,
        "url": settings.service_url,
        "api_token": settings.keys().service_token,
        "oauth_no_confirm": True,
        "oauth_client_allowed_scopes": CLIENT_SCOPES,
        "display": False,
    }
    if managed:
        path = str(Path(config_file).absolute())
        service["command"] = [sys.executable, "-m", "rosetta_hub", "service", "--config", path]
    return service


def _roles() -> list[dict[str, Any]]:
    return [
        {"name": "rosetta", "scopes": SERVICE_SCOPES, "services": [SERVICE_NAME]},
        {"name": "user", "scopes": ["self", f"access:services!service={SERVICE_NAME}"]},
    ]
