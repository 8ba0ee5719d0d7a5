"""Which change of a task is worth a mail, on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task, TaskState, utc_now
from rosetta_hub.database.models_mail import Mail
from rosetta_hub.mail.notifier import Notifier
from rosetta_hub.mail.preferences import Preferences, read_preferences, write_preferences
from rosetta_hub.tasks.changes import Before
from rosetta_hub.tasks.manager import TaskManager
from rosetta_hub.users.emails import BY_MAIL, add_email
from tests.support.starting import start_task

from .conftest import ALICE, Bench
from .test_manager import report

LONG = timedelta(minutes=2)
RUNNING = report("running", 2, interface={"kind": "socket"})
NEAR = report("running", 3, warnings=["time_limit_near"])


@pytest.fixture
def tasks(bench: Bench) -> TaskManager:
    """A task manager whose changes are told by mail."""
    settings = Rosetta(
        smtp_host="mail.example.org", mail_from="hub@example.org", mail_domain="example.org"
    )
    old = bench.tasks
    watch = Notifier(settings).watch
    wake = bench.woken.append
    return TaskManager(old.database, old.catalogue, bench.keys, old.logs, old.events, wake, watch)


def start(tasks: TaskManager, ago: timedelta = LONG) -> Task:
    """A task that was asked for some time ago."""
    task = start_task(tasks, "one", {"software": "echo"}, ALICE)

    def age(row: Task) -> None:
        row.created = utc_now() - ago

    return tasks.update(task, age)


def queued(tasks: TaskManager) -> list[str]:
    """Kinds of the mails in the queue."""
    with tasks.database.session() as session:
        return [mail.kind.value for mail in session.query(Mail).order_by(Mail.created)]


def choose(tasks: TaskManager, preferences: Preferences) -> None:
    """What alice wants to be told."""
    with tasks.database.session() as session:
        write_preferences(session, "alice", preferences)


def test_each_kind_once(tasks: TaskManager) -> None:
    task = start(tasks)
    tasks.report(task, report("starting"))
    assert queued(tasks) == []
    tasks.report(task, RUNNING)
    assert queued(tasks) == ["started"]
    tasks.report(tasks.find(task.id), NEAR)
    tasks.report(tasks.find(task.id), report("running", 4, warnings=["time_limit_near"]))
    assert queued(tasks) == ["started", "limit"]
    tasks.report(tasks.find(task.id), report("failed", 5, reason="out_of_memory"))
    assert queued(tasks) == ["started", "limit", "failed"]


def test_whoever_has_just_pressed_the_button_looks_at_the_page(tasks: TaskManager) -> None:
    task = start(tasks, timedelta(seconds=2))
    tasks.report(task, RUNNING)
    tasks.report(tasks.find(task.id), report("failed", 3, reason="exited", exit_code=1))
    assert queued(tasks) == []


def test_a_limit_is_near_however_short_the_task(tasks: TaskManager) -> None:
    task = start(tasks, timedelta(seconds=2))
    tasks.report(task, RUNNING)
    tasks.report(tasks.find(task.id), NEAR)
    assert queued(tasks) == ["limit"]


def test_a_requeued_job_is_told_once(tasks: TaskManager) -> None:
    task = start(tasks)
    tasks.report(task, RUNNING)
    tasks.report(tasks.find(task.id), report("starting", 3))
    tasks.report(tasks.find(task.id), report("running", 4))
    assert queued(tasks) == ["started"]


def test_each_attempt_is_told(tasks: TaskManager) -> None:
    for _ in range(2):
        tasks.fail(start(tasks), "ports_exhausted")
    assert queued(tasks) == ["failed", "failed"]


def test_the_end_that_was_asked_for_is_no_news(tasks: TaskManager) -> None:
    task = start(tasks)
    tasks.request_stop(task)
    tasks.report(tasks.find(task.id), report("failed", 9, reason="internal"))
    assert queued(tasks) == []


@pytest.mark.parametrize(
    "preferences",
    [Preferences("alice@example.org", started=False), Preferences(None)],
)
def test_who_wants_none_gets_none(tasks: TaskManager, preferences: Preferences) -> None:
    choose(tasks, preferences)
    tasks.report(start(tasks), RUNNING)
    assert queued(tasks) == []


def test_mails_go_to_the_address_that_was_verified_at_sign_in(tasks: TaskManager) -> None:
    """Until the user chooses another one, or none."""
    with tasks.database.session() as session:
        assert read_preferences(session, "alice", "example.org").address == "alice@example.org"
        add_email(session, "alice", "Alice@home.example", BY_MAIL)
        assert read_preferences(session, "alice", "").address == "alice@home.example"
        write_preferences(session, "alice", Preferences(None))
        assert read_preferences(session, "alice", "").address is None


def test_a_change_that_is_not_kept_is_not_told(tasks: TaskManager) -> None:
    """Both are in one transaction."""
    task = start(tasks)

    def fail(row: Task) -> None:
        row.state, row.name = TaskState.FAILED, None  # type: ignore[assignment]

    with pytest.raises(IntegrityError):
        tasks.update(task, fail)
    assert queued(tasks) == []


def test_without_a_mail_server_nothing_is_queued(bench: Bench) -> None:
    settings = Rosetta(mail_domain="example.org", mail_after=0)
    task = start(bench.tasks)
    before = Before.of(task)
    task.state = TaskState.FAILED
    with bench.tasks.database.session() as session:
        Notifier(settings).watch(session, before, task)
    assert queued(bench.tasks) == []
