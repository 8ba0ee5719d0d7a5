"""Operations that read files: ``read``, ``checksum``."""

import hashlib
import os
from typing import Any, Dict, Iterator

from rosetta_agent.files.channel import Channel, OperationProgress
from rosetta_agent.files.entries import build_entry, build_etag
from rosetta_agent.files.errors import FilesError, explained, show
from rosetta_agent.files.frames import MAX_DATA
from rosetta_agent.files.request import Request
from rosetta_agent.files.storage import Storage


def read(storage: Storage, request: Request, channel: Channel) -> Dict[str, Any]:
    """A file, or a part of it: what it holds at the beginning, and never padding."""
    path, offset = request.path(), request.integer("offset")
    length, etag = request.optional_integer("length"), request.optional_text("etag")
    with storage.file(path) as file:
        info = os.fstat(file)
        if etag is not None and etag != build_etag(info):
            raise changed(path)
        if offset > info.st_size:
            raise FilesError("invalid", "{} has only {} bytes.".format(show(path), info.st_size))
        channel.send({"entry": build_entry(path.rpartition(b"/")[2], info)})
        rest = info.st_size - offset
        for chunk in read_chunks(file, path, offset, rest if length is None else min(rest, length)):
            channel.send_data(chunk)
    return {}


def checksum(storage: Storage, request: Request, channel: Channel) -> Dict[str, Any]:
    """SHA-256 of a file that does not change meanwhile."""
    path = request.path()
    progress = OperationProgress(channel)
    digest = hashlib.sha256()
    with storage.file(path) as file:
        info = os.fstat(file)
        for chunk in read_chunks(file, path, 0, info.st_size):
            digest.update(chunk)
            progress.bytes += len(chunk)
            progress.tick()
        if build_etag(os.fstat(file)) != build_etag(info):
            raise changed(path)
    return {"sha256": digest.hexdigest()}


def read_chunks(file: int, path: bytes, offset: int, length: int) -> Iterator[memoryview]:
    """So many bytes of an open file; each piece is valid until the next is taken.

    Raises:
        FilesError: the file has become shorter (``changed``), or can't be read.
    """
    view = memoryview(bytearray(min(MAX_DATA, max(length, 1))))
    with explained(path):
        os.lseek(file, offset, os.SEEK_SET)
    with open(file, "rb", buffering=0, closefd=False) as raw:
        while length:
            with explained(path):
                size = raw.readinto(view[: min(length, len(view))])
            if not size:
                raise changed(path)
            length -= size
            yield view[:size]


def changed(path: bytes) -> FilesError:
    """The file is not the one that was expected."""
    return FilesError("changed", "{} has been changed meanwhile.".format(show(path)))
