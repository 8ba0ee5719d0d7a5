"""Builds as jobs: once for all who wait, again after a kill, and bounded in what they keep."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rosetta_hub.builds import job
from rosetta_hub.builds.builder import BuildFailed
from rosetta_hub.builds.checkout import Checkout
from rosetta_hub.builds.errors import RecipeRefused
from rosetta_hub.builds.job import BuildJobs
from rosetta_hub.builds.links import parse_link
from rosetta_hub.builds.recipe import Recipe
from rosetta_hub.builds.records import BuildRecords, new_build
from rosetta_hub.builds.settings import load_builds
from rosetta_hub.builds.source import RepositorySource
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_builds import Build, BuildState
from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.jobs.events import JobEvents
from rosetta_hub.jobs.queue import JobQueue
from rosetta_hub.tasks.logs import Logs
from tests.support.databases import open_sqlite
from tests.support.eventually import until

from .fake_builder import FakeBuilder

LINK = parse_link("gh", "org/My_Repo/main")
RECIPE = Recipe("pip", "1", "FROM base\n", port=8888, interface_auth="jupyter", notes=("a note",))


@dataclass
class Bench:
    """The queue of builds, whose repositories are empty and whose builder makes nothing."""

    folder: Path
    records: BuildRecords
    builder: FakeBuilder
    logs: Logs
    options: dict[str, Any] = field(default_factory=dict)

    def add(self, commit: str = "a") -> Build:
        source = RepositorySource(
            "gh", "https://github.com/org/repo", commit * 40, "main", "org/My_Repo"
        )
        return self.records.add(new_build(commit * 64, "alice", LINK, source))

    def find(self, build: Build) -> Build:
        return self.records.find(build.id)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[JobQueue[Build]]:
        settings = load_builds({"groups": ["team"], **self.options})
        assert settings is not None
        jobs = BuildJobs(settings, self.records, self.builder, self.logs, self.folder)
        queue = JobQueue("build", self.records, jobs.work, settings.per_user, settings.at_once)
        self.records.wake = queue.wake
        task = asyncio.create_task(queue.run(), name="queue")
        try:
            yield queue
        finally:
            queue.close()
            task.cancel()
            # Another service begins only after this one has ended.
            await until(lambda: not queue._running)

    async def finish(self, build: Build) -> Build:
        async with self.running():
            await until(lambda: self.find(build).state.final)
        return self.find(build)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    async def check_out(_source: RepositorySource, folder: Path, _settings: object) -> Checkout:
        (folder / "requirements.txt").write_text("numpy\n")
        return Checkout(folder, ("left out",))

    async def make_recipe(folder: Path, _settings: object, _account: str) -> Recipe:
        if not (folder / "requirements.txt").exists():
            raise RecipeRefused("no recipe")
        return RECIPE

    monkeypatch.setattr("rosetta_hub.builds.job.check_out", check_out)
    monkeypatch.setattr("rosetta_hub.builds.job.make_recipe", make_recipe)
    monkeypatch.setattr("rosetta_hub.jobs.queue.FIRST_BACKOFF", 0.01)
    database = open_sqlite(tmp_path)
    records = BuildRecords(database, JobEvents())
    yield Bench(tmp_path / "builds", records, FakeBuilder(), Logs(tmp_path / "logs", 4096))
    database.close()


async def test_a_build_to_its_end(bench: Bench) -> None:
    build = await bench.finish(bench.add())
    assert (build.state, build.image) == (BuildState.DONE, f"org-my-repo:{'a' * 16}")
    assert (build.image_digest, build.image_arch, build.image_size) == (
        "sha256:image",
        "amd64",
        100,
    )
    assert (build.step, build.steps, build.attempt) == (1, 1, 1)
    assert build.recipe["notes"] == ["left out", "a note"]
    assert (build.recipe["interface_auth"], build.recipe["port"]) == ("jupyter", 8888)
    assert bench.logs.read(build.id, 1) == "STEP 1/1: FROM base\n"
    assert list(bench.folder.iterdir()) == []


async def test_a_failed_step_is_kept(bench: Bench) -> None:
    bench.builder.faults = [BuildFailed("A step failed.", "RUN false", ("a", "b"))]
    build = await bench.finish(bench.add())
    assert (build.state, build.message, build.transient) == (
        BuildState.FAILED,
        "A step failed.",
        False,
    )
    assert (build.failed_step, build.log_tail) == ("RUN false", ["a", "b"])
    assert list(bench.folder.iterdir()) == []


async def test_a_repository_that_can_not_be_built(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> Recipe:
        raise RecipeRefused("Its Dockerfile is empty.")

    monkeypatch.setattr("rosetta_hub.builds.job.make_recipe", refuse)
    build = await bench.finish(bench.add())
    assert (build.state, build.message) == (BuildState.FAILED, "Its Dockerfile is empty.")
    assert bench.builder.built == []


async def test_a_builder_that_is_away_is_tried_again(bench: Bench) -> None:
    bench.builder.faults = [ResourceUnavailable("The builder does not answer.")]
    build = await bench.finish(bench.add())
    assert (build.state, build.attempt) == (BuildState.DONE, 2)
    assert bench.builder.built == [build.id, build.id]


async def test_a_service_that_is_killed_begins_again_under_the_same_key(bench: Bench) -> None:
    waiting = asyncio.Event()
    bench.builder.until = waiting
    build = bench.add()
    async with bench.running():
        await until(lambda: bench.find(build).state is BuildState.BUILDING)
    cut_off = bench.find(build)
    assert cut_off.state is BuildState.BUILDING
    waiting.set()
    result = await bench.finish(build)
    assert (result.state, result.attempt, result.key) == (BuildState.DONE, 2, build.key)


async def test_each_attempt_has_a_directory_of_its_own(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = []

    async def check_out(_source: RepositorySource, folder: Path, _settings: object) -> Checkout:
        places.append(folder)
        (folder / "requirements.txt").touch()
        return Checkout(folder)

    monkeypatch.setattr(job, "check_out", check_out)
    bench.builder.until = asyncio.Event()
    build = bench.add()
    async with bench.running():
        await until(lambda: bench.find(build).state is BuildState.BUILDING)
    bench.builder.until.set()
    assert (await bench.finish(build)).state is BuildState.DONE
    # What removes the first one's may still be at work.
    assert len(set(places)) == 2


async def test_a_build_that_goes_on_is_cancelled(bench: Bench) -> None:
    bench.builder.until = asyncio.Event()
    build = bench.add()
    async with bench.running():
        await until(lambda: bench.find(build).state is BuildState.BUILDING)
        result = bench.records.leave(build.id, "alice")
        assert result is not None
        await until(lambda: bench.find(build).state.final)
    assert bench.find(build).state is BuildState.CANCELLED
    assert bench.builder.cleaned == [build.id]
    assert list(bench.folder.iterdir()) == []


async def test_images_that_nobody_used_for_longest_go_first(bench: Bench) -> None:
    bench.options = {"keep": 250}
    builds = [await bench.finish(bench.add(commit)) for commit in "abc"]
    assert bench.builder.removed == [builds[0].image]
    assert [item.id for item in bench.records.done()] == [builds[1].id, builds[2].id]


async def test_a_log_goes_with_its_build(bench: Bench) -> None:
    bench.builder.faults = [BuildFailed("A step failed.")]
    build = await bench.finish(bench.add())
    assert bench.logs.read(build.id, build.attempt) != ""
    bench.records.forget_ended(utc_now())
    assert bench.records.by_key(build.key) is None
    assert bench.logs.read(build.id, build.attempt) == ""


async def test_nothing_is_removed_from_a_registry(bench: Bench) -> None:
    bench.options = {"keep": 1, "registry": "registry.example.org/builds"}
    for commit in "ab":
        await bench.finish(bench.add(commit))
    assert bench.builder.removed == []
