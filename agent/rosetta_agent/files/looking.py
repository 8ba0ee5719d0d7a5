"""Operations that look: ``usage``, ``stat``, ``list``."""

import os
import stat
from typing import Any, Callable, Container, Dict, List, Optional, Set, Tuple

from rosetta_agent.files.channel import Channel, EntrySender, OperationProgress
from rosetta_agent.files.entries import describe
from rosetta_agent.files.errors import explained
from rosetta_agent.files.frames import SORTS, encode_path
from rosetta_agent.files.request import Request
from rosetta_agent.files.space import measure
from rosetta_agent.files.storage import Place, Storage

_RANKS = {stat.S_IFDIR: 0, stat.S_IFLNK: 1, stat.S_IFREG: 2}
_Named = Tuple[str, bytes]
_Key = Callable[[os.stat_result], int]
_KEYS: Dict[str, _Key] = {
    "size": lambda info: info.st_size,
    "modified": lambda info: info.st_mtime_ns,
    "type": lambda info: _RANKS.get(stat.S_IFMT(info.st_mode), 3),
}


def usage(storage: Storage, _request: Request, _channel: Channel) -> Dict[str, Any]:
    """How full the file system is."""
    return {"usage": measure(storage)}


def stat_entry(storage: Storage, request: Request, _channel: Channel) -> Dict[str, Any]:
    """One entry; of a link, the link."""
    with storage.place(request.path()) as place:
        return {"entry": describe(storage, place)}


def list_directory(storage: Storage, request: Request, channel: Channel) -> Dict[str, Any]:
    """A page of a directory; the directories in it come first, whatever the order."""
    path = request.path()
    with storage.directory(path) as directory:
        with explained(path):
            names = read_names(directory)
            folders = _read_directories(directory)
        named = _filter(names, request.text("filter").casefold(), request.flag("hidden"))
        ordered = _first(folders, _sort(directory, named, request, OperationProgress(channel)))
        offset = request.integer("offset")
        sender = EntrySender(channel)
        progress = OperationProgress(channel)
        for name in ordered[offset : offset + request.integer("limit")]:
            progress.tick()
            place = Place(directory, name, path + b"/" + name if path else name)
            info = _info(place)
            if info is not None:
                sender.add(describe(storage, place, info))
        sender.flush()
    return {"total": len(named)}


def read_names(directory: int) -> List[bytes]:
    """The names in an open directory, as they are on the disk."""
    # What Python makes of them depends on the locale; os.fsencode undoes it.
    return [os.fsencode(name) for name in os.listdir(directory)]


def _read_directories(directory: int) -> Set[bytes]:
    """The names of the directories in an open directory, which most file systems tell at once."""
    with os.scandir("/proc/self/fd/{}".format(directory)) as entries:
        return {os.fsencode(entry.name) for entry in entries if entry.is_dir(follow_symlinks=False)}


def _first(first: Container[bytes], names: List[bytes]) -> List[bytes]:
    """The chosen names before the others, both in the order that they have."""
    return sorted(names, key=lambda name: name not in first)


def _filter(names: List[bytes], part: str, hidden: bool) -> List[_Named]:
    """Folded names with the names themselves."""
    named = ((encode_path(name).casefold(), name) for name in names)
    return [
        (folded, name)
        for folded, name in named
        if (hidden or not name.startswith(b".")) and part in folded
    ]


def _sort(
    directory: int, named: List[_Named], request: Request, progress: OperationProgress
) -> List[bytes]:
    """Names in the order of the request; by name where the rest is equal."""
    key = _KEYS.get(request.choice("sort", SORTS))
    reverse = request.flag("reverse")
    if key is None:
        return [name for _folded, name in sorted(named, reverse=reverse)]
    values = []
    for folded, name in named:
        progress.tick()
        info = _info(Place(directory, name, name))
        values.append((0 if info is None else key(info), folded, name))
    return [name for _value, _folded, name in sorted(values, reverse=reverse)]


def _info(place: Place) -> Optional[os.stat_result]:
    """The state of an entry; None where it has gone meanwhile."""
    try:
        return os.stat(place.name, dir_fd=place.directory, follow_symlinks=False)
    except FileNotFoundError:
        return None
