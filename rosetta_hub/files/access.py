"""The files of users: which storages they may use, and sessions with them.

Whoever opens a session gets it as the user named here: no caller passes a path of another user.
"""

from contextlib import AbstractAsyncContextManager
from typing import Literal

from rosetta_hub.catalogue.catalogue import Catalogue, User
from rosetta_hub.catalogue.storages import Storage
from rosetta_hub.errors import NotFound
from rosetta_hub.files.channel import Channel
from rosetta_hub.files.channel_local import (
    Owner,
    find_owner,
    find_owner_by_uid,
    open_local_channel,
)
from rosetta_hub.files.errors import StorageUnavailable
from rosetta_hub.files.pool import SessionPool
from rosetta_hub.files.session import FilesSession

#: Lists must not wait for transfers: each has sessions of its own.
Purpose = Literal["browse", "transfer"]


class FileAccess:
    """One instance a service."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._pools: dict[tuple[str, str, Purpose], SessionPool] = {}

    def storages(self, user: User) -> list[Storage]:
        """What the user may use, in the order of the configuration."""
        return self._catalogue.storages_of(user)

    def storage(self, user: User, storage_id: str) -> Storage:
        """One of them.

        Raises:
            NotFound: there is none of this id that the user may use.
        """
        for storage in self.storages(user):
            if storage.id == storage_id:
                return storage
        raise NotFound("There is no such storage. It may have been removed.")

    def open(
        self, user: User, storage_id: str, purpose: Purpose
    ) -> AbstractAsyncContextManager[FilesSession]:
        """A session with a storage of the user's.

        Raises:
            NotFound: there is none of this id that the user may use.
        """
        storage = self.storage(user, storage_id)
        key = (user.name, storage_id, purpose)
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = SessionPool(lambda: self._connect(user, storage))
        return pool.session()

    async def forget(self, user: str, computing: str) -> None:
        """Close what is open to a resource as the user, whose account there is another one now."""
        for key in [key for key in self._pools if key[0] == user]:
            storage = self._catalogue.storages.get(key[1])
            if storage is None or computing in storage.computing:
                self._pools.pop(key).close()

    async def close(self) -> None:
        """Close all sessions, and wait until they have ended."""
        pools = list(self._pools.values())
        self._pools.clear()
        for pool in pools:
            pool.close()
        for pool in pools:
            await pool.wait_closed()

    async def _connect(self, user: User, storage: Storage) -> FilesSession:
        session = FilesSession(await self._open_channel(user, storage))
        try:
            await session.open(
                storage.path(user.name).encode(),
                create=storage.create,
                read_only=storage.read_only,
            )
        except BaseException:
            session.close()
            await session.wait_closed()
            raise
        return session

    async def _open_channel(self, user: User, storage: Storage) -> Channel:
        if not self._is_local(storage):
            raise StorageUnavailable(f"{storage.name} can't be reached from the hub yet.")
        return await open_local_channel(_owner(user, storage))

    def _is_local(self, storage: Storage) -> bool:
        if storage.access_through_computing:
            return self._catalogue.computing[storage.computing[0]].access_mode == "local"
        return storage.access_mode == "local"


def _owner(user: User, storage: Storage) -> Owner | None:
    """Whose files a storage of this machine holds; None: the service's.

    Raises:
        FilesError: the user has no account here.
    """
    if storage.owner == "service":
        return None
    if storage.owner == "system":
        return find_owner(user.name)
    return find_owner_by_uid(storage.owner)
