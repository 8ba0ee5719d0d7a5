"""Documents of the files protocol as typed values.

The program runs on a host that need not be ours: what it says may be anything.
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from rosetta_agent.files.frames import TYPES, decode_path
from rosetta_hub.errors import FilesError
from rosetta_hub.files.channel import malformed
from rosetta_hub.files.entries import (
    Copied,
    FileEntry,
    Opened,
    OperationProgress,
    Part,
    Summary,
    Usage,
)

Document = Mapping[str, Any]


@contextlib.contextmanager
def checked() -> Iterator[None]:
    """Raise StorageUnavailable where a document lacks a key or has a value of a wrong type."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise malformed(f"{type(error).__name__} in a document") from error


@checked()
def parse_entry(answer: Document, path: bytes) -> FileEntry:
    """The one entry of an answer, which has this path."""
    return _entry(answer["entry"], path)


def _entry(document: Document, path: bytes) -> FileEntry:
    target, target_type = document.get("target"), document.get("target_type")
    if document["type"] not in TYPES or target_type not in (None, *TYPES):
        raise ValueError("type")
    return FileEntry(
        name=decode_path(document["name"]),
        path=path,
        type=document["type"],
        size=int(document["size"]),
        mtime_ns=int(document["mtime_ns"]),
        mode=int(document["mode"]),
        uid=int(document["uid"]),
        gid=int(document["gid"]),
        owner=str(document["owner"]),
        group=str(document["group"]),
        etag=str(document["etag"]),
        target=None if target is None else decode_path(target),
        target_type=target_type,
    )


@checked()
def parse_children(document: Document, directory: bytes) -> list[FileEntry]:
    """The entries of one directory."""
    prefix = directory + b"/" if directory else b""
    return [_entry(entry, prefix + decode_path(entry["name"])) for entry in document["entries"]]


@checked()
def parse_tree(document: Document) -> list[FileEntry]:
    """Entries that tell their paths themselves."""
    return [_entry(entry, decode_path(entry["path"])) for entry in document["entries"]]


@checked()
def parse_named(document: Document) -> FileEntry:
    """One entry that tells its path itself."""
    return _entry(document["entry"], decode_path(document["path"]))


@checked()
def parse_usage(answer: Document) -> Usage:
    """How full a storage is."""
    document = answer["usage"]
    quota, quota_used = document.get("quota"), document.get("quota_used")
    return Usage(
        total=int(document["total"]),
        free=int(document["free"]),
        used=int(document["used"]),
        quota=None if quota is None else int(quota),
        quota_used=None if quota_used is None else int(quota_used),
    )


@checked()
def parse_opened(document: Document) -> Opened:
    """What a storage says when it is opened."""
    return Opened(int(document["uid"]), str(document["account"]), parse_usage(document))


@checked()
def parse_total(document: Document) -> int:
    """The number of all entries of a directory."""
    return int(document["total"])


@checked()
def parse_part(document: Document) -> Part:
    """How far an upload is."""
    mtime_ns = document.get("mtime_ns")
    return Part(
        offset=int(document["offset"]),
        length=int(document["length"]),
        mtime_ns=None if mtime_ns is None else int(mtime_ns),
    )


@checked()
def parse_progress(document: Document) -> OperationProgress:
    """How far an operation is."""
    return OperationProgress(int(document["progress"]["files"]), int(document["progress"]["bytes"]))


@checked()
def parse_summary(document: Document) -> Summary:
    """What trees hold."""
    return Summary(
        files=int(document["files"]),
        folders=int(document["folders"]),
        bytes=int(document["bytes"]),
        skipped=tuple(decode_path(path) for path in document.get("skipped", ())),
        skipped_total=int(document.get("skipped_total", 0)),
    )


@checked()
def parse_copied(document: Document) -> Copied:
    """What came of a copy."""
    return Copied(decode_path(document["path"]), parse_summary(document))


@checked()
def parse_problems(document: Document) -> list[tuple[bytes, FilesError]]:
    """What a walk could not read, and why."""
    return [
        (decode_path(problem["path"]), FilesError(problem["error"], str(problem["message"])))
        for problem in document.get("problems", ())
    ]


@checked()
def parse_checksum(document: Document) -> str:
    """SHA-256 in hexadecimal."""
    return str(document["sha256"])
