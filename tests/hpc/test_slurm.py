"""The drivers of Slurm against a real one: through its commands, and through slurmrestd."""

import asyncio
import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rosetta_hub.errors import InvalidOptions
from rosetta_hub.resources.check_request import check_request
from rosetta_hub.resources.slurm.reasons import waiting_message
from rosetta_hub.resources.slurm.rest import SlurmRestWms
from rosetta_hub.resources.slurm.wms import SlurmWms
from rosetta_hub.resources.wms import JobRefused, JobRequest, JobState
from tests.support.cluster import Cluster

from .slurm_bench import DRIVERS, Bench, LoginNode, open_wms, within
from .slurm_bench import bench as bench

# --- life ----------------------------------------------------------------------------------------


async def test_life(bench: Bench) -> None:
    job = await bench.submit(partition="main")
    running = await bench.in_state(job.id, "RUNNING")
    assert (running.state, running.user, running.partition) == (JobState.RUNNING, "alice", "main")
    assert running.node in ("node1", "node2")
    assert running.ends_at is not None
    assert running.expected_start is None
    assert await bench.wms.end(job.id) is None
    await bench.wms.cancel(job.id)
    ended = await bench.gone(job.id)
    assert (ended.cause, ended.by, ended.node) == ("cancelled", "alice", running.node)
    (result,) = await bench.wms.find(job.name)
    assert (result.id, result.state) == (job.id, JobState.ENDED)
    await bench.wms.cancel(job.id)


async def test_more_time_is_for_operators_alone(cluster: Cluster) -> None:
    """Of Slurm's accounting; other owners may only lower the limit of a job that runs."""
    bench = Bench(cluster, open_wms(cluster, "commands"), [])
    job = await bench.submit(partition="main")
    before = (await bench.in_state(job.id, "RUNNING")).ends_at
    with pytest.raises(JobRefused, match="lets its operators alone give a running job more time"):
        await bench.wms.extend(job.id, 1800)
    with pytest.raises(JobRefused, match="gives a job that runs no more time"):
        await open_wms(cluster, "rest").extend(job.id, 1800)
    make = ["sacctmgr", "-i", "modify", "user", "alice", "set"]
    cluster.run("login", [*make, "adminlevel=Operator"])
    try:
        await bench.wms.extend(job.id, 1800)
    finally:
        cluster.run("login", [*make, "adminlevel=None"])
    after = (await bench.in_state(job.id, "RUNNING")).ends_at
    assert before is not None
    assert after == before + timedelta(minutes=30)
    await bench.wms.cancel(job.id)
    await bench.gone(job.id)


async def test_what_never_was(bench: Bench) -> None:
    assert await bench.wms.find("rosetta-00000000-000000000000-1") == []
    assert await bench.wms.end("99999999") is None
    await bench.wms.cancel("99999999")


async def test_script_is_told_to_end_and_is_nobody_elses(bench: Bench) -> None:
    mark = secrets.token_hex(8)
    text = f"/home/alice/told-{mark}"
    script = f"#!/bin/sh\ntrap 'env >{text}; exit 0' TERM\n: {mark}\nsleep 300 & wait\n"
    job = await bench.submit(script)
    await bench.in_state(job.id, "RUNNING")
    write = ["scontrol", "write", "batch_script", job.id, "-"]
    assert mark in bench.cluster.run("login", write, "alice")
    for command in (write, ["scontrol", "--details", "show", "job", job.id], ["squeue", "--json"]):
        result = bench.cluster.exec("login", command, "bob")
        assert mark not in result.stdout + result.stderr
    await bench.wms.cancel(job.id)
    assert (await bench.gone(job.id)).cause == "cancelled"
    environment = _take(bench.cluster, text)
    assert f"SLURM_JOB_ID={job.id}" in environment
    assert "HOME=" not in environment


async def test_environment_of_the_login_node_stays_there(cluster: Cluster) -> None:
    out = f"/home/alice/environment-{secrets.token_hex(4)}"
    wms = SlurmWms(LoginNode(cluster, "alice", ["PASSWORD=hunter2"]), "alice")
    result = Bench(cluster, wms, [])
    job = await result.submit(f"#!/bin/sh\nenv >{out}\n")
    assert (await result.gone(job.id)).exit_code == 0
    assert "hunter2" not in _take(cluster, out)


def _take(cluster: Cluster, path: str) -> str:
    """What a job has written into the shared home, which is then as it was."""
    text = cluster.run("login", ["cat", path], "alice")
    cluster.run("login", ["rm", path])
    return text


async def test_profile_of_the_user_changes_nothing(cluster: Cluster) -> None:
    settings = ["SQUEUE_PARTITION=gpu", "SQUEUE_STATES=FAILED", "SLURM_TIME_FORMAT=relative"]
    settings += ["SBATCH_ARRAY_INX=1-3", "SBATCH_WAIT=1", "TZ=Asia/Tokyo"]
    strange = SlurmWms(LoginNode(cluster, "alice", settings), "alice")
    result = Bench(cluster, strange, [])
    job = await result.submit(partition="main")
    value = await result.in_state(job.id, "RUNNING")
    assert value == await Bench(cluster, open_wms(cluster, "rest"), []).job(job.id)
    await strange.cancel(job.id)


async def test_jobs_of_all_users_in_one_query(bench: Bench) -> None:
    """And none but ours."""
    driver = DRIVERS[isinstance(bench.wms, SlurmRestWms)]
    theirs = Bench(bench.cluster, open_wms(bench.cluster, driver, "bob"), bench.ids)
    first, second = await bench.submit(), await theirs.submit()
    foreign = ["sbatch", "--parsable", "--hold", "--job-name=own", "--wrap=true"]
    own = bench.cluster.run("login", foreign, "bob").strip()
    by_name = {job.id: job.user for job in await bench.wms.jobs(["alice", "bob"])}
    assert {first.id: "alice", second.id: "bob"}.items() <= by_name.items()
    assert own not in by_name
    bench.cluster.run("controller", ["scancel", own])


# --- cancelled in every state --------------------------------------------------------------------

STATES = ("PENDING", "RUNNING", "SUSPENDED", "held", "requeued and held")


@pytest.mark.parametrize("state", STATES)
async def test_cancel(bench: Bench, state: str) -> None:
    control, waits = bench.cluster.scontrol, state in ("PENDING", "held")
    job = await bench.submit(partition="closed" if waits else "main")
    if not waits:
        await bench.in_state(job.id, "RUNNING")
    if state == "SUSPENDED":
        control("suspend", job.id)
        await bench.in_state(job.id, "SUSPENDED")
    elif state == "held":
        control("hold", job.id)
    elif state == "requeued and held":
        control("requeuehold", job.id)
        await bench.in_state(job.id, "PENDING", "REQUEUE_HOLD")
    await bench.wms.cancel(job.id)
    assert (await bench.gone(job.id)).cause == "cancelled"


async def test_requeued_job_is_the_same_job(bench: Bench) -> None:
    job = await bench.submit()
    await bench.in_state(job.id, "RUNNING")
    bench.cluster.scontrol("requeue", job.id)
    waiting = await bench.in_state(job.id, "PENDING")
    assert waiting.state is JobState.PENDING
    assert await bench.wms.end(job.id) is None
    assert [item.id for item in await bench.wms.find(job.name)] == [job.id]


# --- why it waits --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "begins"),
    [
        ({"partition": "closed"}, "Waits because `closed` is closed"),
        ({"partition": "short", "time_limit": 7200}, "Will not start: `short` does not allow that"),
        ({"account": "empty"}, "Waits because the account `empty` has no balance left"),
        ({"qos": "debug", "time_limit": 7200}, "Will not start: it asks for more time than the Q"),
        ({"qos": "debug", "cpus": 9}, "Waits because the limit of cores of the QoS `debug`"),
    ],
)
async def test_reasons(bench: Bench, value: dict[str, Any], begins: str) -> None:
    job = await bench.submit(**value)
    request = replace(JobRequest("a"), **value)

    async def message() -> bool:
        result = await bench.job(job.id)
        return result is not None and waiting_message(result, request).startswith(begins)

    await within(message)


@pytest.mark.parametrize(("user", "begins"), [("alice", "Held. Release"), (None, "Held by the ad")])
async def test_held(bench: Bench, user: str | None, begins: str) -> None:
    job = await bench.submit(partition="closed")
    bench.cluster.run("login" if user else "controller", ["scontrol", "hold", job.id], user)
    result = await bench.job(job.id)
    assert result is not None
    assert waiting_message(result, JobRequest("a")).startswith(begins)
    assert result.expected_start is None


# --- refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"partition": "nowhere"}, "There is no partition `nowhere`."),
        ({"account": "nobody"}, "The account `nobody` can't be used"),
        ({"qos": "gold"}, "The QoS `gold` can't be used"),
        ({"qos": "long", "account": "astro"}, "The QoS `long` can't be used with the account"),
        ({"cpus": 65}, "The default partition has no node with"),
        ({"memory": 1 << 40}, "The default partition has no node with"),
        ({"partition": "gpu", "gpus": 3}, "The partition `gpu` has no node with all"),
        ({"partition": "gpu", "gpus": 1, "gpu_type": "a100"}, "The partition `gpu` has no node"),
        ({"constraint": "no-such"}, "No node has the feature"),
        ({"reservation": "none"}, "There is no reservation `none`."),
    ],
)
async def test_refused(bench: Bench, options: dict[str, Any], message: str) -> None:
    with pytest.raises(JobRefused) as refused:
        await bench.submit(**options)
    assert str(refused.value).startswith(message)
    assert "(Slurm: " in str(refused.value)


# --- inventory -----------------------------------------------------------------------------------


async def test_inventory(bench: Bench) -> None:
    inventory = await bench.wms.inventory()
    parts = {partition.name: partition for partition in inventory.partitions}
    assert set(parts) == {"main", "short", "closed", "gpu", "low", "high"}
    main, gpu = parts["main"], parts["gpu"]
    assert (main.state, parts["closed"].state) == ("up", "down")
    assert (main.cpus_total, main.nodes_total, main.max_cpus) == (128, 2, 64)
    assert (main.max_time, parts["short"].max_time) == (7 * 86400, 600)
    assert main.max_memory == 256 << 30
    assert [(item.type, item.total, item.per_node) for item in gpu.gpus] == [("tesla", 2, 2)]
    assert {account.name for account in inventory.accounts} >= {"physics", "astro", "empty"}
    assert [account.name for account in inventory.accounts if account.default] == ["physics"]
    assert {item.name: (item.max_time, item.max_cpus) for item in inventory.qos} == {
        "normal": (None, None),
        "long": (172800, None),
        "debug": (1800, 8),
    }


async def test_what_runs_is_not_idle(bench: Bench) -> None:
    # Jobs of former tests, which have been cancelled, hold what they had until they have ended.
    await asyncio.to_thread(bench.cluster.clean)
    before = {partition.name: partition for partition in (await bench.wms.inventory()).partitions}[
        "gpu"
    ]
    job = await bench.submit(partition="gpu", gpus=1, gpu_type="tesla", cpus=3)
    await bench.in_state(job.id, "RUNNING")
    after = {partition.name: partition for partition in (await bench.wms.inventory()).partitions}[
        "gpu"
    ]
    assert before.cpus_idle - after.cpus_idle == 3
    assert before.gpus[0].idle - after.gpus[0].idle == 1


IMPOSSIBLE: tuple[dict[str, Any], ...] = (
    {"partition": "nowhere"},
    {"partition": "closed"},
    {"account": "nobody"},
    {"qos": "gold"},
    {"qos": "long", "account": "astro"},
    {"partition": "short", "time_limit": 7200},
    {"qos": "debug", "time_limit": 7200},
    {"partition": "main", "cpus": 65},
    {"partition": "main", "memory": 1 << 40},
    {"partition": "gpu", "gpus": 3},
    {"partition": "gpu", "gpus": 1, "gpu_type": "a100"},
)


async def test_refused_before_submit(bench: Bench) -> None:
    inventory = await bench.wms.inventory()
    for request in IMPOSSIBLE:
        with pytest.raises(InvalidOptions):
            check_request(replace(JobRequest("a"), **request), inventory)
    check_request(JobRequest("a", partition="main", account="physics", qos="long"), inventory)
