"""Planned ends of tasks over HTTP: shown, chosen, and put off by those who may."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rosetta_hub.database.models import Task, TaskState, utc_now

from .test_api import ACCESS, Site
from .test_api import site as site
from .test_manager import report

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def idle(site: Site, hours: float) -> Task:
    """A task that runs, and has been idle for so many hours."""
    task = site.start()

    def change(row: Task) -> None:
        row.idle_since = utc_now() - timedelta(hours=hours)

    return site.bench.tasks.update(task, change)


async def test_a_task_tells_when_it_ends_and_is_kept(site: Site) -> None:
    task = idle(site, 1.9)
    status, value = await site.call("GET", f"api/v1/tasks/{task.id}")
    lifetime = value["lifetime"]
    assert (status, lifetime["why"], lifetime["asks"], lifetime["keepable"]) == (
        *(200, "idle", True, True),
    )
    assert (lifetime["idle_timeout"], lifetime["longest"]) == (7200, 43200)
    assert lifetime["message"] == (
        "Nobody uses it, and it computes nothing: after 2 h of that it is stopped."
    )
    status, entry = await site.call("POST", f"api/v1/tasks/{task.id}/keep", {})
    assert (status, entry["asks"]) == (200, False)
    assert datetime.fromisoformat(entry["ends_at"]) > utc_now() + timedelta(hours=1.9)
    assert await site.call("GET", f"api/v1/tasks/{task.id}/lifetime") == (200, entry)
    # So that its idle culler does not stop what was just kept.
    assert site.hub.used == [("alice", "one")]


async def test_a_time_is_chosen_changed_and_taken_back(site: Site) -> None:
    task = site.start()
    path = f"api/v1/tasks/{task.id}/lifetime"
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=5)
    zone = at.astimezone().isoformat()
    status, choice = await site.call("PUT", path, {"stop_at": zone})
    assert (status, choice["why"]) == (200, "stop_at")
    assert datetime.fromisoformat(choice["stop_at"]) == at == site.bench.tasks.find(task.id).stop_at
    _, sooner = await site.call("PUT", path, {"stop_after": "3h"})
    assert datetime.fromisoformat(sooner["ends_at"]) < at
    _, none = await site.call("PUT", path, {"stop_at": None})
    assert (none["stop_at"], none["why"]) == (None, "too_long")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Set either 'stop_at' or 'stop_after'."),
        ({"stop_at": None, "stop_after": "3h"}, "Set either 'stop_at' or 'stop_after'."),
        ({"stop_at": "2020-01-01T00:00:00Z"}, "This time has passed. Choose a later one."),
        ({"stop_at": "2030-01-01T00:00:00"}, "The request does not fit here: look at stop_at."),
        ({"stop_after": "soon"}, "The request does not fit here: look at stop_after."),
        ({"stopat": None}, "The request does not fit here: look at stopat."),
    ],
)
async def test_a_wrong_choice_is_a_message(site: Site, body: Any, message: str) -> None:
    path = f"api/v1/tasks/{site.start().id}/lifetime"
    status, answer = await site.call("PUT", path, body)
    assert (status, answer["detail"]) == (422, message)


async def test_ended_tasks_have_no_time_to_choose(site: Site) -> None:
    task = site.bench.tasks.stopped(site.start())
    assert (await site.call("PUT", f"api/v1/tasks/{task.id}/lifetime", {"stop_after": 60}))[
        0
    ] == 409
    assert (await site.call("POST", f"api/v1/tasks/{task.id}/keep", {}))[0] == 409
    assert (await site.call("GET", f"api/v1/tasks/{task.id}"))[1]["lifetime"]["ends_at"] is None


async def test_guests_and_strangers_choose_nothing(site: Site) -> None:
    """A guest of a share sees when the task ends; its owner decides."""
    task = idle(site, 1.9)
    for token, value in (("bob", 404), ("guest", 200)):
        site.hub.scopes["guest"] = [ACCESS, "access:servers!server=alice/one"]
        status, lifetime = await site.call("GET", f"api/v1/tasks/{task.id}/lifetime", token=token)
        assert status == value
        assert not lifetime.get("keepable")
        path = f"api/v1/tasks/{task.id}/"
        assert (await site.call("POST", f"{path}keep", {}, token))[0] == 404
        assert (await site.call("PUT", f"{path}lifetime", {"stop_after": 60}, token))[0] == 404
    assert site.bench.tasks.find(task.id).kept_until is None


async def test_an_administrator_keeps_a_task_beyond_its_longest_lifetime(site: Site) -> None:
    task = site.start()

    def change(row: Task) -> None:
        row.started = utc_now() - timedelta(hours=11.9)

    site.bench.tasks.update(task, change)
    status, refused = await site.call("POST", f"api/v1/tasks/{task.id}/keep", {})
    assert (status, refused["detail"]) == (
        403,
        "This task may run for 12 h at most. Save your work; you can start the task again. An"
        " administrator can give it more time.",
    )
    site.hub.scopes["root"] = [ACCESS, "servers", "read:servers", "access:servers"]
    site.hub.admins = {"root"}
    status, value = await site.call("POST", f"api/v1/tasks/{task.id}/keep", {}, "root")
    assert status == 200
    assert datetime.fromisoformat(value["ends_at"]) > utc_now() + timedelta(hours=11)


async def test_a_task_that_is_started_again_does_not_keep_the_time_of_before(site: Site) -> None:
    at = (utc_now() + timedelta(hours=1)).isoformat()
    options = {"software": "echo", "stop_at": at}
    _, task = await site.call("POST", "api/v1/tasks", options)
    row = site.bench.tasks.find(task["id"])
    assert row.stop_at is not None
    site.bench.tasks.stopped(row)
    status, again = await site.call("POST", f"api/v1/tasks/{task['id']}/start", {})
    assert (status, again["lifetime"]["stop_at"]) == (201, None)
    assert site.bench.tasks.find(task["id"]).state is TaskState.QUEUED


def run_as_job(site: Site) -> tuple[Task, datetime]:
    """A task that is a job with an hour left, and when it ends."""
    task, ends_at = site.start(), utc_now().replace(microsecond=0) + timedelta(hours=1)

    def change(row: Task) -> None:
        row.job_id, row.ends_at = "4711", ends_at

    return site.bench.tasks.update(task, change), ends_at


async def test_the_job_of_a_task_gets_more_time(site: Site) -> None:
    task, ends_at = run_as_job(site)
    path = f"api/v1/tasks/{task.id}/time"
    status, value = await site.call("POST", path, {"time": "2h"})
    assert (status, site.extended) == (200, [(task.id, 7200)])
    assert datetime.fromisoformat(value["job"]["ends_at"]) == ends_at + timedelta(hours=2)
    # The agent warns of the end that its job had when it began.
    near = report("running", 2, warnings=["time_limit_near"])
    site.bench.tasks.report(site.bench.tasks.find(task.id), near)
    assert site.bench.tasks.find(task.id).warnings == []
    status, refused = await site.call("POST", path, {"time": "10h"})
    assert (status, refused["detail"]) == (
        *(403, "This task may run for 12 h at most. Ask for less time."),
    )
    assert (await site.call("POST", path, {"time": "2h"}, "bob"))[0] == 404
    assert len(site.extended) == 1


async def test_a_scheduler_that_gives_no_more_time_says_why(site: Site) -> None:
    task, ends_at = run_as_job(site)
    site.extend_refusal = "Slurm lets its operators alone give a running job more time."
    status, answer = await site.call("POST", f"api/v1/tasks/{task.id}/time", {"time": "2h"})
    assert (status, answer["detail"]) == (403, site.extend_refusal)
    assert site.bench.tasks.find(task.id).ends_at == ends_at


async def test_without_a_job_there_is_no_limit_to_put_off(site: Site) -> None:
    status, answer = await site.call("POST", f"api/v1/tasks/{site.start().id}/time", {"time": "2h"})
    assert (status, answer["detail"]) == (
        *(409, "This task has no time limit of a scheduler that could be put off."),
    )
