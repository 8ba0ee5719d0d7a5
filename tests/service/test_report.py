"""What agents say and the service takes: written down on both sides, as agents ship alone."""

from typing import get_args

from rosetta_agent.errors import REASONS
from rosetta_agent.report import WARNINGS
from rosetta_hub.tasks import report, sentences


def test_both_sides_know_the_same_reasons_and_warnings() -> None:
    assert set(REASONS) == set(get_args(report.Reason))
    assert set(WARNINGS) == set(get_args(report.Warning))


def test_each_has_a_sentence() -> None:
    # "exited" has its own, made of exit code and time.
    assert set(REASONS) - set(sentences._FAILURES) == {"exited"}
    assert set(WARNINGS) == set(sentences._WARNINGS)
