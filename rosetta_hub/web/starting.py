"""How a task starts: a name for its server, and options that are checked before it is made."""

import re
import secrets
from collections.abc import Mapping
from typing import Any

from rosetta_hub.catalogue.catalogue import Catalogue, User
from rosetta_hub.catalogue.options import TaskSpec, parse_options, resolve_options
from rosetta_hub.resources.check_request import check_request
from rosetta_hub.resources.cluster import build_request
from rosetta_hub.resources.inventory_collector import InventoryCollector

_OTHER = re.compile(r"[^a-z0-9]+")


def new_server_name(title: str) -> str:
    """A server name that the hub accepts, and that is not taken: `casa-x3f9a`.

    JupyterHub 6 wants at most 30 lowercase letters, digits and single hyphens, a letter first
    (jupyterhub/slugs.py).
    """
    slug = _OTHER.sub("-", title.lower()).strip("-")
    if not slug[:1].isalpha():
        slug = f"task-{slug}"
    return f"{slug[:23].strip('-')}-{secrets.token_hex(3)}"


async def check_options(
    options: Mapping[str, Any], catalogue: Catalogue, user: User, inventory: InventoryCollector
) -> TaskSpec:
    """The task that the options ask for.

    A cluster that does not answer now refuses nothing: its scheduler is asked again at submit.

    Raises:
        InvalidOptions: see `resolve_options` and `check_request`.
    """
    spec = resolve_options(parse_options(options), catalogue, user)
    if spec.computing.has_queue:
        known, _ = await inventory.get(spec.computing.id, user.name)
        if known is not None:
            check_request(build_request("", spec.cpus, spec.memory, spec.request), known)
    return spec
