"""Idle tasks, and those whose time is over: measured, asked about, kept and stopped."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, cast

import pytest
from sqlalchemy import event, update

from rosetta_hub.audit.log import AuditLog
from rosetta_hub.catalogue.catalogue import load_catalogue
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import DesiredState, Task
from rosetta_hub.database.models_audit import AuditRecord
from rosetta_hub.database.models_mail import Mail, MailState
from rosetta_hub.edge.client import Activity
from rosetta_hub.errors import EdgeUnavailable
from rosetta_hub.ingress.edge_publisher import EdgePublisher
from rosetta_hub.lifetimes.lifetimes import Lifetimes
from rosetta_hub.lifetimes.view import view_lifetime
from rosetta_hub.mail.notifier import Notifier
from rosetta_hub.periodic.lifetimes import LifetimeEnforcer
from rosetta_hub.tasks.manager import TaskManager
from rosetta_hub.tasks.state_messages import message
from tests.support.starting import start_task

from .conftest import ALICE, COMPUTING, SOFTWARE, Bench
from .test_lifetimes import NOON, Clock, minutes
from .test_manager import report

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

HEARTBEAT = 5
# The first report that the enforcer sees.
FIRST = NOON + minutes(0.5)
MAIL = Rosetta(smtp_host="mail.example.org", mail_from="a@example.org", mail_domain="example.org")


@dataclass
class Edge:
    """When something passed to each task last."""

    traffic: dict[str, datetime] = field(default_factory=dict)
    answers: bool = True

    async def activity(self) -> dict[str, Activity]:
        """As the edge tells it, in milliseconds."""
        if not self.answers:
            raise EdgeUnavailable("no answer")
        return {
            task_id: Activity(1, 1, int(time.timestamp() * 1000), 1, {})
            for task_id, time in self.traffic.items()
        }


class Site:
    """A service whose clock the test moves, half a minute a round."""

    def __init__(self, bench: Bench, *entries: dict[str, Any]) -> None:
        old, watch = bench.tasks, Notifier(MAIL).watch
        catalogue = load_catalogue(SOFTWARE, COMPUTING, (), (), entries)
        self.tasks = TaskManager(
            *(old.database, catalogue, bench.keys, old.logs, old.events, bench.woken.append, watch)
        )
        self.clock, self.edge = Clock(), Edge()
        self.told: list[tuple[str, datetime]] = []
        self.cpu: dict[str, tuple[float, float | None]] = {}
        self.restart()

    def restart(self) -> None:
        """A service that has just been started, on the same database."""
        self.lifetimes = Lifetimes(self.tasks.catalogue.lifetimes, self.clock)
        self.enforcer = LifetimeEnforcer(
            self.tasks,
            cast(EdgePublisher, self.edge),
            self.lifetimes,
            AuditLog(self.tasks.database),
            lambda task, time: self.told.append((task.id, time)),
            HEARTBEAT,
        )

    def start(self, name: str = "one", cpu: float | None = 0.0) -> str:
        """The id of a task that starts now, and uses so many cores; None: nobody measures them."""
        task = start_task(self.tasks, name, {"software": "echo"}, ALICE)
        self.tasks.report(task, report("running", interface={"kind": "socket"}))
        now = self.clock.time
        self.change(task.id, started=now, last_activity=now, last_heartbeat=now)
        self.use(task.id, cpu)
        return task.id

    def use(self, task_id: str, cpu: float | None) -> None:
        """From now on the task uses so many cores."""
        before = self.task(task_id).cpu_seconds or 0.0
        self.cpu[task_id] = (before, cpu)
        self.change(task_id, cpu_seconds=None if cpu is None else before)

    def change(self, task_id: str, **values: Any) -> None:
        """Change a row."""

        def change(row: Task) -> None:
            for name, value in values.items():
                setattr(row, name, value)

        self.tasks.update(self.tasks.find(task_id), change)

    def task(self, task_id: str) -> Task:
        """The present row."""
        return self.tasks.find(task_id)

    async def run(self, until: float) -> None:
        """Rounds until so many minutes after noon; all agents report before each."""
        while self.clock.time < NOON + minutes(until):
            self.clock.time += minutes(0.5)
            with self.tasks.database.engine.begin() as connection:
                for task_id in self.cpu:
                    change = update(Task).where(Task.id == task_id)
                    connection.execute(change.values(self.report(task_id)))
            await self.enforcer.step()

    def report(self, task_id: str) -> dict[str, Any]:
        """What an agent reports each half minute."""
        seconds, cpu = self.cpu[task_id]
        if cpu is None:
            return {"last_heartbeat": self.clock.time}
        self.cpu[task_id] = (seconds + 30 * cpu, cpu)
        return {"last_heartbeat": self.clock.time, "cpu_seconds": seconds + 30 * cpu}

    def is_stopped(self, task_id: str) -> bool:
        """Whether it should stop."""
        return self.task(task_id).desired_state is DesiredState.STOP

    def mails(self) -> list[tuple[str, str]]:
        """Kind and state of each mail."""
        with self.tasks.database.session() as session:
            return [(mail.kind.value, mail.state.value) for mail in session.query(Mail)]

    def sent(self) -> None:
        """All mails have been sent."""
        with self.tasks.database.session() as session:
            for mail in session.query(Mail):
                mail.state = MailState.SENT


@pytest.fixture
def site(bench: Bench) -> Site:
    """With twenty minutes of idleness, and the last ten of them to answer."""
    return Site(bench, {"idle_timeout": "20m"})


async def test_what_is_only_open_is_idle_and_ends(site: Site) -> None:
    task_id = site.start()
    await site.run(20)
    assert site.task(task_id).idle_since == FIRST
    assert not site.is_stopped(task_id)
    await site.run(21)
    assert site.is_stopped(task_id)
    assert end_message(site, task_id) == (
        "Stopped, because nobody used the task for 20 min, nor did it compute."
    )
    with site.tasks.database.session() as session:
        record = session.query(AuditRecord).one()
    assert (record.event, record.actor, record.task) == ("task.stop", "service", task_id)
    assert record.detail == {"why": "idle"}


async def test_what_computes_is_not_idle_whoever_looks(site: Site) -> None:
    task_id = site.start(cpu=1.0)
    await site.run(40)
    assert not site.is_stopped(task_id)
    assert site.task(task_id).idle_since is None
    site.use(task_id, 0.0)
    # Its last five minutes have to be quiet first.
    await site.run(50)
    since = site.task(task_id).idle_since
    assert since is not None
    assert NOON + minutes(40) <= since <= NOON + minutes(45)


async def test_what_is_used_is_not_idle_though_it_computes_nothing(site: Site) -> None:
    task_id = site.start()
    for number in range(1, 4):
        site.edge.traffic[task_id] = NOON + minutes(15 * number)
        await site.run(15 * number + 14)
    assert not site.is_stopped(task_id)
    assert site.task(task_id).idle_since == NOON + minutes(45)
    site.edge.traffic[task_id] = NOON + minutes(60)
    await site.run(60)
    assert site.task(task_id).idle_since is None


@pytest.mark.parametrize(("cpu", "is_idle"), [(0.04, True), (0.06, False)])
async def test_a_notebook_that_only_waits_is_below_the_threshold(
    site: Site, cpu: float, is_idle: bool
) -> None:
    task_id = site.start(cpu=cpu)
    await site.run(22)
    assert site.is_stopped(task_id) is is_idle


async def test_another_threshold(bench: Bench) -> None:
    site = Site(bench, {"idle_timeout": "20m", "idle_cpu": 0.5})
    task_id = site.start(cpu=0.4)
    await site.run(22)
    assert site.is_stopped(task_id)


async def test_a_job_of_seconds_now_and_then_is_no_work(site: Site) -> None:
    task_id = site.start()
    for number in range(3):
        site.use(task_id, 0.3)
        await site.run(10 * number + 0.5)
        site.use(task_id, 0.0)
        await site.run(10 * number + 10)
    assert site.is_stopped(task_id)


async def test_an_unknown_cpu_time_is_not_idle_and_is_told(site: Site) -> None:
    task_id = site.start(cpu=None)
    await site.run(40)
    assert not site.is_stopped(task_id)
    view = view_lifetime(site.task(task_id), site.lifetimes)
    assert view.message == "Its CPU time is not known, so it never counts as idle."


async def test_an_agent_that_is_silent_is_not_idle(site: Site) -> None:
    task_id = site.start()
    await site.run(12)
    assert site.task(task_id).idle_since == FIRST
    del site.cpu[task_id]
    await site.run(40)
    assert site.task(task_id).idle_since is None
    assert not site.is_stopped(task_id)


async def test_a_counter_that_goes_back_is_work(site: Site) -> None:
    """Without a control group, processes that have ended are not counted any more."""
    task_id = site.start(cpu=0.01)
    await site.run(12)
    assert site.task(task_id).idle_since == FIRST
    site.cpu[task_id] = (0.0, 0.0)
    await site.run(13)
    assert site.task(task_id).idle_since is None


async def test_its_user_is_asked_once_and_keeps_it(site: Site) -> None:
    task_id = site.start()
    await site.run(10)
    assert site.mails() == []
    await site.run(15)
    assert view_lifetime(site.task(task_id), site.lifetimes).asks
    assert site.mails() == [("end", "waiting")]
    site.tasks.update(site.task(task_id), site.lifetimes.keep)
    site.sent()
    await site.run(24)
    assert site.task(task_id).end_announced is None
    assert site.mails() == [("end", "sent")]
    # The second question is a mail, too.
    await site.run(26)
    assert site.mails() == [("end", "waiting")]
    await site.run(36)
    assert site.is_stopped(task_id)


async def test_whoever_comes_back_is_not_asked_any_more(site: Site) -> None:
    task_id = site.start()
    await site.run(15)
    site.edge.traffic[task_id] = NOON + minutes(15)
    await site.run(16)
    assert site.task(task_id).end_announced is None
    await site.run(34)
    assert not site.is_stopped(task_id)


async def test_who_keeps_it_in_the_last_second_keeps_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the row and the change of it."""
    task_id = site.start()
    await site.run(20)
    update = site.tasks.update

    def keep_before(task: Task, change: Any) -> Task:
        if change.__name__ == "stop":
            update(task, site.lifetimes.keep)
        return update(task, change)

    monkeypatch.setattr(site.tasks, "update", keep_before)
    await site.run(22)
    assert site.task(task_id).kept_until is not None
    assert not site.is_stopped(task_id)


async def test_a_service_that_was_down_stops_nothing_at_its_start(site: Site) -> None:
    task_id = site.start()
    await site.run(9)
    site.clock.time = NOON + minutes(60)
    site.restart()
    await site.run(61)
    assert site.mails() == [("end", "waiting")]
    await site.run(69.5)
    assert not site.is_stopped(task_id)
    assert site.task(task_id).idle_since == FIRST
    await site.run(71)
    assert site.is_stopped(task_id)


async def test_what_computed_while_the_service_was_down_has_its_whole_time(site: Site) -> None:
    task_id = site.start(cpu=1.0)
    await site.run(10)
    site.clock.time = NOON + minutes(60)
    site.restart()
    site.use(task_id, 0.0)
    await site.run(80)
    assert not site.is_stopped(task_id)
    await site.run(81)
    assert site.is_stopped(task_id)


async def test_an_edge_that_does_not_answer_stops_nothing_idle(site: Site) -> None:
    task_id, other = site.start(), site.start("two")
    await site.run(19)
    site.edge.answers = False
    site.change(other, stop_at=NOON + minutes(20))
    for _ in range(10):
        site.clock.time += minutes(1)
        with pytest.raises(EdgeUnavailable):
            await site.enforcer.step()
    assert [site.is_stopped(item) for item in (task_id, other)] == [False, True]


async def test_the_hub_is_told_that_it_computes_now_and_then(site: Site) -> None:
    """So that its own idle culler stops nothing that this one keeps."""
    busy = site.start(cpu=1.0)
    site.start("two")
    await site.run(30)
    assert {task_id for task_id, _ in site.told} == {busy}
    times = [time for _, time in site.told]
    assert all(later - time >= minutes(5) for time, later in pairwise(times))
    assert len(times) >= 4


async def test_without_a_timeout_the_hub_is_told_what_computes(bench: Bench) -> None:
    """Whatever the edge says: nobody asks it."""
    site = Site(bench, {"longest": "12h"})
    busy = site.start(cpu=1.0)
    site.start("two")
    site.start("three", cpu=None)
    site.edge.answers = False
    await site.run(12)
    assert [task_id for task_id, _ in site.told] == [busy] * 3


@pytest.mark.parametrize("entry", [{"longest": "12h"}, {"idle_timeout": "10m"}])
async def test_the_hub_is_told_that_a_task_waits(bench: Bench, entry: dict[str, Any]) -> None:
    """For the hub it has run since it was asked for, and nobody can use it yet."""
    site = Site(bench, entry)
    waits = start_task(site.tasks, "one", {"software": "echo"}, ALICE)
    given_up = start_task(site.tasks, "two", {"software": "echo"}, ALICE)
    site.change(given_up.id, desired_state=DesiredState.STOP)
    await site.run(12)
    assert [task_id for task_id, _ in site.told] == [waits.id] * 3
    # It begins, and nobody comes.
    site.tasks.report(waits, report("running", interface={"kind": "socket"}))
    site.use(waits.id, 0.0)
    count = len(site.told)
    await site.run(30)
    assert len(site.told) == count


async def test_the_hub_is_told_at_once_that_a_task_that_has_waited_computes(bench: Bench) -> None:
    site = Site(bench, {"longest": "12h"})
    task = start_task(site.tasks, "one", {"software": "echo"}, ALICE)
    await site.run(2)
    assert [task_id for task_id, _ in site.told] == [task.id]
    site.tasks.report(task, report("running", interface={"kind": "socket"}))
    site.use(task.id, 1.0)
    await site.run(3)
    assert [task_id for task_id, _ in site.told] == [task.id] * 2


async def test_the_longest_lifetime_and_a_chosen_time(bench: Bench) -> None:
    site = Site(bench, {"longest": "30m"})
    old, task = site.start(cpu=1.0), site.start("two", cpu=1.0)
    site.tasks.update(site.task(task), lambda row: site.lifetimes.stop_after(row, 900))
    await site.run(16)
    assert [site.is_stopped(task_id) for task_id in (old, task)] == [False, True]
    await site.run(31)
    assert site.is_stopped(old)
    assert [end_message(site, task_id) for task_id in (old, task)] == [
        "Stopped, because such tasks run for 30 min at most.",
        "Stopped at the time that was chosen for it.",
    ]


async def test_what_was_stopped_starts_again(site: Site) -> None:
    task_id = site.start()
    await site.run(21)
    end_message(site, task_id)
    assert site.start() == task_id
    await site.run(40)
    assert not site.is_stopped(task_id)


async def test_tasks_are_read_by_two_queries(site: Site) -> None:
    for number in range(30):
        site.start(f"t{number}")
    await site.run(8)
    statements: list[str] = []
    engine = site.tasks.database.engine
    event.listen(
        engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2])
    )
    site.clock.time += timedelta(seconds=10)
    await site.enforcer.step()
    # Their ids, and all tasks of a turn.
    assert len(statements) == 2, statements


def end_message(site: Site, task_id: str) -> str:
    """What a task says of its end, after its agent has stopped it."""
    del site.cpu[task_id]
    site.tasks.report(site.task(task_id), report("stopped", 9))
    return message(site.task(task_id), "This machine")
