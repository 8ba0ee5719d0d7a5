"""Storages on the hub's own machine: what of them can be seen before a task starts."""

import os
from collections.abc import Iterator
from pathlib import Path

from rosetta_hub.catalogue.catalogue import Catalogue
from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.catalogue.storages import Storage
from rosetta_hub.errors import ConfigError


def local_storages(catalogue: Catalogue) -> list[Storage]:
    """The storages that are directories of this machine."""
    return [
        storage
        for storage in catalogue.storages.values()
        if storage.access_mode == "local"
        or any(_is_here(catalogue.computing[key]) for key in storage.computing)
    ]


def _is_here(computing: Computing) -> bool:
    # Of Kubernetes, only the program that speaks with the cluster is here.
    return computing.access_mode == "local" and computing.wms != "kubernetes"


def check_state_dir(catalogue: Catalogue, state_dir: Path) -> None:
    """Refuse a storage in which somebody finds the keys of this deployment.

    Raises:
        ConfigError: which.
    """
    for storage in local_storages(catalogue):
        if storage.may_hold(state_dir) or storage.may_hold(state_dir.resolve()):
            raise ConfigError(
                f"c.Rosetta.storages entry {storage.id!r}: users would find c.Rosetta.state_dir,"
                f" with the keys of this hub, in its 'base_path' {storage.base_path!r}. Use a"
                f" directory beside it, or one in it, such as '{state_dir}/homes/$USER'."
            )


def storage_advice(catalogue: Catalogue) -> Iterator[str]:
    """What keeps storages of this machine from being used by tasks, a message each.

    It can be mended while the service runs, such as a file server that is not mounted yet.
    """
    for storage in local_storages(catalogue):
        where = f"c.Rosetta.storages entry {storage.id!r}"
        directory = _needed_directory(storage)
        if not directory.is_dir():
            yield (
                f"{where}: the directory {str(directory)!r} does not exist on this machine, so that"
                " tasks with this storage fail. Make it, or mount what is there."
            )
        if storage.owner not in ("service", os.geteuid()) and os.geteuid() != 0:
            yield (
                f"{where}: its files belong to others than the account of this service ('owner' is"
                f" {storage.owner!r}), for which the service has to be root. Run it as root, or"
                " leave 'owner' out."
            )


def _needed_directory(storage: Storage) -> Path:
    """What has to be there: all before the first variable, and the parent of what is made."""
    path = Path(storage.base_path)
    if storage.create:
        path = path.parent
    names = [name for name in path.parts if "$" in name]
    return Path(*path.parts[: path.parts.index(names[0])]) if names else path
