"""The directories of a task as its agent is told of them: where they are, and whose."""

from collections.abc import Iterable
from typing import Any

from rosetta_hub.catalogue.bound_storages import BoundStorage
from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.catalogue.owners import Owner, local_owner, pod_owner
from rosetta_hub.database.models import Task

# For what is checked before the account on the resource is known.
_ANY_ACCOUNT = "account"


def build_binds(task: Task, computing: Computing) -> list[dict[str, Any]]:
    """The key `binds` of the agent's spec.

    `owner` is None where the files are those of the account that the agent runs as. Binds of the
    user's own, of which the configuration does not say whose they are, are those of whoever the
    task's home belongs to.

    Raises:
        StorageRefused: a name can't be part of a path, or the user has no account here.
    """
    storages = [BoundStorage.model_validate(storage) for storage in task.storages]
    owners = [_owner(storage, task.user, computing) for storage in storages]
    common = _common_owner(storages, owners)
    return [
        {
            "source": storage.path(task.user, task.remote_user),
            "target": storage.target,
            "read_only": storage.read_only,
            "create": storage.create,
            "home": storage.home,
            "within": storage.within,
            "owner": _owner_dict(common if storage.within is not None else owner),
        }
        for storage, owner in zip(storages, owners, strict=True)
    ]


def check_binds(storages: Iterable[BoundStorage], user: str, computing: Computing) -> None:
    """Refuse directories of a task before it starts, as far as nobody on its resource is asked.

    Raises:
        StorageRefused: see `build_binds`.
    """
    for storage in storages:
        storage.path(user, _ANY_ACCOUNT)
        storage.claim_of(user)
        _owner(storage, user, computing)


def _owner(storage: BoundStorage, user: str, computing: Computing) -> Owner | None:
    if computing.wms == "kubernetes":
        return pod_owner(storage.owner, user)
    if computing.access_mode == "local":
        return local_owner(storage.owner, user)
    if computing.access_mode == "api" and isinstance(storage.owner, int):
        # Of another machine, whose groups nobody here knows.
        return None if computing.has_queue else Owner(storage.owner, storage.owner)
    return None


def _common_owner(storages: list[BoundStorage], owners: list[Owner | None]) -> Owner | None:
    """Whose the task is: its home's owner, otherwise that of the first directory that has one."""
    pairs = list(zip(storages, owners, strict=True))
    ordered = [owner for storage, owner in pairs if storage.home]
    ordered += [owner for storage, owner in pairs if not storage.home and owner is not None]
    return ordered[0] if ordered else None


def _owner_dict(owner: Owner | None) -> dict[str, int] | None:
    return None if owner is None else owner._asdict()
