"""The audit log: what is written down, and that it is written down or not with what it is about."""

import json
import logging

import pytest
from sqlalchemy import select

from rosetta_hub.audit.log import SERVICE, AuditEvent, AuditLog
from rosetta_hub.database.database import Database
from rosetta_hub.database.models_audit import AuditRecord


def records(database: Database) -> list[AuditRecord]:
    """All records, oldest first."""
    with database.session() as session:
        return list(session.scalars(select(AuditRecord).order_by(AuditRecord.id)))


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    """What was logged for sites that collect logs."""
    return [
        json.loads(record.getMessage())
        for record in caplog.records
        if record.name == "rosetta.audit"
    ]


def test_a_record_is_a_row_and_a_line(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    audit = AuditLog(database)
    audit.record(
        AuditEvent.TASK_STOP,
        "root",
        user="alice",
        task="0123456789ab",
        address="192.0.2.1",
        detail={"state": "running"},
    )
    audit.record(AuditEvent.TASK_DELETE, SERVICE, task="0123456789ab")
    first, second = records(database)
    assert (first.event, first.actor, first.user, first.address) == (
        *("task.stop", "root", "alice", "192.0.2.1"),
    )
    assert second.id > first.id
    assert second.time >= first.time
    document = {"event": "task.stop", "actor": "root", "user": "alice", "task": "0123456789ab"}
    document |= {"address": "192.0.2.1"}
    line, last = lines(caplog)
    assert line == {
        "id": first.id,
        "time": first.time.isoformat(),
        **document,
        "detail": first.detail,
    }
    assert sorted(last) == ["actor", "event", "id", "task", "time"]


def test_a_record_shares_the_fate_of_its_transaction(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    audit = AuditLog(database)

    def fail() -> None:
        with database.session() as session:
            audit.record(AuditEvent.KEY_CHANGE, "alice", session=session)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert (records(database), lines(caplog)) == ([], [])
    with database.session() as session:
        audit.record(AuditEvent.KEY_CHANGE, "alice", session=session)
        audit.record(AuditEvent.KEY_CHANGE, "bob", session=session)
        assert lines(caplog) == []
    assert [record.actor for record in records(database)] == ["alice", "bob"]
    assert [line["actor"] for line in lines(caplog)] == ["alice", "bob"]


def test_names_from_elsewhere_fit_their_columns(database: Database) -> None:
    """An attempt to sign in under an absurd name is recorded, too."""
    AuditLog(database).record(AuditEvent.LOGIN_REFUSED, "a\0\n" * 400, target="x" * 4000)
    (record,) = records(database)
    assert len(record.actor) == len(str(record.target)) == 255
    assert "\0" not in record.actor


def test_events_fit_their_column() -> None:
    assert max(len(event) for event in AuditEvent) <= 40
