"""How a task starts: a name for its server, and options that are checked before it is made."""

import asyncio
import contextlib
import re
from collections.abc import Mapping
from typing import Any

from rosetta_hub.agents.binds import check_binds
from rosetta_hub.background import spawn
from rosetta_hub.catalogue.catalogue import Catalogue, User
from rosetta_hub.catalogue.options import TaskSpec, parse_options, resolve_options
from rosetta_hub.resources.check_request import check_request
from rosetta_hub.resources.cluster import build_request
from rosetta_hub.resources.inventory import Inventory
from rosetta_hub.resources.inventory_collector import InventoryCollector
from rosetta_hub.software.policy import ImagePolicy
from rosetta_hub.users.idempotency import RequestAttempt, new_id
from rosetta_hub.web.services import Services

# Seconds that a start waits for what the cluster has. One that refuses the user's key, or does not
# answer, would otherwise hold up the start of a task whose page tells the reason anyway.
INVENTORY_TIMEOUT = 3.0

_OTHER = re.compile(r"[^a-z0-9]+")


def new_server_name(title: str, attempt: RequestAttempt | None) -> str:
    """A server name that the hub accepts, and that is not taken: `casa-x3f9a`.

    All attempts of a request have the same one.

    JupyterHub 6 wants at most 30 lowercase letters, digits and single hyphens, a letter first
    (jupyterhub/slugs.py).
    """
    slug = _OTHER.sub("-", title.lower()).strip("-")
    if not slug[:1].isalpha():
        slug = f"task-{slug}"
    return f"{slug[:23].strip('-')}-{new_id(attempt, 6)}"


async def check_start(services: Services, options: Mapping[str, Any], user: User) -> TaskSpec:
    """The task that options of a user ask for, with the software that the user has.

    Raises:
        InvalidOptions, StorageRefused, ImageRefused, ImageUnchecked: see `check_options`.
    """
    catalogue = services.library.catalogue_for(user)
    return await check_options(options, catalogue, user, services.inventory, services.image_policy)


async def check_options(
    options: Mapping[str, Any],
    catalogue: Catalogue,
    user: User,
    inventory: InventoryCollector,
    policy: ImagePolicy,
) -> TaskSpec:
    """The task that the options ask for.

    A cluster that does not answer now refuses nothing: its scheduler is asked again at submit.

    Raises:
        InvalidOptions: see `resolve_options` and `check_request`.
        StorageRefused: see `check_binds`.
        ImageRefused, ImageUnchecked: see `ImagePolicy.admit`.
    """
    spec = resolve_options(parse_options(options), catalogue, user)
    check_binds(spec.storages, user.name, spec.computing)
    if spec.computing.has_queue:
        collected = await _inventory_in_time(inventory, spec.computing.id, user.name)
        if collected is not None:
            check_request(build_request("", spec.cpus, spec.memory, spec.request), collected)
    return await policy.admit(spec, user)


async def _inventory_in_time(
    inventory: InventoryCollector, computing: str, user: str
) -> Inventory | None:
    # It goes on when the time is over: the next start, or form, finds the answer.
    look = spawn(inventory.get(computing, user), f"inventory of {computing}")
    collected: Inventory | None = None
    with contextlib.suppress(TimeoutError):
        collected, _ = await asyncio.wait_for(asyncio.shield(look), INVENTORY_TIMEOUT)
    return collected
