"""A port of the edge for each task that needs one."""

import secrets

from sqlalchemy import select
from sqlalchemy.orm import Session

from rosetta_hub.database.models import Task
from rosetta_hub.errors import PortsExhausted


def assign_port(session: Session, task: Task, ports: range, refused: set[int]) -> int:
    """Give the task a free port of the range, and keep it if it has one that is not `refused`.

    The choice is random: a browser keeps data by port, and the next task should rarely be met by
    what the one before has left. `refused` are ports that other programs hold.

    Raises:
        PortsExhausted: none is free.
    """
    if task.port is not None and task.port in ports and task.port not in refused:
        return task.port
    taken = set(session.scalars(select(Task.port).where(Task.port > 0)))
    free = [port for port in ports if port not in taken and port not in refused]
    if not free:
        raise PortsExhausted(
            "All ports for tasks are in use. Stop a task that you no longer need,"
            " or try again later."
        )
    task.port = secrets.choice(free)
    return task.port
