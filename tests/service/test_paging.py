"""Pages of lists: by the database, in flat memory, whatever is added or deleted meanwhile."""

import base64
import json
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy import delete, insert

from rosetta_hub.administration.task_list import TaskFilter, TaskList
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import DesiredState, Task, TaskState
from rosetta_hub.errors import InvalidOptions
from rosetta_hub.tasks.listing import Owners, TaskQuery, read_tasks

from .conftest import Bench

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def task_row(number: int, user: str = "alice", **values: object) -> dict[str, object]:
    """The row of a task; ten tasks were made in the same second."""
    return {
        "id": f"{number:012x}",
        "user": user,
        "server_name": f"server-{number}",
        "name": f"Task {number}",
        "options": {},
        "family": "echo",
        "software": {"name": "Echo"},
        "computing": "local",
        "engine": "docker",
        "state": TaskState.STOPPED,
        "desired_state": DesiredState.STOP,
        "cpus": None,
        "created": NOON + timedelta(seconds=number // 10),
        **values,
    }


def add_tasks(database: Database, *rows: dict[str, object]) -> None:
    with database.session() as session:
        session.execute(insert(Task), list(rows))


def read_all(database: Database, owners: Owners | None, **value: object) -> list[str]:
    """The names of all tasks, page by page."""
    names: list[str] = []
    cursor = None
    while True:
        query = TaskQuery.model_validate({"limit": 7, **value, "after": cursor})
        page = read_tasks(database, query, owners)
        assert len(page.rows) <= 7
        names += [task.name for task in page.rows]
        if page.next is None:
            return names
        cursor = page.next


def test_pages_hold_every_task_once_in_their_order(database: Database) -> None:
    add_tasks(database, *(task_row(number) for number in range(35)))
    assert read_all(database, None) == [f"Task {number}" for number in reversed(range(35))]
    assert read_all(database, None, limit=5)[-1] == "Task 0"


def test_changes_between_two_pages_neither_repeat_nor_hide_a_task(database: Database) -> None:
    add_tasks(database, *(task_row(number) for number in range(20)))
    first = read_tasks(database, TaskQuery(limit=10), None)
    add_tasks(database, task_row(50))
    with database.session() as session:
        # The last one of the page, to which the cursor points.
        session.execute(delete(Task).where(Task.id == first.rows[-1].id))
    second = read_tasks(database, TaskQuery(limit=10, after=first.next), None)
    assert [task.name for task in second.rows] == [f"Task {n}" for n in reversed(range(10))]
    assert second.next is None


def test_ended_tasks_come_in_the_order_of_their_ends(database: Database) -> None:
    ends = {0: 9, 1: 3, 2: 7, 3: 3, 4: None}
    add_tasks(
        database,
        *(
            task_row(number, ended=None if end is None else NOON + timedelta(hours=end))
            for number, end in ends.items()
        ),
        task_row(7, state=TaskState.RUNNING),
    )
    expected = ["Task 0", "Task 2", "Task 3", "Task 1", "Task 4"]
    assert read_all(database, None, state=["ended"], limit=2) == expected


def test_the_database_filters(database: Database) -> None:
    running = {"state": TaskState.RUNNING, "desired_state": DesiredState.RUN}
    add_tasks(
        database,
        task_row(1, "alice", **running),
        task_row(2, "alice", state=TaskState.FAILED, family="casa"),
        task_row(3, "bob", state=TaskState.QUEUED, computing="cluster", name="100 %"),
        task_row(4, "carol", **running, name="Bildschirm Ä"),
    )
    cases: list[tuple[dict[str, object], list[str]]] = [
        ({"state": ["running"]}, ["Bildschirm Ä", "Task 1"]),
        ({"state": ["running", "failed"]}, ["Bildschirm Ä", "Task 2", "Task 1"]),
        ({"state": ["stopping"]}, ["100 %"]),
        ({"state": ["ended"]}, ["Task 2"]),
        ({"software": "casa"}, ["Task 2"]),
        ({"computing": "cluster"}, ["100 %"]),
        ({"user": "alice"}, ["Task 2", "Task 1"]),
        ({"user": ""}, []),
        ({"name": "%"}, ["100 %"]),
        ({"name": "SCHIRM"}, ["Bildschirm Ä"]),
    ]
    for value, expected in cases:
        assert read_all(database, None, **value) == expected, value
    shared: Owners = ({"bob"}, {("alice", "server-1"), ("carol", "server-1")})
    assert read_all(database, shared) == ["100 %", "Task 1"]
    assert read_all(database, shared, user="alice") == ["Task 1"]
    assert read_all(database, (set(), set())) == []


def test_very_many_shared_servers_are_one_query(database: Database) -> None:
    add_tasks(database, *(task_row(number, f"user{number}") for number in range(3)))
    servers = {(f"user{number}", f"server-{number}") for number in range(3000)}
    assert len(read_all(database, (set(), servers))) == 3


@pytest.mark.parametrize("sort", ["newest", "oldest", "user", "cpus", "memory"])
def test_every_order_of_administrators_has_pages(database: Database, sort: str) -> None:
    rows = (
        task_row(n, f"user{n % 3}", cpus=n % 4 / 2 or None, memory=n % 5 << 32 or None)
        for n in range(30)
    )
    add_tasks(database, *rows)
    whole = TaskList(database).page(TaskFilter.model_validate({"sort": sort, "limit": 500}))
    assert whole.next is None
    names, cursor = [], None
    while True:
        query = {"sort": sort, "limit": 4, "after": cursor}
        page = TaskList(database).page(TaskFilter.model_validate(query))
        names += [task.name for task in page.rows]
        if (cursor := page.next) is None:
            break
    assert names == [task.name for task in whole.rows]
    assert len(set(names)) == 30


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "x", "!", "ä", "AAAA", "W1tbW1tb" * 100),
        *(encoded([wrong, "x"]) for wrong in (1, "2026-01-01T00:00:00", None)),
        *(encoded({}), encoded(None), encoded([1])),
        *(encoded(["2026-01-01T00:00:00Z", key]) for key in (1, "\0", "\ud800", None)),
        encoded(["0001-01-01T00:00:00+23:59", "x"]),
    ],
)
def test_a_cursor_of_another_list_is_refused(database: Database, cursor: str) -> None:
    with pytest.raises(InvalidOptions, match="Begin with the first page again"):
        read_tasks(database, TaskQuery(after=cursor), None)


@pytest.mark.parametrize("value", [True, 1 << 70, "text", float("nan"), float("inf"), None])
def test_a_cursor_with_a_number_that_no_database_takes_is_refused(
    database: Database, value: object
) -> None:
    for sort in ("cpus", "memory"):
        query = TaskFilter.model_validate({"sort": sort, "after": encoded([value, "x"])})
        with pytest.raises(InvalidOptions, match="Begin with the first page again"):
            TaskList(database).page(query)


def test_a_moment_beyond_all_years_is_refused() -> None:
    with pytest.raises(ValidationError, match="out of range"):
        TaskFilter.model_validate({"since": "0001-01-01T00:00:00+23:59"})


def test_many_tasks_need_the_memory_of_a_page(bench: Bench) -> None:
    database = bench.tasks.database
    request = {"options": "x" * 10_000}
    add_tasks(database, *(task_row(number, request=request) for number in range(2000)))
    read_tasks(database, TaskQuery(limit=100), None)
    tracemalloc.start()
    try:
        cursor, count = None, 0
        while True:
            page = read_tasks(database, TaskQuery(limit=100, after=cursor), None)
            count += len(page.rows)
            if (cursor := page.next) is None:
                break
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 2000
    # All tasks together have more than 20 MB.
    assert peak < 4 << 20
