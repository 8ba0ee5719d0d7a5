"""Tasks that are jobs of a scheduler that is slow, silent or forgets: none is lost or doubled."""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from rosetta_hub.background import spawn
from rosetta_hub.catalogue.catalogue import User, load_catalogue
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task, TaskState, utc_now
from rosetta_hub.errors import AuthenticationFailed, ResourceUnavailable
from rosetta_hub.ingress.ingress import Ingress
from rosetta_hub.keys import Keys
from rosetta_hub.reconciler import job_steps, query_pace
from rosetta_hub.reconciler.job_steps import JobSteps
from rosetta_hub.reconciler.job_watcher import JobWatcher
from rosetta_hub.reconciler.query_pace import QueryPace
from rosetta_hub.resources.cluster import Cluster
from rosetta_hub.resources.slurm.reasons import waiting_message
from rosetta_hub.resources.wms import Job
from rosetta_hub.ssh.errors import Unreachable
from rosetta_hub.tasks.conditions import Conditions
from rosetta_hub.tasks.events import Broadcaster
from rosetta_hub.tasks.logs import Logs
from rosetta_hub.tasks.manager import TaskManager
from rosetta_hub.tasks.report import Report
from rosetta_hub.tasks.state_messages import message
from rosetta_hub.tasks.task_urls import is_open
from tests.support.databases import open_sqlite
from tests.support.eventually import until
from tests.support.fake_slurm import FakeSlurm
from tests.support.starting import start_task

COMPUTING = {
    "id": "cluster",
    "name": "Cluster",
    "access_mode": "ssh",
    "wms": "slurm",
    "container_engines": ["singularity"],
    "default_time": "2h",
    "conf": {"host": "login.example.org"},
}


class NoIngress:
    """Neither edge nor tunnels: what is tested here comes before them."""

    async def open(self, task: Task) -> float | None:
        return None

    async def close_to_users(self, task: Task) -> None:
        """Nobody was in."""


class OneAccount:
    def remote_user(self, user: str) -> str:
        return user


class Unreached:
    """The scheduler of a host that can't be reached."""

    async def jobs(self, users: Sequence[str]) -> list[Job]:
        raise Unreachable("login can't be reached")


class NotLetIn:
    """The scheduler as an account sees it whose key is refused."""

    async def jobs(self, users: Sequence[str]) -> list[Job]:
        raise AuthenticationFailed("paste the key")


@dataclass
class Desk:
    """A task manager with a cluster, and the parts that look after its jobs."""

    tasks: TaskManager
    slurm: FakeSlurm
    queue: Cluster
    steps: JobSteps
    watcher: JobWatcher
    conditions: Conditions
    asked: list[str] = field(default_factory=list)

    def start(self, name: str = "one", user: str = "alice", **options: Any) -> Task:
        document = {"software": "echo", "cpus": 4, **options}
        return start_task(self.tasks, name, document, User(user))

    async def step(self, task: Task) -> float | None:
        return await self.steps.step(self.tasks.find(task.id), self.queue)

    async def submitted(self, name: str = "one", user: str = "alice") -> Task:
        task = self.start(name, user)
        await self.step(task)
        return self.now(task)

    def now(self, task: Task) -> Task:
        return self.tasks.find(task.id)

    def report(self, task: Task, state: str, sequence: int = 1, **more: Any) -> None:
        report = Report.model_validate({"sequence": sequence, "state": state, **more})
        self.tasks.report(self.now(task), report)

    def job(self, task: Task, **changes: Any) -> dict[str, Any]:
        """The task's job, after these changes."""
        job_id = self.now(task).job_id
        assert job_id is not None
        self.slurm.add_jobs({**self.slurm.jobs()[job_id], **changes})
        return self.slurm.jobs()[job_id]

    def count(self, command: str) -> int:
        return sum(call.split()[0] == command for call in self.slurm.calls())


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterable[Desk]:
    settings = Rosetta(
        state_dir=str(tmp_path),
        hub_url="http://localhost:8000",
        tasks_url="http://127.0.0.1",
        heartbeat_interval=1,
        stop_timeout=1,
    )
    keys, database = Keys(tmp_path), open_sqlite(tmp_path)
    software = [{"name": "Echo", "image_name": "rosetta/echo"}]
    catalogue = load_catalogue(software, [COMPUTING])
    logs = Logs(tmp_path / "logs", 4096)
    tasks = TaskManager(database, catalogue, keys, logs, Broadcaster(), lambda task_id: None)
    (tmp_path / "bin").mkdir()
    slurm = FakeSlurm(tmp_path / "bin")
    computing, conditions = catalogue.computing["cluster"], Conditions()
    queue = Cluster(
        computing, settings, keys, OneAccount(), slurm.direct_wms, None, waiting_message
    )
    watcher = JobWatcher(computing, queue, tasks, conditions)
    texts: list[str] = []
    expect_change, hurry = watcher.pace.expect_change, watcher.pace.hurry

    def condition(word: str, then: Callable[[], None]) -> None:
        texts.append(word)
        then()

    monkeypatch.setattr(watcher.pace, "expect_change", partial(condition, "soon", expect_change))
    monkeypatch.setattr(watcher.pace, "hurry", partial(condition, "at once", hurry))
    steps = JobSteps(tasks, cast(Ingress, NoIngress()), settings, {"cluster": watcher})
    yield Desk(tasks, slurm, queue, steps, watcher, conditions, texts)
    database.close()


async def test_submitted_once_and_followed(desk: Desk) -> None:
    task = await desk.submitted()
    assert (task.state, task.remote_user, desk.asked) == (TaskState.QUEUED, "alice", ["soon"])
    assert await desk.step(task) == job_steps.REFRESH
    assert desk.count("sbatch") == 1
    desk.job(task, reason="Resources", start="2026-11-21T14:30:00")
    await desk.watcher.step()
    task = desk.now(task)
    assert "4" in (task.job_reason or "")
    assert task.expected_start is not None
    assert message(task, "Cluster") == task.job_reason


async def test_a_job_has_the_directories_of_its_account(desk: Desk) -> None:
    storage = {
        "name": "Home",
        "computing": "cluster",
        "base_path": "/home/$SSH_USER",
        "bind_path": "/home/metauser",
    }
    software = [{"name": "Echo", "image_name": "rosetta/echo"}]
    desk.tasks.catalogue = load_catalogue(software, [COMPUTING], (), [storage])
    task = await desk.submitted()
    assert task.job_id is not None
    refused = await desk.submitted("two", "a:b")
    assert (refused.state, refused.reason) == (TaskState.FAILED, "storage_refused")
    assert "the name 'a:b' can't be part of its path" in refused.detail
    assert desk.count("sbatch") == 1


async def test_the_node_is_asked_for_at_once_when_an_agent_begins_and_when_it_runs(
    desk: Desk,
) -> None:
    task = await desk.submitted()
    desk.asked.clear()
    await desk.step(task)
    assert desk.asked == []
    for sequence, state in enumerate(["starting", "starting", "running", "running"], 1):
        desk.report(task, state, sequence)
        await desk.step(task)
    assert desk.asked == ["at once", "at once"]
    desk.job(task, state="RUNNING", node="node1")
    await desk.watcher.step()
    await desk.step(task)
    assert desk.asked == ["at once", "at once"]


async def test_a_running_task_opens_without_the_next_usual_query(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query_pace, "SOON", 3600)
    desk.watcher.pace = QueryPace(3600)
    task = await desk.submitted()
    asking = spawn(desk.watcher.run(), "watcher")
    try:
        await until(lambda: desk.now(task).job_state == "PENDING")
        desk.job(task, state="RUNNING", node="node1")
        desk.report(task, "running", interface={"kind": "listener", "port": 40000})
        await desk.step(task)
        await until(lambda: is_open(desk.now(task)))
    finally:
        asking.cancel()


async def test_nothing_is_kept_of_attempts_that_have_ended(desk: Desk) -> None:
    task = await desk.submitted()
    desk.report(task, "running")
    await desk.step(task)
    (desk.slurm.directory / "jobs.json").write_text("{}")
    await desk.watcher.step()
    assert desk.watcher._located
    assert desk.watcher._absent
    desk.tasks.fail(desk.now(task), "job_lost")
    await desk.watcher.step()
    assert not desk.watcher._located
    assert not desk.watcher._absent


async def test_secrets_are_in_the_script_alone(desk: Desk) -> None:
    task = await desk.submitted()
    secret = desk.queue._keys.agent_secret(task.id, task.attempt)
    assert not any(secret in call for call in desk.slurm.calls())


async def test_a_lost_answer_yields_no_second_job(desk: Desk) -> None:
    task = desk.start()
    document = {"returncode": 1, "stderr": "sbatch: error: Socket timed out", "after": True}
    desk.slurm.behave(sbatch=document)
    with pytest.raises(ResourceUnavailable):
        await desk.step(task)
    desk.slurm.behave()
    await desk.step(task)
    assert desk.now(task).job_id == "1"
    assert len(desk.slurm.jobs()) == 1


async def test_a_submission_that_never_arrived_is_repeated_only_when_it_cannot_be_late(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = desk.start()
    desk.slurm.behave(sbatch={"returncode": 1, "stderr": "Unable to contact slurm controller"})
    with pytest.raises(ResourceUnavailable):
        await desk.step(task)
    desk.slurm.behave()
    assert await desk.step(task) == job_steps.LOOK_AGAIN
    assert desk.count("sbatch") == 1
    monkeypatch.setattr(job_steps, "LATE_SUBMISSION", 0.0)
    await desk.step(task)
    assert desk.now(task).job_id == "1"


async def test_a_submission_that_nobody_took_is_repeated_at_once(desk: Desk) -> None:
    task = desk.start()
    words = "sbatch: error: Unable to contact slurm controller (connect failure)"
    desk.slurm.behave(sbatch={"returncode": 1, "stderr": words})
    with pytest.raises(ResourceUnavailable):
        await desk.step(task)
    assert desk.now(task).submitting is None
    desk.slurm.behave()
    await desk.step(task)
    assert desk.now(task).job_id == "1"


async def test_a_key_that_is_not_installed_submits_as_soon_as_it_is(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = desk.start()

    async def refuse(task: Task) -> str:
        raise AuthenticationFailed("paste the key")

    with monkeypatch.context() as patch:
        patch.setattr(desk.queue, "submit", refuse)
        with pytest.raises(AuthenticationFailed):
            await desk.step(task)
    assert desk.now(task).submitting is None
    await desk.step(task)
    assert desk.now(task).job_id == "1"


async def test_a_refused_job_fails_with_the_words_of_the_scheduler(desk: Desk) -> None:
    task = desk.start(partition="nowhere")
    await desk.step(task)
    task = desk.now(task)
    assert (task.state, task.reason) == (TaskState.FAILED, "refused")
    assert "nowhere" in message(task, "Cluster")


@pytest.mark.parametrize(
    "behaviour",
    [
        {"returncode": 1, "stderr": "slurm_load_jobs error: Unable to contact slurm controller"},
        {"returncode": 0, "stdout": ""},
        {"returncode": 0, "stdout": "<html>Service temporarily unavailable</html>"},
    ],
)
async def test_no_answer_is_not_gone(desk: Desk, behaviour: dict[str, Any]) -> None:
    task = await desk.submitted()
    desk.job(task, state="RUNNING", node="node1")
    desk.report(task, "running")
    desk.slurm.behave(squeue=behaviour, sacct=behaviour)
    for _ in range(5):
        with pytest.raises(ResourceUnavailable):
            await desk.watcher.step()
    assert desk.now(task).state is TaskState.RUNNING
    assert desk.conditions.of(task) is not None
    desk.slurm.behave()
    await desk.watcher.step()
    assert desk.conditions.of(task) is None
    assert desk.now(task).node == "node1"


async def test_nobody_is_let_in_before_the_node_is_known(desk: Desk) -> None:
    """The agent says that it runs before the scheduler is asked again."""
    task = await desk.submitted()
    desk.report(task, "running", interface={"kind": "listener", "port": 40000})
    assert desk.now(task).state is TaskState.RUNNING
    assert not is_open(desk.now(task))
    assert "opens in a moment" in message(desk.now(task), "Cluster")
    desk.job(task, state="RUNNING", node="node1")
    await desk.watcher.step()
    assert is_open(desk.now(task))
    assert message(desk.now(task), "Cluster") == "Running on Cluster."


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("TIMEOUT", "time_limit"),
        ("OUT_OF_MEMORY", "out_of_memory"),
        ("NODE_FAIL", "node_failure"),
        ("CANCELLED", "cancelled"),
        ("PREEMPTED", "preempted"),
        ("FAILED", "job_ended"),
    ],
)
async def test_why_a_job_ended(desk: Desk, state: str, reason: str) -> None:
    task = await desk.submitted()
    desk.report(task, "running")
    desk.job(task, state=state, node="node1")
    await desk.watcher.step()
    task = desk.now(task)
    assert (task.state, task.reason) == (TaskState.FAILED, reason)
    assert message(task, "Cluster")


async def test_many_ends_are_one_query(desk: Desk) -> None:
    tasks = [await desk.submitted(f"task-{number}") for number in range(5)]
    for task in tasks:
        desk.report(task, "running")
        desk.job(task, state="TIMEOUT", node="node1")
    before = len(desk.slurm.calls())
    await desk.watcher.step()
    assert {desk.now(task).reason for task in tasks} == {"time_limit"}
    assert [call.split()[0] for call in desk.slurm.calls()[before:]] == ["squeue", "sacct"]


async def test_ends_that_the_accounting_does_not_know_are_asked_for_one_by_one(desk: Desk) -> None:
    tasks = [await desk.submitted(name) for name in ("one", "two")]
    for task in tasks:
        desk.report(task, "running")
        desk.job(task, state="NODE_FAIL", node="node1")
    words = "sacct: error: Slurm accounting storage is disabled"
    desk.slurm.behave(sacct={"returncode": 1, "stderr": words})
    await desk.watcher.step()
    assert {desk.now(task).reason for task in tasks} == {"node_failure"}


async def test_a_silent_host_is_asked_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that can't be made would be waited for once for each account."""
    for name in ("one", "two", "three"):
        await desk.submitted(name, user=name)
    texts: list[str] = []

    def open_wms(user: str) -> Unreached:
        texts.append(user)
        return Unreached()

    monkeypatch.setattr(desk.queue, "_open_wms", open_wms)
    with pytest.raises(Unreachable):
        await desk.watcher.step()
    assert len(texts) == 1


async def test_an_account_that_cannot_ask_is_asked_last_from_then_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = [f"user-{number}" for number in range(5)]
    for user in users:
        desk.job(await desk.submitted(user, user=user), user=user)
    working, open_wms = users[0], desk.queue._open_wms
    texts: list[str] = []

    def open_one(user: str) -> Any:
        texts.append(user)
        return open_wms(user) if user == working else NotLetIn()

    monkeypatch.setattr(desk.queue, "_open_wms", open_one)
    for _ in range(2):
        with contextlib.suppress(ResourceUnavailable):
            await desk.watcher.step()
    assert working in texts
    assert len(texts) < 2 * len(users)
    texts.clear()
    await desk.watcher.step()
    assert texts == [working]


async def test_a_job_that_ends_in_good_order_at_its_limit(desk: Desk) -> None:
    task = await desk.submitted()
    soon = (utc_now() + timedelta(seconds=30)).strftime("%Y-%m-%dT%H:%M:%S")
    desk.job(task, state="RUNNING", node="node1", end=soon)
    await desk.watcher.step()
    desk.report(task, "running")
    desk.report(task, "stopped", 2)
    desk.job(task, state="COMPLETED")
    await desk.watcher.step()
    assert (desk.now(task).state, desk.now(task).reason) == (TaskState.FAILED, "time_limit")


async def test_a_requeued_job_is_the_same_task_again(desk: Desk) -> None:
    task = await desk.submitted()
    desk.report(task, "running", 500, interface={"kind": "listener", "port": 4000})
    # The agent is signalled when its job is preempted; that is no end by itself.
    desk.report(task, "stopped", 501)
    assert desk.now(task).state is TaskState.RUNNING
    desk.job(task, state="PENDING", reason="BeginTime")
    await desk.watcher.step()
    again = desk.now(task)
    assert (again.state, again.interface_kind, again.job_id) == (
        TaskState.QUEUED,
        None,
        task.job_id,
    )
    desk.report(task, "running", 1)
    assert desk.now(task).state is TaskState.RUNNING


async def test_an_answer_that_is_older_than_the_agents_report_requeues_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = await desk.submitted()
    ask = desk.queue.jobs

    async def report_meanwhile(tasks: Iterable[Task]) -> list[Job]:
        jobs = await ask(tasks)
        desk.report(task, "running", interface={"kind": "listener", "port": 40000})
        return jobs

    monkeypatch.setattr(desk.queue, "jobs", report_meanwhile)
    await desk.watcher.step()
    now = desk.now(task)
    assert (now.state, now.interface_port, now.sequence) == (TaskState.RUNNING, 40000, 1)


async def test_a_job_that_nobody_knows_is_gone_after_three_answers(desk: Desk) -> None:
    task = await desk.submitted()
    desk.report(task, "running")
    (desk.slurm.directory / "jobs.json").write_text("{}")
    for _ in range(2):
        await desk.watcher.step()
        assert desk.now(task).state is TaskState.RUNNING
    await desk.watcher.step()
    assert (desk.now(task).state, desk.now(task).reason) == (TaskState.FAILED, "job_lost")


async def test_a_double_is_cancelled(desk: Desk) -> None:
    task = await desk.submitted()
    name = desk.queue.job_name(task)
    desk.slurm.add_jobs({"id": "7", "name": name, "user": "alice"})
    await desk.watcher.step()
    assert desk.slurm.jobs()["7"]["state"] == "CANCELLED"
    assert desk.slurm.jobs()["1"]["state"] == "PENDING"


async def test_jobs_of_others_are_left_alone(desk: Desk) -> None:
    await desk.submitted()
    other = f"rosetta-{'0' * 8}-{'1' * 12}-1"
    desk.slurm.add_jobs(
        {"id": "8", "name": other, "user": "alice"}, {"id": "9", "name": "mine", "user": "alice"}
    )
    await desk.watcher.step()
    assert [desk.slurm.jobs()[job]["state"] for job in ("8", "9")] == ["PENDING", "PENDING"]


async def test_jobs_of_another_resource_in_the_same_queue_are_left_alone(desk: Desk) -> None:
    await desk.submitted()
    other = await desk.submitted("two")

    def elsewhere(row: Task) -> None:
        row.computing = "other"

    desk.tasks.update(other, elsewhere)
    await desk.watcher.step()
    assert desk.slurm.jobs()["2"]["state"] == "PENDING"


async def test_a_task_that_begins_during_the_query_keeps_its_job(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.submitted()
    ask = desk.queue.jobs

    async def begin_meanwhile(tasks: Iterable[Task]) -> list[Job]:
        await desk.submitted("two")
        return await ask(tasks)

    monkeypatch.setattr(desk.queue, "jobs", begin_meanwhile)
    await desk.watcher.step()
    assert desk.slurm.jobs()["2"]["state"] == "PENDING"


@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "REQUEUE_HOLD"])
async def test_stop_cancels_in_every_state(desk: Desk, state: str) -> None:
    task = await desk.submitted()
    desk.job(task, state=state)
    desk.tasks.request_stop(desk.now(task))
    assert await desk.step(task) == job_steps.LOOK_AGAIN
    assert desk.job(task)["state"] == "CANCELLED"
    await desk.step(task)
    assert desk.now(task).state is TaskState.STOPPED


async def test_stop_before_the_answer_to_the_submission(desk: Desk) -> None:
    task = desk.start()
    desk.slurm.behave(sbatch={"returncode": 1, "stderr": "Socket timed out", "after": True})
    with pytest.raises(ResourceUnavailable):
        await desk.step(task)
    desk.slurm.behave()
    desk.tasks.request_stop(desk.now(task))
    await desk.step(task)
    await desk.step(task)
    assert desk.slurm.jobs()["1"]["state"] == "CANCELLED"


async def test_a_live_agent_ends_its_task_itself(desk: Desk) -> None:
    task = await desk.submitted()
    desk.job(task, state="RUNNING", node="node1")
    desk.report(task, "running")
    desk.tasks.request_stop(desk.now(task))
    assert await desk.step(task) == job_steps.LOOK_AGAIN
    assert desk.job(task)["state"] == "RUNNING"
    desk.report(task, "stopped", 2)
    assert desk.now(task).state is TaskState.STOPPED


def _same(now: datetime) -> datetime:
    return now


def _set_last_beat(row: Task, when: datetime) -> None:
    row.last_heartbeat = when


async def test_what_agents_were_asked_is_forgotten(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task that its agent has stopped takes no further step here."""
    tasks = [await desk.submitted(name) for name in ("one", "two")]
    for task, later in zip(tasks, (0, 7200), strict=True):
        now = utc_now() + timedelta(seconds=later)
        monkeypatch.setattr(job_steps, "utc_now", partial(_same, now))
        desk.job(task, state="RUNNING", node="node1")
        desk.report(task, "running")
        desk.tasks.update(desk.now(task), partial(_set_last_beat, when=now))
        desk.tasks.request_stop(desk.now(task))
        await desk.step(task)
    assert [key[0] for key in desk.steps._asked] == [tasks[1].id]


async def test_one_query_for_all_tasks(desk: Desk) -> None:
    for number in range(5):
        await desk.submitted(f"task-{number}")
    before = len(desk.slurm.calls())
    await desk.watcher.step()
    assert [call.split()[0] for call in desk.slurm.calls()[before:]] == ["squeue"]


async def test_a_job_whose_task_has_ended_long_ago_is_cancelled(desk: Desk) -> None:
    task = await desk.submitted()
    desk.tasks.fail(task, "ports_exhausted")

    def earlier(row: Task) -> None:
        row.ended = utc_now() - timedelta(seconds=90)

    desk.tasks.update(desk.now(task), earlier)
    await desk.watcher.step()
    assert desk.job(task)["state"] == "CANCELLED"
