"""Names at the target of a copy, and the order of a walk."""

import pytest

from rosetta_hub.copies.names import free_name, sort_key


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        (b"a.txt", set(), b"a.txt"),
        (b"a.txt", {b"a.txt"}, b"a (2).txt"),
        (b"a.txt", {b"a.txt", b"a (2).txt"}, b"a (3).txt"),
        (b".bashrc", {b".bashrc"}, b".bashrc (2)"),
        (b"folder", {b"folder"}, b"folder (2)"),
        (b"x" * 255, {b"x" * 255}, b"x" * 251 + b" (2)"),
    ],
)
def test_a_free_name(name: bytes, value: set[bytes], expected: bytes) -> None:
    assert free_name(name, value) == expected


def test_a_free_name_is_not_cut_within_a_character() -> None:
    name = "é".encode() * 127
    result = free_name(name, {name})
    assert len(result) <= 255
    assert result.decode().endswith("é (2)")


def test_parents_come_before_what_is_in_them() -> None:
    paths = [b"a-b", b"a/z", b"a", b"a/b/c", b"a/b"]
    assert sorted(paths, key=sort_key) == [b"a", b"a/b", b"a/b/c", b"a/z", b"a-b"]
