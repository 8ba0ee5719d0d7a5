"""Operations of uploads, whose bytes are segments until all are there (see `segments`)."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from rosetta_agent.files.channel import Channel, OperationProgress
from rosetta_agent.files.errors import FilesError, show
from rosetta_agent.files.frames import PART_SECONDS, UPLOAD_CONFLICTS
from rosetta_agent.files.request import Request
from rosetta_agent.files.writing import check_named
from rosetta_hub.files.remote.changing import check_free, find_free, wait_for
from rosetta_hub.files.remote.segments import (
    Segments,
    folder_of,
    load,
    make_note,
    segment_path,
)
from rosetta_hub.files.remote.store import Store, find, join, parent

# Bytes of a segment, which are held in memory, and are lost when an upload is cut.
_SEGMENT = 8 << 20
_swept: set[bytes] = set()


def create(store: Store, request: Request, _channel: Channel) -> dict[str, Any]:
    """Begin an upload."""
    path, length = request.path(), request.integer("length")
    check_named(path)
    store.check_target(path)
    note = {"length": length, "mtime_ns": request.optional_integer("mtime_ns")}
    _sweep(store, parent(path))
    folder = folder_of(path, request.upload())
    store.mkdir(folder)
    make_note(store, folder, note)
    return {**note, "offset": 0}


def state(store: Store, request: Request, _channel: Channel) -> dict[str, Any]:
    """How far an upload is."""
    return _load(store, request).describe()


def write(store: Store, request: Request, channel: Channel) -> dict[str, Any]:
    """Append to an upload; segments that were written stay, whatever comes then."""
    offset, part = request.integer("offset"), _load(store, request)
    if part.offset != offset:
        raise FilesError("changed", f"The upload has {part.offset} bytes, not {offset}.")
    for segment in _segments(channel):
        if offset + len(segment) > part.length:
            raise FilesError("too_large", "This is more than the upload's length.")
        store.put(segment_path(part.folder, offset, len(segment)), segment, len(segment))
        offset += len(segment)
    return _load(store, request).describe()


def truncate(store: Store, request: Request, _channel: Channel) -> dict[str, Any]:
    """Drop the end of an upload, such as a piece that has come damaged."""
    offset, part = request.integer("offset"), _load(store, request)
    if part.offset < offset:
        text = f"The upload has {part.offset} bytes, fewer than {offset}."
        raise FilesError("changed", text)
    for start, item in reversed(part.items):
        if start + item.size <= offset:
            break
        if start < offset:
            content = b"".join(store.read(item, 0, offset - start))
            store.put(segment_path(part.folder, start, len(content)), content, len(content))
        store.remove(item.path)
    return _load(store, request).describe()


def finish(store: Store, request: Request, channel: Channel) -> dict[str, Any]:
    """Join the segments of a complete upload, and give it its name."""
    path, conflict = request.path(), request.choice("conflict", UPLOAD_CONFLICTS)
    mtime_ns, part = request.optional_integer("mtime_ns"), _load(store, request)
    if part.offset != part.length:
        text = f"The upload is not complete: it has {part.offset} of {part.length} bytes."
        raise FilesError("changed", text)
    if conflict == "rename":
        path = find_free(store, path)
    check_free(store, path, conflict == "overwrite")
    whole = _join(store, part, OperationProgress(channel))
    mtime_ns = part.mtime_ns if mtime_ns is None else mtime_ns
    if mtime_ns is not None:
        store.set_time(whole, mtime_ns)
    store.move(whole, path, conflict == "overwrite")
    store.remove(part.folder)
    return {"path": path.decode("utf-8"), "entry": store.stat(path).entry(store.account)}


def remove(store: Store, request: Request, _channel: Channel) -> dict[str, Any]:
    """Give an upload up, if it is there."""
    folder = folder_of(request.path(), request.upload())
    if find(store, folder) is not None:
        store.remove(folder)
    return {}


def _load(store: Store, request: Request) -> Segments:
    path = request.path()
    check_named(path)
    return load(store, folder_of(path, request.upload()), path)


def _segments(channel: Channel) -> Iterator[bytes]:
    collected = bytearray()
    for data in channel.receive_data():
        collected += data
        if len(collected) >= _SEGMENT:
            yield bytes(collected)
            collected.clear()
    if collected:
        yield bytes(collected)


def _join(store: Store, part: Segments, progress: OperationProgress) -> bytes:
    """The path of the whole content; one segment alone is that already."""
    if len(part.items) == 1:
        return part.items[0][1].path
    whole = join(part.folder, b"whole")
    wait_for(progress, lambda: store.join([item for _, item in part.items], whole))
    item = store.stat(whole)
    if item.size != part.length:
        raise FilesError("failed", f"{show(whole)} has not arrived completely. Try again.")
    return whole


def _sweep(store: Store, folder: bytes) -> None:
    """Remove uploads that nobody has gone on with for days; once for each folder."""
    if folder in _swept:
        return
    _swept.add(folder)
    oldest = (time.time() - PART_SECONDS) * 1e9
    for item in store.children(folder):
        if item.is_part and item.mtime_ns < oldest:
            with contextlib.suppress(FilesError):
                store.remove(item.path)
