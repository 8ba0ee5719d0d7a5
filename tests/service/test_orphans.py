"""Tasks that the hub has forgotten."""

from typing import cast

import pytest

from rosetta_hub.database.models import DesiredState
from rosetta_hub.errors import HubUnavailable
from rosetta_hub.hub.client import HubClient
from rosetta_hub.periodic.orphans import OrphanStopper
from tests.support.starting import start_task

from .conftest import ALICE, Bench


class Hub:
    """What the hub answers, one answer a round; None: it does not answer."""

    def __init__(self, *answers: set[str] | None) -> None:
        self.answers = list(answers)

    async def active_servers(self) -> dict[str, set[str]]:
        answer = self.answers.pop(0)
        if answer is None:
            raise HubUnavailable("no answer")
        return {ALICE.name: answer} if answer else {}


async def rounds(bench: Bench, *answers: set[str] | None) -> DesiredState:
    """What is wanted of the task `one` after these answers."""
    task = start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    stopper = OrphanStopper(bench.tasks, cast(HubClient, Hub(*answers)))
    for answer in answers:
        if answer is None:
            with pytest.raises(HubUnavailable):
                await stopper.step()
        else:
            await stopper.step()
    return bench.tasks.find(task.id).desired_state


async def test_absent_three_times_is_stopped(bench: Bench) -> None:
    assert await rounds(bench, set(), {"other"}, set()) is DesiredState.STOP


async def test_seen_in_between_goes_on(bench: Bench) -> None:
    assert await rounds(bench, set(), set(), {"one"}, set(), set()) is DesiredState.RUN


async def test_no_answer_is_not_absence(bench: Bench) -> None:
    assert await rounds(bench, set(), None, None, None, set()) is DesiredState.RUN
