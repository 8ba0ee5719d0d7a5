"""Jobs of a real Grid Engine: Debian's packages in a container."""

import asyncio
import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from rosetta_hub.access import Completed
from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.resources.access_local import LocalAccess
from rosetta_hub.resources.dialects.batch_wms import BatchWms
from rosetta_hub.resources.dialects.sge import Sge
from rosetta_hub.resources.wms import JobRefused, JobRequest, JobState
from tests.dialects.conftest import wait_for

IMAGE = "rosetta-test/gridengine"
NAME = "rosetta-0a1b2c3d-4e5f60718293-1"


class ContainerAccess:
    """Runs commands in the container, as a user's login shell would: in the home."""

    def __init__(self, container: str) -> None:
        self._prefix = ["docker", "exec", "-i", "-u", "alice", "-w", "/home/alice", container]

    async def run(self, argv: Sequence[str], stdin: str, timeout: float) -> Completed:
        """See `Access`."""
        return await LocalAccess().run([*self._prefix, *argv], stdin, timeout)


@pytest.fixture(scope="module")
def container() -> Iterator[str]:
    """A running Grid Engine of one machine."""
    folder = Path(__file__).parent / "gridengine"
    build = ["docker", "build", "--quiet", "--network", "host", "--tag", IMAGE, str(folder)]
    subprocess.run(build, check=True, capture_output=True, timeout=110)
    name = f"rosetta-test-sge-{uuid.uuid4().hex[:8]}"
    run = ["docker", "run", "-d", "--init", "--rm", "--name", name, "--hostname", "sgehost", IMAGE]
    subprocess.run(run, check=True, capture_output=True, timeout=60)
    try:
        deadline = time.monotonic() + 60
        while "READY" not in (log := docker("logs", name)):
            assert time.monotonic() < deadline, log
            time.sleep(0.2)
        yield name
    finally:
        docker("rm", "-f", name)


def docker(*arguments: str) -> str:
    process = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=60)
    return process.stdout + process.stderr


@pytest.fixture
def wms(container: str) -> BatchWms:
    """Ours, as the user alice."""
    return BatchWms(ContainerAccess(container), Sge())


async def over(wms: BatchWms, job_id: str) -> bool:
    return await wms.end(job_id) is not None


async def running(wms: BatchWms, job_id: str) -> bool:
    states = {job.id: job.state for job in await wms.jobs(["alice"])}
    return states.get(job_id) is JobState.RUNNING


async def test_job_from_submit_to_end(wms: BatchWms) -> None:
    script = "#!/usr/bin/env python3\nimport os, sys\nsys.exit(int(os.environ['NSLOTS']) + 1)\n"
    job_id = await wms.submit(JobRequest(NAME, cpus=2, memory=1 << 20), script)
    await wait_for(lambda: over(wms, job_id), "the job is over", 60)
    end = await wms.end(job_id)
    assert end is not None
    assert (end.cause, end.exit_code, end.node) == ("exited", 3, "sgehost")
    assert [(job.id, job.state) for job in await wms.find(NAME)] == [(job_id, JobState.ENDED)]
    assert await wms.jobs(["alice"]) == []


async def test_cancel_and_time_limit(wms: BatchWms) -> None:
    script = "#!/usr/bin/env python3\nimport time\ntime.sleep(600)\n"
    limited = await wms.submit(JobRequest("rosetta-limited", time_limit=2), script)
    doomed = await wms.submit(JobRequest("rosetta-doomed"), script)
    result = await wms.submit(JobRequest("rosetta-held", extra=("-h",)), script)
    await wait_for(lambda: running(wms, doomed), "the job runs", 60)
    jobs = {job.name: job for job in await wms.jobs(["alice", "root"])}
    assert jobs["rosetta-doomed"].node == "sgehost"
    assert (jobs["rosetta-held"].state, jobs["rosetta-held"].reason) == (
        JobState.PENDING,
        "JobHeld",
    )
    await asyncio.gather(wms.cancel(doomed), wms.cancel(result))
    await wait_for(lambda: over(wms, doomed), "the job is cancelled", 60)
    await wait_for(lambda: over(wms, limited), "the job reached its limit", 60)
    ends = [await wms.end(doomed), await wms.end(limited)]
    assert [end.cause for end in ends if end] == ["cancelled", "time_limit"]
    await wms.cancel(doomed)
    assert await wms.jobs(["alice"]) == []


async def test_refusal_and_inventory(wms: BatchWms) -> None:
    with pytest.raises(JobRefused, match='unknown queue "nosuch"'):
        await wms.submit(JobRequest(NAME, partition="nosuch"), "#!/bin/sh\n")
    with pytest.raises(JobRefused, match="no suitable queues"):
        await wms.submit(JobRequest(NAME, cpus=50), "#!/bin/sh\n")
    assert [queue.name for queue in (await wms.inventory()).partitions] == ["main.q"]
    assert await wms.version() == "SGE 8.1.9"


async def test_unknown_jobs(wms: BatchWms) -> None:
    assert await wms.end("4711") is None
    assert await wms.find("rosetta-nobody") == []
    await wms.cancel("4711")


async def test_qmaster_is_gone(wms: BatchWms, container: str) -> None:
    """The last test: nothing answers after it."""
    docker("exec", container, "pkill", "-KILL", "sge_qmaster")
    with pytest.raises(ResourceUnavailable):
        await wms.jobs(["alice"])
    with pytest.raises(ResourceUnavailable):
        await wms.submit(JobRequest(NAME), "#!/bin/sh\n")
    with pytest.raises(ResourceUnavailable):
        await wms.cancel("1")
