"""A group that changes: at once for starts, and for tasks that run as the administrator wants."""

import json
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from rosetta_hub.catalogue.catalogue import User, load_catalogue
from rosetta_hub.database.models import DesiredState
from rosetta_hub.errors import HubUnavailable, NotAllowed
from rosetta_hub.hub.client import HubClient
from rosetta_hub.lifetimes.view import view_lifetime
from rosetta_hub.periodic.groups import GroupWatcher
from tests.support.catalogues import LOCAL
from tests.support.starting import start_task

from .conftest import Bench
from .test_api import CREATED
from .test_api import Site as Service
from .test_api import site as site
from .test_idle import Site, end_message
from .test_lifetimes import NOON
from .test_manager import report

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

MEMBER = User("alice", frozenset({"astro", "staff"}))
SOFTWARE: list[dict[str, Any]] = [
    {"name": "Casa", "image_name": "casa", "image_tag": "1", "groups": ["astro"]},
    {"name": "Casa", "image_name": "casa", "image_tag": "2", "groups": ["astro", "staff"]},
    {"name": "Echo", "image_name": "echo"},
]
CLUSTER = LOCAL | {"id": "vega", "name": "Vega", "groups": ["astro"]}
STORAGE: dict[str, Any] = {
    **{"id": "survey", "name": "Survey", "computing": ["local"], "groups": ["astro"]},
    **{"base_path": "/srv/survey", "bind_path": "/survey"},
}


@dataclass
class Hub:
    """Who is in which groups."""

    groups: set[str] = field(default_factory=lambda: set(MEMBER.groups))
    admin: bool = False
    answers: bool = True
    asked: int = 0

    async def members(self) -> dict[str, User]:
        """As the client has them."""
        self.asked += 1
        if not self.answers:
            raise HubUnavailable("no answer")
        return {"alice": User("alice", frozenset(self.groups), self.admin)}


class Groups:
    """A running task of a member, and the watcher of groups beside the enforcer of lifetimes."""

    def __init__(self, bench: Bench, storages: list[dict[str, Any]] | None = None) -> None:
        self.site = Site(bench)
        tasks = self.site.tasks
        tasks.catalogue = load_catalogue(SOFTWARE, [LOCAL, CLUSTER], (), storages or ())
        self.hub = Hub()
        self.watcher = GroupWatcher(
            tasks, cast(HubClient, self.hub), lambda _: tasks.catalogue, self.site.clock
        )
        self.task_id = ""

    def start(self, **options: Any) -> None:
        tasks = self.site.tasks
        task = start_task(tasks, "one", {"software": "casa", "version": "1", **options}, MEMBER)
        tasks.report(task, report("running", interface={"kind": "socket"}))
        self.task_id = task.id
        self.site.change(task.id, started=NOON, last_activity=NOON, last_heartbeat=NOON)
        self.site.use(task.id, 1.0)

    async def run(self, until: float) -> None:
        await self.watcher.step()
        await self.site.run(until)

    @property
    def is_denied(self) -> bool:
        return self.site.task(self.task_id).denied_since is not None


@pytest.fixture
def groups(bench: Bench) -> Groups:
    return Groups(bench)


async def test_a_task_is_stopped_after_a_notice(groups: Groups) -> None:
    groups.start()
    await groups.run(1)
    assert not groups.is_denied
    groups.hub.groups = {"staff"}
    await groups.run(2)
    site = groups.site
    view = view_lifetime(site.task(groups.task_id), site.lifetimes, True, True)
    assert (view.why, view.asks, view.keepable) == ("not_allowed", True, False)
    assert (
        view.message == "Its owner is in no group any more that may use it: ask an administrator."
    )
    assert site.mails() == [("end", "waiting")]
    with pytest.raises(NotAllowed, match="in no group any more"):
        site.tasks.update(site.task(groups.task_id), site.lifetimes.keep)
    await groups.run(10)
    assert not site.is_stopped(groups.task_id)
    await groups.run(13)
    assert site.is_stopped(groups.task_id)
    assert end_message(site, groups.task_id) == (
        "Stopped, because its owner is in no group any more that may use it."
    )


async def test_a_group_that_comes_back_in_time_undoes_it(groups: Groups) -> None:
    groups.start()
    groups.hub.groups = set()
    await groups.run(8)
    assert groups.is_denied
    groups.hub.groups = set(MEMBER.groups)
    await groups.run(30)
    assert not groups.is_denied
    assert groups.site.task(groups.task_id).desired_state is DesiredState.RUN


@pytest.mark.parametrize(
    ("options", "remaining", "denied"),
    [
        ({}, {"staff"}, True),
        ({"version": "2"}, {"staff"}, False),
        ({"version": "2"}, set(), True),
        ({"software": "echo", "version": ""}, set(), False),
        ({"software": "echo", "version": "", "computing": "vega"}, {"staff"}, True),
        ({}, {"astro"}, False),
    ],
)
async def test_what_the_groups_that_are_left_allow_goes_on(
    groups: Groups, options: dict[str, str], remaining: set[str], denied: bool
) -> None:
    groups.start(**{"computing": "local", **options})
    groups.hub.groups = remaining
    await groups.watcher.step()
    assert groups.is_denied is denied


@pytest.mark.parametrize(("without", "denied"), [("", True), ("survey", False)])
async def test_a_storage_of_the_group_counts(bench: Bench, without: str, denied: bool) -> None:
    groups = Groups(bench, [STORAGE])
    groups.start(software="echo", version="", computing="local", without_storages=without)
    groups.hub.groups = {"staff"}
    await groups.watcher.step()
    assert groups.is_denied is denied


async def test_administrators_may_use_everything(groups: Groups) -> None:
    groups.start()
    groups.hub.groups, groups.hub.admin = set(), True
    await groups.watcher.step()
    assert not groups.is_denied


async def test_software_that_is_gone_for_everybody_is_no_reason(groups: Groups) -> None:
    groups.start()
    groups.site.tasks.catalogue = load_catalogue(SOFTWARE[2:], [LOCAL])
    groups.hub.groups = set()
    await groups.watcher.step()
    assert not groups.is_denied


async def test_a_hub_that_does_not_answer_changes_nothing(groups: Groups) -> None:
    groups.start()
    groups.hub.groups = set()
    await groups.watcher.step()
    groups.hub.groups, groups.hub.answers = set(MEMBER.groups), False
    with pytest.raises(HubUnavailable):
        await groups.watcher.step()
    assert groups.is_denied


async def test_without_tasks_of_groups_the_hub_is_not_asked(groups: Groups) -> None:
    await groups.watcher.step()
    assert groups.hub.asked == 0


async def test_a_start_counts_the_groups_of_now(site: Service) -> None:
    """The form was opened, or the task started before, while the user was a member."""
    site.library.platform = load_catalogue(SOFTWARE, [LOCAL])
    key = site.bench.keys.spawner_key

    async def start(*groups: str) -> tuple[int, Any]:
        body = {"groups": groups, "created": CREATED, "options": {"software": "casa"}}
        response = await site.fetch("PUT", "hub/tasks/alice/one", json.dumps(body).encode(), key)
        return response.code, json.loads(response.body)

    assert (await start("astro"))[0] == 201
    site.bench.tasks.stopped(site.bench.tasks.find_server("alice", "one"))
    message = "There is no software 'casa' for you. Choose one of the catalogue."
    status, answer = await start()
    assert (status, answer["detail"]) == (422, message)
    assert site.bench.tasks.find_server("alice", "one").attempt == 1
    status, answer = await site.call("POST", "api/v1/tasks", {"software": "casa"})
    assert (status, answer["detail"]) == (422, message)
