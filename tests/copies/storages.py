"""Storages of tests: directories of this machine, with the real files program."""

import asyncio
import contextlib
import fcntl
import os
import subprocess
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.errors import NotFound
from rosetta_hub.files.channel import Channel, StorageUnavailable
from rosetta_hub.files.channel_local import ProgramOwner, open_local_channel
from rosetta_hub.files.entries import Reading
from rosetta_hub.files.file_access import SESSIONS, Purpose
from rosetta_hub.files.session import FilesSession
from tests.support.eventually import until

PARTS = ".*.rosetta-part"


@dataclass
class Storages:
    """Opens sessions on directories by the ids of storages, and disturbs what is read.

    `away` are storages that do not answer. `before_read` is called with the path of each file
    before it is read. `break_after` and `stall_after` are bytes of a file after which the source
    goes away, or sends no more, once all of them are in the part file of storage `two`.
    `here`: all storages share their sessions.
    """

    roots: dict[str, Path]
    away: set[str] = field(default_factory=set)
    read_only: set[str] = field(default_factory=set)
    owner: ProgramOwner | None = None
    before_read: Callable[[bytes], None] = lambda _path: None
    break_after: int | None = None
    stall_after: int | None = None
    damage: bool = False
    here: bool = False
    opened: int = 0
    offsets: list[int] = field(default_factory=list)
    _idle: defaultdict[str, list[FilesSession]] = field(default_factory=lambda: defaultdict(list))
    _slots: dict[str, asyncio.Semaphore] = field(default_factory=dict)

    @contextlib.asynccontextmanager
    async def open(
        self, user: User, storage_id: str, purpose: Purpose
    ) -> AsyncIterator[FilesSession]:
        """A session; at most two at once for each place and purpose."""
        self._check(user, storage_id)
        key = f"{self.shared(user, storage_id)[0]} {purpose}"
        slots = self._slots.setdefault(key, asyncio.Semaphore(SESSIONS))
        async with slots:
            session = await self._take(storage_id)
            try:
                yield session
            finally:
                if session.is_closed:
                    await session.wait_closed()
                else:
                    self._idle[storage_id].append(session)

    def shared(self, user: User, storage_id: str) -> tuple[str, str]:
        """Each storage has sessions of its own, unless all are `here`."""
        self._check(user, storage_id)
        return ("here" if self.here else storage_id, user.name)

    def _check(self, user: User, storage_id: str) -> None:
        if storage_id not in self.roots or user.name != "alice":
            raise NotFound("There is no such storage.")

    async def _take(self, storage_id: str) -> FilesSession:
        if storage_id in self.away:
            raise StorageUnavailable(f"The storage {storage_id} does not answer.")
        idle = self._idle[storage_id]
        while idle:
            if not (session := idle.pop()).is_closed:
                return session
        self.opened += 1
        channel = await open_local_channel(self.owner, "/usr/bin/python3")
        session = DisturbedSession(channel, self)
        is_read_only = storage_id in self.read_only
        try:
            await session.open(os.fsencode(self.roots[storage_id]), read_only=is_read_only)
        except BaseException:
            session.close()
            await session.wait_closed()
            raise
        return session

    async def close(self) -> None:
        """End all sessions that nobody uses."""
        for sessions in self._idle.values():
            for session in sessions:
                session.close()
                await session.wait_closed()

    async def disturb(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """What is read, with what is to happen to it."""
        size = 0
        async for chunk in chunks:
            yield b"?" + chunk[1:] if self.damage and not size else chunk
            size += len(chunk)
            limit = self.break_after or self.stall_after
            if limit is not None and size >= limit:
                await self._until_written(size)
                if self.break_after is not None:
                    raise StorageUnavailable("The connection to the storage has ended.")
                await asyncio.Event().wait()

    async def _until_written(self, size: int) -> None:
        await until(lambda: size_of_parts(self.roots["two"]) >= size)


class DisturbedSession(FilesSession):
    """A session whose reads are disturbed as its storages say."""

    def __init__(self, channel: Channel, storages: Storages) -> None:
        super().__init__(channel)
        self._storages = storages

    @contextlib.asynccontextmanager
    async def read(
        self, path: bytes, offset: int = 0, length: int | None = None, etag: str | None = None
    ) -> AsyncIterator[Reading]:
        """Read a file."""
        self._storages.before_read(path)
        self._storages.offsets.append(offset)
        async with super().read(path, offset, length, etag) as reading:
            yield Reading(reading.entry, self._storages.disturb(reading.chunks))


def part_files(root: Path) -> list[Path]:
    """Files below a directory that are not complete."""
    return list(root.rglob(PARTS))


def size_of_parts(root: Path) -> int:
    """Bytes of the files below a directory that are not complete."""
    size = 0
    for path in part_files(root):
        with contextlib.suppress(FileNotFoundError):
            size += path.stat().st_size
    return size


def is_locked(path: Path) -> bool:
    """Whether somebody writes to a part file."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextlib.contextmanager
def small_disk(path: Path, size: int) -> Iterator[Path]:
    """A file system of so many bytes."""
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True, capture_output=True)
