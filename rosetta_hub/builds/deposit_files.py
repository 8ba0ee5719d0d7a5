"""Fetches the files of a record into a directory."""

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

from rosetta_hub.addresses import AddressGuard, RequestFailed
from rosetta_hub.builds.confined import (
    ConfinedOverflow,
    ConfinedTimeout,
    Confinement,
    build_limits,
    find_account,
    run_confined,
)
from rosetta_hub.builds.deposits import DepositFile, Deposits
from rosetta_hub.builds.disk_use import DiskWatch
from rosetta_hub.builds.errors import CheckoutRefused
from rosetta_hub.builds.source import RepositorySource
from rosetta_hub.builds.source_settings import SourceSettings
from rosetta_hub.builds.unpack_child import TOO_LARGE, TOO_MANY, find_path
from rosetta_hub.copies.http_source import HttpSource

# Bytes of memory; a list of 100,000 files takes a tenth of it.
UNPACK_MEMORY = 512 << 20
_CHILD = Path(__file__).with_name("unpack_child.py")


async def fetch_deposit(
    source: RepositorySource, folder: Path, settings: SourceSettings
) -> tuple[str, ...]:
    """Fetch all files of a record; a single archive (zip) is unpacked. Returns notes for the user.

    Raises:
        CheckoutRefused: it is too large, or has names that are no paths.
        SourceRefused: the record can't be read.
    """
    kind = settings.all_providers[source.provider].kind
    files = await Deposits(settings).list_files(kind, source.url)
    watch = DiskWatch(folder, settings.clone_size, settings.clone_files)
    if len(files) > settings.clone_files:
        raise watch.too_many()
    client = HttpSource(
        AddressGuard(settings.networks), False, settings.clone_size, settings.ca_file
    )
    for file in files:
        await _fetch(client, file, folder)
        await watch.check()
    if len(files) == 1 and files[0].path.lower().endswith(".zip"):
        return await _unpack(folder, files[0].path, settings, watch)
    return ()


async def _fetch(client: HttpSource, file: DepositFile, folder: Path) -> None:
    target = _path_within(folder, file.path)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        async with client.open(file.url) as response:
            with target.open("xb") as output:
                async for chunk in response.chunks:
                    output.write(chunk)
    except RequestFailed as error:
        raise CheckoutRefused(f"{file.path} can't be fetched: {error}") from error
    except OSError as error:
        raise CheckoutRefused(f"{file.path} can't be written: {error.strerror}.") from error


def _path_within(folder: Path, name: str) -> Path:
    """The place of a file; names come from strangers.

    Raises:
        CheckoutRefused: the name leads elsewhere.
    """
    path = find_path(folder, name)
    if path is None:
        raise CheckoutRefused(f"The record has a file whose name is no path: {name[:80]!r}.")
    return path


async def _unpack(
    folder: Path, name: str, settings: SourceSettings, watch: DiskWatch
) -> tuple[str, ...]:
    """Put what the archive of that name holds in its place; symbolic links are left out."""
    result = await _run_child(folder, name, settings)
    if refused := result.get("refused"):
        errors = {TOO_LARGE: watch.too_large, TOO_MANY: watch.too_many}
        raise errors[refused]() if refused in errors else CheckoutRefused(refused)
    await asyncio.to_thread(_hoist, folder, folder / name)
    links = result["links"]
    return (f"The archive's {links} symbolic links are left out.",) if links else ()


async def _run_child(folder: Path, name: str, settings: SourceSettings) -> dict[str, Any]:
    account = find_account(settings.account)
    confinement = Confinement(account, settings.clone_time, settings.clone_size, UNPACK_MEMORY)
    limits = (str(settings.clone_size), str(settings.clone_files))
    # Without slashes, dots and double ones, as the child compares it.
    relative = str(PurePosixPath(name))
    order = json.dumps(build_limits(confinement))
    command = [sys.executable, "-I", "-S", str(_CHILD), order, relative, *limits]
    try:
        # It gives up its rights itself: the account may not be able to reach this Python.
        finished = await run_confined(command, confinement, folder=folder, environment={}, own=True)
        result: dict[str, Any] = json.loads(finished.output)
    except (ConfinedTimeout, ConfinedOverflow, ValueError) as error:
        raise CheckoutRefused(f"{name} can't be unpacked.") from error
    return result


def _hoist(folder: Path, archive: Path) -> None:
    """Archives of hosts have one directory at the top, which is the repository."""
    archive.unlink()
    entries = list(os.scandir(folder))
    if len(entries) != 1 or not entries[0].is_dir(follow_symlinks=False):
        return
    # A name that none of its files has: nobody could know it.
    top = tempfile.mkdtemp(dir=folder)
    os.rename(entries[0].path, top)
    for name in os.listdir(top):
        os.rename(os.path.join(top, name), folder / name)
    os.rmdir(top)
