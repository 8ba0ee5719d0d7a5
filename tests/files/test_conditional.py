"""Conditional and partial requests, after RFC 9110."""

import pytest

from rosetta_hub.web.conditional import (
    Range,
    Unsatisfiable,
    matches_strongly,
    matches_weakly,
    parse_etags,
    select_range,
)

WHOLE = Range(0, 100, False)


@pytest.mark.parametrize(
    ("header", "offset", "length"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, 100),
        ("bytes=10-19", 10, 10),
        ("bytes=90-1000", 90, 10),
        ("bytes=99-99", 99, 1),
        ("bytes=-1", 99, 1),
        ("bytes=-1000", 0, 100),
        ("BYTES= 5-6 ", 5, 2),
        ("bytes=0-99999999999999999999999999", 0, 100),
        ("bytes=-99999999999999999999999999", 0, 100),
    ],
)
def test_one_range(header: str, offset: int, length: int) -> None:
    assert select_range(header, "", "tag", 100) == Range(offset, length, True)


@pytest.mark.parametrize(
    "header",
    ["", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-4", "lines=0-1", "bytes=0-1,5-6"],
)
def test_what_is_no_range_gets_the_whole_file(header: str) -> None:
    assert select_range(header, "", "tag", 100) == WHOLE


@pytest.mark.parametrize(
    "header", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999999999-"]
)
def test_behind_the_end(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        select_range(header, "", "tag", 100)


def test_no_range_of_an_empty_file() -> None:
    assert select_range("", "", "tag", 0) == Range(0, 0, False)
    with pytest.raises(Unsatisfiable):
        select_range("bytes=0-0", "", "tag", 0)


@pytest.mark.parametrize(
    ("if_range", "partial"),
    [
        ('"tag"', True),
        ('"other"', False),
        ('W/"tag"', False),
        ("tag", False),
        ("Thu, 26 Nov 2026 10:00:00 GMT", False),
        ('"tag", "other"', False),
    ],
)
def test_if_range(if_range: str, partial: bool) -> None:
    assert select_range("bytes=1-2", if_range, "tag", 100).partial is partial


def test_a_range_that_does_not_count_is_not_refused() -> None:
    assert select_range("bytes=200-", '"other"', "tag", 100) == WHOLE


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ('"a"', [("a", True)]),
        (' W/"a" , "b,c" ,, "" ', [("a", False), ("b,c", True), ("", True)]),
        ("a", None),
        ('"a" "b"', None),
        ('"a', None),
        ("", None),
        (",", None),
    ],
)
def test_lists_of_tags(header: str, tags: list[tuple[str, bool]] | None) -> None:
    assert parse_etags(header) == tags


def test_strong_and_weak_comparison() -> None:
    assert matches_strongly('"x", "tag"', "tag")
    assert not matches_strongly('W/"tag"', "tag")
    assert matches_strongly("*", "tag")
    assert not matches_strongly("*", None)
    assert not matches_strongly('"tag"', None)
    assert matches_weakly('W/"tag"', "tag")
    assert not matches_weakly('"x"', "tag")
    assert matches_weakly("*", "tag")
    assert not matches_weakly("", "tag")


def test_content_range() -> None:
    assert Range(10, 5, True).content_range(100) == "bytes 10-14/100"
