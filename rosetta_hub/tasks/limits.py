"""Keeps a user's tasks within the limits of the configuration (`c.Rosetta.limits`).

Every active task counts, from its start until it has ended. A task that waits in a scheduler's
queue counts, too: it starts without asking again, so a limit that left it out would be none.
Tasks that have ended count for nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rosetta_hub.catalogue.catalogue import Catalogue, User
from rosetta_hub.catalogue.limits import Limit
from rosetta_hub.catalogue.options import TaskSpec
from rosetta_hub.catalogue.units import format_size
from rosetta_hub.database.models import Task
from rosetta_hub.errors import InvalidOptions, LimitReached

# Tasks that a message names.
NAMED = 5


@dataclass(frozen=True)
class Amount:
    """Something that is limited: how much a task has of it, and how that is written."""

    name: str
    of_task: Callable[[Task], float | None]
    of_spec: Callable[[TaskSpec], float | None]
    show: Callable[[float], str]


AMOUNTS = (
    Amount("tasks", lambda task: 1, lambda spec: 1, lambda value: _counted(value, "task")),
    Amount(
        "cpus", lambda task: task.cpus, lambda spec: spec.cpus, lambda value: _counted(value, "CPU")
    ),
    Amount(
        "memory",
        lambda task: task.memory,
        lambda spec: spec.memory,
        lambda value: f"{format_size(int(value))} of memory",
    ),
    Amount(
        "gpus",
        lambda task: task.request.get("gpus", 0),
        lambda spec: spec.request.gpus or 0,
        lambda value: _counted(value, "GPU"),
    ),
)


def check_limits(spec: TaskSpec, user: User, active: Iterable[Task], catalogue: Catalogue) -> None:
    """Refuse a task with which the user would have more than is allowed.

    `active` are the user's tasks that have not ended.

    Raises:
        InvalidOptions: the task alone asks for more, or does not say how much it needs.
        LimitReached: it does together with active tasks; the message says which could be stopped.
    """
    tasks = list(active)
    for limit in catalogue.limits_for(user, spec.computing.id):
        counted = [task for task in tasks if limit.covers(task.computing)]
        where = _where(limit, catalogue)
        for amount in AMOUNTS:
            most = getattr(limit, amount.name)
            if most is not None:
                _check(amount, most, spec, counted, where)


def _check(amount: Amount, most: float, spec: TaskSpec, tasks: Sequence[Task], where: str) -> None:
    value, allowed = amount.of_spec(spec), f"at most {amount.show(most)}"
    if value is None:
        raise InvalidOptions(
            f"Your tasks{where} may have {allowed} together. Say how much this task needs: set"
            f" the option {amount.name!r}."
        )
    if value > most:
        raise InvalidOptions(
            f"Your tasks{where} may have {allowed} together; this one asks for"
            f" {amount.show(value)}."
        )
    # A task of before the limit may be without one of its own.
    used = [(amount.of_task(task) or 0, task) for task in tasks]
    total = sum(value for value, _ in used)
    if total + value > most:
        raise LimitReached(
            f"Your tasks{where} may have {allowed} together, and have {amount.show(total)} now;"
            f" this one asks for {amount.show(value)}. Stop one of them first:"
            f" {_named(amount, used)}."
        )


def _named(amount: Amount, used: list[tuple[float, Task]]) -> str:
    """The tasks with the most, and how much each has."""
    largest = sorted((pair for pair in used if pair[0]), key=lambda pair: pair[0], reverse=True)
    texts = [f"{task.name!r} ({amount.show(value)})" for value, task in largest[:NAMED]]
    if amount.name == "tasks":
        texts = [repr(task.name) for _, task in largest[:NAMED]]
    more = len(largest) - NAMED
    return ", ".join([*texts, f"{more} more"] if more > 0 else texts)


def _where(limit: Limit, catalogue: Catalogue) -> str:
    names = [catalogue.computing[key].name for key in sorted(limit.computing)]
    return f" on {' and '.join(names)}" if names else ""


def _counted(value: float, noun: str) -> str:
    return f"{value:g} {noun}" + ("" if value == 1 else "s")
