"""Entries of directories, as the hub gets them."""

import functools
import grp
import os
import pwd
import stat
from typing import Any, Dict, Optional

from rosetta_agent.files.errors import FilesError
from rosetta_agent.files.frames import encode_path
from rosetta_agent.files.storage import Place, Storage, lstat, read_link

_TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}


def type_of(info: os.stat_result) -> str:
    """The type of an entry: one of ``frames.TYPES``."""
    return _TYPES.get(stat.S_IFMT(info.st_mode), "device")


def build_etag(info: os.stat_result) -> str:
    """What is another one whenever the content has changed."""
    return "{:x}-{:x}-{:x}".format(info.st_mtime_ns, info.st_size, info.st_ino)


def build_entry(name: bytes, info: os.stat_result) -> Dict[str, Any]:
    """The entry of a file, without what is particular to links."""
    return {
        "name": encode_path(name),
        "type": type_of(info),
        "size": info.st_size,
        "mtime_ns": info.st_mtime_ns,
        "mode": stat.S_IMODE(info.st_mode),
        "uid": info.st_uid,
        "gid": info.st_gid,
        "owner": account_name(info.st_uid),
        "group": group_name(info.st_gid),
        "etag": build_etag(info),
    }


def describe(
    storage: Storage, place: Place, info: Optional[os.stat_result] = None
) -> Dict[str, Any]:
    """The entry at a place; of a link, also where it leads to.

    Raises:
        FilesError: there is none.
    """
    info = lstat(place) if info is None else info
    name = place.path.rpartition(b"/")[2]
    entry = build_entry(name, info)
    if entry["type"] == "link":
        target = read_link(place)
        entry["target"] = encode_path(target or b"")
        entry["target_type"] = _target_type(storage, place.path)
    return entry


def _target_type(storage: Storage, path: bytes) -> Optional[str]:
    try:
        target_type = type_of(storage.info(path))
    except FilesError:
        return None
    return None if target_type == "link" else target_type  # an old kernel follows no link


@functools.lru_cache(maxsize=1024)
def account_name(uid: int) -> str:
    """The name of an account; its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


@functools.lru_cache(maxsize=1024)
def group_name(gid: int) -> str:
    """The name of a group; its number where it has none."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
