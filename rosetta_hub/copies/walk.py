"""What a copy consists of: walks of source and target, kept on the disk and read side by side."""

import json
import os
import tempfile
from collections.abc import AsyncIterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rosetta_agent.files.frames import PART_SUFFIX
from rosetta_hub.catalogue.storage_paths import join_path
from rosetta_hub.copies.names import sort_key
from rosetta_hub.files.entries import EntryType, FileEntry

_PART_SUFFIX = PART_SUFFIX.encode()
# Bytes of a walk that are kept in memory.
IN_MEMORY = 1 << 20


@dataclass(frozen=True)
class Item:
    """What a copy has to know of an entry. `path` is relative to the root of its storage."""

    path: bytes
    type: EntryType
    size: int
    mtime_ns: int
    mode: int
    etag: str
    target: bytes | None

    @classmethod
    def of(cls, entry: FileEntry) -> Self:
        """The item of an entry."""
        return cls(
            path=entry.path,
            type=entry.type,
            size=entry.size,
            mtime_ns=entry.mtime_ns,
            mode=entry.mode,
            etag=entry.etag,
            target=entry.target,
        )


class Spool:
    """Items in the order in which they were added; a large number of them costs no memory."""

    def __init__(self) -> None:
        # Not a descriptor of the disk until it is large.
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY, "w+", encoding="ascii")  # noqa: SIM115
        self.files = 0
        self.bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    async def fill(self, entries: AsyncIterable[FileEntry]) -> None:
        """Add the items of all entries, but for the part files of transfers that go on."""
        async for entry in entries:
            if not is_part(entry.name):
                self.add(Item.of(entry))

    def add(self, item: Item) -> None:
        """Add an item at the end; files and links are counted."""
        if item.type in ("file", "link"):
            self.files += 1
        if item.type == "file":
            self.bytes += item.size
        target = None if item.target is None else os.fsdecode(item.target)
        values = (item.type, item.size, item.mtime_ns, item.mode, item.etag, target)
        self._file.write(json.dumps([os.fsdecode(item.path), *values]) + "\n")

    def read(self) -> Iterator[Item]:
        """All items, from the beginning."""
        self._file.seek(0)
        for line in self._file:
            path, kind, size, mtime_ns, mode, etag, target = json.loads(line)
            target = None if target is None else os.fsencode(target)
            yield Item(os.fsencode(path), kind, size, mtime_ns, mode, etag, target)


def is_part(name: bytes) -> bool:
    """Whether a name is that of a part file, or of the note beside it."""
    return name.startswith(b".") and name.removesuffix(b".json").endswith(_PART_SUFFIX)


def pair_items(
    source: Iterator[Item], target: Iterator[Item], source_root: bytes, target_root: bytes
) -> Iterator[tuple[Item, Item | None]]:
    """Each item of a source, with the one that has its name at the target.

    Both come sorted as a walk is, and are compared by their paths below their roots.
    """
    other = next(target, None)
    for item in source:
        key = _key(item, source_root)
        while other is not None and _key(other, target_root) < key:
            other = next(target, None)
        is_same = other is not None and _key(other, target_root) == key
        yield item, other if is_same else None


def _key(item: Item, root: bytes) -> list[bytes]:
    return sort_key(below(item.path, root))


def below(path: bytes, root: bytes) -> bytes:
    """The path relative to a root; empty for the root itself."""
    return path[len(root) :].strip(b"/")


def moved_path(path: bytes, root: bytes, new_root: bytes) -> bytes:
    """The path of an entry of a tree when the root of the tree is another one."""
    inner = below(path, root)
    return join_path(new_root, inner) if inner else new_root


def is_unchanged(source: Item, target: Item) -> bool:
    """Whether a file is at the target already: size and time of the last change tell.

    Some file systems keep whole seconds, or parts of a microsecond.
    """
    if (source.type, source.size) != (target.type, target.size):
        return False
    if source.type == "link":
        return source.target == target.target
    if target.mtime_ns % 1_000_000_000 == 0:
        return source.mtime_ns // 1_000_000_000 == target.mtime_ns // 1_000_000_000
    return abs(source.mtime_ns - target.mtime_ns) < 1_000


def stays_inside(link: Item, root: bytes) -> bool:
    """Whether a link leads to something below the root that is copied along with it."""
    if link.target is None or link.target.startswith(b"/"):
        return False
    folder = below(link.path, root).rpartition(b"/")[0]
    parts = folder.split(b"/") if folder else []
    for part in link.target.split(b"/"):
        if part == b"..":
            if not parts:
                return False
            parts.pop()
        elif part not in (b"", b"."):
            parts.append(part)
    return bool(link.path != root)
