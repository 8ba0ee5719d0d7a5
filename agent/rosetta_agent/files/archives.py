"""The operations ``tar`` and ``zip``: trees as one stream, which can't be resumed."""

import os
import stat
from functools import partial
from typing import Any, Dict

from rosetta_agent.files.archive_writers import (
    Omissions,
    common_start,
    count_content,
    send_tar,
    send_zip,
)
from rosetta_agent.files.channel import Channel, OperationProgress
from rosetta_agent.files.errors import FilesError
from rosetta_agent.files.reading import read_chunks
from rosetta_agent.files.request import Request
from rosetta_agent.files.storage import Storage, open_child, read_link
from rosetta_agent.files.trees import Node, visit


def archive_tar(storage: Storage, request: Request, channel: Channel) -> Dict[str, Any]:
    """Trees as a tar archive (POSIX.1-2001): names are the bytes on the disk."""
    return send_tar(channel, partial(_fill, storage, request, OperationProgress(channel)))


def archive_zip(storage: Storage, request: Request, channel: Channel) -> Dict[str, Any]:
    """Trees as a zip archive, not compressed; bytes that zip can't have in names are escaped."""
    return send_zip(channel, partial(_fill, storage, request, OperationProgress(channel)))


def _fill(
    storage: Storage, request: Request, progress: OperationProgress, writer: Any
) -> Dict[str, Any]:
    """Add all trees; what can't be read, or is no file, is left out and named in a report."""
    paths = request.paths()
    start = common_start(paths)
    omissions = Omissions()
    for path in paths:
        for node in visit(storage, path, omissions.add):
            progress.tick()
            name = node.place.path[start:]
            if name and not node.is_left:
                try:
                    _add(node, name, writer, progress)
                except _LeftOut as error:
                    omissions.add(node.place.path, error.reason)
    omissions.report(writer)
    return dict(progress.summary(), skipped_total=len(omissions))


class _LeftOut(Exception):
    """An entry can't be opened."""

    def __init__(self, reason: FilesError) -> None:
        super().__init__(reason.message)
        self.reason = reason


def _add(node: Node, name: bytes, writer: Any, progress: OperationProgress) -> None:
    if stat.S_ISDIR(node.info.st_mode):
        progress.folders += 1
        writer.add(name, node.info, None, None)
        return
    progress.files += 1
    if stat.S_ISLNK(node.info.st_mode):
        writer.add(name, node.info, read_link(node.place) or b"", None)
        return
    try:
        descriptor = open_child(node.place, node.info)
    except FilesError as error:
        progress.files -= 1
        raise _LeftOut(error) from error
    try:
        info = os.fstat(descriptor)
        content = count_content(read_chunks(descriptor, node.place.path, 0, info.st_size), progress)
        writer.add(name, info, None, content)
    finally:
        os.close(descriptor)
