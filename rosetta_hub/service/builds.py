"""The parts of the service that build images, put together."""

import logging
from collections.abc import Callable

from rosetta_hub.builds.builder_host import make_builder
from rosetta_hub.builds.builds import Builds
from rosetta_hub.builds.checkout_place import make_checkout_place
from rosetta_hub.builds.job import BuildJobs
from rosetta_hub.builds.records import BuildRecords
from rosetta_hub.builds.settings import HERE
from rosetta_hub.builds.tools import find_problems
from rosetta_hub.config import Rosetta
from rosetta_hub.database.database import Database
from rosetta_hub.database.models_builds import Build
from rosetta_hub.jobs.events import JobEvents
from rosetta_hub.jobs.queue import JobQueue
from rosetta_hub.resources.endpoints import Endpoints
from rosetta_hub.tasks.logs import Logs
from rosetta_hub.tunnels.client import TunnelsClient

log = logging.getLogger(__name__)


class BuildParts:
    """Records, queue and facade of builds; the records alone without `c.Rosetta.builds`."""

    def __init__(
        self,
        settings: Rosetta,
        database: Database,
        endpoints: Callable[[str], Endpoints | None],
        tunnels: TunnelsClient,
    ) -> None:
        self.records = BuildRecords(database, JobEvents(), self._wake)
        self.queue: JobQueue[Build] | None = None
        self.builds: Builds | None = None
        builds = settings.build_settings()
        if builds is not None:
            near = None if builds.builder == HERE else endpoints(builds.builder)
            builder = make_builder(settings, builds, near, tunnels)
            logs = Logs(settings.state_path / "build-logs", builds.log + (64 << 10))
            folder = make_checkout_place(settings.state_path)
            for problem in find_problems(builds, builds):
                log.warning("c.Rosetta.builds: %s", problem)
            jobs = BuildJobs(builds, self.records, builder, logs, folder)
            self.queue = JobQueue("build", self.records, jobs.work, builds.per_user, builds.at_once)
            self.builds = Builds(builds, self.records, builder, logs)

    def close(self) -> None:
        """Stop all builds; the next service begins them again."""
        if self.queue is not None:
            self.queue.close()

    def _wake(self) -> None:
        if self.queue is not None:
            self.queue.wake()
