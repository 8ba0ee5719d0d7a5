"""The comparison of pictures, with screens that are lists."""

import itertools
from collections.abc import Iterator

import pytest

from tests.support import pictures
from tests.support.pictures import wait_for_change, wait_for_rest


class Screen:
    """Shows one picture after the other; after enough actions, another one."""

    def __init__(self, view: Iterator[bytes], actions: int | None = 1) -> None:
        self.shown = view
        self.missing = actions
        self.acted = 0

    async def take(self) -> bytes:
        picture = next(self.shown)
        return b"menu" if self.missing is not None and self.acted >= self.missing else picture

    async def act(self) -> None:
        self.acted += 1


@pytest.fixture(autouse=True)
def no_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "INTERVAL", 0)


def drawing() -> Iterator[bytes]:
    """Empty at first, drawn piece by piece, then at rest."""
    return itertools.chain([b""] * 20, [b"some", b"more"], itertools.repeat(b"all"))


def blinking() -> Iterator[bytes]:
    return itertools.cycle([b"cursor", b"cursor", b"no cursor"])


def restless() -> Iterator[bytes]:
    return (str(number).encode() for number in itertools.count())


async def test_what_is_drawn_belongs_to_the_rest() -> None:
    assert b"all" in await wait_for_rest(Screen(drawing(), None).take)


async def test_both_pictures_of_a_cursor_are_rest() -> None:
    assert await wait_for_rest(Screen(blinking(), None).take) == {b"cursor", b"no cursor"}


async def test_a_screen_that_never_rests_is_told() -> None:
    with pytest.raises(TimeoutError, match="does not rest"):
        await wait_for_rest(Screen(restless(), None).take, seconds=0.2)


async def test_change_by_the_first_action() -> None:
    screen = Screen(blinking())
    await wait_for_change(screen.take, screen.act)
    assert screen.acted == 1


async def test_action_before_the_program_listens_is_repeated() -> None:
    screen = Screen(drawing(), 3)
    await wait_for_change(screen.take, screen.act, smallest=2)
    assert screen.acted == 3


@pytest.mark.parametrize("view", [drawing, blinking])
async def test_what_changes_without_the_action_is_no_change(view: object) -> None:
    assert callable(view)
    screen = Screen(view(), None)
    with pytest.raises(TimeoutError, match="changed nothing"):
        await wait_for_change(screen.take, screen.act, smallest=2, seconds=0.2)
    assert screen.acted > 0
