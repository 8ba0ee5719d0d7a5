"""The files of users: which storages they may use, as whom, and sessions with them.

Whoever opens a session gets it as the user named here: no caller passes another user's path.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Literal

from rosetta_hub.background import spawn
from rosetta_hub.catalogue.access_points import access_point_of
from rosetta_hub.catalogue.catalogue import Catalogue, User
from rosetta_hub.catalogue.conf_stores import StoreConf
from rosetta_hub.catalogue.owners import local_owner
from rosetta_hub.catalogue.storages import Storage
from rosetta_hub.database.models_user import IdentityState
from rosetta_hub.errors import AuthenticationFailed, HostKeyProblem, NotFound, ResourceUnavailable
from rosetta_hub.files.answer import ANSWER_TIMEOUT
from rosetta_hub.files.channel import Channel, StorageUnavailable
from rosetta_hub.files.channel_local import find_owner_by_uid, open_local_channel
from rosetta_hub.files.channel_pod import FilePodSource, open_pod_channel
from rosetta_hub.files.channel_ssh import open_ssh_channel
from rosetta_hub.files.channel_store import open_store_channel
from rosetta_hub.files.pool import SessionPool
from rosetta_hub.files.session import FilesSession
from rosetta_hub.resources.endpoints import Endpoints
from rosetta_hub.resources.kubernetes.file_pod import serve
from rosetta_hub.tunnels.client import TunnelsClient

# Lists must not wait for transfers, nor these for copies, which take hours: each has sessions of
# its own.
Purpose = Literal["browse", "transfer", "copy"]

# Sessions of one account for one purpose; over SSH they share the host's MaxSessions with tasks.
SESSIONS = 2
# Seconds that one waits while all of them are in use.
_WAIT: dict[Purpose, float] = {"browse": 30.0, "transfer": 600.0, "copy": 600.0}
_HERE = "here"


class FileAccess:
    """One instance a service. Sessions are kept for a minute, for whoever needs them next."""

    def __init__(
        self,
        catalogue: Catalogue,
        endpoints: Mapping[str, Endpoints],
        tunnels: TunnelsClient,
        pods: Mapping[str, FilePodSource] | None = None,
        answer_timeout: float = ANSWER_TIMEOUT,
    ) -> None:
        self._catalogue = catalogue
        self._endpoints = endpoints
        self._tunnels = tunnels
        self._pods = pods or {}
        self._answer_timeout = answer_timeout
        # By the access point, the user whose account it is ("": the platform's), and the purpose.
        self._pools: dict[tuple[str, str, Purpose], SessionPool] = {}
        self._ending: set[asyncio.Task[None]] = set()

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

    @asynccontextmanager
    async def open(
        self, user: User, storage_id: str, purpose: Purpose
    ) -> AsyncIterator[FilesSession]:
        """A session with one of the user's storages; waits while as many as allowed are in use.

        Raises:
            NotFound: there is none of this id that the user may use.
            FilesError: the storage answers that it can't be used.
            StorageRefused: the user has no account, or no path there.
            StorageUnavailable: it does not answer.
        """
        storage = self.storage(user, storage_id)
        pool = self._pool(user, storage, purpose)
        key = f"{user.name} {storage.id}"
        async with pool.borrow(
            key, lambda: self._connect(user.name, storage), _WAIT[purpose]
        ) as session:
            yield session

    def shared(self, user: User, storage_id: str) -> tuple[str, str]:
        """Where a storage is and as whom: those of which both are the same share their sessions.

        Raises:
            NotFound: there is none of this id that the user may use.
        """
        return self._shared(user, self.storage(user, storage_id))

    async def forget(self, user: str, computing: str) -> None:
        """Close what is open with the user's account on a resource, which is another one now."""
        for key in [key for key in self._pools if key[:2] == (computing, user)]:
            self._pools.pop(key).close()

    async def close(self) -> None:
        """Close all sessions, and wait until they have ended."""
        pools = list(self._pools.values())
        self._pools.clear()
        for pool in pools:
            pool.close()
        await asyncio.gather(*(pool.wait_closed() for pool in pools), *self._ending)

    def _pool(self, user: User, storage: Storage, purpose: Purpose) -> SessionPool:
        place, account = self._shared(user, storage)
        return self._pools.setdefault((place, account, purpose), SessionPool(SESSIONS))

    def _shared(self, user: User, storage: Storage) -> tuple[str, str]:
        endpoints = self._endpoints_of(storage)
        is_elsewhere = endpoints is not None or access_point_of(storage) in self._pods
        is_here = storage.type == "posix" and not is_elsewhere
        place = _HERE if is_here else access_point_of(storage)
        account = "" if endpoints is not None and endpoints.is_shared else user.name
        return place, account

    def _endpoints_of(self, storage: Storage) -> Endpoints | None:
        """How the storage is reached over SSH; None where it is reached otherwise."""
        point = access_point_of(storage)
        return None if point in self._pods else self._endpoints.get(point)

    async def _connect(self, user: str, storage: Storage) -> FilesSession:
        endpoints = self._endpoints_of(storage)
        pods = self._pods.get(access_point_of(storage))
        try:
            if pods is not None:
                served, path = serve(storage, user)
                channel: Channel = await open_pod_channel(self._tunnels, pods, served)
            elif isinstance(storage.conf, StoreConf):
                path = storage.path(user)
                channel = await open_store_channel(storage.conf.settings())
            elif endpoints is None:
                path = storage.path(user)
                owner = local_owner(storage.owner, user)
                channel = await open_local_channel(
                    None if owner is None else find_owner_by_uid(owner.uid)
                )
            else:
                path = storage.path(user, endpoints.remote_user(user))
                channel = await self._open_remote(user, endpoints)
        except (AuthenticationFailed, HostKeyProblem) as error:
            raise StorageUnavailable(str(error)) from error
        except ResourceUnavailable as error:
            raise StorageUnavailable(f"{storage.name} is not available. {error}") from error
        return await self._open_session(channel, path, storage)

    async def _open_remote(self, user: str, endpoints: Endpoints) -> Channel:
        used = endpoints.credentials(user)
        endpoint = endpoints.endpoint(user)
        try:
            channel = await open_ssh_channel(self._tunnels, endpoint, endpoints.python)
        except AuthenticationFailed as error:
            endpoints.learn(user, used, IdentityState.REFUSED, str(error))
            raise
        endpoints.learn(user, used, IdentityState.WORKS, "")
        return channel

    async def _open_session(self, channel: Channel, path: str, storage: Storage) -> FilesSession:
        session = FilesSession(channel, self._answer_timeout)
        try:
            await session.open(path.encode(), create=storage.create, read_only=storage.read_only)
        except BaseException:
            session.close()
            ending = spawn(session.wait_closed(), "end of a session that could not be opened")
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
            raise
        return session
