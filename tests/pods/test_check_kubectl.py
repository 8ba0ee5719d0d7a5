"""`rosetta-hub check` of the kubectl on the way to a cluster."""

import json
from collections.abc import Sequence

import pytest

from rosetta_hub.access import Completed
from rosetta_hub.check.context import CheckFailed, Context
from rosetta_hub.check.kubectl import check_kubectl, parse_version
from rosetta_hub.config import Rosetta
from rosetta_hub.errors import ResourceUnavailable

from .objects import computing


class Answering:
    """An Access whose every command answers the same."""

    def __init__(self, answer: Completed | None) -> None:
        self.answer = answer
        self.commands: list[list[str]] = []

    async def run(self, argv: Sequence[str], stdin: str, timeout: float) -> Completed:
        """See Access."""
        self.commands.append(list(argv))
        if self.answer is None:
            raise ResourceUnavailable("/opt/kubectl could not be started: No such file")
        return self.answer


def version(text: str, greeting: str = "") -> Completed:
    document = {"clientVersion": {"gitVersion": text}}
    return Completed(0, f"{greeting}{json.dumps(document, indent=2)}\n", "")


async def check(answer: Completed | None) -> tuple[str, Answering]:
    cloud = computing(access_mode="local", conf={"kubectl": "/opt/kubectl"})
    access = Answering(answer)
    return await check_kubectl(Context(cloud, Rosetta(), "alice", access)), access


async def test_a_kubectl_that_will_do() -> None:
    text, access = await check(version("v1.32.4-dispatcher", "Welcome!\n"))
    assert text == "version 1.32"
    assert access.commands == [["/opt/kubectl", "version", "--client", "--output=json"]]


REFUSED = [
    (None, "could not be started", "Install kubectl on this machine, or give its absolute path"),
    (Completed(127, "", "sh: /opt/kubectl: not found"), "can't be run: sh: /opt", "absolute path"),
    (version("v1.9.11"), "version 1.9, which is too old", "1.20 or newer"),
    (Completed(1, "", "unknown flag: --output"), "unknown flag", "absolute path"),
]


@pytest.mark.parametrize(("answer", "text", "advice"), REFUSED)
async def test_a_kubectl_that_will_not_do(answer: Completed | None, text: str, advice: str) -> None:
    with pytest.raises(CheckFailed, match=text) as raised:
        await check(answer)
    assert advice in raised.value.advice


@pytest.mark.parametrize("output", ["", "{", "{}", '{"clientVersion": {"gitVersion": "new"}}'])
def test_what_is_no_version(output: str) -> None:
    assert parse_version(Completed(0, output, "")) is None
