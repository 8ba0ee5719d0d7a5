"""The drivers of Slurm against a real one: through its commands, and through slurmrestd."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from rosetta_hub.catalogue.conf import SlurmRestConf
from rosetta_hub.errors import InvalidOptions, ResourceUnavailable
from rosetta_hub.resources.access import Completed
from rosetta_hub.resources.access_local import LocalAccess
from rosetta_hub.resources.check_request import check_request
from rosetta_hub.resources.slurm.reasons import waiting_sentence
from rosetta_hub.resources.slurm.rest import SlurmRestWms
from rosetta_hub.resources.slurm.rest_client import API_VERSIONS, RestClient
from rosetta_hub.resources.slurm.wms import SlurmWms
from rosetta_hub.resources.wms import Job, JobEnd, JobRefused, JobRequest, JobState, Wms
from tests.support.cluster import Cluster
from tests.support.cluster_faults import service_paused, service_stopped
from tests.support.waiting import wait_until

Found = TypeVar("Found")
SLEEP = "#!/bin/sh\nexec sleep 300\n"
# Both drivers; they must not be told apart.
DRIVERS = ("commands", "rest")


class LoginNode:
    """Commands on the login node, without SSH."""

    def __init__(self, cluster: Cluster, user: str, environment: Sequence[str] = ()) -> None:
        prefix = ["docker", "exec", "--interactive", f"--user={user}"]
        prefix += [f"--env={one}" for one in (f"HOME=/home/{user}", *environment)]
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
        found = await ask()
        if found:
            return found
        assert time.monotonic() < deadline, "there was never an answer"
        await asyncio.sleep(0.1)


@dataclass
class Bench:
    """One driver, and what it submits; cancelled at the end."""

    cluster: Cluster
    wms: Wms
    ids: list[str]

    async def submit(self, script: str = SLEEP, **asked: Any) -> Job:
        """A job of one core, as `find` has it."""
        name = f"rosetta-{secrets.token_hex(4)}-{secrets.token_hex(6)}-1"
        small = JobRequest(name=name, cpus=1, memory=16 << 20, time_limit=600)
        job_id = await self.wms.submit(replace(small, **asked), script)
        self.ids.append(job_id)
        (job,) = await self.wms.find(name)
        assert job.id == job_id
        return job

    async def job(self, job_id: str) -> Job | None:
        """The job as the queue has it; None when it is not in the queue."""
        found = [job for job in await self.wms.jobs(["alice"]) if job.id == job_id]
        assert len(found) <= 1
        return found[0] if found else None

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
    found = Bench(cluster, open_wms(cluster, request.param), [])
    yield found
    if found.ids:
        cluster.run("controller", ["scancel", "--quiet", *found.ids])


@pytest.fixture
async def commands(cluster: Cluster) -> AsyncIterator[Bench]:
    """The one through commands: for what Slurm does without regard to who asked for it."""
    found = Bench(cluster, open_wms(cluster, "commands"), [])
    yield found
    if found.ids:
        cluster.run("controller", ["scancel", "--quiet", *found.ids])


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
    (found,) = await bench.wms.find(job.name)
    assert (found.id, found.state) == (job.id, JobState.ENDED)
    await bench.wms.cancel(job.id)


async def test_what_never_was(bench: Bench) -> None:
    assert await bench.wms.find("rosetta-00000000-000000000000-1") == []
    assert await bench.wms.end("99999999") is None
    await bench.wms.cancel("99999999")


async def test_script_is_told_to_end_and_is_nobody_elses(bench: Bench) -> None:
    mark = secrets.token_hex(8)
    told = f"/home/alice/told-{mark}"
    script = f"#!/bin/sh\ntrap 'env >{told}; exit 0' TERM\n: {mark}\nsleep 300 & wait\n"
    job = await bench.submit(script)
    await bench.in_state(job.id, "RUNNING")
    write = ["scontrol", "write", "batch_script", job.id, "-"]
    assert mark in bench.cluster.run("login", write, "alice")
    for command in (write, ["scontrol", "--details", "show", "job", job.id], ["squeue", "--json"]):
        shown = bench.cluster.exec("login", command, "bob")
        assert mark not in shown.stdout + shown.stderr
    await bench.wms.cancel(job.id)
    assert (await bench.gone(job.id)).cause == "cancelled"
    environment = _take(bench.cluster, told)
    assert f"SLURM_JOB_ID={job.id}" in environment
    assert "HOME=" not in environment


async def test_environment_of_the_login_node_stays_there(cluster: Cluster) -> None:
    out = f"/home/alice/environment-{secrets.token_hex(4)}"
    wms = SlurmWms(LoginNode(cluster, "alice", ["PASSWORD=hunter2"]), "alice")
    found = Bench(cluster, wms, [])
    job = await found.submit(f"#!/bin/sh\nenv >{out}\n")
    assert (await found.gone(job.id)).exit_code == 0
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
    found = Bench(cluster, strange, [])
    job = await found.submit(partition="main")
    seen = await found.in_state(job.id, "RUNNING")
    assert seen == await Bench(cluster, open_wms(cluster, "rest"), []).job(job.id)
    await strange.cancel(job.id)


async def test_jobs_of_all_users_in_one_query(bench: Bench) -> None:
    """And none but ours."""
    driver = DRIVERS[isinstance(bench.wms, SlurmRestWms)]
    theirs = Bench(bench.cluster, open_wms(bench.cluster, driver, "bob"), bench.ids)
    one, two = await bench.submit(), await theirs.submit()
    foreign = ["sbatch", "--parsable", "--hold", "--job-name=own", "--wrap=true"]
    own = bench.cluster.run("login", foreign, "bob").strip()
    found = {job.id: job.user for job in await bench.wms.jobs(["alice", "bob"])}
    assert {one.id: "alice", two.id: "bob"}.items() <= found.items()
    assert own not in found
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
    assert [one.id for one in await bench.wms.find(job.name)] == [job.id]


# --- why it waits --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "begins"),
    [
        ({"partition": "closed"}, "Waits because `closed` is closed"),
        ({"partition": "short", "time_limit": 7200}, "Will not start: `short` does not allow that"),
        ({"account": "empty"}, "Waits because the account `empty` has no balance left"),
        ({"qos": "debug", "time_limit": 7200}, "Will not start: it asks for more time than the Q"),
        ({"qos": "debug", "cpus": 9}, "Waits because the limit of cores of the QoS `debug`"),
    ],
)
async def test_reasons(bench: Bench, asked: dict[str, Any], begins: str) -> None:
    job = await bench.submit(**asked)
    request = replace(JobRequest("a"), **asked)

    async def sentence() -> bool:
        found = await bench.job(job.id)
        return found is not None and waiting_sentence(found, request).startswith(begins)

    await within(sentence)


@pytest.mark.parametrize(("user", "begins"), [("alice", "Held. Release"), (None, "Held by the ad")])
async def test_held(bench: Bench, user: str | None, begins: str) -> None:
    job = await bench.submit(partition="closed")
    bench.cluster.run("login" if user else "controller", ["scontrol", "hold", job.id], user)
    found = await bench.job(job.id)
    assert found is not None
    assert waiting_sentence(found, JobRequest("a")).startswith(begins)
    assert found.expected_start is None


# --- refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "sentence"),
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
async def test_refused(bench: Bench, asked: dict[str, Any], sentence: str) -> None:
    with pytest.raises(JobRefused) as refused:
        await bench.submit(**asked)
    assert str(refused.value).startswith(sentence)
    assert "(Slurm: " in str(refused.value)


# --- facts ---------------------------------------------------------------------------------------


async def test_facts(bench: Bench) -> None:
    facts = await bench.wms.facts()
    parts = {one.name: one for one in facts.partitions}
    assert set(parts) == {"main", "short", "closed", "gpu", "low", "high"}
    main, gpu = parts["main"], parts["gpu"]
    assert (main.state, parts["closed"].state) == ("up", "down")
    assert (main.cpus_total, main.nodes_total, main.max_cpus) == (128, 2, 64)
    assert (main.max_time, parts["short"].max_time) == (7 * 86400, 600)
    assert main.max_memory == 256 << 30
    assert [(one.type, one.total, one.per_node) for one in gpu.gpus] == [("tesla", 2, 2)]
    assert {one.name for one in facts.accounts} >= {"physics", "astro", "empty"}
    assert [one.name for one in facts.accounts if one.default] == ["physics"]
    assert {one.name: (one.max_time, one.max_cpus) for one in facts.qos} == {
        "normal": (None, None),
        "long": (172800, None),
        "debug": (1800, 8),
    }


async def test_what_runs_is_not_idle(bench: Bench) -> None:
    before = {one.name: one for one in (await bench.wms.facts()).partitions}["gpu"]
    job = await bench.submit(partition="gpu", gpus=1, gpu_type="tesla", cpus=3)
    await bench.in_state(job.id, "RUNNING")
    after = {one.name: one for one in (await bench.wms.facts()).partitions}["gpu"]
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
    facts = await bench.wms.facts()
    for asked in IMPOSSIBLE:
        with pytest.raises(InvalidOptions):
            check_request(replace(JobRequest("a"), **asked), facts)
    check_request(JobRequest("a", partition="main", account="physics", qos="long"), facts)


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
    facts = await bench.wms.facts()
    assert (len(facts.partitions), len(facts.qos)) == (6, 3)
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
        wms.facts(),
    )
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(answer) for answer in answers} == {ResourceUnavailable}, answers


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
                await bench.wms.facts()
        else:
            assert len((await bench.wms.facts()).partitions) == 6


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
    found = await bench.wms.jobs(["alice", "nobody-like-this"])
    assert job.id in [one.id for one in found]
    await bench.wms.cancel(job.id)


async def test_slurmrestd_is_down(cluster: Cluster) -> None:
    wms = open_wms(cluster, "rest")
    with service_stopped(cluster, "controller", "slurmrestd"):
        await _knows_nothing(wms, "1")
    assert isinstance(await wms.jobs(["alice"]), list)
