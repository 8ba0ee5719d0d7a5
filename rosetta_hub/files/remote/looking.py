"""Operations that look: `usage`, `stat`, `list`, `walk`, `summary`, `read`, `checksum`."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from rosetta_agent.files.channel import Channel, EntrySender, OperationProgress
from rosetta_agent.files.errors import FilesError, show
from rosetta_agent.files.frames import SORTS, encode_path
from rosetta_agent.files.reading import changed
from rosetta_agent.files.request import Request
from rosetta_hub.files.remote.segments import load
from rosetta_hub.files.remote.store import Store, StoreItem, file_at

_OnError = Callable[[bytes, FilesError], None]
_KEYS: dict[str, Callable[[StoreItem], int]] = {
    "name": lambda item: 0,
    "size": lambda item: item.size,
    "modified": lambda item: item.mtime_ns,
    "type": lambda item: not item.is_directory,
}


def usage(store: Store, _request: Request, _channel: Channel) -> dict[str, Any]:
    """How full the store is, as far as it tells."""
    return {"usage": store.usage()}


def stat(store: Store, request: Request, _channel: Channel) -> dict[str, Any]:
    """One entry."""
    return {"entry": store.stat(request.path()).entry(store.account)}


def list_folder(store: Store, request: Request, channel: Channel) -> dict[str, Any]:
    """A page of a folder."""
    part, hidden = request.text("filter").casefold(), request.flag("hidden")
    key = _KEYS[request.choice("sort", SORTS)]
    named = [
        (key(item), encode_path(item.name).casefold(), item.name, item)
        for item in _children(store, request.path())
        if hidden or not item.name.startswith(b".")
    ]
    named = sorted((row for row in named if part in row[1]), reverse=request.flag("reverse"))
    # Folders come first, whatever the order.
    named.sort(key=lambda row: not row[-1].is_directory)
    offset = request.integer("offset")
    sender = EntrySender(channel)
    for *_, item in named[offset : offset + request.integer("limit")]:
        sender.add(item.entry(store.account))
    sender.flush()
    return {"total": len(named)}


def visit(store: Store, path: bytes, on_error: _OnError | None = None) -> Iterator[StoreItem]:
    """An item and all below it, parents first, the names of each folder sorted."""
    waiting = [store.stat(path)]
    while waiting:
        item = waiting.pop()
        yield item
        if item.is_directory:
            try:
                children = _children(store, item.path)
            except FilesError as error:
                if on_error is None:
                    raise
                on_error(item.path, error)
                continue
            waiting += sorted(children, key=lambda child: child.name, reverse=True)


def walk(store: Store, request: Request, channel: Channel) -> dict[str, Any]:
    """All entries of trees with their paths; `tolerant`: go on after what can't be read."""
    sender, progress = EntrySender(channel), OperationProgress(channel)
    on_error = sender.tell if request.flag("tolerant") else None
    for path in request.paths():
        for entry in visit(store, path, on_error):
            progress.tick()
            item = store.exact(entry)
            sender.add({**item.entry(store.account), "path": encode_path(item.path)})
    sender.flush()
    return {}


def summary(store: Store, request: Request, channel: Channel) -> dict[str, Any]:
    """How much trees hold."""
    progress = OperationProgress(channel)
    for path in request.paths():
        for item in visit(store, path):
            count(progress, item)
            progress.tick()
    return progress.summary()


def count(progress: OperationProgress, item: StoreItem) -> None:
    """Count an item."""
    progress.folders += item.is_directory
    progress.files += not item.is_directory
    progress.bytes += 0 if item.is_directory else item.size


def read(store: Store, request: Request, channel: Channel) -> dict[str, Any]:
    """A file, or a part of it."""
    path, offset = request.path(), request.integer("offset")
    length, etag = request.optional_integer("length"), request.optional_text("etag")
    item = file_at(store, path)
    if etag is not None and etag != item.etag:
        raise changed(path)
    if offset > item.size:
        raise FilesError("invalid", f"{show(path)} has only {item.size} bytes.")
    channel.send({"entry": item.entry(store.account)})
    rest = item.size - offset
    for chunk in store.read(item, offset, rest if length is None else min(rest, length)):
        channel.send_data(memoryview(chunk))
    return {}


def checksum(store: Store, request: Request, channel: Channel) -> dict[str, Any]:
    """SHA-256 of a file, or of an upload; all of it is read."""
    path = request.path()
    progress, digest = OperationProgress(channel), hashlib.sha256()
    item = store.stat(path)
    is_part = item.is_part and item.is_directory
    if is_part:
        chunks = load(store, path, path).read(store)
    else:
        chunks = store.read(file_at(store, path), 0, item.size)
    for chunk in chunks:
        digest.update(chunk)
        progress.bytes += len(chunk)
        progress.tick()
    if not is_part and store.stat(path).etag != item.etag:
        raise changed(path)
    return {"sha256": digest.hexdigest()}


def _children(store: Store, path: bytes) -> list[StoreItem]:
    if not store.stat(path).is_directory:
        raise FilesError("not_directory", f"{show(path)} is not a directory.")
    return [item for item in store.children(path) if not item.is_part]
