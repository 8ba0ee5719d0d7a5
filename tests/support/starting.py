"""Tasks in the database, from options as users send them."""

from collections.abc import Mapping
from typing import Any

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.catalogue.options import parse_options, resolve_options
from rosetta_hub.database.models import Task
from rosetta_hub.tasks.manager import TaskManager
from rosetta_hub.tasks.spawner_settings import NO_SETTINGS, SpawnerSettings


def start_task(
    tasks: TaskManager,
    server_name: str,
    options: Mapping[str, Any],
    user: User,
    spawner: SpawnerSettings = NO_SETTINGS,
) -> Task:
    """Record a task that these options ask for."""
    spec = resolve_options(parse_options(options), tasks.catalogue, user)
    return tasks.start(server_name, spec, user, spawner)
