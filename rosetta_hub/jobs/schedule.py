"""Which job is next: each user has a share, whoever asked for more."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import TypeVar

from rosetta_hub.database.models_builds import Build
from rosetta_hub.database.models_copies import Copy

# Rows that are worked on. All have `id`, `user` (whose share it is) and `cancelling`.
J = TypeVar("J", Copy, Build)


def choose_jobs(
    active: Sequence[J], running: Collection[str], per_user: int, at_once: int
) -> list[J]:
    """The jobs to begin now.

    `active` are those that have not ended and that may go on, oldest first; `running` are the ids
    of those that go on. The user with the fewest is next, then the oldest job.
    """
    counts = Counter(job.user for job in active if job.id in running)
    waiting = [job for job in active if job.id not in running]
    chosen: list[J] = []
    while len(running) + len(chosen) < at_once:
        allowed = [job for job in waiting if counts[job.user] < per_user]
        if not allowed:
            break
        # The first of several that are equal: the oldest.
        job = min(allowed, key=lambda job: counts[job.user])
        waiting.remove(job)
        counts[job.user] += 1
        chosen.append(job)
    return chosen
