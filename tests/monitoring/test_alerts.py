"""Each alert fires when what it watches breaks; how long that has to last says `durations.yml`."""

import asyncio
import re
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from rosetta_hub.database.models import utc_now
from rosetta_hub.errors import Unavailable
from tests.support.eventually import until

from .conftest import Service
from .prometheus import ALERTS

pytestmark = pytest.mark.asyncio(loop_scope="session")

Break = Callable[[Service], Awaitable[None]]
DOCUMENT = ALERTS.parents[1] / "monitoring.md"
DURATIONS = Path(__file__).with_name("durations.yml")


async def nobody_answers(service: Service) -> None:
    await service.leave()


async def the_edge_hangs(service: Service) -> None:
    await service.signal_edge(signal.SIGSTOP)


async def the_edge_is_killed_again_and_again(service: Service) -> None:
    text = "changes(rosetta_edge_process_start_time_seconds[15m]) >= "
    for number in range(3):
        # Each edge has to be there when Prometheus looks.
        await until(partial(service.has_series, f"{text}{number}"))
        await service.signal_edge(signal.SIGKILL)


async def the_event_loop_is_held_up(service: Service) -> None:
    await until(lambda: service.has_series("rosetta_event_loop_lag_seconds_bucket"))
    # What holds a loop up is just this.
    time.sleep(2)


async def the_reconciler_fails(service: Service) -> None:
    service.failure = Unavailable("broken by the test")
    for number in range(6):
        service.parts.queue.add(f"{number:012x}")


async def the_scheduler_does_not_answer(service: Service) -> None:
    await service.break_cluster(is_open=False)


async def an_agent_is_silent(service: Service) -> None:
    task = service.run("silent")
    with service.parts.database.session() as session:
        session.merge(task).last_heartbeat = utc_now() - timedelta(hours=1)


async def a_tunnel_is_not_open(service: Service) -> None:
    await service.break_cluster(is_open=True)


async def tasks_fail(service: Service) -> None:
    for number in range(8):
        service.parts.tasks.fail(service.start(f"fails {number}"), "engine_unavailable")


async def an_image_takes_long(service: Service) -> None:
    task = service.report(service.start("slow"), "pulling")
    phase, since = service.parts.metrics.tasks._phases[task.id]
    service.parts.metrics.tasks._phases[task.id] = (phase, since - 3600)
    service.report(task, "starting")


BROKEN: dict[str, Break] = {
    "RosettaHubPartDown": the_edge_hangs,
    "RosettaHubPartRestarts": the_edge_is_killed_again_and_again,
    "RosettaHubEventLoopSlow": the_event_loop_is_held_up,
    "RosettaHubQueueStuck": the_reconciler_fails,
    "RosettaHubSchedulerUnanswered": the_scheduler_does_not_answer,
    "RosettaHubTasksUnresponsive": an_agent_is_silent,
    "RosettaHubTunnelsDown": a_tunnel_is_not_open,
    "RosettaHubTasksFail": tasks_fail,
    "RosettaHubStartsSlow": an_image_takes_long,
    # The last one: it leaves nothing to watch.
    "RosettaHubDown": nobody_answers,
}


@pytest_asyncio.fixture(loop_scope="session")
async def mended(service: Service) -> AsyncIterator[None]:
    """The service works again after the test."""
    yield
    service.failure = None
    await service.mend_edge()
    await service.listen_again()


@pytest.mark.parametrize("alert", BROKEN)
async def test_it_fires(service: Service, alert: str, mended: None) -> None:
    async def fires() -> bool:
        return alert in await service.prometheus.firing()

    async def is_quiet() -> bool:
        return not await fires() and await service.has_series("rosetta_task_starts_total")

    try:
        await until(is_quiet)
        await BROKEN[alert](service)
        await until(fires)
    except TimeoutError as error:
        error.add_note(await service.prometheus.last_scrape())
        raise


async def test_each_alert_is_broken_here_and_documented() -> None:
    alerts = re.findall(r"- alert: (\w+)", ALERTS.read_text())
    assert set(alerts) == set(BROKEN)
    rows = re.findall(r"^\| `(RosettaHub\w+)` \|", DOCUMENT.read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(alerts)


async def test_how_long_something_has_to_be_broken() -> None:
    result = await asyncio.to_thread(
        subprocess.run,
        ["promtool", "test", "rules", DURATIONS.name],
        cwd=DURATIONS.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert set(re.findall(r"alertname: (\w+)", DURATIONS.read_text())) == set(BROKEN)
