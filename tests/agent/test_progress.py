"""Progress of pulls, from what the engines really showed on a terminal."""

import itertools
from pathlib import Path

import pytest

from rosetta_agent.progress import Progress, PullProgress, parse_amount, strip_terminal

RECORDED = Path(__file__).parent / "recorded"


def read(name: str) -> str:
    return (RECORDED / f"pull-{name}.txt").read_bytes().decode()


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("docker-20.10", Progress(302_100, 30_010_000), Progress(30_010_000, 30_010_000)),
        ("podman-4.3", Progress(29_150_412, 29_989_273), Progress(31_039_589, 31_039_589)),
        ("apptainer-1.4", Progress(1_048_576, 1_048_576), Progress(31_037_849, 31_037_849)),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_recorded_pulls(name: str, first: Progress, last: Progress, size: int) -> None:
    pull, text = PullProgress(), read(name)
    progress: list[Progress] = []
    for start in range(0, len(text), size):
        result = pull.feed(text[start : start + size])
        if result and (not progress or progress[-1] != result):
            progress.append(result)
    assert progress[-1] == last
    if size == 1:
        assert progress[0] == first
    assert all(earlier.done <= later.done for earlier, later in itertools.pairwise(progress))


def test_layers_add_up() -> None:
    pull = PullProgress()
    assert pull.feed("0123456789ab: Pulling fs layer\r\n") is None
    pull.feed("0123456789ab: Downloading [=>  ]  1kB/4kB\n")
    pull.feed("ba9876543210: Downloading [=>  ]  1.5MB/2MB\n")
    assert pull.feed("0123456789ab: Download complete\n") == Progress(1_504_000, 2_004_000)


@pytest.mark.parametrize(
    ("number", "unit", "expected"),
    [
        ("0", "", 0),
        ("302.1", "k", 302_100),
        ("1.5", "M", 1_500_000),
        ("2", "G", 2 * 10**9),
        ("1", "Ki", 1024),
        ("28.6", "Mi", 29_989_273),
        ("1", "Ti", 2**40),
    ],
)
def test_amounts(number: str, unit: str, expected: int) -> None:
    assert parse_amount(number, unit) == expected


def test_terminal_codes_become_line_ends() -> None:
    assert strip_terminal("\x1b[1A\x1b[2K\rabc\x1b[34m") == "\n\n\nabc\n"
