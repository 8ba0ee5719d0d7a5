"""What the hub's configuration and its hooks set on the spawner of a container.

Environment variables and limits reach the container as they reach the servers of other spawners, as
far as the software's entry allows. Nothing else does; what has no effect is named in the log.
"""

import os
import re
from typing import Any

from jupyterhub.spawner import Spawner

from rosetta_hub.catalogue.software import Software
from rosetta_hub.catalogue.validation import VARIABLE_PATTERN
from rosetta_spawners.errors import StartRefused

# Bytes of names and values together: they travel in the batch script.
ENVIRONMENT_LIMIT = 64 << 10

# Traits that other spawners apply, and that a container has no use for.
WITHOUT_EFFECT = (
    "args",
    "cmd",
    "cpu_guarantee",
    "debug",
    "default_url",
    "disable_user_config",
    "ip",
    "mem_guarantee",
    "notebook_dir",
    "port",
)

_VARIABLE = re.compile(VARIABLE_PATTERN)
# By these a server of the hub reaches the hub, with a token of its own.
_HUB_VARIABLE = re.compile(r"JUPYTERHUB_.*|JPY_API_TOKEN")


def spawner_settings(spawner: Spawner, software: Software | None) -> dict[str, Any]:
    """The variables and limits for a container of that software, as the service expects them.

    Raises:
        StartRefused: the variables are too many.
    """
    environment = _environment(spawner, software.spawner_environment if software else "none")
    if sum(len(name) + len(value.encode()) for name, value in environment.items()) > (
        ENVIRONMENT_LIMIT
    ):
        raise StartRefused(
            500,
            "The hub sets more variables than a task can be given"
            f" ({ENVIRONMENT_LIMIT >> 10} KiB). Tell your administrator.",
        )
    return {
        "environment": environment,
        "cpus": spawner.cpu_limit or None,
        "memory": spawner.mem_limit or None,
    }


def _environment(spawner: Spawner, mode: str) -> dict[str, str]:
    if mode == "none":
        return {}
    if mode == "all":
        variables = spawner.get_env()
    else:
        variables = {name: os.environ[name] for name in spawner.env_keep if name in os.environ}
        for name, value in spawner.environment.items():
            variables[name] = value(spawner) if callable(value) else value
    usable = {
        name: str(value)
        for name, value in variables.items()
        if _is_usable(name, value) and (mode == "all" or not _HUB_VARIABLE.fullmatch(name))
    }
    if ignored := sorted(str(name) for name in variables.keys() - usable.keys()):
        spawner.log.warning(
            "Variables that the container of %s is not given: %s",
            spawner._log_name,
            ", ".join(ignored),
        )
    return usable


def _is_usable(name: Any, value: Any) -> bool:
    is_name = isinstance(name, str) and _VARIABLE.fullmatch(name)
    return bool(is_name) and value is not None and "\0" not in str(value)


def ignored_values(spawner: Spawner) -> dict[str, Any]:
    """What is set on the spawner without effect: traits, and attributes that no class has."""
    attributes = {name: value for name, value in vars(spawner).items() if not name.startswith("_")}
    return {name: getattr(spawner, name) for name in WITHOUT_EFFECT} | attributes


def log_ignored(spawner: Spawner, before: dict[str, Any]) -> None:
    """Name in the log what hooks have set since `before` that has no effect on a container."""
    after = ignored_values(spawner)
    names = sorted(name for name, value in after.items() if before.get(name) != value)
    if names:
        spawner.log.warning(
            "Hooks have set %s for %s, which has no effect on a container: its entry in"
            " c.Rosetta.software decides.",
            ", ".join(names),
            spawner._log_name,
        )
