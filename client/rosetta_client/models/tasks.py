"""Models of the operations with the tag `tasks`.

Made by client/generate.py of the description of the API: do not edit.
"""

from dataclasses import dataclass, field
from typing import Optional, Union

from rosetta_client.models.common import TaskView


@dataclass(frozen=True)
class AskedFor:
    """What the task may use: CPUs, memory in bytes, GPUs; null where nobody has said."""

    cpus: Optional[float]
    memory: Optional[int]
    gpus: Optional[int]


@dataclass(frozen=True)
class LinkView:
    """A link; its address is shown once, when it is made.

    It admits `uses_left` users more until `expires`: those of `users` alone where there are any.
    What it has shared ends at `until`. `admits` tells whether it still lets somebody in.
    """

    id: str
    expires: str
    until: Optional[str]
    uses: int
    uses_left: int
    users: list[str]
    admits: bool
    created: str
    created_by: str


@dataclass(frozen=True)
class ShareView:
    """A user or a group with whom a task is shared.

    `until` is null where the share has no end. `link` is the id of the link by which a user came,
    `created_by` who shared; both are null where it was done with the hub's own means.
    """

    id: str
    kind: str
    name: str
    until: Optional[str]
    link: Optional[str]
    created: Optional[str]
    created_by: Optional[str]


@dataclass(frozen=True)
class NewLinkView:
    """A link that has just been made, with the address to hand on."""

    id: str
    expires: str
    until: Optional[str]
    uses: int
    uses_left: int
    users: list[str]
    admits: bool
    created: str
    created_by: str
    url: str


MadeShare = Union[ShareView, NewLinkView]


@dataclass(frozen=True)
class MoreTime:
    """How much time the job of a task gets besides: seconds, or as `2h`."""

    time: int


@dataclass(frozen=True)
class NewShareLink:
    """A link for so many users, until it expires; for `users` alone where some are named."""

    expires: str
    uses: Optional[int] = None
    users: Optional[list[str]] = None


@dataclass(frozen=True)
class NewShare:
    """With whom to share: a user, the members of a group, or whoever opens a link.

    Exactly one of `user`, `group` and `link`. `until` ends the share; for a link, the shares that
    it makes.
    """

    user: Optional[str] = None
    group: Optional[str] = None
    link: Optional[NewShareLink] = None
    until: Optional[str] = None


@dataclass(frozen=True)
class Transfer:
    """Transfer"""

    from_: str = field(metadata={"key": "from"})
    to: str


@dataclass(frozen=True)
class NewTask:
    """A task to start.

    `server` is the name of the hub's server that it becomes, by default a new one.
    """

    software: str
    partition: Optional[str] = None
    account: Optional[str] = None
    qos: Optional[str] = None
    time: Optional[int] = None
    gpus: Optional[int] = None
    gpu_type: Optional[str] = None
    constraint: Optional[str] = None
    reservation: Optional[str] = None
    version: Optional[str] = None
    computing: Optional[str] = None
    engine: Optional[str] = None
    runtime: Optional[str] = None
    cpus: Optional[float] = None
    memory: Optional[int] = None
    size: Optional[str] = None
    emulated: Optional[bool] = None
    digest: Optional[str] = None
    without_storages: Optional[list[str]] = None
    binds: Optional[list[str]] = None
    inputs: Optional[list[Transfer]] = None
    outputs: Optional[list[Transfer]] = None
    stop_at: Optional[str] = None
    stop_after: Optional[int] = None
    name: Optional[str] = None
    server: Optional[str] = None


@dataclass(frozen=True)
class PasswordView:
    """The account of an interface that protects itself; the password is of this attempt alone."""

    user: str
    password: str


@dataclass(frozen=True)
class VisitorView:
    """Somebody who has used the task within the last minute, in a browser."""

    user: str
    last_seen: str


@dataclass(frozen=True)
class SharesView:
    """With whom a task is shared, and who is inside.

    `visitors` is null where the edge does not answer, `groups` are those with which the principal
    may share. `apart` tells whether connections of guests can be told from those of others, and so
    be cut: those of protocols other than HTTP can't.
    """

    shares: list[ShareView]
    links: list[LinkView]
    visitors: Optional[list[VisitorView]]
    groups: list[str]
    may_share: bool
    apart: bool


@dataclass(frozen=True)
class StartAgain:
    """How a task is started again: with the image that it ran (true), or the tag's present one.

    Without `exact`, with the options it had.
    """

    exact: Optional[bool] = None


@dataclass(frozen=True)
class StopTime:
    """When a task is to be stopped: at a time with its zone, or in so many seconds (`3h`).

    A null as `stop_at` takes the choice back.
    """

    stop_at: Optional[str] = None
    stop_after: Optional[int] = None


@dataclass(frozen=True)
class TaskPage:
    """Tasks, newest first, and the `after` of the next page; null on the last one."""

    tasks: list[TaskView]
    next: Optional[str] = None


@dataclass(frozen=True)
class UsagePoint:
    """What was used until `time`, since the point before.

    `cpus` is the number of processors in use on average, null where it is not known. `memory` and
    `gpu_memory` are bytes, the largest in this time; `gpu_percent` tells how busy the GPUs were.
    """

    time: str
    cpus: Optional[float]
    memory: int
    gpu_percent: Optional[float]
    gpu_memory: Optional[int]


@dataclass(frozen=True)
class UsageView:
    """What the present attempt of a task has used, oldest first; `summary` says it in words."""

    attempt: int
    asked_for: AskedFor
    gpu_memory_total: Optional[int]
    points: list[UsagePoint]
    summary: list[str]


@dataclass(frozen=True)
class VisitorsView:
    """Who is inside a task."""

    visitors: list[VisitorView]
