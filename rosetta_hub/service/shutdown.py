"""The end of all tasks, for `rosetta-hub shutdown`."""

import asyncio
import contextlib

from rosetta_hub.database.models import Task
from rosetta_hub.errors import EdgeUnavailable, ResourceUnavailable
from rosetta_hub.service.composition import Parts

# Seconds for which a resource may not answer, as its connection may only just be made, and between
# two tries. Each is asked twice at least: one that hangs takes longer than that to be given up.
PATIENCE = 20.0
TRY_AGAIN = 1.0


async def end_all(parts: Parts, seconds: float) -> list[str]:
    """Stop all tasks; returns a line for each that has not stopped within so many seconds."""
    tasks = parts.tasks
    ids = tasks.active_ids()
    for task_id in ids:
        tasks.request_stop(tasks.find(task_id))
    # The tasks woke the queue, which is not what works on them here.
    parts.queue.close()
    ends = {id_: asyncio.create_task(_end(parts, id_), name=f"end {id_}") for id_ in ids}
    if ends:
        await asyncio.wait(ends.values(), timeout=seconds)
    reasons = {task_id: _reason(end, seconds) for task_id, end in ends.items()}
    return [_describe(tasks.find(id_), reason) for id_, reason in reasons.items() if reason]


async def _end(parts: Parts, task_id: str) -> None:
    """Stop a task and close its ingress, however many steps that takes.

    Raises:
        Unavailable: somebody does not answer.
    """
    answered, failures = _now(), 0
    delay: float | None = 0
    while delay is not None and not parts.tasks.has_ended(task_id):
        await asyncio.sleep(delay)
        try:
            delay = await parts.reconciler.reconcile(task_id)
            answered, failures = _now(), 0
        except ResourceUnavailable:
            failures += 1
            if failures > 1 and _now() - answered > PATIENCE:
                raise
            delay = TRY_AGAIN
    # The task has stopped; one step more closes its ingress. An edge that does not answer is ended
    # after the tasks, and the next service tells what it has missed.
    with contextlib.suppress(EdgeUnavailable):
        await parts.reconciler.reconcile(task_id)


def _reason(end: asyncio.Task[None], seconds: float) -> str:
    """Why a task has not ended; an empty text where it has."""
    if not end.done():
        end.cancel()
        return f"it did not stop within {seconds:g} s"
    return str(end.exception() or "")


def _now() -> float:
    return asyncio.get_running_loop().time()


def _describe(task: Task, reason: str) -> str:
    return f"{task.id} ({task.name!r} of {task.user} on {task.computing}): {reason}"
