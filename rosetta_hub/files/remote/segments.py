"""What has come of an upload: a folder of segments beside its target, and a note.

Stores can't append to a file. A segment's name holds its beginning and its length, so that one
that was cut does not count; those that follow each other without a gap are what has come.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from rosetta_agent.files.errors import FilesError, show
from rosetta_agent.files.frames import PART_SUFFIX
from rosetta_hub.files.remote.store import Store, StoreItem, find, join, parent

_NOTE = b"note"
_SEGMENT = re.compile(rb"(\d{16})-(\d{1,16})\Z")
_MAX_NOTE = 1000


@dataclass(frozen=True)
class Segments:
    """An upload: its folder, its note, and the segments that count."""

    folder: bytes
    length: int
    mtime_ns: int | None
    items: list[tuple[int, StoreItem]]
    """Each with the offset at which it begins."""

    @property
    def offset(self) -> int:
        """Bytes that are there."""
        if not self.items:
            return 0
        start, item = self.items[-1]
        return start + item.size

    def describe(self) -> dict[str, Any]:
        """How far it is, as it stands in answers."""
        return {"offset": self.offset, "length": self.length, "mtime_ns": self.mtime_ns}

    def read(self, store: Store) -> Iterator[bytes]:
        """All bytes that are there."""
        for _, item in self.items:
            yield from store.read(item, 0, item.size)


def folder_of(path: bytes, upload: str) -> bytes:
    """The folder of an upload to a path."""
    return join(parent(path), f".{upload}{PART_SUFFIX}".encode("ascii"))


def segment_path(folder: bytes, start: int, length: int) -> bytes:
    """The path of a segment."""
    return join(folder, b"%016d-%d" % (start, length))


def make_note(store: Store, folder: bytes, note: dict[str, Any]) -> None:
    """Write the note, which makes the folder an upload."""
    content = json.dumps(note).encode("ascii")
    store.put(join(folder, _NOTE), content, len(content))


def load(store: Store, folder: bytes, path: bytes) -> Segments:
    """What is there of an upload to `path`.

    Raises:
        FilesError: there is no such upload (`not_found`).
    """
    note_item = find(store, join(folder, _NOTE))
    if note_item is None or note_item.size > _MAX_NOTE:
        raise FilesError("not_found", f"There is no such upload of {show(path)}. Begin it again.")
    note = json.loads(b"".join(store.read(note_item, 0, note_item.size)))
    items = list(_in_order(store.children(folder)))
    return Segments(folder, int(note["length"]), note["mtime_ns"], items)


def _in_order(items: Iterable[StoreItem]) -> Iterator[tuple[int, StoreItem]]:
    offset = 0
    for item in sorted(items, key=lambda item: item.name):
        match = _SEGMENT.match(item.name)
        if match and int(match[2]) == item.size and int(match[1]) == offset:
            yield offset, item
            offset += item.size
