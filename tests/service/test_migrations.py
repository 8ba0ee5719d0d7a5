"""The migrations lead to the models, and a newer database is refused."""

import re
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from rosetta_hub.database.database import Database, migrate
from rosetta_hub.database.models import Base, Task
from rosetta_hub.errors import ConfigError


def test_migrations_lead_to_the_models(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Base.metadata) == []


def test_opening_twice_changes_nothing(tmp_path: Path) -> None:
    for _ in range(2):
        Database(f"sqlite:///{tmp_path}/x.sqlite").close()


def test_owners_of_an_older_database_are_known_as_users(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/x.sqlite")
    migrate(engine, "0004")
    with engine.begin() as connection:
        for user in ("alice", "bob"):
            connection.execute(text(f"INSERT INTO mail_settings VALUES ('{user}', '', 1, 1, 1)"))
        connection.execute(
            text("INSERT INTO identities VALUES ('bob', 'x', 'bob', 'k', 'p', 'works', '', '')")
        )
    migrate(engine)
    with engine.begin() as connection:
        names = connection.scalars(text("SELECT name FROM users ORDER BY name")).all()
    engine.dispose()
    assert names == ["alice", "bob"]


def test_tasks_of_an_older_database_have_no_storages_or_further_interfaces(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.sqlite"
    engine = create_engine(url)
    migrate(engine, "0008")
    values = {
        **{"id": "a1", "user": "alice", "server_name": "one", "name": "One", "family": "echo"},
        **{"options": "{}", "software": "{}", "request": "{}", "warnings": "[]"},
        **{"computing": "local", "engine": "docker", "state": "running", "desired_state": "run"},
        **{"forget": 0, "attempt": 1, "sequence": 1, "message": "", "detail": ""},
        "created": "2026-01-01 00:00:00.000000",
    }
    names = ", ".join(f'"{name}"' for name in values)
    places = ", ".join(f":{name}" for name in values)
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO tasks ({names}) VALUES ({places})"), values)
    engine.dispose()
    database = Database(url)
    with database.session() as session:
        task = session.get(Task, "a1")
    database.close()
    assert task is not None
    assert task.storages == []
    assert (task.interface_states, task.edge_ports) == ([], {})


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.sqlite"
    database = Database(url)
    with database.session() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(ConfigError, match="newer version"):
        Database(url)


def test_a_database_that_is_not_there() -> None:
    url = "postgresql+psycopg://rosetta:secret@127.0.0.1:1/none"
    with pytest.raises(ConfigError) as caught:
        Database(url)
    assert "secret" not in str(caught.value)
    assert "c.Rosetta.db_url" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgres:secret", "is not a URL of SQLAlchemy's"),
        ("postgresql://u:secret@host:port/x", "is not a URL of SQLAlchemy's"),
        ("postgresql+asyncpgg://u:secret@h/x", "can't be opened"),
        ("oracle+oracledb://u:secret@h/x", "needs the Python package 'oracledb'"),
        ("sqlite:////nowhere/at/all.sqlite", "can't be opened"),
    ],
)
def test_a_database_that_cannot_be_used(url: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(expected)) as caught:
        Database(url)
    assert "c.Rosetta.db_url" in str(caught.value)
    assert "secret" not in str(caught.value)


OPEN = """
import sys
from rosetta_hub.database.database import Database
print("ready", flush=True)
sys.stdin.readline()
Database(sys.argv[1]).close()
"""


def test_hub_and_service_may_open_a_new_database_at_once(
    database: Database, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/new.sqlite"
    if database.engine.dialect.name == "postgresql":
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as one:
            one.execute(text("CREATE DATABASE new"))
        url = request.getfixturevalue("postgres_url").replace("/postgres?", "/new?")
    openers = [
        subprocess.Popen([sys.executable, "-c", OPEN, url], stdin=PIPE, stdout=PIPE, stderr=PIPE)
        for _ in range(3)
    ]
    for opener in openers:
        assert opener.stdout is not None
        assert opener.stdout.readline() == b"ready\n"
    for opener in openers:
        assert opener.stdin is not None
        opener.stdin.write(b"\n")
        opener.stdin.flush()
    errors = [opener.communicate(timeout=100)[1].decode() for opener in openers]
    assert [opener.returncode for opener in openers] == [0, 0, 0], errors
