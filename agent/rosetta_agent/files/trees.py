"""Operations on trees: ``walk``, ``summary``, ``remove``; links in them are never followed."""

import os
import stat
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional

from rosetta_agent.files.channel import Channel, EntrySender, OperationProgress
from rosetta_agent.files.entries import describe
from rosetta_agent.files.errors import FilesError, explained
from rosetta_agent.files.frames import encode_path
from rosetta_agent.files.looking import read_names
from rosetta_agent.files.request import Request
from rosetta_agent.files.storage import Place, Storage, lstat, open_child
from rosetta_agent.files.writing import check_named

#: An entry of a tree; a directory comes twice: before and, as ``is_left``, after what it holds.
Node = NamedTuple("Node", [("place", Place), ("info", os.stat_result), ("is_left", bool)])
#: What becomes of a directory that can't be read.
OnError = Callable[[bytes, FilesError], None]


class _Level:
    """A directory that is being visited."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.descriptor = open_child(node.place, node.info)
        try:
            with explained(node.place.path):
                self.names = iter(sorted(read_names(self.descriptor)))
        except BaseException:
            self.close()
            raise

    def next(self) -> Optional[Node]:
        """The next entry that is still there; None after the last one."""
        above = self.node.place.path
        for name in self.names:
            place = Place(self.descriptor, name, above + b"/" + name if above else name)
            try:
                return Node(place, lstat(place), False)
            except FilesError as error:
                if error.code != "not_found":
                    raise
        return None

    def close(self) -> None:
        """Close the directory."""
        os.close(self.descriptor)


def visit(storage: Storage, path: bytes, on_error: Optional[OnError] = None) -> Iterator[Node]:
    """An entry and all below it, parents first, the names of each directory sorted.

    Raises:
        FilesError: the entry is absent, or, without ``on_error``, a directory can't be read.
    """
    with storage.place(path) as place:
        top = Node(place, lstat(place), False)
        levels: List[_Level] = []
        try:
            yield top
            _enter(levels, top, on_error)
            while levels:
                node = levels[-1].next()
                if node is None:
                    level = levels.pop()
                    level.close()
                    yield level.node._replace(is_left=True)
                    continue
                yield node
                _enter(levels, node, on_error)
        finally:
            for level in levels:
                level.close()


def _enter(levels: List[_Level], node: Node, on_error: Optional[OnError]) -> None:
    if not stat.S_ISDIR(node.info.st_mode):
        return
    try:
        levels.append(_Level(node))
    except FilesError as error:
        if on_error is None:
            raise
        on_error(node.place.path, error)


def walk(storage: Storage, request: Request, channel: Channel) -> Dict[str, Any]:
    """All entries of trees with their paths; ``tolerant``: go on after what can't be read."""
    sender = EntrySender(channel)
    progress = OperationProgress(channel)
    on_error = sender.tell if request.flag("tolerant") else None
    for path in request.paths():
        for node in visit(storage, path, on_error):
            progress.tick()
            if not node.is_left:
                entry = describe(storage, node.place, node.info)
                entry["path"] = encode_path(node.place.path)
                sender.add(entry)
    sender.flush()
    return {}


def summary(storage: Storage, request: Request, channel: Channel) -> Dict[str, Any]:
    """How much trees hold."""
    progress = OperationProgress(channel)
    for path in request.paths():
        for node in visit(storage, path):
            count(progress, node)
            progress.tick()
    return progress.summary()


def remove(storage: Storage, request: Request, channel: Channel) -> Dict[str, Any]:
    """Remove trees; stops at the first error."""
    paths = request.paths()
    for path in paths:
        check_named(path)
    progress = OperationProgress(channel)
    for path in paths:
        for node in visit(storage, path):
            _remove(node)
            count(progress, node)
            progress.tick()
    return progress.summary()


def count(progress: OperationProgress, node: Node) -> None:
    """Count an entry; a directory when it is left."""
    if stat.S_ISREG(node.info.st_mode):
        progress.bytes += node.info.st_size
    if node.is_left:
        progress.folders += 1
    elif not stat.S_ISDIR(node.info.st_mode):
        progress.files += 1


def _remove(node: Node) -> None:
    directory, name, path = node.place
    with explained(path):
        if node.is_left:
            os.rmdir(name, dir_fd=directory)
        elif not stat.S_ISDIR(node.info.st_mode):
            os.unlink(name, dir_fd=directory)
