"""Where accounts and keys belong: computing resources, and storages reached by themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from rosetta_hub.catalogue.catalogue import Catalogue, User, may_use
from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.catalogue.computing_conf import Conf, SshConf
from rosetta_hub.catalogue.storages import Storage

# In front of a storage's id. No id of a computing resource has a colon.
STORAGE_PREFIX = "storage:"


class AccessPoint(Protocol):
    """What accounts and keys belong to."""

    @property
    def id(self) -> str:
        """That of the computing resource, or `storage:` and that of the storage."""

    @property
    def name(self) -> str:
        """As users read it."""

    @property
    def auth_mode(self) -> str:
        """Whose key it is."""

    @property
    def conf(self) -> Conf:
        """How it is reached."""


@dataclass(frozen=True)
class StoragePoint:
    """The access of a storage of its own."""

    storage: Storage
    conf: Conf

    @property
    def id(self) -> str:
        """See AccessPoint."""
        return f"{STORAGE_PREFIX}{self.storage.id}"

    @property
    def name(self) -> str:
        """See AccessPoint."""
        return self.storage.name

    @property
    def auth_mode(self) -> str:
        """See AccessPoint."""
        return self.storage.auth_mode or ""


def access_points(catalogue: Catalogue) -> Mapping[str, AccessPoint]:
    """Computing resources, and storages that are reached over SSH by themselves, by id."""
    storages = [
        StoragePoint(storage, storage.conf)
        for storage in catalogue.storages.values()
        if isinstance(storage.conf, SshConf)
    ]
    return {**catalogue.computing, **{point.id: point for point in storages}}


def access_point_of(storage: Storage) -> str:
    """The id of what a storage's files are reached through."""
    if storage.access_through_computing:
        return storage.computing[0]
    return f"{STORAGE_PREFIX}{storage.id}"


def may_use_point(user: User, point: AccessPoint) -> bool:
    """Whether the user may log in there."""
    if isinstance(point, StoragePoint):
        return point.storage.applies_to(user.name, user.groups)
    return isinstance(point, Computing) and may_use(user, point)
