"""A store in a bucket of an S3 server.

A bucket has no folders: they are the beginnings of keys up to a slash. An empty object whose key
ends in a slash keeps a folder in which there is nothing else.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rosetta_agent.files.errors import FilesError, refuse
from rosetta_agent.files.frames import MAX_DATA
from rosetta_agent.files.reading import changed
from rosetta_hub.files.remote.s3_client import Connection, explained, translate
from rosetta_hub.files.remote.s3_multipart import Multipart, copy_large, join_files
from rosetta_hub.files.remote.store import StoreItem, check_names, join, parent

# Keys that one request may remove.
_BATCH = 1000
# What one request may copy on the server, and takes no longer than one may wait for.
_LARGE_COPY = 1 << 30
# Bytes of a part, which are held in memory.
_PART = 16 << 20
# The most parts of an object (10,000), less some that are shorter.
_MAX_PARTS = 9000
# Metadata with the time of the last change, as rclone has it.
_TIME = "mtime"
_TIME_TEXT = re.compile(r"(\d{1,10})(?:\.(\d{1,9}))?", re.ASCII)


class S3Store:
    """The keys of a bucket that begin with `root`; see `Store` for what the methods do.

    `settings` holds `url`, `region`, `bucket`, `access_key_id`, `secret_key` and `ca_file` (empty:
    public CAs).
    """

    def __init__(self, settings: Mapping[str, Any], root: bytes) -> None:
        check_names(root)
        self.account = settings["bucket"]
        self._bucket = settings["bucket"]
        self._root = root.strip(b"/").decode("utf-8")
        self._connection = Connection(settings)
        # Of files that are not moved to their names yet: metadata can't be changed by itself.
        self._times: dict[bytes, int] = {}

    def open_root(self, create: bool) -> None:
        if self._is_folder(b"") or not self._root:
            return
        if not create:
            raise refuse("not_found", b"")
        self._mark(b"")

    def usage(self) -> dict[str, int]:
        return {"total": 0, "free": 0, "used": 0}

    def stat(self, path: bytes) -> StoreItem:
        if not path:
            return _folder(path)
        try:
            with explained(path):
                answer = self._connection.quick.head_object(**self._place(path))
        except FilesError as error:
            if error.code != "not_found":
                raise
            if not self._is_folder(path):
                raise
            return _folder(path)
        return _file(path, answer["ContentLength"], answer)

    def children(self, path: bytes) -> list[StoreItem]:
        start, items = self._prefix(path), dict[bytes, StoreItem]()
        for page in self._pages(path, Delimiter="/"):
            for prefix in page.get("CommonPrefixes", ()):
                name = prefix["Prefix"][len(start) : -1].encode("utf-8")
                items.setdefault(name, self._folder_among(join(path, name)))
            for entry in page.get("Contents", ()):
                name = entry["Key"][len(start) :].encode("utf-8")
                # A file hides a folder of its name, as it does in `stat`.
                items[name] = _file(join(path, name), entry["Size"], entry)
        # Such keys are of other programs; a path can't have these names.
        return [item for name, item in items.items() if name not in (b"", b".", b"..")]

    def exact(self, item: StoreItem) -> StoreItem:
        if item.is_directory:
            return item
        try:
            return self.stat(item.path)
        except FilesError:
            return item

    def read(self, item: StoreItem, offset: int, length: int) -> Iterator[bytes]:
        if not length:
            return
        options: dict[str, str] = {"Range": f"bytes={offset}-{offset + length - 1}"}
        if item.version:
            options["IfMatch"] = item.version
        with explained(item.path):
            answer = self._connection.quick.get_object(**self._place(item.path), **options)
            with answer["Body"] as body:
                while length and (chunk := body.read(min(MAX_DATA, length))):
                    length -= len(chunk)
                    yield chunk
        if length:
            raise changed(item.path)

    def put(self, path: bytes, content: bytes | Iterable[bytes], length: int | None) -> None:
        self._check_parent(path)
        if isinstance(content, bytes):
            self._put(path, content)
            return
        size = max(_PART, (length or 0) // _MAX_PARTS)
        with Multipart(self._connection.patient, self._place(path), path) as upload:
            collected = bytearray()
            for chunk in content:
                collected += chunk
                if len(collected) >= size:
                    upload.add(bytes(collected))
                    collected.clear()
            if collected or not upload.parts:
                upload.add(bytes(collected))

    def join(self, parts: Sequence[StoreItem], target: bytes) -> None:
        self._check_parent(target)
        sources = [(item, self._place(item.path)) for item in parts]
        with Multipart(self._connection.patient, self._place(target), target) as upload:
            join_files(upload, sources, lambda item: self.read(item, 0, item.size))

    def check_target(self, path: bytes) -> None:
        check_names(path)

    def set_time(self, path: bytes, mtime_ns: int) -> None:
        self._times[path] = mtime_ns

    def mkdir(self, path: bytes) -> None:
        self._check_parent(path)
        try:
            self.stat(path)
        except FilesError as error:
            if error.code != "not_found":
                raise
            self._mark(path)
            return
        raise refuse("exists", path)

    def remove(self, path: bytes) -> None:
        self.remove_items([self.stat(path)])

    def remove_items(self, items: Sequence[StoreItem]) -> None:
        self._delete([self._key(item.path) for item in items if not item.is_directory])
        folders = {item.path for item in items if item.is_directory}
        for folder in folders:
            for page in self._pages(folder):
                self._delete([entry["Key"] for entry in page.get("Contents", ())])
        for folder in {parent(item.path) for item in items} - folders:
            self._keep(folder)

    def move(self, source: bytes, target: bytes, overwrite: bool) -> None:
        item = self.stat(source)
        self._check_free(target, overwrite)
        if item.is_directory:
            self._copy_tree(source, target)
        else:
            self._copy(self._key(source), target, item.size, self._times.pop(source, None))
        self.remove_items([item])

    def copy(self, source: bytes, target: bytes) -> None:
        item = self.stat(source)
        self._check_free(target, overwrite=False)
        self._copy(self._key(source), target, item.size)

    def _copy_tree(self, source: bytes, target: bytes) -> None:
        self._mark(target)
        start = self._prefix(source)
        for page in self._pages(source):
            for entry in page.get("Contents", ()):
                rest = entry["Key"][len(start) :]
                if rest:
                    self._copy(entry["Key"], join(target, rest.encode("utf-8")), entry["Size"])

    def _copy(self, key: str, target: bytes, size: int, mtime_ns: int | None = None) -> None:
        source, place = {"Bucket": self._bucket, "Key": key}, self._place(target)
        metadata = None if mtime_ns is None else {_TIME: format_time(mtime_ns)}
        if size > _LARGE_COPY:
            metadata = self._metadata(key, target) if metadata is None else metadata
            with Multipart(self._connection.patient, place, target, metadata) as upload:
                copy_large(upload, source, size)
            return
        change = {} if metadata is None else {"MetadataDirective": "REPLACE", "Metadata": metadata}
        with explained(target):
            self._connection.patient.copy_object(**place, CopySource=source, **change)

    def _metadata(self, key: str, path: bytes) -> dict[str, str]:
        with explained(path):
            answer = self._connection.quick.head_object(Bucket=self._bucket, Key=key)
        metadata: dict[str, str] = answer["Metadata"]
        return metadata

    def _check_free(self, path: bytes, overwrite: bool) -> None:
        """Refuse a target that is taken, or whose folder is not there."""
        check_names(path)
        self._check_parent(path)
        try:
            item = self.stat(path)
        except FilesError as error:
            if error.code != "not_found":
                raise
            return
        if item.is_directory or not overwrite:
            raise refuse("exists", path)

    def _check_parent(self, path: bytes) -> None:
        folder = parent(path)
        if folder and not self._is_folder(folder):
            raise refuse("not_found", folder)

    def _is_folder(self, path: bytes) -> bool:
        """Whether a key begins with the path and a slash."""
        options = {"Bucket": self._bucket, "Prefix": self._prefix(path), "MaxKeys": 1}
        with explained(path):
            answer = self._connection.quick.list_objects_v2(**options)
        return bool(answer.get("Contents"))

    def _folder_among(self, path: bytes) -> StoreItem:
        """A folder of a list; that of an upload with the time at which it was last added to."""
        folder = _folder(path)
        if not folder.is_part:
            return folder
        pages = self._pages(path)
        times = [_time(entry) for page in pages for entry in page.get("Contents", ())]
        return _folder(path, max(times, default=0))

    def _mark(self, folder: bytes) -> None:
        """Make the object that keeps a folder."""
        key = self._prefix(folder)
        with explained(folder):
            self._connection.quick.put_object(Bucket=self._bucket, Key=key, Body=b"")

    def _keep(self, folder: bytes) -> None:
        """See that a folder stays when the last file of it is gone."""
        if self._prefix(folder) and not self._is_folder(folder):
            self._mark(folder)

    def _put(self, path: bytes, content: bytes) -> None:
        with explained(path):
            self._connection.patient.put_object(**self._place(path), Body=content)

    def _delete(self, keys: Sequence[str]) -> None:
        for start in range(0, len(keys), _BATCH):
            objects = [{"Key": key} for key in keys[start : start + _BATCH]]
            deletion = {"Objects": objects, "Quiet": True}
            with explained(b""):
                answer = self._connection.patient.delete_objects(
                    Bucket=self._bucket, Delete=deletion
                )
            for error in answer.get("Errors", ()):
                path = error["Key"].encode("utf-8")[len(self._prefix(b"").encode("utf-8")) :]
                raise translate(error.get("Code", ""), 0, path)

    def _pages(self, path: bytes, **options: Any) -> Iterator[Mapping[str, Any]]:
        """The pages of what is in a folder."""
        check_names(path)
        pages = self._connection.quick.get_paginator("list_objects_v2")
        with explained(path):
            yield from pages.paginate(Bucket=self._bucket, Prefix=self._prefix(path), **options)

    def _place(self, path: bytes) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._key(path)}

    def _key(self, path: bytes) -> str:
        check_names(path)
        return self._prefix(b"") + path.decode("utf-8")

    def _prefix(self, path: bytes) -> str:
        """With what the keys of a folder begin."""
        check_names(path)
        names = [name for name in (self._root, path.decode("utf-8")) if name]
        return "".join(f"{name}/" for name in names)


def _folder(path: bytes, mtime_ns: int = 0) -> StoreItem:
    return StoreItem(path, True, 0, mtime_ns, "")


def _file(path: bytes, size: int, answer: Mapping[str, Any]) -> StoreItem:
    return StoreItem(path, False, size, _time(answer), answer.get("ETag", ""))


def format_time(mtime_ns: int) -> str:
    """Seconds with nine decimals, as rclone writes them."""
    return f"{mtime_ns // 1_000_000_000}.{mtime_ns % 1_000_000_000:09}"


def parse_time(text: str) -> int | None:
    """Nanoseconds of such a time; None for anything else."""
    match = _TIME_TEXT.fullmatch(text)
    return match and int(match[1]) * 1_000_000_000 + int((match[2] or "").ljust(9, "0"))


def _time(answer: Mapping[str, Any]) -> int:
    stored_time = parse_time(answer.get("Metadata", {}).get(_TIME, ""))
    if stored_time is not None:
        return stored_time
    modified: datetime = answer["LastModified"]
    return int(modified.timestamp()) * 1_000_000_000
