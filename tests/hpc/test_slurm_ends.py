"""How jobs end on a real Slurm, what goes wrong there, and slurmrestd's own."""

import asyncio
import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from rosetta_hub.catalogue.computing_conf import SlurmRestConf
from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.resources.slurm.rest import SlurmRestWms
from rosetta_hub.resources.slurm.rest_client import API_VERSIONS, RestClient
from rosetta_hub.resources.wms import JobRequest, JobState, Wms
from tests.support.cluster import Cluster
from tests.support.cluster_faults import service_paused, service_stopped
from tests.support.waiting import wait_until

from .slurm_bench import DRIVERS, SLEEP, Bench, open_wms, within
from .slurm_bench import bench as bench
from .slurm_bench import commands as commands


@contextlib.contextmanager
def node_down(cluster: Cluster, node: str) -> Iterator[None]:
    """Slurm gives the node up, with all that runs on it."""
    cluster.scontrol("update", f"NodeName={node}", "State=DOWN", "Reason=test")
    try:
        yield
    finally:
        # It may have come back by itself already.
        cluster.exec("controller", ["scontrol", "update", f"NodeName={node}", "State=RESUME"])
        show = ["sinfo", "--noheader", f"--nodes={node}", "--format=%T"]
        wait_until(
            lambda: "down" not in cluster.run("controller", show), 60, f"Slurm has {node} again"
        )


# --- ends ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "state"), [(0, "COMPLETED"), (3, "FAILED")])
async def test_end_by_itself(commands: Bench, code: int, state: str) -> None:
    job = await commands.submit(f"#!/bin/sh\nexit {code}\n")
    ended = await commands.gone(job.id)
    assert (ended.cause, ended.scheduler_state, ended.exit_code) == ("exited", state, code)


async def test_end_by_signal(commands: Bench) -> None:
    job = await commands.submit("#!/bin/sh\nkill -9 $$\n")
    ended = await commands.gone(job.id)
    assert (ended.cause, ended.exit_code) == ("exited", 137)


async def test_end_by_the_administrator(commands: Bench) -> None:
    job = await commands.submit()
    await commands.in_state(job.id, "RUNNING")
    commands.cluster.run("controller", ["scancel", job.id])
    ended = await commands.gone(job.id)
    assert (ended.cause, ended.by) == ("cancelled", "root")


async def test_end_of_the_time(commands: Bench) -> None:
    job = await commands.submit()
    await commands.in_state(job.id, "RUNNING")
    commands.cluster.scontrol("update", f"JobId={job.id}", "EndTime=now+1")
    assert (await commands.gone(job.id)).cause == "time_limit"


async def test_end_with_the_node(commands: Bench) -> None:
    job = await commands.submit(constraint="intel")
    running = await commands.in_state(job.id, "RUNNING")
    commands.cluster.scontrol("update", f"JobId={job.id}", "Requeue=0")
    with node_down(commands.cluster, "node1"):
        ended = await commands.gone(job.id)
    assert (ended.cause, ended.node, running.node) == ("node_failure", "node1", "node1")


async def test_node_that_fails_under_a_job_requeues_it(commands: Bench) -> None:
    job = await commands.submit(constraint="intel")
    await commands.in_state(job.id, "RUNNING")
    with node_down(commands.cluster, "node1"):
        waiting = await commands.in_state(job.id, "PENDING")
    assert (waiting.state, waiting.node) == (JobState.PENDING, None)
    assert await commands.wms.end(job.id) is None


@pytest.mark.parametrize("requeue", [True, False])
async def test_preempted(commands: Bench, requeue: bool) -> None:
    job = await commands.submit(partition="low", cpus=64, constraint="intel")
    await commands.in_state(job.id, "RUNNING")
    commands.cluster.scontrol("update", f"JobId={job.id}", f"Requeue={int(requeue)}")
    other = await commands.submit(partition="high", cpus=64, constraint="intel")
    if requeue:
        assert (await commands.in_state(job.id, "PENDING")).state is JobState.PENDING
        assert await commands.wms.end(job.id) is None
    else:
        assert (await commands.gone(job.id)).cause == "preempted"
    await commands.wms.cancel(other.id)


# --- slurmrestd ----------------------------------------------------------------------------------


@pytest.mark.parametrize("version", API_VERSIONS)
async def test_every_version_of_the_api(cluster: Cluster, version: str) -> None:
    conf = SlurmRestConf(
        url=cluster.slurmrest_url, jwt_key_file=str(cluster.jwt_key), api_version=version
    )
    bench = Bench(cluster, SlurmRestWms(RestClient(conf), "alice"), [])
    job = await bench.submit(qos="long", constraint="avx2")
    assert (await bench.in_state(job.id, "RUNNING")).ends_at is not None
    inventory = await bench.wms.inventory()
    assert (len(inventory.partitions), len(inventory.qos)) == (6, 3)
    await bench.wms.cancel(job.id)
    assert (await bench.gone(job.id)).by == "alice"


async def test_token_of_a_command(cluster: Cluster, tmp_path: Path) -> None:
    token = cluster.make_token("alice")
    command = tmp_path / "token"
    command.write_text(f'#!/bin/sh\ntest "$1" = alice && echo SLURM_JWT={token}\n')
    command.chmod(0o700)
    conf = SlurmRestConf(url=cluster.slurmrest_url, token_command=(str(command),))
    client = RestClient(conf)
    assert isinstance(await SlurmRestWms(client, "alice").jobs(["alice"]), list)
    with pytest.raises(ResourceUnavailable, match="gave no token for bob"):
        await SlurmRestWms(client, "bob").jobs(["bob"])


async def test_key_of_another_cluster(cluster: Cluster, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(secrets.token_bytes(32))
    conf = SlurmRestConf(url=cluster.slurmrest_url, jwt_key_file=str(key))
    with pytest.raises(ResourceUnavailable, match="does not accept the token"):
        await SlurmRestWms(RestClient(conf), "alice").jobs(["alice"])


# --- what goes wrong -----------------------------------------------------------------------------


async def _knows_nothing(wms: Wms, job_id: str) -> None:
    request = JobRequest(name="rosetta-00000000-000000000000-2", cpus=1, time_limit=60)
    calls = (
        wms.jobs(["alice"]),
        wms.find(request.name),
        wms.end(job_id),
        wms.cancel(job_id),
        wms.submit(request, SLEEP),
        wms.inventory(),
    )
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(answer, ResourceUnavailable) for answer in answers), answers


async def test_controller_is_down(cluster: Cluster, commands: Bench) -> None:
    job = await commands.submit()
    drivers = [open_wms(cluster, driver) for driver in DRIVERS]
    with service_stopped(cluster, "controller", "slurmctld"):
        await asyncio.gather(*(_knows_nothing(wms, job.id) for wms in drivers))
    await commands.in_state(job.id, "PENDING", "RUNNING")
    assert await commands.wms.find("rosetta-00000000-000000000000-2") == []


async def test_accounting_is_down(bench: Bench) -> None:
    """Jobs go on; of what the controller has forgotten, nothing is known."""
    with service_stopped(bench.cluster, "controller", "slurmdbd"):
        job = await bench.submit()
        await bench.in_state(job.id, "RUNNING")
        await bench.wms.cancel(job.id)
        assert (await bench.gone(job.id)).cause == "cancelled"
        with pytest.raises(ResourceUnavailable):
            await bench.wms.end("99999999")
        with pytest.raises(ResourceUnavailable):
            await bench.wms.find("rosetta-00000000-000000000000-3")
        if isinstance(bench.wms, SlurmRestWms):
            # slurmrestd shows no partition without asking the accounting for their QoS.
            with pytest.raises(ResourceUnavailable):
                await bench.wms.inventory()
        else:
            assert len((await bench.wms.inventory()).partitions) == 6


async def test_lost_reply_is_no_second_job(commands: Bench) -> None:
    """The controller hangs, sbatch gives up, and the job comes all the same."""
    name = f"rosetta-{secrets.token_hex(4)}-{secrets.token_hex(6)}-1"
    with (
        service_paused(commands.cluster, "controller", "slurmctld"),
        pytest.raises(ResourceUnavailable, match="timed out"),
    ):
        await commands.wms.submit(JobRequest(name=name, cpus=1, time_limit=60), SLEEP)
    (job,) = await within(lambda: commands.wms.find(name))
    commands.ids.append(job.id)


async def test_users_who_are_not_known_hide_nobody(cluster: Cluster) -> None:
    bench = Bench(cluster, open_wms(cluster, "commands"), [])
    job = await bench.submit()
    jobs = await bench.wms.jobs(["alice", "nobody-like-this"])
    assert job.id in [item.id for item in jobs]
    await bench.wms.cancel(job.id)


async def test_slurmrestd_is_down(cluster: Cluster) -> None:
    wms = open_wms(cluster, "rest")
    with service_stopped(cluster, "controller", "slurmrestd"):
        await _knows_nothing(wms, "1")
    assert isinstance(await wms.jobs(["alice"]), list)
