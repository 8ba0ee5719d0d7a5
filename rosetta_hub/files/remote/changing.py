"""Operations that change: `write`, `mkdir`, `rename`, `remove`, `copy`."""

import contextlib
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from typing import Any

from rosetta_agent.files.channel import Channel, OperationProgress
from rosetta_agent.files.errors import FilesError, refuse, show
from rosetta_agent.files.frames import CONFLICTS, NEW, PART_SUFFIX, PROGRESS_INTERVAL, encode_path
from rosetta_agent.files.names import free_names
from rosetta_agent.files.reading import changed
from rosetta_agent.files.request import Request
from rosetta_agent.files.writing import check_named
from rosetta_hub.files.remote.looking import count, visit
from rosetta_hub.files.remote.store import Store, StoreItem, find, join, parent

_MAX_NAMED = 100
# Items of which a store hears in one call, as S3 servers remove so many at once.
_REMOVED_AT_ONCE = 1000
# Bytes that are collected, so that small files are sent with their length.
_COLLECTED = 1 << 20


def write(store: Store, request: Request, channel: Channel) -> dict[str, Any]:
    """Replace a file, or make a new one."""
    path, if_match = request.path(), request.optional_text("if_match")
    check_named(path)
    _check_replaceable(store, path, if_match)
    with _pending(store, path) as name:
        data = channel.receive_data()
        first = bytearray()
        for piece in data:
            first += piece
            if len(first) >= _COLLECTED:
                store.put(name, _joined(bytes(first), data), None)
                break
        else:
            store.put(name, bytes(first), len(first))
        mtime_ns = request.optional_integer("mtime_ns")
        if mtime_ns is not None:
            store.set_time(name, mtime_ns)
        _check_replaceable(store, path, if_match)
        store.move(name, path, overwrite=if_match != NEW)
    return {"entry": store.stat(path).entry(store.account)}


def mkdir(store: Store, request: Request, _channel: Channel) -> dict[str, Any]:
    """Make a folder; with `parents` it may exist, and those above it are made as well."""
    path = request.path()
    check_named(path)
    names = path.split(b"/")
    if request.flag("parents"):
        for number in range(1, len(names) + 1):
            make_folder(store, b"/".join(names[:number]))
    else:
        store.mkdir(path)
    return {"entry": store.stat(path).entry(store.account)}


def make_folder(store: Store, path: bytes) -> None:
    """Make a folder, unless it is there."""
    item = find(store, path)
    if item is None:
        store.mkdir(path)
    elif not item.is_directory:
        raise refuse("exists", path)


def rename(store: Store, request: Request, channel: Channel) -> dict[str, Any]:
    """Give an item another path."""
    source, target = request.path("from"), request.path("to")
    check_named(source)
    check_named(target)
    if (target + b"/").startswith(source + b"/"):
        raise FilesError("invalid", f"{show(source)} can't be moved into itself.")
    store.stat(source)
    overwrite = request.flag("overwrite")
    check_free(store, target, overwrite)
    wait_for(OperationProgress(channel), lambda: store.move(source, target, overwrite))
    return {"entry": store.stat(target).entry(store.account)}


def check_free(store: Store, path: bytes, overwrite: bool) -> None:
    """Refuse a path that is taken; with `overwrite` by a folder, which would go as a whole."""
    item = find(store, path)
    if item is not None and not overwrite:
        raise refuse("exists", path)
    if item is not None and item.is_directory:
        raise refuse("is_directory", path)


def remove(store: Store, request: Request, channel: Channel) -> dict[str, Any]:
    """Remove trees, folders after what they hold; stops at the first error."""
    paths, progress = request.paths(), OperationProgress(channel)
    for path in paths:
        check_named(path)
    for path in paths:
        # Folders after what they hold.
        items = list(visit(store, path))[::-1]
        for start in range(0, len(items), _REMOVED_AT_ONCE):
            removed = items[start : start + _REMOVED_AT_ONCE]
            wait_for(progress, partial(store.remove_items, removed))
            for item in removed:
                count(progress, item)
            progress.tick()
    return progress.summary()


def copy(store: Store, request: Request, channel: Channel) -> dict[str, Any]:
    """Copy a file or a tree within the store; folders that exist are merged."""
    source, target = request.path("from"), request.path("to")
    conflict = request.choice("conflict", CONFLICTS)
    check_named(target)
    if (target + b"/").startswith(source + b"/"):
        raise FilesError("invalid", f"{show(source)} can't be copied into itself.")
    if conflict == "rename":
        target = find_free(store, target)
    progress, skipped = OperationProgress(channel), []
    for item in visit(store, source):
        path = target + item.path[len(source) :]
        if item.is_directory:
            make_folder(store, path) if conflict in ("overwrite", "skip") else store.mkdir(path)
        elif conflict == "skip" and find(store, path) is not None:
            skipped.append(encode_path(item.path))
            continue
        else:
            _copy_file(store, item, path, conflict == "overwrite", progress)
        count(progress, item)
        progress.tick()
    summary = {**progress.summary(), "path": encode_path(target)}
    return {**summary, "skipped": skipped[:_MAX_NAMED], "skipped_total": len(skipped)}


def find_free(store: Store, path: bytes) -> bytes:
    """The path, or one beside it that is free."""
    folder, name = parent(path), path.rpartition(b"/")[2]
    for free in free_names(name):
        if find(store, join(folder, free)) is None:
            return join(folder, free)
    raise refuse("exists", path)


def wait_for(progress: OperationProgress, operation: Callable[[], None]) -> None:
    """Carry out what a server may need long for, and tell the hub meanwhile that it goes on."""
    with ThreadPoolExecutor(1, "request to the store") as pool:
        future = pool.submit(operation)
        while not wait([future], PROGRESS_INTERVAL).done:
            progress.tick()
        future.result()


def _copy_file(
    store: Store, item: StoreItem, path: bytes, overwrite: bool, progress: OperationProgress
) -> None:
    check_free(store, path, overwrite)
    with _pending(store, path) as name:
        wait_for(progress, lambda: store.copy(item.path, name))
        store.set_time(name, store.exact(item).mtime_ns)
        store.move(name, path, overwrite)


def _check_replaceable(store: Store, path: bytes, if_match: str | None) -> None:
    item = find(store, path)
    if item is None:
        if if_match not in (None, NEW):
            raise changed(path)
        return
    if item.is_directory:
        raise refuse("is_directory", path)
    if if_match == NEW:
        raise refuse("exists", path)
    if if_match not in (None, item.etag):
        raise changed(path)


@contextlib.contextmanager
def _pending(store: Store, path: bytes) -> Iterator[bytes]:
    """A name beside a path; what has it is removed, unless it was given its own name."""
    name = join(parent(path), f".{secrets.token_hex(8)}{PART_SUFFIX}".encode("ascii"))
    try:
        yield name
    except FilesError:
        with contextlib.suppress(FilesError):
            store.remove(name)
        raise


def _joined(first: bytes, rest: Iterator[memoryview]) -> Iterator[bytes]:
    yield first
    for piece in rest:
        yield bytes(piece)
