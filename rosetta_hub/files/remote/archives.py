"""The operations `tar` and `zip`: trees as one stream, which can't be resumed."""

import itertools
import os
import stat
from collections.abc import Iterator
from functools import partial
from typing import Any

from rosetta_agent.files.archive_writers import (
    Omissions,
    common_start,
    count_content,
    send_tar,
    send_zip,
)
from rosetta_agent.files.channel import Channel, OperationProgress
from rosetta_agent.files.errors import FilesError
from rosetta_agent.files.request import Request
from rosetta_hub.files.remote.looking import visit
from rosetta_hub.files.remote.store import Store, StoreItem


def archive_tar(store: Store, request: Request, channel: Channel) -> dict[str, Any]:
    """Trees as a tar archive (POSIX.1-2001)."""
    return send_tar(channel, partial(_fill, store, request, OperationProgress(channel)))


def archive_zip(store: Store, request: Request, channel: Channel) -> dict[str, Any]:
    """Trees as a zip archive, not compressed."""
    return send_zip(channel, partial(_fill, store, request, OperationProgress(channel)))


def _fill(
    store: Store, request: Request, progress: OperationProgress, writer: Any
) -> dict[str, Any]:
    """Add all trees; what can't be read is left out and named in a report."""
    paths = request.paths()
    start = common_start(paths)
    omissions = Omissions()
    for path in paths:
        for item in visit(store, path, omissions.add):
            progress.tick()
            if name := item.path[start:]:
                _add(store, item, name, writer, progress, omissions)
    omissions.report(writer)
    return {**progress.summary(), "skipped_total": len(omissions)}


def _add(
    store: Store,
    item: StoreItem,
    name: bytes,
    writer: Any,
    progress: OperationProgress,
    omissions: Omissions,
) -> None:
    if item.is_directory:
        progress.folders += 1
        writer.add(name, _info(item), None, None)
        return
    try:
        content = _begin(store.read(item, 0, item.size))
    except FilesError as error:
        omissions.add(item.path, error)
        return
    progress.files += 1
    writer.add(name, _info(item), None, count_content(map(memoryview, content), progress))


def _begin(content: Iterator[bytes]) -> Iterator[bytes]:
    """The same content, of which the store has sent the beginning."""
    return itertools.chain([next(content, b"")], content)


def _info(item: StoreItem) -> os.stat_result:
    """What the writers need to know of an item; it is private, as its entry is."""
    mode = stat.S_IFDIR | 0o700 if item.is_directory else stat.S_IFREG | 0o600
    seconds = item.mtime_ns // 1_000_000_000
    size = 0 if item.is_directory else item.size
    return os.stat_result((mode, 0, 0, 1, 0, 0, size, seconds, seconds, seconds))
