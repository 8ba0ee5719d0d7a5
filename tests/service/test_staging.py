"""Inputs are fetched before a task starts, outputs are stored after its end."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from rosetta_hub.catalogue.catalogue import Catalogue, User, load_catalogue
from rosetta_hub.catalogue.options import parse_options, resolve_options
from rosetta_hub.config import Rosetta
from rosetta_hub.copies.records import CopyRecords
from rosetta_hub.copies.staging import Staging, plan_staging
from rosetta_hub.database.models import Task, TaskState, utc_now
from rosetta_hub.database.models_copies import Copy, CopyState, OnConflict, Stage
from rosetta_hub.errors import InvalidOptions, NotFound
from rosetta_hub.ingress.ingress import Ingress
from rosetta_hub.jobs.events import JobEvents
from rosetta_hub.reconciler.image_pins import ImagePins
from rosetta_hub.reconciler.job_steps import JobSteps
from rosetta_hub.reconciler.reconciler import Reconciler
from rosetta_hub.resources.resource import Host
from rosetta_hub.tasks.conditions import Conditions
from rosetta_hub.tasks.events import Broadcaster
from rosetta_hub.tasks.manager import TaskManager
from rosetta_hub.tasks.state_messages import message
from tests.support.starting import start_task

from .conftest import COMPUTING, SOFTWARE, Bench
from .test_manager import report
from .test_reconciler import FakeHost, OpenIngress, nobody_asked

MEMBER = User("alice", frozenset({"astro"}))
STORAGES: list[dict[str, Any]] = [
    {"id": "home", "name": "Home", "base_path": "/srv/$USER"},
    {"id": "project", "name": "Project", "base_path": "/srv/project", "groups": ["astro"]},
    {"id": "data", "name": "Data", "base_path": "/data", "read_only": True},
    {"id": "bobs", "name": "Bob's", "base_path": "/srv/b", "users": ["bob"]},
]
INPUTS = [
    {"from": "data:m31.fits", "to": "project:in/"},
    {"from": "https://example.org/a%20b.fits?x=1", "to": "project:in/c.fits"},
]
OUTPUTS = [{"from": "project:out", "to": "home:results/m31"}]


@pytest.fixture
def catalogue() -> Catalogue:
    """Storages of each kind."""
    return load_catalogue(SOFTWARE, COMPUTING, [], STORAGES)


@dataclass
class Site:
    """A task with inputs and outputs on a host."""

    tasks: TaskManager
    records: CopyRecords
    host: FakeHost
    reconciler: Reconciler
    task_id: str = ""

    def start(self, **options: Any) -> None:
        """Start the task, or start it again."""
        self.task_id = start_task(self.tasks, "one", {"software": "echo", **options}, MEMBER).id

    async def step(self) -> float | None:
        return await self.reconciler.reconcile(self.task_id)

    @property
    def task(self) -> Task:
        return self.tasks.find(self.task_id)

    @property
    def message(self) -> str:
        """What the waiting room says."""
        return message(self.task, "Here")

    def copies(self, stage: Stage) -> list[Copy]:
        return self.records.of_task(self.task_id, self.task.attempt, stage)

    def end(self, copy: Copy, state: CopyState = CopyState.DONE, text: str = "") -> None:
        """A copy ends."""

        def end(row: Copy) -> None:
            row.state, row.message, row.ended = state, text, utc_now()

        self.records.update(copy.id, end)


@pytest.fixture
def site(bench: Bench, catalogue: Catalogue, tmp_path: Path) -> Site:
    """A host on which tasks can be started."""
    old, settings = bench.tasks, Rosetta(state_dir=str(tmp_path), tasks_url="http://127.0.0.1")
    tasks = TaskManager(
        old.database,
        catalogue,
        bench.keys,
        old.logs,
        Broadcaster(),
        lambda _: None,
        plan=plan_staging,
    )
    records = CopyRecords(old.database, JobEvents())
    host = FakeHost()
    reconciler = Reconciler(
        tasks,
        {"local": cast(Host, host)},
        {},
        cast(Ingress, OpenIngress()),
        cast(JobSteps, None),
        Conditions(),
        settings,
        Staging(records, tasks),
        ImagePins(tasks, nobody_asked),
    )
    return Site(tasks, records, host, reconciler)


def resolve(catalogue: Catalogue, **options: Any) -> Any:
    return resolve_options(parse_options({"software": "echo", **options}), catalogue, MEMBER)


# --- what is asked for ----------------------------------------------------------------------------


def test_where_files_come_from_and_go_to(catalogue: Catalogue) -> None:
    first, second = resolve(catalogue, inputs=INPUTS).inputs
    assert (first.source.storage, first.source.path) == ("data", b"m31.fits")
    assert (first.target.storage, first.target.path, first.name) == ("project", b"in", b"m31.fits")
    assert (second.source, second.url) == (None, INPUTS[1]["from"])
    assert (second.target.path, second.name) == (b"in", b"c.fits")
    (output,) = resolve(catalogue, outputs=OUTPUTS).outputs
    assert (output.source.path, output.target.path, output.name) == (b"out", b"results", b"m31")


def test_the_name_of_a_fetched_file(catalogue: Catalogue) -> None:
    transfers = [{"from": "https://example.org/x/a%20b.fits?x=/1#y", "to": "home:"}]
    (file,) = resolve(catalogue, inputs=transfers).inputs
    assert (file.target.path, file.name) == (b"", b"a b.fits")


@pytest.mark.parametrize(
    "text",
    [
        "data:m31.fits project:in/\n https://example.org/a%20b.fits?x=1   project:in/c.fits \n",
        '[{"from": "data:m31.fits", "to": "project:in/"},'
        ' {"from": "https://example.org/a%20b.fits?x=1", "to": "project:in/c.fits"}]',
    ],
)
def test_links_and_forms_have_texts(catalogue: Catalogue, text: str) -> None:
    assert resolve(catalogue, inputs=text).inputs == resolve(catalogue, inputs=INPUTS).inputs


@pytest.mark.parametrize(
    ("option", "source", "target"),
    [
        ("inputs", "bobs:x", "home:"),
        ("inputs", "home:x", "bobs:"),
        ("inputs", "nothing:x", "home:"),
        ("inputs", "home:x", "data:"),
        ("inputs", "x", "home:"),
        ("inputs", "home:", "project:"),
        ("inputs", "home:../bob/x", "project:"),
        ("inputs", "home:%2e%2e/x", "project:"),
        ("inputs", "home:a%00b", "project:"),
        ("inputs", "home:x", "home:x"),
        ("inputs", "home:d/x", "home:d/"),
        ("inputs", "https://example.org/", "home:"),
        ("inputs", "file:///etc/passwd", "home:"),
        ("outputs", "https://example.org/x", "home:"),
        ("outputs", "home:x", "https://example.org/x"),
    ],
)
def test_what_is_refused(catalogue: Catalogue, option: str, source: str, target: str) -> None:
    with pytest.raises(InvalidOptions, match=option):
        resolve(catalogue, **{option: [{"from": source, "to": target}]})


@pytest.mark.parametrize(
    "value", ["one", "a b c", "[1]", "{", [{"from": "home:x"}], [["a", "b"]], 7, INPUTS * 20]
)
def test_what_is_no_list_of_files(catalogue: Catalogue, value: object) -> None:
    with pytest.raises(InvalidOptions, match="inputs"):
        resolve(catalogue, inputs=value)


# --- what happens ---------------------------------------------------------------------------------


async def test_a_task_waits_for_its_inputs(site: Site) -> None:
    site.start(inputs=INPUTS)
    first, second = site.copies(Stage.INPUT)
    assert (first.user, first.groups, first.conflict) == ("alice", ["astro"], OnConflict.OVERWRITE)
    assert (second.source_storage, second.source_paths) == ("", [INPUTS[1]["from"]])
    assert await site.step() is not None
    assert (site.task.state, site.host.calls) == (TaskState.QUEUED, [])
    assert site.message == "Fetching 2 files."

    def grow(row: Copy) -> None:
        row.state, row.files_total = CopyState.RUNNING, 1
        row.bytes_done, row.bytes_total = 600 << 20, 2 << 30

    for copy in (first, second):
        site.records.update(copy.id, grow)
    await site.step()
    assert site.message == "Fetching 2 files: 1.2 GB of 4 GB."
    site.end(first)
    await site.step()
    assert site.host.calls == []
    site.end(second)
    await site.step()
    assert (site.task.state, site.host.calls) == (TaskState.STARTING, ["launch"])
    assert site.task.staging == ""


async def test_a_storage_that_is_away_is_told(site: Site) -> None:
    site.start(inputs=INPUTS[:1])
    (copy,) = site.copies(Stage.INPUT)
    site.records.update(copy.id, lambda row: setattr(row, "message", "Data does not answer."))
    await site.step()
    assert site.message == "Fetching 1 file. Data does not answer."


@pytest.mark.parametrize("state", [CopyState.FAILED, CopyState.CANCELLED])
async def test_an_input_that_cannot_be_fetched_fails_the_task(site: Site, state: CopyState) -> None:
    site.start(inputs=INPUTS, outputs=OUTPUTS)
    first, second = site.copies(Stage.INPUT)
    site.end(second)
    site.end(first, state, "There is no such file.")
    await site.step()
    assert (site.task.state, site.task.reason) == (TaskState.FAILED, "input_failed")
    assert site.message == (
        "An input could not be fetched. data:m31.fits: There is no such file. What has arrived is"
        " kept: mend it, and start the task again."
    )
    assert await site.step() is None
    assert site.host.calls == []
    # Nothing ran, so nothing is stored.
    assert [copy.state for copy in site.copies(Stage.OUTPUT)] == [CopyState.CANCELLED]


async def test_stopping_a_task_cancels_its_inputs(site: Site) -> None:
    site.start(inputs=INPUTS)
    await site.step()
    site.tasks.request_stop(site.task)
    await site.step()
    await site.step()
    assert site.task.state is TaskState.STOPPED
    assert {copy.state for copy in site.copies(Stage.INPUT)} == {CopyState.CANCELLED}
    assert site.records.staging_tasks() == set()


@pytest.mark.parametrize("end", ["stopped", "failed"])
async def test_outputs_are_stored_after_the_end(site: Site, end: str) -> None:
    site.start(outputs=OUTPUTS)
    (copy,) = site.copies(Stage.OUTPUT)
    assert copy.state is CopyState.PLANNED
    assert site.records.of_user("alice") == []
    await site.step()
    site.tasks.report(site.task, report("running", interface={"kind": "socket"}))
    assert site.copies(Stage.OUTPUT)[0].state is CopyState.PLANNED
    site.tasks.report(site.task, report(end, 2, reason="exited"))
    assert site.records.staging_tasks() == {site.task_id}
    assert await site.step() is not None
    (copy,) = site.copies(Stage.OUTPUT)
    assert copy.state is CopyState.QUEUED
    assert [item.id for item in site.records.of_user("alice")] == [copy.id]
    assert site.message.endswith("Storing 1 file.")
    site.end(copy)
    assert await site.step() is None
    assert site.message.endswith("Its outputs are stored.")
    assert site.task.state.value == end


async def test_an_output_that_cannot_be_stored_is_told(site: Site) -> None:
    site.start(outputs=OUTPUTS)
    await site.step()
    site.tasks.report(site.task, report("running", interface={"kind": "socket"}))
    site.tasks.report(site.task, report("stopped", 2))
    await site.step()
    site.end(site.copies(Stage.OUTPUT)[0], CopyState.FAILED, "The target is full.")
    assert await site.step() is None
    assert site.message.endswith("An output was not stored. project:out: The target is full.")
    assert site.task.state is TaskState.STOPPED


async def test_outputs_of_a_deleted_task_are_stored(site: Site) -> None:
    site.start(outputs=OUTPUTS)
    await site.step()
    site.tasks.report(site.task, report("running", interface={"kind": "socket"}))
    (copy,) = site.copies(Stage.OUTPUT)
    site.tasks.report(site.task, report("stopped", 2))
    site.tasks.request_stop(site.task, forget=True)
    await site.step()
    with pytest.raises(NotFound):
        site.tasks.find(site.task_id)
    assert site.records.find(copy.id).state is CopyState.QUEUED


async def test_a_new_attempt_has_copies_of_its_own(site: Site) -> None:
    site.start(inputs=INPUTS[:1], outputs=OUTPUTS)
    (old,) = site.copies(Stage.INPUT)
    site.tasks.fail(site.task, "internal")
    # As it is started again: with the options that are kept of it.
    site.start(**{key: site.task.options[key] for key in ("inputs", "outputs")})
    (new,) = site.copies(Stage.INPUT)
    assert (new.attempt, new.id != old.id) == (2, True)
    assert [copy.state for copy in site.copies(Stage.OUTPUT)] == [CopyState.PLANNED]
    planned = site.records.of_task(site.task_id, 1, Stage.OUTPUT)
    assert planned == []
