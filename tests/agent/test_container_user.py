"""As whom a container with binds runs: as the spec says, unless the recipe has to say it."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from rosetta_agent.bind_options import Owner
from rosetta_agent.engines.docker_binds import DockerBinds
from rosetta_agent.engines.docker_cli import Client
from rosetta_agent.file_owners import Place
from rosetta_agent.processes import CommandResult
from rosetta_agent.sandbox import Sandbox
from rosetta_agent.spec import parse_spec

from .specs import full_order

ME = Owner(os.getuid(), os.getgid())


def answer(argv: list[str]) -> CommandResult:
    """An engine that has every image, none of which has users."""
    return CommandResult(0, "metauser\n" if "inspect" in argv else "", "")


@pytest.mark.parametrize("user", ["4711:4711", "0:0"])
def test_a_mapped_user_is_the_one_of_the_spec(tmp_path: Path, user: str) -> None:
    """`--userns` maps the user and leaves who it is to `--user`."""
    bind = {"source": str(tmp_path), "target": "/home/x", "read_only": False, "home": True}
    order: dict[str, Any] = full_order(work_dir=str(tmp_path / "w"), binds=[bind])
    order["hardening"] = {**order["hardening"], "user": user}
    spec = parse_spec(json.dumps(order))
    (tmp_path / "w").mkdir()
    sandbox = Sandbox(spec.attempt)
    Path(sandbox.path).mkdir()
    client = Client("podman", "k8s-file")
    place = Place("podman", ME, personal=True, keeps_ids=True)
    bound = DockerBinds(spec.attempt, sandbox, client, answer, "Podman").prepare(spec, place, ())
    assert bound.spec.hardening.user == user
