"""What a user's active tasks may have together."""

import re
from pathlib import Path
from typing import Any

import pytest

from rosetta_hub.catalogue.catalogue import User, load_catalogue
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task
from rosetta_hub.errors import ConfigError, InvalidOptions, LimitReached
from rosetta_hub.tasks.manager import TaskManager
from tests.support.catalogues import CLUSTER, LOCAL
from tests.support.starting import start_task

from .conftest import ALICE, SOFTWARE, Bench

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

COMPUTING: list[dict[str, Any]] = [
    LOCAL,
    CLUSTER
    | {"sizes": [{"name": "large", "label": "Large", "cpus": 8, "memory": "8G", "gpus": 2}]},
]
STAFF = User("bob", frozenset({"staff"}))


class Desk:
    """Starts tasks under some limits."""

    def __init__(self, tasks: TaskManager) -> None:
        self.tasks = tasks
        self.count = 0

    def limit(self, *limits: dict[str, Any]) -> None:
        self.tasks.catalogue = load_catalogue(SOFTWARE, COMPUTING, limits)

    def start(self, user: User = ALICE, **options: Any) -> Task:
        self.count += 1
        document = {"software": "echo", "name": f"T{self.count}", **options}
        return start_task(self.tasks, f"t{self.count}", document, user)

    def refusal(self, user: User = ALICE, **options: Any) -> str:
        before = len(self.tasks.active())
        with pytest.raises(LimitReached) as error:
            self.start(user, **options)
        assert len(self.tasks.active()) == before
        return str(error.value)


@pytest.fixture
def desk(bench: Bench) -> Desk:
    return Desk(bench.tasks)


def test_without_limits_there_is_none(desk: Desk) -> None:
    desk.limit()
    for _ in range(30):
        desk.start(cpus=2, memory="4G")


def test_tasks_are_counted_until_they_have_ended(desk: Desk) -> None:
    desk.limit({"tasks": 2})
    first, second = desk.start(), desk.start()
    assert desk.refusal() == (
        "Your tasks may have at most 2 tasks together, and have 2 tasks now; this one asks for"
        " 1 task. Stop one of them first: 'T2', 'T1'."
    )
    desk.tasks.request_stop(first)
    desk.refusal()
    desk.tasks.stopped(desk.tasks.find(first.id))
    desk.tasks.fail(second, "exited")
    desk.start()
    desk.start()
    # Somebody else has not been limited by alice's tasks.
    desk.start(User("carol"))


def test_a_task_that_is_started_again_does_not_count_against_itself(desk: Desk) -> None:
    desk.limit({"tasks": 1})
    task = desk.start()
    desk.tasks.stopped(task)
    again = start_task(desk.tasks, task.server_name, {"software": "echo"}, ALICE)
    assert (again.id, again.attempt) == (task.id, 2)


@pytest.mark.parametrize(
    ("limit", "option", "names"),
    [
        ({"cpus": 4}, {"cpus": 1.5}, "3 CPUs now; this one asks for 1.5 CPUs"),
        ({"memory": "4G"}, {"memory": "1.5G"}, "3 GB of memory now; this one asks for 1.5 GB"),
        ({"gpus": 4}, {"computing": "cluster", "gpus": 2}, "4 GPUs now; this one asks for 2 GPUs"),
    ],
)
def test_amounts_are_added_up(
    desk: Desk, limit: dict[str, Any], option: dict[str, Any], names: str
) -> None:
    desk.limit(limit)
    desk.start(**option)
    desk.start(**option)
    assert names in desk.refusal(**option)


def test_sizes_count_as_what_they_stand_for(desk: Desk) -> None:
    desk.limit({"gpus": 3})
    desk.start(computing="cluster", size="large")
    assert "'T1' (2 GPUs)" in desk.refusal(computing="cluster", size="large")
    desk.start(computing="cluster", gpus=1)


def test_the_largest_tasks_are_named_first_and_not_all(desk: Desk) -> None:
    desk.limit({"cpus": 20})
    for cpus in (1, 2, 3, 4, 5, 4.5):
        desk.start(cpus=cpus)
    message = desk.refusal(cpus=1)
    assert message.endswith(
        "first: 'T5' (5 CPUs), 'T6' (4.5 CPUs), 'T4' (4 CPUs), 'T3' (3 CPUs), 'T2' (2 CPUs),"
        " 1 more."
    )


def test_more_than_the_limit_alone(desk: Desk) -> None:
    desk.limit({"cpus": 4})
    with pytest.raises(InvalidOptions, match="at most 4 CPUs together; this one asks for 8 CPUs"):
        desk.start(cpus=8)


def test_a_limited_amount_has_to_be_named(desk: Desk) -> None:
    desk.limit({"memory": "4G"})
    with pytest.raises(InvalidOptions, match="set the option 'memory'"):
        desk.start()


def test_the_first_entry_that_applies_counts(desk: Desk) -> None:
    desk.limit({"groups": ["staff"], "tasks": 2}, {"users": ["carol"]}, {"tasks": 1})
    desk.start()
    desk.refusal()
    for _ in range(2):
        desk.start(STAFF)
    desk.refusal(STAFF)
    for _ in range(4):
        desk.start(User("carol"))


def test_entries_of_other_resources_count_besides(desk: Desk) -> None:
    desk.limit({"tasks": 3}, {"computing": ["local"], "tasks": 1})
    desk.start()
    assert "Your tasks on This machine may have" in desk.refusal()
    desk.start(computing="cluster")
    desk.start(computing="cluster")
    assert "Your tasks may have" in desk.refusal(computing="cluster")


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ({"computing": ["nowhere"], "tasks": 1}, "names ['nowhere'], which"),
        ({"task": 1}, "unknown key 'task'"),
        ({"cpus": -1}, "key 'cpus'"),
        ({"cpus": "nan"}, "key 'cpus'"),
        ({"memory": "lots"}, "key 'memory'"),
        ({"users": "alice", "tasks": 1}, "key 'users'"),
    ],
)
def test_a_wrong_entry_is_refused(
    tmp_path: Path, limit: dict[str, Any], message: str, database: Any
) -> None:
    settings = Rosetta(computing=COMPUTING, limits=[limit], tasks_url="http://127.0.0.1")
    with pytest.raises(ConfigError, match=re.escape(message)) as error:
        settings.check()
    assert "c.Rosetta.limits entry 1" in str(error.value)
