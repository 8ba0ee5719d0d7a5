"""Opening the database: engine, migrations, sessions."""

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

import rosetta_hub.database.migrations
from rosetta_hub.errors import ConfigError, DatabaseUnavailable

log = logging.getLogger(__name__)

# Seconds: the service has one thread, and nobody waits longer for a page.
CONNECT_TIMEOUT = 10
STATEMENT_TIMEOUT = 10
# Seconds, for all migrations of a database of years.
MIGRATION_TIMEOUT = 300
# For an UPDATE or DELETE in a session that holds no object of these rows: SQLAlchemy need not look
# for them, which takes longer than the statement.
NO_OBJECTS = {"synchronize_session": False}
# Any number that no other program uses for its locks in this database.
MIGRATION_LOCK = 0x726F7365747461
# The migration that begins with an empty database, and a commit whose migrations lead to it.
FIRST_REVISION = "0030"
FIRST_REVISION_COMMIT = "90e5a19"


class Database:
    """The service's own database, migrated to the present schema when it is opened.

    Sessions are short and synchronous: a step reads or writes a few rows. Objects stay readable
    after their session, as snapshots.

    Raises:
        ConfigError: the database can't be opened, or is of a version that can't be migrated.
    """

    def __init__(self, url: str) -> None:
        text = _shown_url(url)
        try:
            self.engine = _create_engine(url)
            migrate(self.engine)
        except ImportError as error:
            raise ConfigError(
                f"The database c.Rosetta.db_url = {text} needs the Python package {error.name!r},"
                " which is not installed. For PostgreSQL install rosetta-hub[postgresql], and let"
                " the URL begin with 'postgresql+psycopg://'."
            ) from error
        except SQLAlchemyError as error:
            raise ConfigError(
                f"The database c.Rosetta.db_url = {text} can't be opened: {error}"
            ) from error
        except CommandError as error:
            message = _explain_revision(self.engine)
            self.close()
            raise ConfigError(message) from error
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A transaction: committed at the end, rolled back by an exception.

        Raises:
            DatabaseUnavailable: the database does not answer, or its disk is full.
        """
        try:
            with self._sessions.begin() as session:
                yield session
        except (OperationalError, InterfaceError) as error:
            log.warning("the database can't be used: %s", error.orig)
            raise DatabaseUnavailable(
                "The service can't use its database now. Try again in a moment; if that does not"
                " help, tell the administrator."
            ) from error

    def ping(self) -> None:
        """See that the database answers.

        Raises:
            DatabaseUnavailable: it does not.
        """
        with self.session() as session:
            session.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to the revision, the newest one unless named; nothing when it is of it.

    Raises:
        CommandError: there is no migration from the revision that the database has.
    """
    config = Config()
    scripts = Path(rosetta_hub.database.migrations.__path__[0])
    config.set_main_option("script_location", str(scripts))
    with lock_migrations(engine), engine.begin() as connection:
        _lock_postgresql(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def _explain_revision(engine: Engine) -> str:
    """What to do with a database whose revision is none of the migrations."""
    with engine.connect() as connection:
        revision = MigrationContext.configure(connection).get_current_revision() or ""
    if revision < FIRST_REVISION:
        return (
            f"The database is of a version of Rosetta Hub from before 0.1.0 (revision {revision}),"
            f" and migrations begin with {FIRST_REVISION}. Move the database away to begin with an"
            f" empty one. To keep it, start commit {FIRST_REVISION_COMMIT} with it once, which"
            f" brings it to {FIRST_REVISION}."
        )
    return (
        f"The database is of a newer version of Rosetta Hub than this one (revision {revision})."
        " Install that version, or restore a backup from before it."
    )


@contextmanager
def lock_migrations(engine: Engine) -> Iterator[None]:
    """Keep other processes from migrating a SQLite database meanwhile.

    Hub and service open it at once. The lock is a file beside the database, which stays.
    PostgreSQL has locks of its own.

    Raises:
        ConfigError: another process migrates for minutes.
    """
    if engine.url.get_backend_name() != "sqlite" or engine.url.database in (None, "", ":memory:"):
        yield
        return
    path = f"{engine.url.database}.migration-lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        # SQLite says itself, and better, what is wrong with the directory.
        yield
        return
    try:
        _wait_for_lock(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _wait_for_lock(descriptor: int, path: str) -> None:
    end = time.monotonic() + MIGRATION_TIMEOUT
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > end:
                raise ConfigError(
                    f"Another process has held {path} for {MIGRATION_TIMEOUT} s: the database is"
                    " being migrated. Start again when that is over."
                ) from error
            time.sleep(0.05)
        else:
            return


def _lock_postgresql(connection: Connection) -> None:
    """Wait for other migrations, until the end of the transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL statement_timeout = {MIGRATION_TIMEOUT * 1000}"))
        connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))


def _shown_url(url: str) -> str:
    """The URL without its password.

    Raises:
        ConfigError: it is none.
    """
    try:
        return make_url(url).render_as_string(hide_password=True)
    except (ArgumentError, ValueError) as error:
        # Not shown: it may hold a password.
        raise ConfigError(
            "c.Rosetta.db_url is not a URL of SQLAlchemy's, such as"
            " 'postgresql+psycopg://rosetta@/rosetta?host=/run/postgresql'."
        ) from error


def _create_engine(url: str) -> Engine:
    backend = make_url(url).get_backend_name()
    if backend == "sqlite":
        engine = create_engine(url, connect_args={"timeout": CONNECT_TIMEOUT})
        event.listen(engine, "connect", _prepare_sqlite)
        return engine
    options: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT}
    if backend == "postgresql":
        options["options"] = f"-c statement_timeout={STATEMENT_TIMEOUT * 1000}"
    return create_engine(url, pool_pre_ping=True, connect_args=options)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    # WAL: a kill in the middle of a write loses at most that write, and readers never wait.
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
