"""The steps of backup and restore in docs/operations.md, word by word."""

import asyncio
import contextlib
import re
import shutil
import sqlite3
import subprocess
from pathlib import Path

from .deployment import Deployment, OpenedTask, User, eventually
from .test_kills import reachable, running
from .test_life import containers

PAGE = Path(__file__).parents[2] / "docs/operations.md"


def read_steps() -> tuple[str, str]:
    """The shell scripts of the page."""
    backup, restore = re.findall(r"```bash\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return backup, restore


def run_steps(script: str, deployment: Deployment, backup: Path) -> None:
    """Carry out a script in the hub's directory; the backup is in a directory of the test."""
    text = re.sub(r"^backup=.*\n", "", script, flags=re.MULTILINE)
    command = ["bash", "-euc", f"backup={backup}\n{text}"]
    subprocess.run(command, cwd=deployment.directory, check=True, timeout=30)


async def test_tasks_go_on_over_a_restore(
    alice: User, deployment: Deployment, tmp_path: Path
) -> None:
    backup, restore = read_steps()
    secret = (deployment.state_dir / "rosetta_secret").read_text()
    # The hub of the tests has its cookie secret from its configuration.
    (deployment.directory / "jupyterhub_cookie_secret").write_text("of the hub")
    task, opened = await running(alice)
    run_steps(backup, deployment, tmp_path / "backup")
    late = await alice.until((await alice.start(software="echo"))["id"], "running")

    await deployment.stop_hub()
    run_steps(restore, deployment, tmp_path / "backup")
    await eventually(lambda: unreachable(opened), "the old edge ends by itself")
    assert (deployment.state_dir / "rosetta_secret").read_text() == secret
    before = await heartbeat(str(task["id"]), deployment)
    await deployment.start()

    async def reports() -> bool:
        return await heartbeat(str(task["id"]), deployment) > before

    await eventually(reports, "the agent's reports are taken")
    assert (await alice.until(str(task["id"]), "running"))["attempt"] == 1
    await eventually(lambda: reachable(opened), "the task is entered as before")
    assert await alice.task(late["id"]) is None
    await eventually(lambda: no_container(late["id"]), "the task of after the backup ends")
    shutil.rmtree(deployment.directory / "rosetta_state.old")


async def heartbeat(task_id: str, deployment: Deployment) -> str:
    """When the agent of a task was last heard, as the service's database has it."""
    address = f"file:{deployment.state_dir / 'rosetta.sqlite'}?mode=ro"
    with contextlib.closing(sqlite3.connect(address, uri=True)) as database:
        query = "SELECT last_heartbeat FROM tasks WHERE id = ?"
        return str(database.execute(query, (task_id,)).fetchone()[0])


async def unreachable(opened: OpenedTask) -> bool:
    """Whether nobody listens at the task's address."""
    return (await opened.get()).code == 599


async def no_container(task_id: str) -> bool:
    """Whether nothing of a task is left."""
    return await asyncio.to_thread(containers, task_id) == []
