"""What an agent records, and when: the one that replaces it goes on from there."""

import os
from pathlib import Path
from typing import Any

import pytest

from rosetta_agent.agent import Agent
from rosetta_agent.engines.base import Container
from rosetta_agent.errors import Cancelled
from rosetta_agent.sandbox import Sandbox

from .specs import full_job


def test_running_is_recorded_before_it_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the next agent says "starting" of a task that somebody uses already."""
    spec = full_job(work_dir=str(tmp_path), engine="docker")
    sandbox = Sandbox(spec.attempt)
    os.mkdir(sandbox.path)
    agent = Agent(spec, sandbox)
    recorded: list[Any] = []

    def record_reported(**changes: Any) -> None:
        recorded.append((changes["state"], sandbox.read_state().get("interface")))

    monkeypatch.setattr(agent._reporter, "update", record_reported)
    agent.ask_to_stop("asked")
    container = Container(None, 8888, enter=False, published=32768)
    with pytest.raises(Cancelled):
        agent._watch_to_the_end(container)
    assert recorded == [("running", {"kind": "port", "port": 32768})]
