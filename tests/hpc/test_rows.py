"""The rows of the paper's table 1: each starts a task, lets its user in, and leaves nothing."""

import pytest

from tests.e2e.deployment import User

from .hub import Hub, check_gone, check_works

ROWS = [
    ("cluster", "singularity", None),
    ("cluster", "docker", "runc"),
    ("cluster", "docker", "runsc"),
    ("dialling", "singularity", None),
    ("rest", "singularity", None),
    ("host", "docker", None),
    ("host", "podman", None),
    ("host", "singularity", None),
    ("direct", "podman", None),
    ("docker-api", "docker", None),
]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("computing", "engine", "runtime"), ROWS)
async def test_a_task_is_started_used_and_stopped(
    hub: Hub, alice: User, computing: str, engine: str, runtime: str | None
) -> None:
    software = "open" if engine == "docker" else "tiny"
    options = {"software": software, "computing": computing, "engine": engine, "runtime": runtime}
    task = await alice.start(**options)
    task = await alice.until(task["id"], "running", "failed", seconds=180)
    assert task["state"] == "running", (task["message"], task["log_tail"])
    await check_works(alice, task)
    await alice.api("POST", f"tasks/{task['id']}/stop")
    assert (await alice.until(task["id"], "stopped", "failed"))["state"] == "stopped"
    await check_gone(hub, task)
