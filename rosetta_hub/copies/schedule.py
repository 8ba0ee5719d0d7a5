"""Which copy is next: each user has a share, whoever asked for more."""

from collections import Counter
from collections.abc import Collection, Sequence

from rosetta_hub.database.models_copies import Copy


def choose_copies(
    active: Sequence[Copy], running: Collection[str], per_user: int, at_once: int
) -> list[Copy]:
    """The copies to begin now.

    `active` are those that have not ended and that may go on, oldest first; `running` are the ids
    of those that go on. The user with the fewest is next, then the oldest copy.
    """
    counts = Counter(copy.user for copy in active if copy.id in running)
    waiting = [copy for copy in active if copy.id not in running]
    chosen: list[Copy] = []
    while len(running) + len(chosen) < at_once:
        allowed = [copy for copy in waiting if counts[copy.user] < per_user]
        if not allowed:
            break
        # The first of several that are equal: the oldest.
        copy = min(allowed, key=lambda one: counts[one.user])
        waiting.remove(copy)
        counts[copy.user] += 1
        chosen.append(copy)
    return chosen
