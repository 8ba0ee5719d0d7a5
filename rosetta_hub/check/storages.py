"""Checks of a storage: whether its files can be reached and written, whose they are, how fast."""

import contextlib
import os
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.catalogue.storages import Storage
from rosetta_hub.check.contact import check_host_key
from rosetta_hub.check.context import Check, CheckFailed, CheckSkipped, Result
from rosetta_hub.check.run import run_check
from rosetta_hub.files.entries import FileEntry, Usage
from rosetta_hub.files.file_access import FileAccess, Purpose
from rosetta_hub.files.session import FilesSession
from rosetta_hub.ssh.endpoint import Endpoint
from rosetta_hub.ssh.host_keys import HostKey

SIZE = 8 << 20
_CHUNK = 1 << 18
# Part of a quota, or of the disk, from which users are told to make room.
_FULL = 0.9


@dataclass
class StorageContext:
    """A storage, on behalf of a user of the hub, and what earlier checks have found out.

    `address`, `scan` and `accepted` are None where the storage has no SSH access of its own.
    """

    storage: Storage
    user: User
    files: FileAccess
    address: Callable[[], Endpoint] | None = None
    scan: Callable[[Endpoint], Awaitable[HostKey]] | None = None
    accept_host_key: bool = False
    accepted: Path | None = None
    written: FileEntry | None = None
    """What was written, as the storage says."""


async def check_open(context: StorageContext) -> str:
    """The storage answers, and tells the account."""
    async with context.files.open(context.user, context.storage.id, "browse") as session:
        opened = session.opened
        listed = await session.stat(b"")
    account = opened.account if opened is not None else listed.owner
    return f"{context.storage.base_path} is reached as {account}"


async def check_write(context: StorageContext) -> str:
    """A file is written, read and removed."""
    if context.storage.read_only:
        raise CheckSkipped("the storage is 'read_only'")
    content = secrets.token_bytes(64)
    async with _probe(context, "browse") as (session, name):
        context.written = await session.write(name, _pieces(content))
        async with session.read(name) as reading:
            copy = b"".join([chunk async for chunk in reading.chunks])
    if copy != content:
        raise CheckFailed("a file has other content than was written", "See the disk's log.")
    return "a file was written, read and removed"


async def check_owner(context: StorageContext) -> str:
    """Whose the files are that the service writes; tasks write them as the same account."""
    entry = context.written
    if entry is None:
        raise CheckSkipped("nothing was written")
    return f"files belong to {entry.owner}:{entry.group}, mode {entry.mode & 0o777:04o}"


async def check_space(context: StorageContext) -> str:
    """How much room there is."""
    async with context.files.open(context.user, context.storage.id, "browse") as session:
        usage = await session.usage()
    if not usage.total:
        return "the storage does not tell how full it is"
    text = _describe(usage)
    if usage.free == 0 or (usage.quota and (usage.quota_used or 0) >= usage.quota):
        raise CheckFailed(f"there is no room: {text}", "Make room, or raise the quota.")
    return f"{text}{', nearly full' if _is_nearly_full(usage) else ''}"


async def check_speed(context: StorageContext) -> str:
    """How fast a file of 8 MiB goes up and down."""
    if context.storage.read_only:
        raise CheckSkipped("the storage is 'read_only'")
    content = os.urandom(SIZE)
    async with _probe(context, "transfer") as (session, name):
        start = time.monotonic()
        await session.write(name, _pieces(content))
        middle = time.monotonic()
        async with session.read(name) as reading:
            async for _ in reading.chunks:
                pass
        end = time.monotonic()
    return f"{_rate(middle - start)} up, {_rate(end - middle)} down"


CHECKS = (
    Check[StorageContext](
        "host key", check_host_key, advice="See that host and port are right, and sshd runs."
    ),
    Check[StorageContext](
        "access",
        check_open,
        ("host key",),
        "See that the directory exists, and that the user's account may enter it.",
    ),
    Check[StorageContext](
        "write", check_write, ("access",), "See the owner and the mode of the directory."
    ),
    Check[StorageContext]("owner", check_owner, ("write",)),
    Check[StorageContext]("space", check_space, ("access",)),
    Check[StorageContext]("throughput", check_speed, ("write",), "Run the check again."),
)


async def run_storage_checks(
    context: StorageContext, report: Callable[[Result], None]
) -> list[Result]:
    """All checks of a storage; `report` gets each result as it comes."""
    results: list[Result] = []
    for check in CHECKS:
        results.append(await run_check(check, context, results))
        report(results[-1])
    return results


@contextlib.asynccontextmanager
async def _probe(
    context: StorageContext, purpose: Purpose
) -> AsyncIterator[tuple[FilesSession, bytes]]:
    """A session, and the name of a file, which is removed in the end."""
    name = f".rosetta-check-{secrets.token_hex(8)}".encode()
    async with context.files.open(context.user, context.storage.id, purpose) as session:
        yield session, name
        await session.remove([name])


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), _CHUNK):
        yield content[start : start + _CHUNK]


def _rate(seconds: float) -> str:
    return f"{SIZE / seconds / 1e6:.0f} MB/s"


def _describe(usage: Usage) -> str:
    text = f"{_gigabytes(usage.free)} of {_gigabytes(usage.total)} free"
    if usage.quota:
        text += (
            f", {_gigabytes(usage.quota_used or 0)} of a quota of {_gigabytes(usage.quota)} used"
        )
    return text


def _gigabytes(number: int) -> str:
    return f"{number / 1e9:.1f} GB"


def _is_nearly_full(usage: Usage) -> bool:
    quota = usage.quota and (usage.quota_used or 0) > usage.quota * _FULL
    return bool(quota) or usage.free < usage.total * (1 - _FULL)
