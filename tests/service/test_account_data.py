"""What the service stores about a user: taken along, deleted, and never inherited.

Nothing here names a table: a row of each that names users is made out of its columns, so that a
new table can't be forgotten.
"""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Table, insert, select
from sqlalchemy.types import JSON, Boolean, DateTime, Enum, Float, Integer, LargeBinary

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Base, BrowserSession, utc_now
from rosetta_hub.database.models_sharing import TaskShare
from rosetta_hub.errors import Conflict
from rosetta_hub.ingress.edge_publisher import EdgePublisher
from rosetta_hub.reconciler.work_queue import WorkQueue
from rosetta_hub.service.composition import Parts
from rosetta_hub.sharing.records import ShareRecords
from rosetta_hub.users.exports import TABLES
from tests.rights.conftest import close
from tests.support.catalogues import LOCAL
from tests.support.databases import open_sqlite
from tests.support.starting import start_task

FIRST = datetime(2026, 11, 1, tzinfo=UTC)
LATER = datetime(2026, 11, 20, tzinfo=UTC)
SECRET = "S3CRET"
# Columns that hold the name of a user.
OWNERS = ("user", "owner", "actor")
# Records of the audit log outlive users. Names of administrators in what is of the deployment, and
# of who made what belongs to a group, are no data of a user.
OUTLIVE = {"audit"}
# What goes on when a user deletes the rest: sign-ins, and shares, which end at the hub first.
GOES_ON = {"login_links", "user_emails", "passwords", "one_time_tokens", "task_shares"}


def owner_of(table: Table) -> str | None:
    """The column of a table that says whose a row is."""
    return next((name for name in OWNERS if name in table.columns), None)


def owned_tables() -> list[Table]:
    """All tables with such a column."""
    return [table for table in Base.metadata.sorted_tables if owner_of(table)]


def example(column: Column[Any], number: int) -> Any:
    """A value that the column takes."""
    kind = column.type
    if isinstance(kind, Enum):
        # The last one is an end: nothing has to be stopped for the row to be deleted.
        return list(kind.enum_class or [])[-1]
    examples: list[tuple[Any, Any]] = [
        (DateTime, FIRST),
        (Boolean, False),
        (Integer, number),
        (Float, 1.0),
        (LargeBinary, SECRET.encode()),
        (JSON, {}),
    ]
    implementation = getattr(kind, "impl", kind)
    for base, value in examples:
        if isinstance(kind, base) or isinstance(implementation, base):
            return value
    return f"x{number}"


def row_of(table: Table, user: str, task_id: str, number: int) -> dict[str, Any]:
    """A row of the user's, with all columns set."""
    row = {column.name: example(column, number) for column in table.columns}
    row[str(owner_of(table))] = user
    for key in table.foreign_keys:
        other = None if key.parent.nullable else f"x{number}"
        row[key.parent.name] = task_id if key.column.table.name == "tasks" else other
    if "user_created" in row:
        row["user_created"] = FIRST
    if "owner_kind" in row:
        row["owner_kind"] = "user"
    return row


@pytest.fixture
async def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Parts]:
    """The service with alice, of whom there is a row in each table, and bob, the same."""

    async def end_session(self: EdgePublisher, row: BrowserSession) -> None:
        with self._tasks.database.session() as session:
            session.delete(session.merge(row))

    monkeypatch.setattr(EdgePublisher, "end_session", end_session)
    # No task is worked on.
    monkeypatch.setattr(WorkQueue, "add", lambda *_: None)
    open_sqlite(tmp_path).close()
    software = [{"name": "Echo", "image_name": "echo", "image_tag": "1"}]
    result = Parts(
        Rosetta(
            tasks_url="http://127.0.0.1",
            state_dir=str(tmp_path),
            db_url=f"sqlite:///{tmp_path}/rosetta.sqlite",
            software=software,
            computing=[LOCAL],
        )
    )
    for number, user in enumerate(("alice", "bob")):
        await result.users.recognise(user, FIRST)
        fill(result, user, number)
    yield result
    await close(result)


def fill(parts: Parts, user: str, number: int) -> None:
    """A row of the user's in each table; the task has ended, and so has everything else."""
    task = start_task(parts.tasks, "one", {"software": "echo"}, User(user))
    parts.tasks.stopped(parts.tasks.find(task.id))
    with parts.database.session() as session:
        for table in owned_tables():
            if table.name != "tasks":
                session.execute(insert(table), [row_of(table, user, task.id, number)])


def tables_with(parts: Parts, user: str) -> set[str]:
    """The tables in which there is a row of the user's."""
    names = set()
    with parts.database.session() as session:
        for table in owned_tables():
            owned = table.columns[str(owner_of(table))] == user
            if session.execute(select(table).where(owned)).first() is not None:
                names.add(table.name)
    return names


def everything() -> set[str]:
    """All tables that name users."""
    return {table.name for table in owned_tables()}


async def test_who_is_created_anew_inherits_nothing(parts: Parts) -> None:
    assert tables_with(parts, "alice") == everything()
    await parts.users.recognise("alice", LATER)
    assert tables_with(parts, "alice") == OUTLIVE
    assert tables_with(parts, "bob") == everything()


async def test_who_deletes_own_data_goes_on_signing_in(parts: Parts) -> None:
    await parts.users.delete_own("alice")
    assert tables_with(parts, "alice") == OUTLIVE | GOES_ON
    assert tables_with(parts, "bob") == everything()
    # The user is the same one as before.
    fill_again = start_task(parts.tasks, "two", {"software": "echo"}, User("alice"))
    await parts.users.recognise("alice", FIRST)
    assert parts.tasks.find(fill_again.id).user == "alice"


async def test_own_data_with_a_task_that_goes_on(parts: Parts) -> None:
    task = start_task(parts.tasks, "two", {"software": "echo"}, User("alice"))
    with pytest.raises(Conflict, match="'Echo' has not ended"):
        await parts.users.delete_own("alice")
    assert tables_with(parts, "alice") == everything()
    assert not parts.tasks.find(task.id).forget


def test_all_tables_are_in_the_export(parts: Parts) -> None:
    assert everything() <= TABLES.keys()
    document = parts.account.exports.document("alice")
    assert all(document[name] for name in everything())


def test_the_export_is_json_of_that_user_alone_without_secrets(parts: Parts) -> None:
    document = parts.account.exports.document("alice")
    text = json.dumps(document)
    assert SECRET not in text
    assert "bob" not in text
    secret = ("key", "digest", "hash", "password", "token", "context", "environment")
    values = {
        f"{table}.{key}"
        for table, rows in document.items()
        if isinstance(rows, list)
        for row in rows
        for key in row
        if any(word in key.lower() for word in secret)
    }
    # Of images, and the half of a key pair that is no secret.
    assert values == {
        "identities.public_key",
        "tasks.image_digest",
        "tasks.expected_digest",
        "builds.image_digest",
        "user_software.digest",
    }


def test_the_export_holds_what_is_shared_with_the_user(parts: Parts) -> None:
    task = start_task(parts.tasks, "shared", {"software": "echo"}, User("bob"))
    records = ShareRecords(parts.database)
    for kind, name in (("user", "alice"), ("user", "carol"), ("group", "alice")):
        shared = {"owner": "bob", "server_name": "shared", "created_by": "bob", "task_id": task.id}
        records.keep(TaskShare(kind=kind, name=name, created=utc_now(), granted=True, **shared))
    shares = parts.account.exports.document("alice")["task_shares"]
    # The other row is of a share of her own.
    values = [(row["owner"], row["kind"], row["name"]) for row in shares if row["owner"] != "alice"]
    assert (values, len(shares)) == ([("bob", "user", "alice")], 2)


def test_every_hidden_column_exists() -> None:
    for name, exported in TABLES.items():
        columns = set(Base.metadata.tables[name].columns.keys())
        assert {*exported.hidden, *exported.owners} <= columns, name
