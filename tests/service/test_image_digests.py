"""Which image a task ran, and how it is started again."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from rosetta_hub.catalogue.catalogue import load_catalogue
from rosetta_hub.catalogue.options import TaskSpec, parse_options, resolve_options
from rosetta_hub.catalogue.registries import Registries
from rosetta_hub.database.models import Task
from rosetta_hub.errors import HubUnavailable, InvalidOptions
from rosetta_hub.reconciler import image_pins
from rosetta_hub.reconciler.image_pins import ImagePins
from rosetta_hub.registries.client import RegistryClient
from rosetta_hub.registries.references import Reference
from rosetta_hub.tasks.report import parse_report
from rosetta_hub.tasks.state_messages import warning_messages
from tests.registries.fake_registry import FakeRegistry, _Handler
from tests.support.catalogues import LOCAL
from tests.support.starting import start_task

from .conftest import ALICE, Bench
from .test_api import CREATED, Site, site

__all__ = ["site"]

FIRST, SECOND, OTHER = (f"sha256:{digit * 64}" for digit in "123")


def report(state: str = "running", sequence: int = 1, **fields: Any) -> Any:
    return parse_report(json.dumps({"state": state, "sequence": sequence, **fields}).encode())


# --- what the agent reports -----------------------------------------------------------------------


def test_the_image_that_runs_is_kept(bench: Bench) -> None:
    task = start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    bench.tasks.report(task, report(image_digests=[FIRST, SECOND]))
    assert bench.tasks.find(task.id).image_digest == FIRST
    # An agent that has adopted a container does not know it.
    bench.tasks.report(task, report(sequence=2))
    assert bench.tasks.find(task.id).image_digest == FIRST
    # Nor does an agent of an older version tell it; and none tells nonsense.
    several: list[Any] = ["x", [1, "sha256:1", None], {}, [FIRST * 2]]
    for nonsense in several:
        bench.tasks.report(task, report(sequence=3, image_digests=nonsense))
    assert bench.tasks.find(task.id).image_digest == FIRST


def test_another_attempt_begins_without_one(bench: Bench) -> None:
    task = start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    bench.tasks.report(task, report("failed", image_digests=[FIRST], reason="exited"))
    task = start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    assert (task.attempt, task.image_digest) == (2, None)


@pytest.mark.parametrize(
    ("expected", "moved"),
    [(None, False), (FIRST, False), (SECOND, False), (OTHER, True)],
)
def test_a_tag_that_has_moved_is_told(bench: Bench, expected: str | None, moved: bool) -> None:
    task = start_task(bench.tasks, "one", {"software": "echo"}, ALICE)

    def look_up(row: Task) -> None:
        row.expected_digest = expected

    task = bench.tasks.update(task, look_up)
    bench.tasks.report(task, report(image_digests=[FIRST, SECOND]))
    bench.tasks.report(task, report(sequence=2))
    result = warning_messages(bench.tasks.find(task.id))
    assert any("names another image now" in text for text in result) is moved


# --- the option -----------------------------------------------------------------------------------


def resolve(entry: dict[str, Any], **options: Any) -> TaskSpec:
    software = {"id": "app", "name": "App", "image_name": "org/app", "image_tag": "1", **entry}
    catalogue = load_catalogue([software], [LOCAL])
    return resolve_options(parse_options({"software": "app", **options}), catalogue, ALICE)


def test_a_digest_is_run_exactly() -> None:
    spec = resolve({"registry": "ghcr.io"}, digest=FIRST)
    assert spec.software.image == f"ghcr.io/org/app@{FIRST}"
    assert spec.software.image_tag == "1"
    assert resolve({"image_digest": FIRST}, digest=FIRST).software.image_digest == FIRST


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"image_digest": SECOND}, "runs the image sha256:2+ alone"),
        ({"add_capabilities": ["SYS_PTRACE"]}, "version 1 alone"),
        ({"new_privileges": True}, "version 1 alone"),
        ({"container_user": "root"}, "version 1 alone"),
    ],
)
def test_what_the_administrator_gave_to_one_image_is_not_anothers(
    entry: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidOptions, match=message):
        resolve(entry, digest=FIRST)


def test_a_file_has_no_digest() -> None:
    computing = {**LOCAL, "container_engines": ["singularity"]}
    catalogue = load_catalogue([{"name": "App", "image_name": "/images/app.sif"}], [computing])
    with pytest.raises(InvalidOptions, match="has no digest"):
        resolve_options(parse_options({"software": "app", "digest": FIRST}), catalogue, ALICE)


@pytest.mark.parametrize("digest", ["x", "sha256:1", FIRST.upper(), f"{FIRST} --privileged"])
def test_what_is_no_digest_is_refused(digest: str) -> None:
    with pytest.raises(InvalidOptions, match="'digest'"):
        parse_options({"software": "app", "digest": digest})


# --- starting again -------------------------------------------------------------------------------


async def test_a_task_is_started_again_with_the_image_that_it_ran(site: Site) -> None:
    task, tasks = site.start(), site.bench.tasks
    tasks.report(task, report("running", 2, image_digests=[FIRST]))
    tasks.report(task, report("stopped", 3))
    status, view = await site.call("POST", f"api/v1/tasks/{task.id}/start", {"exact": True})
    assert (status, view["exact"], view["image"]) == (201, True, f"rosetta/echo@{FIRST}")
    task = tasks.find(task.id)
    assert (task.options["digest"], task.software["image_digest"]) == (FIRST, FIRST)
    # As it was, which is exactly.
    tasks.stopped(task)
    _, view = await site.call("POST", f"api/v1/tasks/{task.id}/start")
    assert (view["exact"], view["attempt"]) == (True, 3)
    tasks.stopped(tasks.find(task.id))
    _, view = await site.call("POST", f"api/v1/tasks/{task.id}/start", {"exact": False})
    assert (view["exact"], view["image"]) == (False, "rosetta/echo:1")


async def test_an_unknown_image_is_not_started_again(site: Site) -> None:
    task = site.start()
    site.bench.tasks.stopped(task)
    status, answer = await site.call("POST", f"api/v1/tasks/{task.id}/start", {"exact": True})
    assert (status, "Nobody knows which image" in answer["detail"]) == (422, True)
    status, _ = await site.call("POST", f"api/v1/tasks/{task.id}/start", {"exact": "so"})
    assert status == 422


# --- before the start -----------------------------------------------------------------------------


@pytest.fixture
async def registry() -> AsyncIterator[FakeRegistry]:
    registry = FakeRegistry()
    server = registry.listen()
    yield registry
    server.stop()
    await server.close_all_connections()


def pins_of(bench: Bench, client: RegistryClient) -> ImagePins:
    """Pins that ask with the account of the task's user."""

    async def find(user: str, reference: Reference) -> str:
        assert user == "alice"
        return await client.digest(reference)

    return ImagePins(bench.tasks, find)


def start_sif(bench: Bench, source: FakeRegistry, **entry: Any) -> Task:
    """A task of Singularity, of the registry's image `org/app:1.2`."""
    software = {"id": "app", "name": "App", "registry": source.host, "image_name": "org/app"}
    computing = {**LOCAL, "container_engines": ["singularity"]}
    bench.tasks.catalogue = load_catalogue([{**software, "image_tag": "1.2", **entry}], [computing])
    return start_task(bench.tasks, "one", {"software": "app"}, ALICE)


async def test_singularity_is_given_the_digest_of_the_tag(
    bench: Bench, registry: FakeRegistry
) -> None:
    digest = registry.image()
    pins = pins_of(bench, registry.client())
    task = await pins.pin(start_sif(bench, registry))
    assert (task.image_digest, task.software["image_digest"]) == (digest, digest)
    assert bench.tasks.find(task.id).image_digest == digest
    assert registry.paths() == ["HEAD /v2/org/app/manifests/1.2"]
    await pins.pin(task)
    assert registry.paths() == []


@pytest.mark.parametrize(
    "entry", [{"pull": "never"}, {"image_digest": FIRST}, {"registry": "", "image_name": "/a.sif"}]
)
async def test_what_is_not_pulled_by_tag_is_not_asked_about(
    bench: Bench, registry: FakeRegistry, entry: dict[str, Any]
) -> None:
    task = start_sif(bench, registry, **entry)
    pinned = await pins_of(bench, registry.client()).pin(task)
    assert pinned.software == task.software
    assert registry.paths() == []


async def test_a_slow_registry_holds_nobody_up_twice(
    bench: Bench, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_pins, "TIMEOUT", 2)
    go_on = asyncio.Event()

    async def slow(_handler: _Handler) -> None:
        await go_on.wait()

    registry.answers["/v2/"] = slow
    pins = pins_of(bench, registry.client())
    task = start_sif(bench, registry)
    for _ in range(2):
        assert (await pins.pin(task)).software["image_digest"] is None
    assert len(registry.requests) == 1
    go_on.set()


async def test_a_registry_that_may_not_be_asked_holds_nobody_up(
    bench: Bench, registry: FakeRegistry
) -> None:
    registry.image()
    pins = pins_of(bench, RegistryClient(Registries()))
    task = await pins.pin(start_sif(bench, registry))
    assert task.software["image_digest"] is None
    assert registry.paths() == []


async def test_a_hub_that_does_not_answer_holds_nobody_up(
    bench: Bench, registry: FakeRegistry
) -> None:
    async def unavailable(_user: str, _reference: Reference) -> str:
        raise HubUnavailable("no answer")

    task = await ImagePins(bench.tasks, unavailable).pin(start_sif(bench, registry))
    assert task.software["image_digest"] is None


# --- between look-up and start --------------------------------------------------------------------


async def start_own(site: Site, options: dict[str, Any]) -> None:
    """Start software of alice's, as the hub's spawner does."""
    body = {"created": CREATED, "options": options}
    key = site.bench.keys.spawner_key
    status, answer = await site.call("PUT", "hub/tasks/alice/one", body, key)
    assert status == 201, answer


async def test_a_tag_that_moves_after_the_lookup_is_told_on_the_tasks_page(site: Site) -> None:
    entry = {"name": "App", "registry": "ghcr.io", "image_name": "org/app", "digest": FIRST}
    status, version = await site.call("POST", "api/v1/software", entry)
    assert status == 201
    await start_own(site, {"software": version["family"]})
    task = site.bench.tasks.find_server("alice", "one")
    assert (task.expected_digest, task.image_digest) == (FIRST, None)
    site.bench.tasks.report(task, report(image_digests=[SECOND]))
    _, view = await site.call("GET", f"api/v1/tasks/{task.id}")
    assert view["image_digest"] == SECOND
    assert any("names another image now" in text for text in view["warnings"])
    # Exactly the one that ran is no surprise.
    site.bench.tasks.stopped(task)
    await start_own(site, {"software": version["family"], "digest": SECOND})
    task = site.bench.tasks.find_server("alice", "one")
    assert (task.software["image_digest"], task.expected_digest) == (SECOND, None)
