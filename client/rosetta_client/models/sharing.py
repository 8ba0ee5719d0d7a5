"""Models of the operations with the tag `sharing`.

Made by client/generate.py of the description of the API: do not edit.
"""

from dataclasses import dataclass
from typing import Optional

from rosetta_client.models.common import TaskView


@dataclass(frozen=True)
class SharedTask:
    """A task that is shared with the user: by whom, with whom, until when."""

    task: TaskView
    kind: str
    name: str
    until: Optional[str]


@dataclass(frozen=True)
class SharedTasks:
    """What others share with the user, newest first."""

    shared: list[SharedTask]
