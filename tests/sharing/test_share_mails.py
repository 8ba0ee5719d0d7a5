"""Mails to users with whom a task is shared: to whom, how often, and what they say."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.database.models import Task, utc_now
from rosetta_hub.database.models_mail import AccountMail
from rosetta_hub.database.models_user import UserPreferences
from rosetta_hub.errors import HubUnavailable
from rosetta_hub.mail.preferences import Preferences, write_preferences
from rosetta_hub.mail.writers import AccountMailWriter
from rosetta_hub.sharing.share_mails import MOST
from rosetta_hub.tasks.principal import Principal
from tests.support.starting import start_task

from .fakes import SETTINGS, Office


def queued(office: Office) -> list[AccountMail]:
    with office.tasks.database.session() as session:
        return list(session.scalars(select(AccountMail).order_by(AccountMail.created)))


def change(office: Office, work: Callable[[Session], object]) -> None:
    with office.tasks.database.session() as session:
        work(session)


async def test_a_user_gets_a_mail_with_the_tasks_page(office: Office, task: Task) -> None:
    zone = UserPreferences(user="bob", time_zone="Europe/Berlin")
    change(office, lambda session: session.merge(zone))
    until = datetime(2099, 7, 1, 22, 30, tzinfo=UTC)
    await office.sharing.share_with_user(task, "bob", "alice", until)
    [row] = queued(office)
    assert (row.user, row.address) == ("bob", "bob@example.org")
    assert row.context is not None
    context = json.loads(office.keys.database.decrypt(row.context))
    message = AccountMailWriter(SETTINGS).write(row, context)
    assert message["Subject"] == "alice shares a task with you"
    page = f"http://localhost:8000/services/rosetta/tasks/{task.id}"
    choices = "http://localhost:8000/services/rosetta/account#mail"
    for kind in ("plain", "html"):
        body = message.get_body((kind,))
        assert body is not None
        text = body.get_content()
        assert page in text
        assert choices in text
        assert "until 2099-07-02 00:30 (Europe/Berlin)" in text


async def test_a_mail_is_not_repeated_nor_sent_after_the_end(office: Office, task: Task) -> None:
    until = utc_now() + timedelta(minutes=5)
    for _ in range(3):
        await office.sharing.share_with_user(task, "bob", "alice", until)
    [row] = queued(office)
    assert row.expires == until
    other = start_task(office.tasks, "two", {"software": "echo"}, User("alice"))
    await office.sharing.share_with_user(other, "bob", "alice")
    await office.sharing.share_with_user(task, "carol", "alice")
    assert [row.user for row in queued(office)] == ["bob", "bob", "carol"]


async def test_nobody_is_flooded(office: Office) -> None:
    tasks = [
        start_task(office.tasks, f"t{number}", {"software": "echo"}, User("alice"))
        for number in range(MOST + 2)
    ]
    for task in tasks[:-1]:
        await office.sharing.share_with_user(task, "bob", "alice")
    assert len(queued(office)) == MOST
    day_ago = utc_now() - timedelta(hours=25)
    change(office, lambda session: session.execute(update(AccountMail).values(created=day_ago)))
    await office.sharing.share_with_user(tasks[-1], "bob", "alice")
    assert len(queued(office)) == MOST + 1


@pytest.mark.parametrize(
    "preferences", [Preferences("bob@example.org", shared=False), Preferences()]
)
async def test_who_wants_no_mail_gets_none(
    office: Office, task: Task, preferences: Preferences
) -> None:
    change(office, lambda session: write_preferences(session, "bob", preferences))
    await office.sharing.share_with_user(task, "bob", "alice")
    assert queued(office) == []


async def test_members_of_a_group_and_what_is_not_shared_cause_none(
    office: Office, task: Task
) -> None:
    office.hub.groups = {"team": ["alice", "bob"]}
    alice = Principal.from_model(office.hub.model("alice"))
    await office.sharing.share_with_group(task, "team", alice)
    office.hub.refuse = HubUnavailable("no")
    with pytest.raises(HubUnavailable):
        await office.sharing.share_with_user(task, "bob", "alice")
    assert queued(office) == []
