"""The child process that unpacks an archive of strangers (zip); `deposit_files.py` starts it.

    python -I -S unpack_child.py LIMITS ARCHIVE BYTES FILES     (in the directory to unpack into)

What an archive says of itself may fill all memory before anything of it is looked at. So the child
gives up rights and resources first (LIMITS as for `confine.py`). It prints a JSON document:
`links`, the number of symbolic links that were left out, or `refused`: `too_large`, `too_many` or a
text. It imports the standard library only, so that it starts at once.
"""

import codecs
import json
import stat
import sys
import zlib
from importlib.util import module_from_spec, spec_from_file_location
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import BadZipFile, ZipFile, ZipInfo

TOO_LARGE, TOO_MANY = "too_large", "too_many"
_CHUNK = 1 << 20
# What zipfile raises for archives that are damaged, encrypted, or not like others.
_DAMAGE = (BadZipFile, EOFError, LZMAError, NotImplementedError, OSError, RuntimeError)


class ArchiveRefused(Exception):
    """The archive can't be used; the message is `too_large`, `too_many` or says why."""


def main(order: str, name: str, size: str, files: str) -> int:
    """Unpack, and print what came of it."""
    # zipfile's encoding of names. The account may not be able to read Python's modules later.
    codecs.lookup("cp437")
    _confine(order)
    json.dump(_unpack(Path(name), int(size), int(files)), sys.stdout)
    return 0


def find_path(folder: Path, name: str) -> Path | None:
    """The place of a file in the directory; None where the name leads elsewhere."""
    path = PurePosixPath(name)
    is_path = bool(path.parts) and not path.is_absolute() and ".." not in path.parts
    return folder / path if is_path and not any(char in name for char in "\0\\") else None


def _confine(order: str) -> None:
    spec = spec_from_file_location("confine", Path(__file__).with_name("confine.py"))
    if spec is None or spec.loader is None:
        raise ImportError("confine.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    module.confine(order)


def _unpack(archive: Path, size: int, files: int) -> dict[str, Any]:
    try:
        return {"links": _write_all(archive, size, files)}
    except ArchiveRefused as error:
        return {"refused": str(error)}
    except MemoryError:
        return {"refused": TOO_MANY}
    except (*_DAMAGE, UnicodeDecodeError, zlib.error) as error:
        return {"refused": f"{archive.name} can't be unpacked: {error}"}


def _write_all(path: Path, size: int, files: int) -> int:
    with ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) > files:
            raise ArchiveRefused(TOO_MANY)
        for member in members:
            if not member.is_dir() and not _is_link(member):
                size -= _write(archive, member, path, size)
        return sum(map(_is_link, members))


def _write(archive: ZipFile, member: ZipInfo, path: Path, most: int) -> int:
    """Write a file; returns its bytes."""
    target = find_path(Path(), member.filename)
    if target is None:
        raise ArchiveRefused(
            f"The record has a file whose name is no path: {member.filename[:80]!r}."
        )
    if target == path:
        raise ArchiveRefused("The archive holds a file with its own name.")
    target.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with archive.open(member) as data, target.open("xb") as output:
        # The sizes that the archive tells may be wrong.
        while chunk := data.read(_CHUNK):
            size += len(chunk)
            if size > most:
                raise ArchiveRefused(TOO_LARGE)
            output.write(chunk)
    if member.external_attr >> 16 & stat.S_IXUSR:
        target.chmod(0o755)
    return size


def _is_link(member: ZipInfo) -> bool:
    return stat.S_ISLNK(member.external_attr >> 16)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
