"""The parts that share tasks, with a real database and a hub in memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rosetta_hub.catalogue.catalogue import User, load_catalogue
from rosetta_hub.database.models import Task
from rosetta_hub.ingress.sessions import BrowserSessions
from rosetta_hub.keys import Keys
from rosetta_hub.tasks.events import Broadcaster
from rosetta_hub.tasks.logs import Logs
from rosetta_hub.tasks.manager import TaskManager
from tests.support.catalogues import LOCAL
from tests.support.databases import open_sqlite
from tests.support.starting import start_task

from .fakes import Office, make_office

SOFTWARE = [{"name": "Echo", "image_name": "rosetta/echo", "image_tag": "1"}]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Everything."""
    database, keys = open_sqlite(tmp_path), Keys(tmp_path)
    catalogue = load_catalogue(SOFTWARE, [LOCAL])
    logs = Logs(tmp_path / "logs", 4096)
    tasks = TaskManager(database, catalogue, keys, logs, Broadcaster(), lambda _: None)
    yield make_office(database, tasks, BrowserSessions(database, keys, 12), keys)
    database.close()


@pytest.fixture
def task(office: Office) -> Task:
    """A task of alice's."""
    return start_task(office.tasks, "one", {"software": "echo"}, User("alice"))
