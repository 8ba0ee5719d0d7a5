"""Models of the operations with the tag `admin`.

Made by client/generate.py of the description of the API: do not edit.
"""

from dataclasses import dataclass
from typing import Any, Optional

from rosetta_client.models.common import Level

UserState = str


@dataclass(frozen=True)
class AccountState:
    """Whether a user may log in."""

    state: UserState


@dataclass(frozen=True)
class SignUpView:
    """Somebody who waits for an account."""

    id: str
    name: str
    address: Optional[str]
    confirmed_at: str


@dataclass(frozen=True)
class InvitationView:
    """An invitation that can still be used. Its link is shown once, when it is made."""

    id: str
    address: Optional[str]
    uses_left: int
    created_by: str
    expires: str


@dataclass(frozen=True)
class AccountsView:
    """Who waits for an account, open invitations, and blocked users.

    `local` tells whether users may have passwords here, `mail` whether the service sends mails.
    """

    waiting: list[SignUpView]
    invitations: list[InvitationView]
    blocked: list[str]
    local: bool
    mail: bool


@dataclass(frozen=True)
class AdminAnnouncement:
    """An announcement with the time in which it is shown, and who changed it last."""

    id: int
    version: str
    text: str
    level: Level
    dismissable: bool
    starts: str
    ends: Optional[str]
    updated_by: str


@dataclass(frozen=True)
class AdminAnnouncementList:
    """All announcements, also those of later and of before."""

    announcements: list[AdminAnnouncement]


@dataclass(frozen=True)
class ComputingError:
    """What went wrong when a resource was asked, and still does, with the users concerned."""

    message: str
    since: str
    users: list[str]


@dataclass(frozen=True)
class DrainView:
    """How a resource is drained: why, since when, and by whom."""

    message: str
    since: str
    by: str


@dataclass(frozen=True)
class AdminComputing:
    """How a resource does: its active tasks by state, for what its jobs wait, and what is wrong.

    `unresponsive` counts tasks whose agents have missed several reports; `revision` is that of
    `drained`.
    """

    revision: str
    id: str
    name: str
    type: str
    wms: str
    tunnel: Optional[str]
    states: dict[str, int]
    waiting_for: dict[str, int]
    unresponsive: int
    last_failure: Optional[str]
    errors: list[ComputingError]
    drained: Optional[DrainView]


@dataclass(frozen=True)
class AdminTask:
    """A task of anybody's, in a line: cores, memory in bytes."""

    id: str
    user: str
    name: str
    software: str
    computing: str
    node: Optional[str]
    state: str
    reason: Optional[str]
    cpus: Optional[float]
    memory: Optional[int]
    memory_used: Optional[int]
    created: str
    started: Optional[str]
    ended: Optional[str]
    page_url: str


@dataclass(frozen=True)
class NamedComputing:
    """A computing resource by its name."""

    id: str
    name: str


@dataclass(frozen=True)
class AdminTaskPage:
    """Tasks, and the resources that they may be on; `next` is null on the last page."""

    tasks: list[AdminTask]
    computing: list[NamedComputing]
    next: Optional[str] = None


@dataclass(frozen=True)
class AnnouncementText:
    """What is announced, and when: plain text, by default from now until it is deleted."""

    text: str
    level: Optional[Level] = None
    starts: Optional[str] = None
    ends: Optional[str] = None
    dismissable: Optional[bool] = None


@dataclass(frozen=True)
class AuditRecordView:
    """Who did what, and from where; null: not known, or of no meaning here."""

    id: int
    time: str
    event: str
    actor: str
    user: Optional[str] = None
    task: Optional[str] = None
    target: Optional[str] = None
    address: Optional[str] = None
    detail: Optional[dict[str, Any]] = None


@dataclass(frozen=True)
class AuditPage:
    """Records, newest first; `next` is null on the last page.

    `events` are all that there may be, `days` is how long records are kept.
    """

    records: list[AuditRecordView]
    events: list[str]
    days: int
    next: Optional[str] = None


@dataclass(frozen=True)
class Block:
    """Why a version can't be started, for its owner."""

    reason: str


@dataclass(frozen=True)
class BlockState:
    """Why a version can't be started; null where it can."""

    revision: str
    blocked: Optional[str]


@dataclass(frozen=True)
class DayNumbers:
    """What happened on a day (UTC) on a resource: the most that ran at a time is of the day."""

    day: str
    computing: str
    starts: int
    failures: int
    most_running: int


@dataclass(frozen=True)
class DiskSpace:
    """Of the directory that the service keeps its state in, in bytes."""

    free: int
    total: int


@dataclass(frozen=True)
class Drain:
    """Why a resource takes no new tasks, for its users."""

    message: Optional[str] = None


@dataclass(frozen=True)
class DrainState:
    """Whether a resource is drained; null: it takes tasks."""

    revision: str
    drained: Optional[DrainView]


@dataclass(frozen=True)
class KeptFor:
    """How long ended tasks and audit records are kept, in days, and how many tasks of a user."""

    tasks_days: int
    tasks_per_user: int
    audit_days: int


@dataclass(frozen=True)
class MadeInvitation:
    """An invitation that has just been made, with the link, which is shown this once."""

    id: str
    address: Optional[str]
    uses_left: int
    created_by: str
    expires: str
    link: str


@dataclass(frozen=True)
class NewInvitation:
    """An invitation for one address, or a link for so many uses; it lasts for so many days."""

    address: Optional[str] = None
    uses: Optional[int] = None
    days: Optional[int] = None


@dataclass(frozen=True)
class NumbersView:
    """Numbers by day and resource."""

    numbers: list[DayNumbers]


@dataclass(frozen=True)
class OverseenOwner:
    """Whose software it is: a user's, or a group's."""

    kind: str
    name: str


@dataclass(frozen=True)
class PolicyVerdict:
    """What the image policy says of an image."""

    allowed: bool
    message: str


@dataclass(frozen=True)
class OverseenVersionView:
    """A version that users have added; `blocked` is why it can't be started."""

    revision: str
    id: str
    family: str
    name: str
    owner: OverseenOwner
    image: str
    digest: Optional[str]
    uses: int
    policy: Optional[PolicyVerdict]
    blocked: Optional[str]
    updated: str
    updated_by: str


@dataclass(frozen=True)
class OverseenPage:
    """Versions, what was changed last first; `next` is null at the end."""

    software: list[OverseenVersionView]
    next: Optional[str] = None


@dataclass(frozen=True)
class SessionsEnd:
    """Whether the user's API tokens end, too."""

    api_tokens: Optional[bool] = None


@dataclass(frozen=True)
class StoppedTasks:
    """The ids of the tasks that were active, and are stopped now."""

    stopped: list[str]


@dataclass(frozen=True)
class Stops:
    """The ids of tasks that are to stop."""

    ids: list[str]


@dataclass(frozen=True)
class SystemView:
    """All resources and the parts of the service; `faults` are messages by part, `logs` bytes."""

    computing: list[AdminComputing]
    faults: dict[str, str]
    disk: DiskSpace
    logs: int
    kept: KeptFor


@dataclass(frozen=True)
class UserNumbers:
    """What one user's active tasks have, and when the user was seen last at a task."""

    name: str
    active: int
    cpus: float
    memory: int
    memory_used: int
    tasks: int
    last_seen: Optional[str]


@dataclass(frozen=True)
class UserPage:
    """Users, those with the most active tasks first; `next` is null at the end."""

    users: list[UserNumbers]
    total: int
    next: Optional[str] = None


@dataclass(frozen=True)
class UserStateView:
    """Whether a user may log in."""

    user: str
    state: UserState
