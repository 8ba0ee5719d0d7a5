"""Requests for builds: found again, waited for together, given up by the last."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pytest

from rosetta_hub.builds.builds import Builds, build_key
from rosetta_hub.builds.links import RepositoryLink, parse_link
from rosetta_hub.builds.records import BuildRecords, end, source_of
from rosetta_hub.builds.settings import load_builds
from rosetta_hub.builds.source import RepositorySource
from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_builds import Build, BuildState
from rosetta_hub.database.paging import PageQuery
from rosetta_hub.errors import LimitReached, NotAllowed, NotFound
from rosetta_hub.jobs.events import JobEvents
from rosetta_hub.tasks.logs import Logs
from tests.support.databases import open_sqlite

from .fake_builder import FakeBuilder

ALICE, BOB = User("alice"), User("bob", frozenset({"team"}))
LINK = parse_link("gh", "org/repo/main")
SOURCE = RepositorySource("gh", "https://github.com/org/repo", "a" * 40, "main", "org/repo")


@dataclass
class Bench:
    """Builds whose links mean what `commits` says."""

    builds: Builds
    records: BuildRecords
    builder: FakeBuilder
    commits: dict[str, str]

    async def request(
        self, user: User, again: bool = False, since: datetime | None = None
    ) -> Build:
        return await self.builds.request(user, LINK, again, since)

    def end(self, build: Build, state: BuildState, transient: bool = False) -> None:
        self.records.update(build.id, lambda row: end(row, state, "", transient=transient))

    def finish(self, build: Build) -> None:
        self.builder.images["image"] = 1

        def finish(row: Build) -> None:
            row.image = "image"
            end(row, BuildState.DONE, "")

        self.records.update(build.id, finish)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    database = open_sqlite(tmp_path)
    commits = {"main": "a" * 40}

    async def resolve(link: RepositoryLink, _settings: object) -> RepositorySource:
        return replace(SOURCE, commit=commits[link.ref])

    monkeypatch.setattr("rosetta_hub.builds.builds.resolve", resolve)
    monkeypatch.setattr("rosetta_hub.builds.builds.packs_version", lambda _settings: "1")
    settings = load_builds({"groups": ["team"], "waiting_per_user": 2})
    assert settings is not None
    records, builder = BuildRecords(database, JobEvents()), FakeBuilder()
    logs = Logs(tmp_path / "logs", 4096)
    yield Bench(Builds(settings, records, builder, logs), records, builder, commits)
    database.close()


MEMBERS = [User(f"user{number}", frozenset({"team"})) for number in range(20)]


async def test_twenty_requests_make_one_build(bench: Bench) -> None:
    builds = [await bench.request(user) for user in MEMBERS]
    assert len({build.id for build in builds}) == 1
    view = bench.builds.view(builds[0])
    assert (view.waiting, view.position, view.state) == (20, 1, "queued")
    assert (view.repository, view.commit, view.ref) == ("org/repo", "a" * 40, "main")


async def test_a_request_that_is_sent_again_repeats_no_build(bench: Bench) -> None:
    began = utc_now()
    build = await bench.request(BOB)
    bench.end(build, BuildState.FAILED, transient=True)
    again = await bench.request(BOB, again=True, since=began)
    assert (again.id, again.state) == (build.id, BuildState.FAILED)
    # Somebody else's request, and a later one, begin it again.
    assert (await bench.request(MEMBERS[0], since=began)).state is BuildState.QUEUED
    bench.end(build, BuildState.FAILED)
    later = await bench.request(BOB, again=True, since=utc_now())
    assert later.state is BuildState.QUEUED


async def test_only_members_may_build(bench: Bench) -> None:
    with pytest.raises(NotAllowed):
        await bench.request(ALICE)
    assert bench.builds.may_build(User("root", frozenset(), admin=True))


async def test_only_who_has_asked_sees_it(bench: Bench) -> None:
    build = await bench.request(BOB)
    assert bench.builds.get(build.id, "bob").id == build.id
    assert [row.id for row in bench.builds.page("bob", PageQuery()).rows] == [build.id]
    assert bench.builds.page("alice", PageQuery()).rows == []
    for call in (bench.builds.get, bench.builds.cancel):
        with pytest.raises(NotFound):
            call(build.id, "alice")


async def test_the_last_who_waits_cancels(bench: Bench) -> None:
    build = await bench.request(MEMBERS[0])
    await bench.request(MEMBERS[1])
    bench.records.update(build.id, lambda row: setattr(row, "attempt", 1))
    assert bench.builds.cancel(build.id, MEMBERS[0].name) is None
    assert not bench.records.find(build.id).cancelling
    result = bench.builds.cancel(build.id, MEMBERS[1].name)
    assert result is not None
    assert result.cancelling


async def test_one_that_has_not_begun_is_cancelled_at_once(bench: Bench) -> None:
    build = await bench.request(BOB)
    cancelled = bench.builds.cancel(build.id, "bob")
    assert cancelled is not None
    assert cancelled.state is BuildState.CANCELLED
    # And forgotten the second time; a new request begins it again.
    assert bench.builds.cancel(build.id, "bob") is None
    again = await bench.request(BOB)
    assert (again.id, again.state) == (build.id, BuildState.QUEUED)


async def test_an_image_is_found_again_until_it_is_removed(bench: Bench) -> None:
    build = await bench.request(BOB)
    bench.finish(build)
    answer = await bench.request(MEMBERS[0])
    assert (answer.id, answer.state, bench.builds.view(answer).waiting) == (
        build.id,
        BuildState.DONE,
        0,
    )
    bench.builder.images.clear()
    anew = await bench.request(MEMBERS[0])
    assert (anew.id, anew.state, anew.image) == (build.id, BuildState.QUEUED, "")
    assert bench.builds.view(anew).waiting == 1


async def test_another_commit_or_base_is_another_build(bench: Bench) -> None:
    first = await bench.request(BOB)
    bench.commits["main"] = "b" * 40
    second = await bench.request(BOB)
    bench.finish(first)
    bench.builder.base = "sha256:newer"
    third = await bench.request(BOB)
    assert len({first.id, second.id, third.id}) == 3


async def test_failures_are_kept_unless_their_cause_may_pass(bench: Bench) -> None:
    build = await bench.request(BOB)
    bench.end(build, BuildState.FAILED)
    assert (await bench.request(BOB)).state is BuildState.FAILED
    assert (await bench.request(BOB, again=True)).state is BuildState.QUEUED
    bench.end(build, BuildState.FAILED, transient=True)
    assert (await bench.request(BOB)).state is BuildState.QUEUED


async def test_users_wait_for_so_many_builds(bench: Bench) -> None:
    for commit in "ab":
        bench.commits["main"] = commit * 40
        await bench.request(BOB)
    bench.commits["main"] = "c" * 40
    with pytest.raises(LimitReached, match="2 builds"):
        await bench.request(BOB)


async def test_a_deleted_user_leaves_nothing(bench: Bench) -> None:
    build = await bench.request(BOB)
    bench.records.update(build.id, lambda row: setattr(row, "attempt", 1))
    assert not bench.records.delete_user("bob")
    bench.end(build, BuildState.CANCELLED)
    assert bench.records.delete_user("bob")
    assert bench.builds.page("bob", PageQuery()).rows == []


async def test_the_source_is_kept(bench: Bench) -> None:
    build = await bench.request(BOB)
    assert source_of(bench.records.find(build.id)) == SOURCE


@pytest.mark.parametrize(
    "other",
    [
        build_key(replace(SOURCE, commit="b" * 40), "1", "base", "amd64", None),
        build_key(replace(SOURCE, provider="gl"), "1", "base", "amd64", None),
        build_key(SOURCE, "2", "base", "amd64", None),
        build_key(SOURCE, "1", "newer", "amd64", None),
        build_key(SOURCE, "1", "base", "arm64", None),
        build_key(SOURCE, "1", "base", "amd64", 8000),
    ],
)
def test_the_key_has_everything(other: str) -> None:
    assert build_key(SOURCE, "1", "base", "amd64", None) != other
