"""Pages at 10,000 recorded tasks of 500 users: until their content is there and can be used.

Against JupyterHub's own home page of a user with as many servers; and by how much the service's
event loop is late meanwhile.
"""

import asyncio
import secrets
import sqlite3
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert

from bench.common import Goal, finish, median_ratio, print_row
from rosetta_hub.catalogue.catalogue import User, load_catalogue
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import Task, TaskState, utc_now
from rosetta_hub.keys import Keys
from rosetta_hub.tasks.events import Broadcaster
from rosetta_hub.tasks.logs import Logs
from rosetta_hub.tasks.manager import TaskManager
from tests.e2e.browser import chromium, log_in
from tests.e2e.deployment import Deployment
from tests.support.starting import start_task

TASKS, ACTIVE, USERS, ROUNDS = 10_000, 1_000, 500, 7
# Of the user who looks; nine in ten have ended, as of all.
OWN = 200
FIRST_PORT = 20_000
MOST_RATIO, MOST_LAG = 1.5, 0.05
# Seconds in which other users load their lists, while the pages are measured.
PAUSE = 0.05
SOFTWARE = [{"id": "echo", "name": "Echo", "image_name": "rosetta/none", "pull": "never"}]
COMPUTING = [{"id": "local", "name": "Here", "container_engines": ["docker"]}]
EXTRA = """
c.Rosetta.heartbeat_interval = 300
c.Rosetta.tasks_ports = "{first}-{last}"
c.Authenticator.admin_users = {{"root"}}
c.JupyterHub.template_paths = [{templates!r}]
c.JupyterHub.services.append(dict(name="prometheus", api_token={token!r}))
c.JupyterHub.load_roles.append(dict(
    name="prometheus", services=["prometheus"],
    scopes=["read:metrics", "access:services!service=rosetta"],
))
"""
# The hub's own page, which ours stands in front of.
HOME = '{% extends "templates/home.html" %}'
LAG = "rosetta_event_loop_lag_seconds_bucket"


@dataclass(frozen=True)
class Measured:
    """A page: who opens it, where, and what shows that its content can be used."""

    user: str
    path: str
    ready: str
    times: list[float] = field(default_factory=list)


PAGES = {
    "hub's home": Measured(
        "alice",
        "/hub/home",
        f"document.querySelectorAll('tr.home-server-row').length >= {OWN // 2}"
        " && document.readyState !== 'loading'",
    ),
    "tasks": Measured(
        "alice",
        "/services/rosetta/",
        "document.querySelectorAll('#active-list .task-row button').length > 0"
        " && document.querySelectorAll('#ended-list .task-row').length > 0",
    ),
    "admin": Measured(
        "root",
        "/services/rosetta/admin",
        "document.querySelectorAll('[role=tabpanel]:not([hidden]) tbody tr').length > 0",
    ),
}


def owners() -> Iterator[str]:
    """Whose each task is: `OWN` are alice's, the others are spread over all users."""
    for number in range(TASKS):
        yield "alice" if number % (TASKS // OWN) == 0 else f"user-{number % (USERS - 1):03}"


def record(deployment: Deployment) -> None:
    """Write the tasks as the service would have."""
    database = Database(f"sqlite:///{deployment.state_dir}/rosetta.sqlite")
    logs = Logs(deployment.state_dir / "logs", 1 << 20)
    catalogue = load_catalogue(SOFTWARE, COMPUTING)
    manager = TaskManager(
        database, catalogue, Keys(deployment.state_dir), logs, Broadcaster(), lambda _task: None
    )
    first = start_task(manager, "first", {"software": "echo"}, User("nobody"))
    columns = [column.key for column in Task.__table__.columns]
    row = {column: getattr(first, column) for column in columns}
    with database.session() as session:
        session.delete(session.merge(first))
        session.execute(insert(Task), list(make_rows(row)))
    database.close()


def make_rows(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One row a task; every tenth is running."""
    now = utc_now()
    for number, user in enumerate(owners()):
        # Alice's are the multiples of TASKS / OWN.
        runs = (number // (TASKS // OWN) + number) % (TASKS // ACTIVE) == 0
        created = now - timedelta(minutes=TASKS - number)
        state = TaskState.RUNNING if runs else TaskState.STOPPED
        yield row | {
            **{"id": secrets.token_hex(6), "user": user, "server_name": f"server-{number}"},
            **{"created": created, "started": created, "ended": None if runs else now},
            **{"port": FIRST_PORT + number if runs else None, "state": state},
            "last_heartbeat": now,
        }


def record_servers(directory: Path) -> None:
    """Write the servers of alice as the hub would have."""
    with sqlite3.connect(directory / "jupyterhub.sqlite") as hub:
        ((user_id,),) = hub.execute("SELECT id FROM users WHERE name = 'alice'").fetchall()
        names = [(user_id, f"server-{number}", "{}", "{}") for number in range(OWN)]
        query = "INSERT INTO spawners (user_id, name, state, user_options) VALUES (?, ?, ?, ?)"
        hub.executemany(query, names)


async def make_users(deployment: Deployment) -> None:
    """Make all users of the hub."""
    names = ["alice", "root", *(f"user-{number:03}" for number in range(USERS - 1))]
    for first in range(0, len(names), 100):
        body = {"usernames": names[first : first + 100]}
        await deployment.hub_api("POST", "/users", body)


async def measure(page: Page, measured: Measured, url: str) -> None:
    """Open the page, and note after how many milliseconds it is ready."""
    # Another address, because the parts of one that differ by the fragment are not loaded again.
    await page.goto("about:blank")
    await page.goto(url + measured.path, wait_until="commit")
    ready = await page.wait_for_function(
        f"() => ({measured.ready}) && performance.now()", polling=10, timeout=60_000
    )
    measured.times.append(float(await ready.json_value()))


async def make_load(deployment: Deployment, token: str) -> None:
    """Load lists of tasks for ever, one after the other."""
    while True:
        await deployment.fetch("GET", "/services/rosetta/api/v1/tasks", token)
        await asyncio.sleep(PAUSE)


async def read_lag(deployment: Deployment, token: str) -> dict[float, float]:
    """How many timers of the service were late by at most so many seconds."""
    response = await deployment.fetch("GET", "/services/rosetta/metrics", token)
    families = text_string_to_metric_families(response.body.decode())
    samples = [sample for family in families for sample in family.samples if sample.name == LAG]
    return {float(sample.labels["le"]): sample.value for sample in samples}


def quantile(before: dict[float, float], after: dict[float, float], share: float) -> float:
    """The bound, in seconds, that this share of the timers between two readings kept."""
    counts = {bound: after[bound] - before[bound] for bound in sorted(after)}
    total = counts[float("inf")]
    return next(bound for bound, count in counts.items() if count >= share * total)


async def run_rounds(browser: Browser, deployment: Deployment) -> None:
    """Open all pages in turns; the first round, which fills the caches, does not count."""
    pages = {}
    for user in ("alice", "root"):
        pages[user] = await log_in(await browser.new_context(), deployment, user)
    for _ in range(ROUNDS + 1):
        for measured in PAGES.values():
            await measure(pages[measured.user], measured, deployment.url)
    for measured in PAGES.values():
        del measured.times[0]


async def main() -> None:
    """Measure all pages, and print the table."""
    with tempfile.TemporaryDirectory() as name:
        directory, metrics_token = Path(name), secrets.token_hex(16)
        (directory / "templates").mkdir()
        (directory / "templates" / "home.html").write_text(HOME)
        extra = EXTRA.format(
            first=FIRST_PORT,
            last=FIRST_PORT + TASKS,
            templates=str(directory / "templates"),
            token=metrics_token,
        )
        deployment = Deployment(directory, SOFTWARE, COMPUTING, extra=extra)
        await deployment.start()
        try:
            await make_users(deployment)
            deployment.kill_hub()
            record(deployment)
            record_servers(directory)
            await deployment.start()
            lag = await measure_all(deployment, metrics_token)
        finally:
            deployment.kill_hub()
            deployment.kill_proxy()
            await deployment.stop_edge()
    report(lag)


async def measure_all(deployment: Deployment, metrics_token: str) -> float:
    """Fill in the times of all pages; returns the 99th percentile of the event loop's lag."""
    user = await deployment.user("user-001")
    before = await read_lag(deployment, metrics_token)
    load = asyncio.create_task(make_load(deployment, user.token), name="load")
    try:
        async with chromium() as browser:
            await run_rounds(browser, deployment)
    finally:
        load.cancel()
    return quantile(before, await read_lag(deployment, metrics_token), 0.99)


def report(lag: float) -> None:
    """Print times and goals."""
    base = PAGES["hub's home"].times
    print_row(f"{TASKS} tasks, {OWN} own", *PAGES)
    medians = [f"{statistics.median(measured.times):.0f} ms" for measured in PAGES.values()]
    print_row("until the content can be used", *medians)
    goals = [
        Goal(f"{name}, ratio", median_ratio(measured.times, base), most=MOST_RATIO)
        for name, measured in PAGES.items()
        if measured.times is not base
    ]
    finish(*goals, Goal("p99 of the event loop's lag, s", lag, most=MOST_LAG))


if __name__ == "__main__":
    asyncio.run(main())
