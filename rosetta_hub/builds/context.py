"""The files of a build as a tar archive, which travels to the builder in pieces."""

import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

# Bytes of a piece.
PIECE = 128 << 10


def pack_context(folder: Path, target: IO[bytes]) -> None:
    """Write everything in a directory into a tar archive: files, directories and symbolic links.

    Owners are root's, and links are not followed. Devices, sockets and pipes are left out.
    """
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in _walk(folder):
            _add(archive, path, str(path.relative_to(folder)))
    target.seek(0)


def _walk(folder: Path) -> Iterator[Path]:
    """All below a directory, directories before what is in them, in an order of their names."""
    with os.scandir(folder) as entries:
        children = sorted(entries, key=lambda entry: entry.name)
    for entry in children:
        yield Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))


def _add(archive: tarfile.TarFile, path: Path, name: str) -> None:
    status = path.lstat()
    info = tarfile.TarInfo(name)
    info.mode, info.mtime = stat.S_IMODE(status.st_mode), int(status.st_mtime)
    if stat.S_ISLNK(status.st_mode):
        info.type, info.linkname = tarfile.SYMTYPE, str(path.readlink())
        archive.addfile(info)
    elif stat.S_ISDIR(status.st_mode):
        info.type = tarfile.DIRTYPE
        archive.addfile(info)
    elif stat.S_ISREG(status.st_mode):
        info.size = status.st_size
        with path.open("rb") as file:
            archive.addfile(info, file)
