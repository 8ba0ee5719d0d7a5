"""Walks of both ends, side by side."""

from collections.abc import Iterator

import pytest

from rosetta_hub.copies.walk import IN_MEMORY, Item, Spool, is_unchanged, pair_items, stays_inside
from rosetta_hub.files.entries import EntryType

SECOND = 1_000_000_000


def item(
    path: bytes,
    kind: EntryType = "file",
    size: int = 1,
    mtime_ns: int = 5 * SECOND,
    target: bytes | None = None,
) -> Item:
    return Item(path, kind, size, mtime_ns, 0o644, "etag", target)


def items(*paths: bytes) -> Iterator[Item]:
    return (item(path) for path in paths)


def test_a_spool_keeps_items_of_all_names() -> None:
    expected = [
        item(b"d", "directory"),
        item(b"d/caf\xe9\n\"'", size=3),
        item(b"d/link", "link", target=b"\xff"),
        item(b"d/pipe", "fifo"),
    ]
    with Spool() as spool:
        for value in expected:
            spool.add(value)
        assert list(spool.read()) == expected
        assert (spool.files, spool.bytes) == (2, 3)


def test_a_large_walk_goes_to_the_disk() -> None:
    count = 2 * IN_MEMORY // 50
    with Spool() as spool:
        for number in range(count):
            spool.add(item(b"%d" % number))
        assert spool._file._rolled  # type: ignore[attr-defined]
        assert sum(1 for _ in spool.read()) == count


def test_items_meet_those_of_the_same_name() -> None:
    source = items(b"s", b"s/a", b"s/a/x", b"s/a/y", b"s/a-b", b"s/c")
    target = items(b"t/u", b"t/u/a", b"t/u/a/b", b"t/u/a/y", b"t/u/b", b"t/u/c")
    pairs = [
        (value.path, other and other.path)
        for value, other in pair_items(source, target, b"s", b"t/u")
    ]
    assert pairs == [
        (b"s", b"t/u"),
        (b"s/a", b"t/u/a"),
        (b"s/a/x", None),
        (b"s/a/y", b"t/u/a/y"),
        (b"s/a-b", None),
        (b"s/c", b"t/u/c"),
    ]


def test_nothing_at_the_target() -> None:
    assert list(pair_items(items(b"a"), items(), b"a", b"a")) == [(item(b"a"), None)]


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (item(b"a"), item(b"b"), True),
        (item(b"a", mtime_ns=5 * SECOND + 7), item(b"b"), True),
        (item(b"a", mtime_ns=5 * SECOND + 1_700), item(b"b", mtime_ns=5 * SECOND + 1_000), True),
        (item(b"a", mtime_ns=5 * SECOND + 7_000), item(b"b", mtime_ns=5 * SECOND + 1), False),
        (item(b"a"), item(b"b", mtime_ns=6 * SECOND), False),
        (item(b"a"), item(b"b", size=2), False),
        (item(b"a"), item(b"b", "directory"), False),
        (item(b"a", "link", target=b"x"), item(b"b", "link", mtime_ns=0, target=b"x"), True),
        (item(b"a", "link", target=b"x"), item(b"b", "link", target=b"y"), False),
    ],
)
def test_what_is_there_already(source: Item, target: Item, expected: bool) -> None:
    assert is_unchanged(source, target) is expected


@pytest.mark.parametrize(
    ("path", "target", "expected"),
    [
        (b"top/a", b"b", True),
        (b"top/a", b"./b/../c", True),
        (b"top/d/a", b"../b", True),
        (b"top/d/a", b"../../top/b", False),
        (b"top/a", b"../b", False),
        (b"top/a", b"/etc/passwd", False),
        (b"top/a", b"b/../../c", False),
        (b"top", b"other", False),
        (b"top/a", None, False),
    ],
)
def test_links_that_stay_inside(path: bytes, target: bytes | None, expected: bool) -> None:
    assert stays_inside(item(path, "link", target=target), b"top") is expected
