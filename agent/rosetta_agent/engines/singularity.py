"""singularity, by its present name apptainer."""

from typing import Optional

from rosetta_agent.engines.base import Condition, Container, Engine, Pulling
from rosetta_agent.errors import TaskFailure
from rosetta_agent.job import Job
from rosetta_agent.logs import Follower


class Singularity(Engine):
    """Not ready yet: every task ends with a clear sentence."""

    def fetch(self, job: Job, pulling: Pulling) -> None:
        """See Engine."""
        raise TaskFailure("engine_unavailable", "Singularity is not supported yet.")

    def find(self, job: Job) -> Optional[Container]:
        """See Engine."""
        return None

    def start(self, job: Job) -> Container:
        """See Engine."""
        raise TaskFailure("engine_unavailable", "Singularity is not supported yet.")

    def inspect(self) -> Condition:
        """See Engine."""
        return Condition("gone")

    def remove(self, grace: float) -> None:
        """See Engine."""

    def follow_log(self) -> Optional[Follower]:
        """See Engine."""
        return None
