"""The audit log of the Admin page over HTTP, and who may ask for anything of administrators."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from rosetta_hub.audit.log import AuditEvent, AuditLog
from rosetta_hub.audit.queries import BATCH
from rosetta_hub.config import Rosetta
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_audit import AuditRecord
from rosetta_hub.periodic.retention import AuditRetention

from .admin import ROOT, add_root, narrow
from .test_api import Site
from .test_api import site as site

TASK = "0123456789ab"


def fill(database: Database, count: int = 3) -> None:
    """Starts by alice, and a stop by root."""
    audit = AuditLog(database)
    for _ in range(count):
        audit.record(AuditEvent.TASK_START, "alice", user="alice", task="a" * 12)
    audit.record(AuditEvent.TASK_STOP, ROOT, user="alice", task=TASK, address="192.0.2.1")


def events(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(record["event"], record["actor"]) for record in answer["records"]]


async def test_records_with_filters_and_pages(site: Site) -> None:
    add_root(site)
    fill(site.bench.tasks.database)
    status, answer = await site.call("GET", "api/v1/admin/audit?limit=3", token=ROOT)
    assert status == 200
    assert events(answer) == [("task.stop", ROOT), *[("task.start", "alice")] * 2]
    rest = f"api/v1/admin/audit?limit=3&after={answer['next']}"
    status, answer = await site.call("GET", rest, token=ROOT)
    assert (events(answer), answer["next"]) == ([("task.start", "alice")], None)
    for query, count in (
        ("event=task", 4),
        ("event=task.stop", 1),
        ("event=tas", 0),
        ("actor=alice", 3),
        ("user=alice", 4),
        (f"user={ROOT}", 1),
        (f"task={TASK}", 1),
        ("until=2026-01-01T00:00:00Z", 0),
        ("since=2026-01-01T00:00:00Z&event=task.start&actor=", 3),
    ):
        _, answer = await site.call("GET", f"api/v1/admin/audit?{query}", token=ROOT)
        assert len(answer["records"]) == count, query


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=9999", "after=x", "since=yesterday", "what=1", "event=a&event=b"],
)
async def test_a_wrong_query_is_a_message(site: Site, query: str) -> None:
    add_root(site)
    status, answer = await site.call("GET", f"api/v1/admin/audit?{query}", token=ROOT)
    assert (status, answer["detail"][-1]) == (422, ".")


async def test_the_export_has_all_that_the_filters_take(site: Site) -> None:
    add_root(site)
    fill(site.bench.tasks.database, BATCH + 1)
    response = await site.fetch("GET", "api/v1/admin/audit/export?event=task.start", token=ROOT)
    assert response.code == 200
    assert response.headers["Content-Type"] == "application/x-ndjson"
    assert "attachment" in response.headers["Content-Disposition"]
    records = [json.loads(line) for line in response.body.decode().splitlines()]
    assert [item["event"] for item in records] == ["task.start"] * (BATCH + 1)
    assert [item["id"] for item in records] == sorted(item["id"] for item in records)
    _, answer = await site.call("GET", "api/v1/admin/audit?limit=1", token=ROOT)
    (record,) = answer["records"]
    assert (record["event"], record["detail"]) == ("audit.export", {"event": "task.start"})
    assert record["address"] == "127.0.0.1"


async def test_who_is_no_administrator_is_refused_and_written_down(site: Site) -> None:
    add_root(site)
    for token in ("alice", narrow(site, "access:servers", "servers!user=root")):
        for path in ("api/v1/admin/audit", "api/v1/admin/audit/export", "admin"):
            response = await site.fetch("GET", path, token=token)
            assert response.code == 403, path
            assert "task.start" not in response.body.decode()
    with site.bench.tasks.database.session() as session:
        rows = list(session.scalars(select(AuditRecord)))
    # Each once a minute: nobody fills the log with them.
    assert [(row.event, row.actor) for row in rows] == [
        ("admin.refused", "alice"),
        ("admin.refused", ROOT),
    ]
    assert {item.target for item in rows} == {"/services/rosetta/api/v1/admin/audit"}


async def test_who_is_none_any_more_is_refused_at_once(site: Site) -> None:
    """The hub's answers are kept for half a minute elsewhere."""
    add_root(site)
    assert (await site.fetch("GET", "api/v1/admin/audit", token=ROOT)).code == 200
    site.hub.admins.discard(ROOT)
    assert (await site.fetch("GET", "api/v1/admin/audit", token=ROOT)).code == 403
    site.hub.admins.add(ROOT)
    assert (await site.fetch("GET", "api/v1/admin/audit", token=ROOT)).code == 200
    scopes = site.hub.scopes.pop(ROOT)
    response = await site.fetch("GET", "api/v1/admin/audit", token=ROOT)
    assert (response.code, b"Log in" in response.body) == (403, True)
    site.hub.scopes[ROOT] = scopes


async def test_nothing_is_answered_where_the_hub_does_not_answer(site: Site) -> None:
    add_root(site)
    assert (await site.fetch("GET", "api/v1/admin/audit", token=ROOT)).code == 200
    site.hub.is_silent = True
    response = await site.fetch("GET", "api/v1/admin/audit", token=ROOT)
    assert (response.code, b"Try again" in response.body) == (503, True)
    # Elsewhere, the hub's last answer counts for half a minute.
    assert (await site.fetch("GET", "api/v1/tasks", token=ROOT)).code == 200


async def test_records_end_when_they_are_old(database: Database) -> None:
    fill(database, BATCH)
    with database.session() as session:
        session.execute(
            update(AuditRecord)
            .where(AuditRecord.event == "task.start")
            .values(time=utc_now() - timedelta(days=40))
        )
    await AuditRetention(database, Rosetta(audit_days=0)).step()
    await AuditRetention(database, Rosetta(audit_days=41)).step()
    with database.session() as session:
        assert len(list(session.scalars(select(AuditRecord.id)))) == BATCH + 1
    await AuditRetention(database, Rosetta(audit_days=30)).step()
    with database.session() as session:
        assert list(session.scalars(select(AuditRecord.event))) == ["task.stop"]
