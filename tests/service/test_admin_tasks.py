"""Everybody's tasks, and users, over HTTP: filters, orders and pages by the database."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.database.models import DesiredState, Task, TaskState, utc_now
from tests.support.starting import start_task

from .admin import ROOT, add_root
from .test_administration import audit_records
from .test_api import PREFIX, Site
from .test_api import site as site
from .test_history import add_history, counted_rows
from .test_manager import report

TASKS = "api/v1/admin/tasks"


def start(site: Site, user: str, server: str, **options: Any) -> Task:
    """A queued task."""
    return start_task(site.bench.tasks, server, {"software": "echo", **options}, User(user))


async def listed(site: Site, query: str = "") -> list[str]:
    """Users and names of the tasks of all pages, of two tasks each."""
    values, cursor = [], ""
    while True:
        path = f"{TASKS}?limit=2&{query}"
        status, answer = await site.call(
            "GET", path + (f"&after={cursor}" if cursor else ""), token=ROOT
        )
        assert status == 200, answer
        values += [f"{task['user']} {task['name']}" for task in answer["tasks"]]
        if answer["next"] is None:
            return values
        cursor = answer["next"]


async def test_filters_orders_and_pages(site: Site) -> None:
    add_root(site)
    tasks = site.bench.tasks
    task = start(site, "alice", "one", name="One", cpus=2, memory="4G")
    two = start(site, "bob", "two", name="Two", memory="2G")
    start(site, "Alicia", "three", name="Three", cpus=0.5, computing="cluster")
    tasks.report(task, report("running"))
    tasks.stopped(two)
    start(site, "carol", "four", name="Four", cpus=2)
    for query, expected in (
        ("", ["carol Four", "Alicia Three", "bob Two", "alice One"]),
        ("sort=oldest", ["alice One", "bob Two", "Alicia Three", "carol Four"]),
        ("sort=cpus&state=active&user=a", ["alice One", "carol Four", "Alicia Three"]),
        ("sort=memory&user=o", ["bob Two", "carol Four"]),
        ("user=ALI&sort=oldest", ["alice One", "Alicia Three"]),
        ("state=ended", ["bob Two"]),
        ("state=running", ["alice One"]),
        ("state=queued&sort=user&user=carol", ["carol Four"]),
        ("computing=cluster", ["Alicia Three"]),
        ("software=ech&state=stopped", ["bob Two"]),
        ("software=%25", []),
        ("since=2099-01-01T00:00:00Z", []),
        ("until=2099-01-01T00:00:00Z&state=running", ["alice One"]),
    ):
        result = await listed(site, query)
        # Of equals, the id decides: any order.
        assert (sorted(result) if "cpus" in query else result) == (
            sorted(expected) if "cpus" in query else expected
        ), query
    tasks.request_stop(task)
    assert await listed(site, "state=stopping") == ["alice One"]


@pytest.mark.parametrize(
    "query",
    [
        "after=x",
        "after=WzFd",
        "after=WzEsMl0",
        "after=WyIyMDI2LTAxLTAxVDAwOjAwOjAwIiwiYSJd",
        "sort=user&after=WzEsImEiXQ",
        "sort=name",
        "state=odd",
        "limit=1001",
    ],
)
async def test_a_wrong_page_is_a_message(site: Site, query: str) -> None:
    add_root(site)
    path = f"{TASKS}?{query}".replace('"', "%22")
    status, answer = await site.call("GET", path, token=ROOT)
    assert (status, answer["detail"][-1]) == (422, ".")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("query", ["", "sort=oldest", "state=ended", "user=user1&computing=local"])
async def test_a_page_reads_no_more_rows_than_it_shows(site: Site, query: str) -> None:
    add_root(site)
    database = site.bench.tasks.database
    add_history(database, "local")
    with counted_rows(database) as counts:
        status, answer = await site.call("GET", f"{TASKS}?limit=20&{query}", token=ROOT)
    assert (status, len(answer["tasks"])) == (200, 20)
    # One more tells whether there is another page.
    assert counts["rows"] == 21


async def test_many_tasks_are_stopped_at_once(site: Site) -> None:
    add_root(site)
    running, ended = start(site, "alice", "one"), start(site, "bob", "two")
    site.bench.tasks.stopped(ended)
    ids = [running.id, running.id, ended.id, "f" * 12]
    status, answer = await site.call("POST", f"{TASKS}/stop", {"ids": ids}, token=ROOT)
    assert (status, answer) == (202, {"stopped": [running.id]})
    assert site.bench.tasks.find(running.id).desired_state is DesiredState.STOP
    (record,) = audit_records(site)
    assert (record.event, record.actor, record.task) == ("task.stop", ROOT, running.id)
    for body in ({}, {"ids": ["x"]}, {"ids": ["a" * 12] * 101}):
        assert (await site.call("POST", f"{TASKS}/stop", body, token=ROOT))[0] == 422


async def test_who_uses_what(site: Site) -> None:
    add_root(site)
    for server in ("one", "two"):
        start(site, "alice", server, cpus=1.5, memory="1G")
    start(site, "bob", "one")
    moment = utc_now() + timedelta(minutes=5)
    with site.bench.tasks.database.session() as session:
        session.execute(update(Task).where(Task.user == "bob").values(last_activity=moment))
        session.execute(
            update(Task).where(Task.user == "bob").values(state=TaskState.STOPPED, ended=moment)
        )
    response = await site.fetch("GET", "api/v1/admin/users?limit=1", token=ROOT)
    answer = json.loads(response.body)
    assert answer["total"] == 2
    (alice,) = answer["users"]
    assert alice | {"last_seen": None} == {
        **{"name": "alice", "active": 2, "cpus": 3.0, "memory": 2 << 30, "memory_used": 0},
        **{"tasks": 2, "last_seen": None},
    }
    following = response.headers["Link"].removeprefix(f"<{PREFIX}").partition(">")[0]
    _, answer = await site.call("GET", following, token=ROOT)
    assert answer["next"] is None
    assert (answer["users"][0]["name"], answer["users"][0]["active"]) == ("bob", 0)
    assert datetime.fromisoformat(answer["users"][0]["last_seen"]) == moment
    _, answer = await site.call("GET", "api/v1/admin/users?user=BO", token=ROOT)
    assert [user["name"] for user in answer["users"]] == ["bob"]


async def test_sessions_of_a_user_are_ended(site: Site) -> None:
    add_root(site)
    path = "api/v1/admin/users/alice/sessions/end"
    assert (await site.call("POST", path, {"api_tokens": True}, token=ROOT))[0] == 204
    how = {"actor": ROOT, "api_tokens": True, "address": "127.0.0.1"}
    assert site.ended == [("alice", how)]
    assert (await site.call("POST", path.replace("alice", "eve"), {}, token=ROOT))[0] == 404


async def test_only_administrators_see_and_stop(site: Site) -> None:
    task = start(site, "bob", "one")
    for method, path in (
        ("GET", TASKS),
        ("GET", "api/v1/admin/numbers"),
        ("GET", "api/v1/admin/users"),
        ("POST", f"{TASKS}/stop"),
        ("POST", "api/v1/admin/users/bob/sessions/end"),
    ):
        assert (await site.call(method, path, {"ids": [task.id]}))[0] == 403, path
    assert site.bench.tasks.find(task.id).desired_state is DesiredState.RUN


async def test_numbers_by_day(site: Site) -> None:
    add_root(site)
    assert (await site.call("GET", "api/v1/admin/numbers", token=ROOT))[1] == {"numbers": []}
    assert (await site.call("GET", "api/v1/admin/numbers?days=0", token=ROOT))[0] == 422
