"""The storages of the configuration together: what does not fit their resources, or each other."""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rosetta_hub.catalogue.bind_paths import overlap
from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.catalogue.conf_kubernetes import NamespaceConf
from rosetta_hub.catalogue.storages import Storage
from rosetta_hub.catalogue.validation import load_entries
from rosetta_hub.errors import ConfigError


def load_storages(
    raw: Iterable[Mapping[str, Any]], computing: Mapping[str, Computing]
) -> dict[str, Storage]:
    """The storages by id, in the order of the configuration.

    Raises:
        ConfigError: an entry is invalid, does not fit its computing resources, or two are in each
            other's way.
    """
    storages: dict[str, Storage] = {}
    for entry in load_entries("storages", Storage, raw):
        slug = re.sub(r"[^a-z0-9]+", "-", entry.name.lower()).strip("-")
        key = entry.id or slug or "storage"
        if key in storages:
            raise ConfigError(
                f"c.Rosetta.storages: two entries are called {key!r}. Give each an 'id' of its own."
            )
        storages[key] = entry.model_copy(update={"id": key})
    for storage in storages.values():
        if fault := next(_faults(storage, computing), None):
            raise ConfigError(f"c.Rosetta.storages entry {storage.id!r}: {fault}.")
    for first, second in itertools.combinations(storages.values(), 2):
        _check_pair(first, second)
    return storages


def _faults(storage: Storage, computing: Mapping[str, Computing]) -> Iterator[str]:
    """What does not fit between a storage and its resources, a message each."""
    if unknown := sorted(set(storage.computing) - computing.keys()):
        names = ", ".join(computing) or "none"
        yield f"key 'computing' names {unknown}, which c.Rosetta.computing has not. It has: {names}"
        return
    resources = [computing[key] for key in storage.computing]
    if storage.claim and (
        others := [resource.id for resource in resources if not _has_pods(resource)]
    ):
        yield f"key 'claim' is for Kubernetes, and 'computing' names {others[0]!r}"
        return
    is_unreachable = resources and resources[0].access_mode == "api" and not _has_pods(resources[0])
    if storage.access_through_computing and is_unreachable:
        yield (
            f"files can't be reached through {resources[0].id!r}, whose access_mode is 'api'. Set"
            " 'access_through_computing' to False, and 'access_mode' and 'conf' to how the files"
            " are reached"
        )
    for resource in resources:
        if isinstance(resource.conf, NamespaceConf):
            yield from _faults_in_pods(storage, resource.id, resource.conf)
        else:
            yield from _faults_of_place(storage, resource)
    if "$SSH_USER" in storage.base_path and storage.access_mode == "local":
        yield "'$SSH_USER' in 'base_path' needs 'access_mode' to be 'ssh'"
    here = storage.access_mode == "local" or any(map(_has_owners, resources))
    if storage.owner != "service" and not here:
        yield (
            f"key 'owner' is {storage.owner!r}, but over SSH and in Slurm files are the account's"
            " own. Remove the key"
        )


def _has_owners(resource: Computing) -> bool:
    """Whether tasks there may work for another owner than the account that starts them."""
    return resource.access_mode == "local" or _is_docker_api(resource) or _has_pods(resource)


def _has_pods(resource: Computing) -> bool:
    return isinstance(resource.conf, NamespaceConf)


def _is_docker_api(resource: Computing) -> bool:
    return resource.access_mode == "api" and not resource.has_queue


def _faults_of_place(storage: Storage, resource: Computing) -> Iterator[str]:
    if "$SSH_USER" in storage.base_path and _has_owners(resource):
        yield (
            f"'$SSH_USER' in 'base_path' is not known on {resource.id!r}, where tasks have no"
            " account of their own. Use '$USER', or make two entries"
        )
    if storage.create and _is_docker_api(resource):
        yield f"nothing on {resource.id!r} can make directories. Make them there, without 'create'"
    needs_uid = storage.bind_path and not storage.read_only and not isinstance(storage.owner, int)
    if needs_uid and _is_docker_api(resource):
        yield (
            f"nothing on {resource.id!r} can look up whose files a task writes. Set 'owner' to a"
            " uid, or 'read_only' to True"
        )


def _faults_in_pods(storage: Storage, resource: str, conf: NamespaceConf) -> Iterator[str]:
    if "$SSH_USER" in storage.base_path:
        yield f"'$SSH_USER' in 'base_path' is not known on {resource!r}. Use '$USER'"
    if storage.owner == "service" and not storage.read_only:
        yield (
            f"tasks on {resource!r} don't run as the service. Set 'owner' to a uid, or to 'system'"
            " for the uid that the user has on this machine, or 'read_only' to True"
        )
    if storage.create and (not storage.claim or storage.base_path == "/"):
        yield (
            f"nothing on {resource!r} can make the directory. 'create' is for a 'claim' with a"
            " 'base_path' in it, such as '/$USER'"
        )
    is_reached = storage.access_through_computing and storage.computing[0] == resource
    if (is_reached or storage.create) and conf.agent_image is None:
        yield (
            f"files are reached by a pod of the hub's on {resource!r}, which needs an image with"
            " Python: set its 'conf.agent_image'"
        )


def _check_pair(first: Storage, second: Storage) -> None:
    """Refuse two storages that the tasks of one user can't both have.

    Raises:
        ConfigError: which, and where.
    """
    shared = [key for key in first.computing if key in second.computing]
    if not (shared and first.bind_path and second.bind_path and _share_users(first, second)):
        return
    where = f"c.Rosetta.storages entries {first.id!r} and {second.id!r}: tasks on {shared[0]!r}"
    if overlap(first.bind_path, second.bind_path):
        raise ConfigError(
            f"{where} would have {first.bind_path!r} and {second.bind_path!r} in one place. Give"
            " each a 'bind_path' of its own, or name other 'users'."
        )
    if first.home and second.home:
        raise ConfigError(
            f"{where} would have two homes. Set 'home' of one of them to False, or name other"
            " 'users'."
        )


def check_home_path(software: str, path: str, storages: Iterable[Storage]) -> None:
    """Refuse a home path of a software at which a task has another storage than its home.

    Raises:
        ConfigError: which, and where.
    """
    for home, other in itertools.permutations(storages, 2):
        shared = [key for key in home.computing if key in other.computing]
        in_the_way = other.bind_path and overlap(path, other.bind_path)
        if home.home and shared and in_the_way and _share_users(home, other):
            raise ConfigError(
                f"c.Rosetta.software entry {software!r}: tasks on {shared[0]!r} would have the home"
                f" at its 'home_path' {path!r}, and the storage {other.id!r} at"
                f" {other.bind_path!r}. Give that one another 'bind_path'."
            )


def _share_users(first: Storage, second: Storage) -> bool:
    """Whether somebody may use both; who is in a group only the hub knows."""
    named = [storage for storage in (first, second) if storage.users and not storage.groups]
    return len(named) < 2 or bool(first.users & second.users)
