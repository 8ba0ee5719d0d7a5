"""What the tests of the drivers of Slurm share: each driver on the real cluster."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import pytest

from rosetta_hub.access import Completed
from rosetta_hub.catalogue.computing_conf import SlurmRestConf
from rosetta_hub.resources.access_local import LocalAccess
from rosetta_hub.resources.slurm.rest import SlurmRestWms
from rosetta_hub.resources.slurm.rest_client import RestClient
from rosetta_hub.resources.slurm.wms import SlurmWms
from rosetta_hub.resources.wms import Job, JobEnd, JobRequest, Wms
from tests.support.cluster import Cluster

Found = TypeVar("Found")
SLEEP = "#!/bin/sh\nexec sleep 300\n"
# Both drivers; they must not be told apart.
DRIVERS = ("commands", "rest")


class LoginNode:
    """Commands on the login node, without SSH."""

    def __init__(self, cluster: Cluster, user: str, environment: Sequence[str] = ()) -> None:
        prefix = ["docker", "exec", "--interactive", f"--user={user}"]
        prefix += [f"--env={item}" for item in (f"HOME=/home/{user}", *environment)]
        self._prefix = [*prefix, f"--workdir=/home/{user}", cluster.container("login")]

    async def run(self, argv: Sequence[str], stdin: str, timeout: float) -> Completed:
        """See Access."""
        return await LocalAccess().run([*self._prefix, *argv], stdin, timeout)


def open_wms(cluster: Cluster, driver: str, user: str = "alice") -> Wms:
    if driver == "commands":
        return SlurmWms(LoginNode(cluster, user), user)
    conf = SlurmRestConf(url=cluster.slurmrest_url, jwt_key_file=str(cluster.jwt_key))
    return SlurmRestWms(RestClient(conf), user)


async def within(ask: Callable[[], Awaitable[Found | None]]) -> Found:
    """The answer once there is one. Slurm looks at limits of time each half minute."""
    deadline = time.monotonic() + 60
    while True:
        answer = await ask()
        if answer:
            return answer
        assert time.monotonic() < deadline, "there was never an answer"
        await asyncio.sleep(0.1)


@dataclass
class Bench:
    """One driver, and what it submits; cancelled at the end."""

    cluster: Cluster
    wms: Wms
    ids: list[str]

    async def submit(self, script: str = SLEEP, **request: Any) -> Job:
        """A job of one core, as `find` has it."""
        name = f"rosetta-{secrets.token_hex(4)}-{secrets.token_hex(6)}-1"
        small = JobRequest(name=name, cpus=1, memory=16 << 20, time_limit=600)
        job_id = await self.wms.submit(replace(small, **request), script)
        self.ids.append(job_id)
        (job,) = await self.wms.find(name)
        assert job.id == job_id
        return job

    async def job(self, job_id: str) -> Job | None:
        """The job as the queue has it; None when it is not in the queue."""
        jobs = [job for job in await self.wms.jobs(["alice"]) if job.id == job_id]
        assert len(jobs) <= 1
        return jobs[0] if jobs else None

    async def in_state(self, job_id: str, *words: str) -> Job:
        """The job, once it is in one of these states."""

        async def look() -> Job | None:
            job = await self.job(job_id)
            return job if job and job.scheduler_state in words else None

        return await within(look)

    async def gone(self, job_id: str) -> JobEnd:
        """How the job ended, once it is out of the queue; both drivers know the same."""

        async def look() -> bool:
            return await self.job(job_id) is None

        await within(look)
        ended = await within(lambda: self.wms.end(job_id))
        others = [await open_wms(self.cluster, driver).end(job_id) for driver in DRIVERS]
        for other in filter(None, others):
            assert (other.cause, other.scheduler_state) == (ended.cause, ended.scheduler_state)
            assert (other.node, other.by or ended.by) == (ended.node, ended.by or other.by)
        assert None not in others
        return ended


@pytest.fixture(params=DRIVERS)
async def bench(cluster: Cluster, request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    result = Bench(cluster, open_wms(cluster, request.param), [])
    yield result
    if result.ids:
        cluster.run("controller", ["scancel", "--quiet", *result.ids])


@pytest.fixture
async def commands(cluster: Cluster) -> AsyncIterator[Bench]:
    """The one through commands: for what Slurm does without regard to who asked for it."""
    result = Bench(cluster, open_wms(cluster, "commands"), [])
    yield result
    if result.ids:
        cluster.run("controller", ["scancel", "--quiet", *result.ids])
