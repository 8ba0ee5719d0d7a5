"""When things go wrong: a message that helps, the last lines of the log, and nothing left."""

import json

import pytest

from .deployment import User
from .test_life import containers


@pytest.mark.parametrize(
    ("software", "words", "log"),
    [
        ("missing", "does not exist", ""),
        ("nowhere", "registry", ""),
        ("exits", "exit code 3", "goodbye cruel world"),
        ("silent", "did not open its port 8888 within 3 seconds", "no port"),
        ("hungry", "more than its memory (512 MB)", ""),
    ],
)
async def test_a_failed_start(alice: User, software: str, words: str, log: str) -> None:
    task = await alice.start(software=software)
    task = await alice.until(task["id"], "failed")
    assert words in task["message"]
    assert log in "\n".join(task["log_tail"])
    assert containers(task["id"]) == []
    can = {name for name, may in task["can"].items() if may}
    assert can == {"start", "delete", "log"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "Choose a software"),
        ({"software": "nothing"}, "There is no software 'nothing' for you"),
        ({"software": "secret"}, "There is no software 'secret' for you"),
        ({"software": "echo", "computing": "moon"}, "can't run on 'moon'"),
        ({"software": "echo", "engine": "lxc"}, "no container engine 'lxc'"),
        ({"software": "echo", "version": "9"}, "no version '9'"),
        ({"software": "echo", "cpus": 3}, "at most 2 CPUs"),
        ({"software": "echo", "memory": "3G"}, "at most 2 GB"),
        ({"software": "echo", "memory": "much"}, "a size such as 512M"),
        ({"software": "echo", "image_name": "evil"}, "There is no option 'image_name'"),
    ],
)
async def test_options_are_checked_by_the_server(
    alice: User, options: dict[str, object], words: str
) -> None:
    response = await alice.api("POST", "tasks", options)
    assert response.code == 422
    assert words in json.loads(response.body)["detail"]
    assert json.loads((await alice.api("GET", "tasks")).body)["tasks"] == []


async def test_hub_api_options_are_checked_too(alice: User) -> None:
    """Another way in: the hub's own API, past the form and past our API."""
    response = await alice.deployment.fetch(
        "POST", "/hub/api/users/alice/servers/x", alice.token, {"software": "secret"}
    )
    assert response.code >= 400
    assert "There is no software 'secret' for you" in response.body.decode()
