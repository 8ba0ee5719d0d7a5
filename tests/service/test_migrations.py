"""The migrations lead to the models, and a database of another version is refused."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, select, text

from rosetta_hub.database import migrations
from rosetta_hub.database.database import FIRST_REVISION, Database, migrate
from rosetta_hub.database.models import Base
from rosetta_hub.database.models_software import SoftwareLogo
from rosetta_hub.errors import ConfigError


def test_migrations_lead_to_the_models(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Base.metadata) == []


def test_software_of_the_first_revision_keeps_its_family(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.sqlite"
    first = create_engine(url)
    migrate(first, FIRST_REVISION)
    columns = "card, media_type, content, digest"
    with first.begin() as connection:
        insert = f"INSERT INTO software_logos ({columns}) VALUES ('tool-1', 'image/png', 'x', 'd')"
        connection.execute(text(insert))
    first.dispose()
    database = Database(url)
    with database.session() as session:
        assert session.scalars(select(SoftwareLogo.family)).all() == ["tool-1"]
    database.close()


def test_opening_twice_changes_nothing(tmp_path: Path) -> None:
    for _ in range(2):
        Database(f"sqlite:///{tmp_path}/x.sqlite").close()


@pytest.mark.parametrize(
    ("revision", "expected"),
    [
        ("9999", "newer version .*revision 9999.* restore a backup"),
        ("0029", "before 0.1.0 .*revision 0029.* Move the database away"),
    ],
)
def test_a_database_of_another_version_is_refused(
    database: Database, revision: str, expected: str
) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    with database.session() as session:
        first = session.scalar(text("SELECT version_num FROM alembic_version"))
        session.execute(text(f"UPDATE alembic_version SET version_num = '{revision}'"))
    with pytest.raises(ConfigError, match=expected):
        Database(url)
    # Other tests have the same PostgreSQL database.
    with database.session() as session:
        session.execute(text(f"UPDATE alembic_version SET version_num = '{first}'"))


def test_migrations_begin_with_the_first_revision() -> None:
    scripts = ScriptDirectory(str(Path(migrations.__path__[0])))
    assert scripts.get_bases() == [FIRST_REVISION]


def test_a_database_that_is_not_there() -> None:
    url = "postgresql+psycopg://rosetta:secret@127.0.0.1:1/none"
    with pytest.raises(ConfigError) as error:
        Database(url)
    assert "secret" not in str(error.value)
    assert "c.Rosetta.db_url" in str(error.value)


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
    with pytest.raises(ConfigError, match=re.escape(expected)) as error:
        Database(url)
    assert "c.Rosetta.db_url" in str(error.value)
    assert "secret" not in str(error.value)


# Three processes, which begin at the same moment.
OPEN = """
import multiprocessing, sys
from rosetta_hub.database.database import Database

def open_database():
    barrier.wait(60)
    Database(sys.argv[1]).close()

context = multiprocessing.get_context("fork")
barrier = context.Barrier(3)
processes = [context.Process(target=open_database) for _ in range(3)]
for process in processes:
    process.start()
for process in processes:
    process.join()
print([process.exitcode for process in processes])
"""


@pytest.mark.system
def test_hub_and_service_may_open_a_new_database_at_once(
    database: Database, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/new.sqlite"
    if database.engine.dialect.name == "postgresql":
        with database.engine.connect().execution_options(
            isolation_level="AUTOCOMMIT"
        ) as connection:
            connection.execute(text("CREATE DATABASE new"))
        url = request.getfixturevalue("postgres_url").replace("/postgres?", "/new?")
    command = [sys.executable, "-c", OPEN, url]
    process = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert process.stdout == "[0, 0, 0]\n", process.stderr
