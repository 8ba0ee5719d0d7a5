"""The container engines, by the name that a job gives them."""

from typing import Callable, Dict

from rosetta_agent.engines.base import Engine
from rosetta_agent.engines.docker import Docker
from rosetta_agent.engines.podman import Podman
from rosetta_agent.engines.singularity import Singularity
from rosetta_agent.sandbox import Sandbox
from rosetta_agent.spec import Attempt

_ENGINES: Dict[str, Callable[[Attempt, Sandbox], Engine]] = {
    "docker": Docker,
    "podman": Podman,
    "singularity": Singularity,
}


def create_engine(attempt: Attempt, sandbox: Sandbox) -> Engine:
    """The engine that an attempt runs under."""
    return _ENGINES[attempt.engine](attempt, sandbox)
