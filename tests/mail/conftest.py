"""A task manager that queues mails, and a mail server that takes them."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.config import Rosetta
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import Task
from rosetta_hub.database.models_mail import Mail, MailState
from rosetta_hub.mail import queue
from rosetta_hub.mail.notifier import Notifier
from rosetta_hub.mail.sender import MailSender
from rosetta_hub.tasks.events import Broadcaster
from rosetta_hub.tasks.logs import Logs
from rosetta_hub.tasks.manager import TaskManager
from rosetta_hub.tasks.report import Report
from tests.support.catalogues import LOCAL
from tests.support.certificates import make_pem
from tests.support.databases import open_sqlite
from tests.support.starting import start_task

from .server import PASSWORD, USER, Mailbox, serve


@dataclass
class Post:
    """The service's side of the mails."""

    settings: Rosetta
    database: Database
    tasks: TaskManager
    sender: MailSender

    def start(self, name: str = "one", user: str = "alice", **options: Any) -> Task:
        """A queued task."""
        return start_task(self.tasks, name, {"software": "echo", **options}, User(user))

    def run(self, task: Task) -> Task:
        """Its agent reports that it runs."""
        interface = {"kind": "socket"}
        running = {"sequence": task.sequence + 1, "state": "running", "interface": interface}
        self.tasks.report(task, Report.model_validate(running))
        return self.tasks.find(task.id)

    def mails(self) -> list[tuple[str, str]]:
        """Kind and state of all mails in the queue, oldest first."""
        with self.database.session() as session:
            rows = session.query(Mail).order_by(Mail.created)
            return [(row.kind.value, row.state.value) for row in rows]

    def mark(self, state: MailState, **changes: Any) -> None:
        """Change all mails."""
        with self.database.session() as session:
            for row in session.query(Mail):
                row.state = state
                for name, value in changes.items():
                    setattr(row, name, value)

    def restart(self) -> None:
        """A new service on the same database."""
        self.sender = MailSender(self.database, self.settings)


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The mail server's certificate, which this machine trusts."""
    path = make_pem(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return path


@pytest.fixture
async def mailbox() -> Mailbox:
    """What arrives."""
    return Mailbox()


@pytest.fixture
async def port(mailbox: Mailbox, certificate: Path) -> AsyncIterator[int]:
    """Where a mail server with STARTTLS and AUTH listens."""
    async with serve(mailbox, certificate) as server:
        yield server


@pytest.fixture
def settings(tmp_path: Path) -> Rosetta:
    """Mails at once, to a server that a test may start."""
    password = tmp_path / "password"
    password.write_text(f"{PASSWORD}\n")
    return Rosetta(
        software=[{"name": "Echo", "image_name": "rosetta/echo"}],
        computing=[LOCAL],
        tasks_url="http://127.0.0.1",
        state_dir=str(tmp_path / "state"),
        smtp_host="127.0.0.1",
        smtp_user=USER,
        smtp_password_file=str(password),
        mail_from="Our hub <hub@example.org>",
        mail_domain="users.example.org",
        mail_after=0,
    )


@pytest.fixture
def offline(settings: Rosetta, monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    """The service without a mail server; nothing waits longer than it must."""
    monkeypatch.setattr(queue, "FIRST_WAIT", timedelta(0))
    keys = settings.keys()
    database = open_sqlite(settings.state_path)
    tasks = TaskManager(
        database,
        settings.catalogue(),
        keys,
        Logs(settings.state_path / "logs", 4096),
        Broadcaster(),
        lambda _id: None,
        Notifier(settings).watch,
    )
    yield Post(settings, database, tasks, MailSender(database, settings))
    database.close()


@pytest.fixture
def post(offline: Post, port: int) -> Post:
    """The service, with a mail server."""
    offline.settings.smtp_port = port
    return offline
