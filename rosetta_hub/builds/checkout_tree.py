"""What a checkout holds: git's lists of it, and what is done to its files."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Of a pointer file (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md).
_LFS_BEGINNING = b"version https://git-lfs.github.com/spec/v1\n"
_LARGEST_POINTER = 1024


@dataclass(frozen=True)
class TreeEntry:
    """A file or a submodule of a commit: `name` is that of its blob or commit, `size` in bytes."""

    path: str
    name: str
    size: int
    is_submodule: bool


@dataclass(frozen=True)
class Submodule:
    """What `.gitmodules` says of a path."""

    url: str


def parse_tree(output: bytes) -> list[TreeEntry]:
    """Read what `git ls-tree -r -l -z` prints; paths as the file system has them."""
    entries = []
    for line in output.split(b"\0"):
        if line:
            description, _, path = line.partition(b"\t")
            mode, _, name, size = description.split()
            entries.append(
                TreeEntry(
                    os.fsdecode(path),
                    name.decode(),
                    int(size) if size.isdigit() else 0,
                    mode == b"160000",
                )
            )
    return entries


def parse_modules(output: bytes) -> dict[str, Submodule]:
    """Read what `git config --null --list` prints of `.gitmodules`: submodules by path."""
    values: dict[tuple[str, str], str] = {}
    for item in output.split(b"\0"):
        key, _, value = os.fsdecode(item).partition("\n")
        if key.startswith("submodule."):
            name, _, field = key.removeprefix("submodule.").rpartition(".")
            values[name, field] = value
    return {
        path: Submodule(values.get((name, "url"), ""))
        for (name, field), path in values.items()
        if field == "path"
    }


def drop_links_out(folder: Path) -> list[str]:
    """Remove symbolic links that lead out of the directory; returns their paths in it."""
    root = os.path.realpath(folder)
    # All of them are looked at first: links lead through links.
    dropped = [path for path in _walk(folder) if os.path.islink(path) and _leads_out(path, root)]
    for path in dropped:
        os.unlink(path)
    return sorted(os.path.relpath(path, folder) for path in dropped)


def _leads_out(path: str, root: str) -> bool:
    target = os.path.realpath(path)
    return target != root and not target.startswith(f"{root}/")


def find_lfs_pointers(folder: Path) -> list[str]:
    """The paths of files that stand for others, which are in Git LFS."""
    return sorted(os.path.relpath(path, folder) for path in _walk(folder) if _is_pointer(path))


def set_times(folder: Path, time: int) -> None:
    """Give all files and directories one time of modification, in seconds since 1970."""
    for path in [*_walk(folder), str(folder)]:
        os.utime(path, (time, time), follow_symlinks=False)


def _walk(folder: Path) -> Iterator[str]:
    """The paths of all files, links and directories below a directory; no link is followed."""
    for parent, directories, files in os.walk(folder):
        yield from (os.path.join(parent, name) for name in (*directories, *files))


def _is_pointer(path: str) -> bool:
    status = os.lstat(path)
    if not stat.S_ISREG(status.st_mode) or not 0 < status.st_size <= _LARGEST_POINTER:
        return False
    with open(path, "rb") as file:
        return file.read(len(_LFS_BEGINNING)) == _LFS_BEGINNING
