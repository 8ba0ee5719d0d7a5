"""What users are told of a build that has failed: the step, how it ended, and what to do."""

import pytest

from rosetta_agent.builds.failures import describe_failure, exit_status, is_killed
from rosetta_agent.builds.output import Step

STEP = Step(9, 10, "RUN ./postBuild")


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (['Error: building at STEP "RUN ./postBuild": while running runtime: exit status 3'], 3),
        (["The command '/bin/sh -c ./postBuild' returned a non-zero code: 3"], 3),
        (['ERROR: process "./postBuild" did not complete successfully: exit code: 3'], 3),
        # A step may say such words itself: the engine's come last.
        (["make: exit status 2", 'Error: at STEP "RUN echo exit status 9": exit status 137'], 137),
        (["exit status 3", "Error: a later line"], 3),
        (["E: Unable to locate package no-such-thing"], None),
        ([], None),
    ],
)
def test_exit_status_of_the_step(lines: list[str], status: int | None) -> None:
    assert exit_status(lines) == status
    assert is_killed(lines) == (status == 137)


def test_a_failed_step_is_counted_and_says_what_to_do() -> None:
    text = describe_failure(STEP, ["What went wrong.", "Error: exit status 3"])
    assert text.startswith("Step 9 of 10 failed with exit status 3. ")
    assert "Change the repository and open its link again." in text
    assert "try the build again later" in text


def test_a_step_without_a_status() -> None:
    assert describe_failure(STEP, []).startswith("Step 9 of 10 failed. ")


def test_a_build_without_a_step() -> None:
    text = describe_failure(None, ["Error: unknown instruction: RUNN"])
    assert text.startswith("The build could not begin. ")
    assert "Change the repository" in text
