"""What the API takes and answers."""

from dataclasses import dataclass
from typing import Any, Optional


@dataclass(frozen=True)
class Task:
    """A task. Times are ISO 8601 in UTC, memory and progress in bytes, CPU time in seconds."""

    id: str
    user: str
    name: str
    software: dict[str, Any]
    computing: dict[str, Any]
    state: str
    desired_state: str
    message: str
    progress: Optional[dict[str, int]]
    created: str
    started: Optional[str]
    ended: Optional[str]
    interface: dict[str, Any]
    open_url: Optional[str]
    page_url: str
    warnings: list[str]
    attempt: int


@dataclass(frozen=True)
class TaskPage:
    """A page of a list; `next` is where the next one begins."""

    tasks: list[Task]
    next: Optional[str] = None


@dataclass(frozen=True)
class User:
    """Who asks; `scopes` are those of the hub that the token has."""

    name: str
    admin: bool
    groups: list[str]
    scopes: list[str]
