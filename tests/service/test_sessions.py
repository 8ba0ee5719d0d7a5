"""Browsers that may enter tasks: one session for each login, and not any number of them."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from rosetta_hub.database.models import BrowserSession, Task, utc_now
from rosetta_hub.errors import Conflict
from rosetta_hub.ingress import sessions as module
from rosetta_hub.ingress.sessions import BrowserSessions
from rosetta_hub.keys import Keys, digest
from tests.support.starting import start_task

from .conftest import ALICE, Bench


@pytest.fixture
def sessions(bench: Bench) -> BrowserSessions:
    return BrowserSessions(bench.tasks.database, bench.keys, hours=12)


@pytest.fixture
def task(bench: Bench) -> Task:
    return start_task(bench.tasks, "one", {"software": "echo"}, ALICE)


def test_same_login_gets_the_same_session(
    sessions: BrowserSessions, task: Task, bench: Bench
) -> None:
    first = sessions.start(task, "alice", "token")
    for _ in range(3):
        again = sessions.start(task, "alice", "token")
    assert (again.cookie, first.is_new, again.is_new) == (first.cookie, True, False)
    assert again.expires >= first.expires
    result = sessions.of_task(task)
    assert list(result) == [digest(first.cookie)]
    assert result[digest(first.cookie)].expires == int(again.expires.timestamp())
    with bench.tasks.database.session() as session:
        row = session.get(BrowserSession, digest(first.cookie))
    assert row is not None
    assert bench.keys.database.decrypt(row.token) == b"token"


def test_other_logins_users_tasks_and_attempts_have_their_own(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    cookies = {
        keys.session_cookie("ab", 1, "alice", "token"),
        keys.session_cookie("ab", 1, "alice", "other"),
        keys.session_cookie("ab", 1, "bob", "token"),
        keys.session_cookie("cd", 1, "alice", "token"),
        keys.session_cookie("ab", 2, "alice", "token"),
        keys.session_cookie("ab", 1, "bob alice", "token"),
    }
    assert len(cookies) == 6
    assert all(len(cookie) == 43 for cookie in cookies)
    assert not any("token" in cookie for cookie in cookies)


def test_number_of_logins_has_a_limit(
    sessions: BrowserSessions, task: Task, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_SESSIONS", 3)
    for number in range(3):
        sessions.start(task, "alice", f"token {number}")
    with pytest.raises(Conflict, match=r"from 3 logins within 12 hours.*Go on in a browser"):
        sessions.start(task, "alice", "token 3")
    sessions.start(task, "alice", "token 1")
    sessions.start(task, "bob", "token 3")
    assert len(sessions.by_task()[task.id]) == 4
    with bench.tasks.database.session() as session:
        session.execute(update(BrowserSession).values(expires=utc_now() - timedelta(minutes=1)))
    sessions.start(task, "alice", "token 3")
    assert len(sessions.of_task(task)) == 1
