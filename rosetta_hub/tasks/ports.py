"""Ports of the edge, for each task that needs some."""

import secrets
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from rosetta_hub.database.models import Task
from rosetta_hub.errors import PortsExhausted

# Which interface a port is for: None is the main one, else its port in the container.
Interface = int | None

# What browsers open no connection to, whatever listens there: the "bad ports" above 1023 of the
# Fetch standard (https://fetch.spec.whatwg.org/#port-blocking).
BLOCKED_BY_BROWSERS = frozenset(
    {1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, *range(6665, 6670)}
    | {6679, 6697, 10080}
)


def assign_ports(
    session: Session,
    task: Task,
    interfaces: Sequence[Interface],
    ports: range,
    refused: set[int],
) -> None:
    """Give each of these interfaces of the task a free port of the range.

    It keeps a port that it has, unless that is `refused`: those are ports that other programs hold.
    Ports that browsers block are given to nobody.
    The choice is random: a browser keeps data by port, and the next task should rarely be met by
    what the one before has left. Ports of interfaces that are not named are given up.

    Raises:
        PortsExhausted: there are not enough.
    """
    usable = set(ports) - refused - BLOCKED_BY_BROWSERS
    before: dict[Interface, int | None] = {None: task.port}
    before.update({int(key): port for key, port in task.edge_ports.items()})
    present = {key: port for key in interfaces if (port := before.get(key)) in usable}
    free = sorted(usable - _taken(session))
    missing = [key for key in interfaces if key not in present]
    if len(missing) > len(free):
        raise PortsExhausted(
            "All ports for tasks are in use. Stop a task that you no longer need,"
            " or try again later."
        )
    new_ports = secrets.SystemRandom().sample(free, len(missing))
    assigned = present | dict(zip(missing, new_ports, strict=True))
    task.port = assigned.get(None)
    task.edge_ports = {str(key): port for key, port in assigned.items() if key is not None}


def _taken(session: Session) -> set[int]:
    ports: set[int] = set()
    for port, further in session.execute(select(Task.port, Task.edge_ports).where(Task.port > 0)):
        ports |= {port, *further.values()}
    return ports
