"""What the tests of faults do again and again."""

from collections.abc import Callable
from typing import Any

from tests.e2e.deployment import User, eventually

from .hub import Hub

# What is left of tasks on a node: sandboxes, processes of their users, containers of Docker. Podman
# keeps a process of its own for each user, once it has been used.
LEFT = """
ls -d /tmp/rosetta-*/????????????-[0-9]* /home/*/rosetta/????????????-[0-9]* 2>/dev/null
ps -o args= -u alice,bob | grep -v '^catatonit -P'
docker ps --all --format '{{.Names}}' --filter name=rosetta
true
"""


async def begun(user: User, **options: Any) -> dict[str, Any]:
    """A task of the tiny image on the cluster; nobody has waited for it."""
    return await user.start(**{"software": "tiny", "computing": "cluster", **options})


async def running(user: User, **options: Any) -> dict[str, Any]:
    """A task of the tiny image that runs."""
    task = await begun(user, **options)
    task = await user.until(task["id"], "running", "failed")
    assert task["state"] == "running", (task["message"], task["log_tail"])
    return task


async def waiting(user: User, **options: Any) -> dict[str, Any]:
    """A task whose job waits until its account has a balance again, which is never."""
    task = await begun(user, **{"account": "empty", **options})
    return await shows(user, task, lambda view: "has no balance left" in view["message"])


async def shows(
    user: User, task: dict[str, Any], holds: Callable[[dict[str, Any]], object], seconds: float = 60
) -> dict[str, Any]:
    """The task as its page shows it, once that holds."""
    last: dict[str, Any] | None = None

    async def probe() -> dict[str, Any] | None:
        nonlocal last
        last = await user.task(task["id"])
        return last if last and holds(last) else None

    try:
        return await eventually(probe, task["id"], seconds)
    except TimeoutError:
        raise TimeoutError(f"not within {seconds} s: {last}") from None


async def notes(user: User, task: dict[str, Any], words: str, seconds: float = 60) -> None:
    """The task's page says this of the resource, and that the task is not lost."""
    result = await shows(user, task, lambda view: words in (view["condition"] or ""), seconds)
    assert "the task is not lost" in result["condition"]
    assert result["state"] == task["state"]


async def is_well(hub: Hub, user: User, task: dict[str, Any], seconds: float = 60) -> None:
    """The condition is cleared, the attempt is the same, and it has one job."""
    result = await shows(user, task, lambda view: view["condition"] is None, seconds)
    assert (result["state"], result["attempt"]) == (task["state"], task["attempt"])
    check_one_job(hub, task)


async def begin_now(hub: Hub, user: User, task: dict[str, Any]) -> None:
    """Slurm lets a job that it has requeued wait for two minutes: not here."""
    words = "it was put back into the queue"
    result = await shows(user, task, lambda view: words in view["message"])
    assert result["state"] == "queued"
    hub.cluster.scontrol("update", f"JobId={result['job']['id']}", "StartTime=now")


def check_one_job(hub: Hub, task: dict[str, Any]) -> dict[str, Any]:
    """The job of a task; there was no other, ever."""
    (job,) = jobs_of(hub, task)
    return job


def jobs_of(hub: Hub, task: dict[str, Any]) -> list[dict[str, Any]]:
    """All jobs that there were of a task."""
    return [job for job in hub.cluster.jobs() if task["id"] in str(job["name"])]


def left_on(hub: Hub, node: str) -> list[str]:
    """What is left of tasks on a node."""
    return hub.cluster.run(node, ["sh", "-c", LEFT]).splitlines()


async def check_nothing_left(hub: Hub) -> None:
    """No job, no sandbox, no process, no container, within a minute."""
    texts: list[str] = []

    async def probe() -> bool:
        nonlocal texts
        texts = hub.cluster.run("controller", ["squeue", "--noheader"]).splitlines()
        for node in hub.cluster.node_addresses:
            texts += left_on(hub, node)
        return not texts

    try:
        await eventually(probe, "nothing is left", 60)
    except TimeoutError:
        raise AssertionError(f"this is left: {texts}") from None
