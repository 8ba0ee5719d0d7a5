"""What administrators set: drained resources and announcements, also over HTTP."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from rosetta_hub.administration.announcements import (
    MOST_ANNOUNCEMENTS,
    Announcements,
    AnnouncementText,
)
from rosetta_hub.administration.drains import Drains
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import Task, utc_now
from rosetta_hub.database.models_audit import AuditRecord
from rosetta_hub.errors import Conflict
from rosetta_hub.web.services import Administration
from tests.support.starting import start_task

from .admin import ROOT, add_root
from .conftest import ALICE
from .test_api import CREATED, Site
from .test_api import site as site

DRAIN = "api/v1/admin/computing/local/drain"
# The header of a change, whatever there is.
ANY = {"If-Match": "*"}
REASON = "It takes no new tasks now. New disks until 17:00."


def audit_records(site: Site) -> list[AuditRecord]:
    """All records, oldest first."""
    with site.bench.tasks.database.session() as session:
        return list(session.scalars(select(AuditRecord).order_by(AuditRecord.id)))


def if_match(revision: str) -> dict[str, str]:
    """The header of a change of what somebody has read."""
    return {"If-Match": f'"{revision}"'}


def change(site: Site, task: Task, **columns: object) -> None:
    """Set columns of a task."""

    def set_columns(row: Task) -> None:
        for column, value in columns.items():
            setattr(row, column, value)

    site.bench.tasks.update(task, set_columns)


async def start(site: Site, **options: Any) -> tuple[int, str]:
    """Status and error of a start by the hub's spawner."""
    body = {"created": CREATED, "options": {"software": "echo", **options}}
    status, answer = await site.call(
        "PUT", "hub/tasks/alice/two", body, token=site.bench.keys.spawner_key
    )
    return status, answer.get("detail", "")


# --- drained resources ---------------------------------------------------------------------------


async def test_a_drained_resource_takes_no_tasks(site: Site) -> None:
    add_root(site)
    running = site.start()
    body = {"message": " New disks until 17:00. "}
    status, answer = await site.call("PUT", DRAIN, body, token=ROOT, headers=ANY)
    assert (status, answer["drained"]["by"]) == (200, ROOT)
    status, error = await start(site, computing="local")
    assert status == 422
    assert error == f"Echo can't run on 'local'. {REASON} Computing resources for it: cluster."
    # What runs goes on.
    assert site.bench.tasks.find(running.id).state == "running"
    await site.call("DELETE", DRAIN, token=ROOT, headers=ANY)
    assert await start(site, computing="local") == (201, "")
    changes = [record.detail for record in audit_records(site) if record.event == "computing.drain"]
    assert changes == [
        {"change": "drain", "message": "New disks until 17:00."},
        {"change": "resume"},
    ]


async def read_drain(site: Site) -> dict[str, Any]:
    """How the tab "Computing" shows the resource."""
    _, answer = await site.call("GET", "api/v1/admin/computing", token=ROOT)
    return next(resource for resource in answer["computing"] if resource["id"] == "local")


async def test_a_drain_of_somebody_else_is_not_overwritten(site: Site) -> None:
    add_root(site)
    result = if_match((await read_drain(site))["revision"])
    status, present = await site.call("PUT", DRAIN, {"message": "New disks."}, ROOT, result)
    assert (status, present["revision"]) == (200, (await read_drain(site))["revision"])
    # Another administrator has the resource on the page as it was before.
    for method, body in (("PUT", {"message": "New GPUs."}), ("DELETE", None)):
        status, answer = await site.call(method, DRAIN, body, ROOT, result)
        assert (status, answer["type"]) == (412, "urn:rosetta-hub:problem:changed-meanwhile")
        assert (await site.call(method, DRAIN, body, ROOT))[0] == 428
    assert (await read_drain(site))["drained"]["message"] == "New disks."
    status, resumed = await site.call("DELETE", DRAIN, None, ROOT, if_match(present["revision"]))
    assert (status, if_match(resumed["revision"])) == (200, result)


async def test_a_start_that_names_no_resource_goes_elsewhere_or_says_why(site: Site) -> None:
    add_root(site)
    await site.call("PUT", DRAIN, {"message": "New disks."}, ROOT, ANY)
    assert await start(site) == (201, "")
    assert site.bench.tasks.find_server("alice", "two").computing == "cluster"
    site.bench.tasks.stopped(site.bench.tasks.find_server("alice", "two"))
    await site.call("PUT", "api/v1/admin/computing/cluster/drain", {}, token=ROOT, headers=ANY)
    status, error = await start(site)
    assert status == 422
    assert "It takes no new tasks now. New disks." in error


async def test_an_ended_task_is_not_started_again_there(site: Site) -> None:
    add_root(site)
    task = site.bench.tasks.stopped(site.start())
    await site.call("PUT", DRAIN, {}, token=ROOT, headers=ANY)
    body = {"created": CREATED, "options": {**task.options, "computing": "local"}}
    response = await site.fetch(
        "PUT", "hub/tasks/alice/one", json.dumps(body).encode(), site.bench.keys.spawner_key
    )
    assert (response.code, b"It takes no new tasks now." in response.body) == (422, True)
    assert site.bench.tasks.find(task.id).attempt == 1


async def test_the_form_and_the_dashboard_are_told(site: Site) -> None:
    add_root(site)
    await site.call("PUT", DRAIN, {"message": "New disks until 17:00."}, token=ROOT, headers=ANY)
    _, answer = await site.call(
        "PUT", "hub/software/alice", {"created": CREATED}, token=site.bench.keys.spawner_key
    )
    version = answer["software"][0]["versions"][0]
    assert [resource["id"] for resource in version["computing"]] == ["cluster"]
    assert version["unavailable"] == [
        {"id": "local", "name": "This machine", "reason": REASON, "request": ""}
    ]
    _, answer = await site.call("GET", "api/v1/computing")
    assert {resource["id"]: resource["drained"] for resource in answer["computing"]} == {
        "local": REASON,
        "cluster": None,
    }


def test_a_restart_of_the_service_keeps_it_drained(database: Database) -> None:
    Drains(database).drain("local", "New disks.", ROOT)
    first = Drains(database)
    assert first.reasons == {"local": "It takes no new tasks now. New disks."}
    since = first.find("local")
    again = first.drain("local", "", ROOT)
    assert since is not None
    assert (again.since, Drains(database).reasons) == (
        since.since,
        {"local": "It takes no new tasks now."},
    )
    assert first.resume("local")
    assert not first.resume("local")
    assert Drains(database).reasons == {}


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("api/v1/admin/computing/nowhere/drain", {}, 404),
        (DRAIN, {"message": "x" * 501}, 422),
        (DRAIN, {"text": "x"}, 422),
    ],
)
async def test_a_wrong_drain_is_refused(site: Site, path: str, body: Any, expected: int) -> None:
    add_root(site)
    assert (await site.call("PUT", path, body, token=ROOT))[0] == expected
    assert site.bench.tasks.catalogue.drained == {}


async def test_only_administrators_drain_and_announce(site: Site) -> None:
    for method, path in (
        ("PUT", DRAIN),
        ("DELETE", DRAIN),
        ("GET", "api/v1/admin/computing"),
        ("GET", "api/v1/admin/announcements"),
        ("POST", "api/v1/admin/announcements"),
        ("PUT", "api/v1/admin/announcements/1"),
        ("DELETE", "api/v1/admin/announcements/1"),
    ):
        assert (await site.call(method, path, {"text": "x"}))[0] == 403, path
    assert site.bench.tasks.catalogue.drained == {}
    assert (await site.call("GET", "api/v1/announcements", token=""))[1] == {"announcements": []}


async def test_how_a_resource_does(site: Site) -> None:
    add_root(site)
    tasks = site.bench.tasks
    running = site.start()
    change(site, running, last_heartbeat=utc_now() - timedelta(hours=1))
    queued = start_task(tasks, "q", {"software": "echo", "computing": "cluster"}, ALICE)
    change(site, queued, job_id="7", job_state="PENDING", job_reason="Priority")
    failed = start_task(tasks, "f", {"software": "echo", "computing": "cluster"}, ALICE)
    tasks.fail(failed, "oom")
    for user in ("alice", "bob"):
        queued.user = user
        site.conditions.add(queued, "The cluster does not answer.")
    status, answer = await site.call("GET", "api/v1/admin/computing", token=ROOT)
    assert status == 200
    local, cluster = answer["computing"]
    assert (local["states"], local["unresponsive"], local["errors"]) == ({"running": 1}, 1, [])
    assert (cluster["states"], cluster["waiting_for"]) == ({"queued": 1}, {"Priority": 1})
    (error,) = cluster["errors"]
    assert (error["message"], error["users"]) == ("The cluster does not answer.", ["alice", "bob"])
    assert datetime.fromisoformat(cluster["last_failure"]) <= utc_now()
    assert local["last_failure"] is None
    assert answer["faults"] == {}
    assert answer["kept"] == {"tasks_days": 90, "tasks_per_user": 100, "audit_days": 365}
    tasks.logs.append(running.id, 1, 0, "twelve bytes")
    _, answer = await site.call("GET", "api/v1/admin/computing", token=ROOT)
    assert answer["logs"] == 12
    assert 0 < answer["disk"]["free"] <= answer["disk"]["total"]
    site.edge_answers = False
    _, answer = await site.call("GET", "api/v1/admin/computing", token=ROOT)
    assert answer["faults"] == {"edge": "The edge does not answer."}


# --- announcements -------------------------------------------------------------------------------


async def test_announcements_are_shown_to_everybody_in_their_time(site: Site) -> None:
    add_root(site)
    now = utc_now()
    later, before = (now + timedelta(hours=1)).isoformat(), (now - timedelta(hours=1)).isoformat()
    path = "api/v1/admin/announcements"
    document = {"text": "<b>New</b> disks\ntomorrow", "level": "warning", "dismissable": False}
    status, first = await site.call("POST", path, document, token=ROOT)
    assert status == 201
    _, second = await site.call("POST", path, {"text": "Later", "starts": later}, token=ROOT)
    old = {"text": "Old", "starts": "2026-01-01T00:00:00Z", "ends": before}
    _, third = await site.call("POST", path, old, token=ROOT)
    _, answer = await site.call("GET", "api/v1/announcements", token="")
    assert answer["announcements"] == [{"id": first["id"], "version": first["version"], **document}]
    _, answer = await site.call("GET", path, token=ROOT)
    assert [announcement["text"] for announcement in answer["announcements"]] == [
        "Later",
        document["text"],
        "Old",
    ]
    _, changed = await site.call(
        "PUT",
        f"{path}/{first['id']}",
        {"text": "Done", "ends": later},
        ROOT,
        if_match(first["version"]),
    )
    assert changed["version"] != first["version"]
    _, answer = await site.call("GET", "api/v1/announcements", token="")
    assert [announcement["text"] for announcement in answer["announcements"]] == ["Done"]
    # Another administrator has the first version on the page.
    for method, body in (("PUT", {"text": "Older"}), ("DELETE", None)):
        address = f"{path}/{first['id']}"
        status, answer = await site.call(method, address, body, ROOT, if_match(first["version"]))
        assert (status, answer["type"]) == (412, "urn:rosetta-hub:problem:changed-meanwhile")
        assert (await site.call(method, address, body, ROOT))[0] == 428
    _, answer = await site.call("GET", path, token=ROOT)
    (present,) = [
        announcement
        for announcement in answer["announcements"]
        if announcement["id"] == first["id"]
    ]
    assert present["text"] == "Done"
    await site.call("DELETE", f"{path}/{first['id']}", None, ROOT, if_match(present["version"]))
    assert (await site.call("GET", "api/v1/announcements", token=""))[1] == {"announcements": []}
    assert (await site.call("DELETE", f"{path}/{first['id']}", token=ROOT))[0] == 404
    assert [(record.target, record.detail["change"]) for record in audit_records(site)] == [
        *((str(item["id"]), "add") for item in (first, second, third)),
        *((str(first["id"]), change) for change in ("change", "delete")),
    ]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": "  "},
        {"text": "x" * 2001},
        {"text": "x", "level": "red"},
        {"text": "x", "starts": "2026-01-02T00:00:00Z", "ends": "2026-01-01T00:00:00Z"},
        {"text": "x", "ends": "2026-01-01T00:00:00"},
        {"text": "x", "html": True},
    ],
)
async def test_a_wrong_announcement_is_a_message(site: Site, body: Any) -> None:
    add_root(site)
    status, answer = await site.call("POST", "api/v1/admin/announcements", body, token=ROOT)
    assert (status, answer["detail"][-1]) == (422, ".")


def test_announcements_outlive_the_service_and_are_bounded(database: Database) -> None:
    announcements = Administration(database, 5).announcements
    for number in range(MOST_ANNOUNCEMENTS):
        announcements.add(AnnouncementText(text=str(number)), ROOT)
    with pytest.raises(Conflict, match="Delete old ones"):
        announcements.add(AnnouncementText(text="more"), ROOT)
    assert len(Announcements(database).shown(utc_now())) == MOST_ANNOUNCEMENTS
    assert announcements.shown(datetime(2026, 1, 1, tzinfo=UTC)) == []
