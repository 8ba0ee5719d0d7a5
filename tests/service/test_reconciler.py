"""Tasks on a host without a scheduler: what follows from what their agents answer."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from rosetta_hub.config import Rosetta
from rosetta_hub.copies.records import CopyRecords
from rosetta_hub.copies.staging import Staging
from rosetta_hub.database.models import Task, TaskState
from rosetta_hub.errors import ResourceUnavailable, StorageRefused
from rosetta_hub.ingress.ingress import Ingress
from rosetta_hub.jobs.events import JobEvents
from rosetta_hub.reconciler.image_pins import ImagePins
from rosetta_hub.reconciler.job_steps import JobSteps
from rosetta_hub.reconciler.reconciler import Reconciler
from rosetta_hub.registries.references import Reference
from rosetta_hub.resources.direct_launcher import AgentRefused
from rosetta_hub.resources.resource import Host, HostInstance
from rosetta_hub.tasks.conditions import Conditions
from rosetta_hub.tasks.state_messages import message
from tests.support.starting import start_task

from .conftest import ALICE, Bench
from .test_manager import report

NO_SPACE = AgentRefused("The disk of the computing resource is full.", "disk_full")
TOO_OLD = AgentRefused("Python 3.6 or newer is needed.", "unsupported")
NO_ANSWER = ResourceUnavailable("no answer")


@dataclass
class FakeHost:
    """Records what is asked of it; raises the errors of its lists, one a call."""

    launches: list[Exception | None] = field(default_factory=list)
    stops: list[Exception | None] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    async def instance(self, _task: Task) -> HostInstance:
        return HostInstance()

    async def launch(self, _task: Task) -> None:
        self._call("launch", self.launches)

    async def stop(self, _task: Task) -> None:
        self._call("stop", self.stops)

    def _call(self, name: str, errors: list[Exception | None]) -> None:
        self.calls.append(name)
        error = errors.pop(0) if errors else None
        if error is not None:
            raise error


class OpenIngress:
    """Opens and closes at once."""

    async def open(self, _task: Task) -> float | None:
        return None

    async def close(self, _task: Task) -> None:
        """Nothing was open."""

    async def close_to_users(self, _task: Task) -> None:
        """Nobody was in."""


async def nobody_asked(user: str, reference: Reference) -> str:
    """Docker knows the digests of its images by itself."""
    raise AssertionError(f"{user} needs no digest of {reference}")


@dataclass
class Site:
    """A task on a host, and the reconciler that looks after it."""

    bench: Bench
    host: FakeHost
    conditions: Conditions
    reconciler: Reconciler
    task_id: str

    async def step(self) -> float | None:
        return await self.reconciler.reconcile(self.task_id)

    @property
    def task(self) -> Task:
        return self.bench.tasks.find(self.task_id)


@pytest.fixture
def site(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    settings = Rosetta(state_dir=str(tmp_path), tasks_url="http://127.0.0.1", heartbeat_interval=1)
    host, conditions = FakeHost(), Conditions()
    ingress, jobs = cast(Ingress, OpenIngress()), cast(JobSteps, None)
    hosts = {"local": cast(Host, host)}
    staging = Staging(CopyRecords(bench.tasks.database, JobEvents()), bench.tasks)
    pins = ImagePins(bench.tasks, nobody_asked)
    reconciler = Reconciler(
        bench.tasks, hosts, {}, ingress, jobs, conditions, settings, staging, pins
    )
    # A task is looked after at once.
    monkeypatch.setattr(reconciler, "_patience", -reconciler._patience)
    task = start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    return Site(bench, host, conditions, reconciler, task.id)


async def running(site: Site) -> None:
    """Launch the task's agent, which reports once and dies."""
    await site.step()
    site.bench.tasks.report(site.task, report("running", interface={"kind": "socket"}))
    site.host.calls.clear()


async def test_a_refused_start_fails_at_once(site: Site) -> None:
    site.host.launches = [TOO_OLD]
    await site.step()
    assert (site.task.state, site.task.reason) == (TaskState.FAILED, "unsupported")
    assert site.host.calls == ["launch"]


async def test_a_task_whose_user_has_no_place_fails_at_once(site: Site) -> None:
    site.host.launches = [StorageRefused("You have no account 'alice' there.")]
    await site.step()
    assert (site.task.state, site.task.reason) == (TaskState.FAILED, "storage_refused")
    assert message(site.task, "Here") == (
        "The task can't have its storages on Here. You have no account 'alice' there."
    )


async def test_a_start_that_may_have_worked_is_stopped_before_it_fails(site: Site) -> None:
    """The answer of the first launch was lost: its container may run."""
    site.host.launches = [NO_ANSWER, NO_SPACE]
    with pytest.raises(ResourceUnavailable):
        await site.step()
    await site.step()
    assert (site.task.state, site.task.reason) == (TaskState.FAILED, "disk_full")
    assert site.host.calls == ["launch", "launch", "stop"]


async def test_a_running_task_survives_a_full_disk(site: Site) -> None:
    """No agent can be started beside the container: it is kept, and tried again."""
    await running(site)
    site.host.launches = [NO_SPACE, NO_SPACE]
    for _ in range(2):
        with pytest.raises(ResourceUnavailable, match="disk"):
            await site.step()
    assert site.task.state is TaskState.RUNNING
    condition = site.conditions.of(site.task)
    assert condition is not None
    assert "full" in condition.message
    await site.step()
    assert (site.task.state, site.conditions.of(site.task)) == (TaskState.RUNNING, None)
    assert site.host.calls == ["launch", "launch", "launch"]


async def test_no_container_is_left_without_an_agent(site: Site) -> None:
    await running(site)
    site.host.launches, site.host.stops = [TOO_OLD, TOO_OLD], [NO_ANSWER]
    with pytest.raises(ResourceUnavailable):
        await site.step()
    assert site.task.state is TaskState.RUNNING
    await site.step()
    assert (site.task.state, site.task.reason) == (TaskState.FAILED, "unsupported")
    assert site.host.calls == ["launch", "stop", "launch", "stop"]
