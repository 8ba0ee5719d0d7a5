"""Fetches the files of a record into a directory."""

import asyncio
import os
import stat
import tempfile
from pathlib import Path, PurePosixPath
from zipfile import BadZipFile, ZipFile, ZipInfo

from rosetta_hub.addresses import AddressGuard, RequestFailed
from rosetta_hub.builds.deposits import DepositFile, Deposits
from rosetta_hub.builds.disk_use import DiskWatch
from rosetta_hub.builds.errors import CheckoutRefused
from rosetta_hub.builds.source import Source
from rosetta_hub.builds.source_settings import SourceSettings
from rosetta_hub.copies.http_source import HttpSource

_CHUNK = 1 << 20


async def fetch_deposit(source: Source, folder: Path, settings: SourceSettings) -> tuple[str, ...]:
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
        return await asyncio.to_thread(_Archive(folder, files[0].path, settings, watch).unpack)
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
    path = PurePosixPath(name)
    is_path = bool(path.parts) and not path.is_absolute() and ".." not in path.parts
    if not is_path or any(char in name for char in "\0\\"):
        raise CheckoutRefused(f"The record has a file whose name is no path: {name[:80]!r}.")
    return folder / path


class _Archive:
    """The only file of a record: what it holds takes its place."""

    def __init__(self, folder: Path, name: str, settings: SourceSettings, watch: DiskWatch) -> None:
        self._folder = folder
        self._path = folder / name
        self._watch = watch
        self._left = settings.clone_size
        self._most_files = settings.clone_files

    def unpack(self) -> tuple[str, ...]:
        """Write the files; symbolic links are left out."""
        notes = []
        try:
            with ZipFile(self._path) as archive:
                members = archive.infolist()
                if len(members) > self._most_files:
                    raise self._watch.too_many()
                links = [member for member in members if _is_link(member)]
                if links:
                    notes.append(f"The archive's {len(links)} symbolic links are left out.")
                for member in members:
                    if not member.is_dir() and not _is_link(member):
                        self._write(archive, member)
        except (BadZipFile, NotImplementedError, RuntimeError, OSError) as error:
            raise CheckoutRefused(f"{self._path.name} can't be unpacked: {error}") from error
        self._path.unlink()
        self._hoist()
        return tuple(notes)

    def _write(self, archive: ZipFile, member: ZipInfo) -> None:
        target = _path_within(self._folder, member.filename)
        if target == self._path:
            raise CheckoutRefused("The archive holds a file with its own name.")
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(member) as data, target.open("xb") as output:
            # The sizes that the archive tells may be wrong.
            while chunk := data.read(_CHUNK):
                self._left -= len(chunk)
                if self._left < 0:
                    raise self._watch.too_large()
                output.write(chunk)
        if member.external_attr >> 16 & stat.S_IXUSR:
            target.chmod(0o755)

    def _hoist(self) -> None:
        """Archives of hosts have one directory at the top, which is the repository."""
        entries = list(os.scandir(self._folder))
        if len(entries) != 1 or not entries[0].is_dir(follow_symlinks=False):
            return
        # A name that none of its files has: nobody could know it.
        top = tempfile.mkdtemp(dir=self._folder)
        os.rename(entries[0].path, top)
        for name in os.listdir(top):
            os.rename(os.path.join(top, name), self._folder / name)
        os.rmdir(top)


def _is_link(member: ZipInfo) -> bool:
    return stat.S_ISLNK(member.external_attr >> 16)
