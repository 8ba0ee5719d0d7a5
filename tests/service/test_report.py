"""What agents say and the service takes: written down on both sides, as agents ship alone."""

from typing import get_args

import pytest

from rosetta_agent.errors import REASONS
from rosetta_agent.report import WARNINGS
from rosetta_hub.database.models import State, Target, Task, utc_now
from rosetta_hub.tasks import report, sentences


def test_both_sides_know_the_same_reasons_and_warnings() -> None:
    assert set(REASONS) == set(get_args(report.Reason))
    assert set(WARNINGS) == set(get_args(report.Warning))


def test_each_has_a_sentence() -> None:
    # "exited" has its own, made of exit code and time.
    assert set(REASONS) - set(sentences._FAILURES) == {"exited"}
    assert set(WARNINGS) == set(sentences._WARNINGS)


@pytest.mark.parametrize(("offset", "warned"), [(0, False), (3600, True), (-3600, True)])
def test_a_wrong_clock_is_told(offset: int, warned: bool) -> None:
    task = Task(sequence=0, state=State.RUNNING, target=Target.RUN, warnings=[])
    clock = utc_now().timestamp() + offset
    found = report.Report.model_validate({"sequence": 1, "state": "running", "clock": clock})
    report.apply_report(task, found)
    assert any("clock" in text for text in sentences.warning_sentences(task)) is warned
