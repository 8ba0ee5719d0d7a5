"""Which copies begin."""

import pytest

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.database.models_copies import Copy
from rosetta_hub.jobs.queue import choose_jobs

from .conftest import some_copy


def queue(*owners: str) -> list[Copy]:
    """Copies of these users, oldest first; their ids are `alice0`, `alice1`…"""
    copies: list[Copy] = []
    for owner in owners:
        copy = some_copy(User(owner))
        copy.id = f"{owner}{sum(item.user == owner for item in copies)}"
        copies.append(copy)
    return copies


@pytest.mark.parametrize(
    ("owners", "running", "per_user", "at_once", "expected"),
    [
        (["a", "a", "a"], [], 2, 8, ["a0", "a1"]),
        (["a", "a", "a"], ["a0"], 2, 8, ["a1"]),
        (["a", "a", "a"], ["a0", "a1"], 2, 8, []),
        (["a", "a", "a", "b"], [], 3, 2, ["a0", "b0"]),
        (["a", "a", "b", "c"], ["a0"], 3, 3, ["b0", "c0"]),
        (["a", "a", "b", "c"], ["a0"], 3, 4, ["b0", "c0", "a1"]),
        (["a", "b"], [], 2, 0, []),
        ([], [], 2, 8, []),
    ],
)
def test_choice(
    owners: list[str], running: list[str], per_user: int, at_once: int, expected: list[str]
) -> None:
    jobs = choose_jobs(queue(*owners), running, per_user, at_once)
    assert [copy.id for copy in jobs] == expected
