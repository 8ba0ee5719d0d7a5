"""What the API takes and answers.

Made by client/generate.py of the description of the API: do not edit.
"""

from dataclasses import dataclass, field
from typing import Any, Optional, Union

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
class AddressCode:
    """The code of the link in a mail."""

    code: str


Level = str


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

    `silent` are tasks that have not been heard of for long.
    """

    id: str
    name: str
    type: str
    wms: str
    tunnel: Optional[str]
    states: dict[str, int]
    waiting_for: dict[str, int]
    silent: int
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
    next: Optional[str]
    computing: list[NamedComputing]


@dataclass(frozen=True)
class AnnouncementView:
    """What everybody sees of an announcement; `version` is another one after each change."""

    id: int
    version: str
    text: str
    level: Level
    dismissable: bool


@dataclass(frozen=True)
class AnnouncementList:
    """What is announced now."""

    announcements: list[AnnouncementView]


@dataclass(frozen=True)
class AnnouncementText:
    """What is announced, and when: plain text, by default from now until it is deleted."""

    text: str
    level: Optional[Level] = None
    starts: Optional[str] = None
    ends: Optional[str] = None
    dismissable: Optional[bool] = None


@dataclass(frozen=True)
class ArchiveView:
    """Where the archive is, and what it will hold."""

    url: str
    files: int
    bytes: int


@dataclass(frozen=True)
class AskedFor:
    """What the task may use: CPUs, memory in bytes, GPUs; null where nobody has said."""

    cpus: Optional[float]
    memory: Optional[int]
    gpus: Optional[int]


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
    next: Optional[str]
    events: list[str]
    days: int


@dataclass(frozen=True)
class Block:
    """Why a version can't be started, for its owner."""

    reason: str


@dataclass(frozen=True)
class BlockState:
    """Why a version can't be started; null where it can."""

    blocked: Optional[str]


@dataclass(frozen=True)
class RecipeView:
    """How the image was made, and how what it starts is reached.

    `pack` is the build pack; `port`, `interface_auth` and `command` are those of software; `notes`
    tell what was left out.
    """

    pack: str
    version: str
    port: int
    interface_auth: str
    command: list[str]
    notes: list[str]


@dataclass(frozen=True)
class BuiltImage:
    """What was built: the reference with which it is started.

    `digest` is that of the manifest in the registry, or the image's id where it stays with an
    engine. `size` is in bytes.
    """

    reference: str
    digest: str
    arch: str
    size: Optional[int]


@dataclass(frozen=True)
class BuildView:
    """A build. Times are ISO 8601 in UTC.

    `waiting` is how many users wait for it, `position` its place in the queue from 1 on, `step` of
    `steps` is what goes on; `failed_step` and `log_tail` (the last lines) are set when a step has
    failed. `transient`: the failure may be over by now. `cancelling`: it was asked to end.
    """

    id: str
    state: str
    provider: str
    spec: str
    repository: str
    url: str
    ref: str
    commit: str
    port: Optional[int]
    message: str
    waiting: int
    position: Optional[int]
    step: Optional[int]
    steps: Optional[int]
    failed_step: str
    log_tail: list[str]
    transient: bool
    cancelling: bool
    recipe: Optional[RecipeView]
    image: Optional[BuiltImage]
    created: str
    started: Optional[str]
    ended: Optional[str]


@dataclass(frozen=True)
class BuildPage:
    """Builds, the one that was asked for last first."""

    builds: list[BuildView]
    next: Optional[str]


@dataclass(frozen=True)
class BuildRequest:
    """What is built: `spec` is quoted as in links. `again` repeats a build that has failed."""

    provider: str
    spec: str
    urlpath: Optional[str] = None
    port: Optional[int] = None
    again: Optional[bool] = None


@dataclass(frozen=True)
class BuiltSoftware:
    """Software that a build has become: `version` is its tag."""

    id: str
    card: str
    name: str
    version: str


@dataclass(frozen=True)
class OwnerOfCard:
    """Whose a card is: `kind` is `platform`, `user` or `group`."""

    kind: str
    name: str


@dataclass(frozen=True)
class CardVersion:
    """A version of a card: `refused` says why it can't be started."""

    tag: str
    default: bool
    image: str
    digest: Optional[str]
    id: Optional[str]
    revision: Optional[int]
    refused: Optional[str]


@dataclass(frozen=True)
class CardView:
    """A card of the catalogue: its `versions`, and the `computing` resources that run one of them.

    `uses` and `last_used` tell how often the caller has started it.
    """

    id: str
    name: str
    description: str
    kind: str
    tags: list[str]
    owner: OwnerOfCard
    editable: bool
    computing: list[str]
    versions: list[CardVersion]
    uses: int
    last_used: Optional[str]
    favourite: bool


@dataclass(frozen=True)
class CardList:
    """Cards, favourites first."""

    software: list[CardView]


@dataclass(frozen=True)
class ComputingDefaults:
    """What a task has that asks for nothing: its engine, cores, and memory in bytes."""

    engine: str
    cpus: Optional[float]
    memory: Optional[int]


@dataclass(frozen=True)
class ComputingLimits:
    """The most that a task may have: cores, and memory in bytes; null: no limit."""

    cpus: Optional[float]
    memory: Optional[int]


@dataclass(frozen=True)
class EngineView:
    """A container engine of a resource, with the runtimes that may be chosen."""

    engine: str
    runtimes: list[str]


@dataclass(frozen=True)
class ComputingTime:
    """The time of a task, in seconds; null: without an end."""

    default: Optional[int]
    max: Optional[int]


@dataclass(frozen=True)
class Size:
    """A choice of the simple form, such as `small`; None: the default of the resource.

    Memory in bytes, `time` in seconds.
    """

    name: str
    label: Optional[str] = None
    cpus: Optional[float] = None
    memory: Optional[int] = None
    time: Optional[int] = None
    gpus: Optional[int] = None
    gpu_type: Optional[str] = None
    partition: Optional[str] = None


@dataclass(frozen=True)
class OwnIdentity:
    """Whether the principal's own account on a resource can be used; `url` is where to set it."""

    needed: bool
    ready: bool
    url: str


@dataclass(frozen=True)
class OwnComputing:
    """A resource with the principal's own account on it; `drained`: why it takes no tasks now."""

    id: str
    name: str
    description: str
    type: str
    wms: str
    auth_mode: str
    engines: list[EngineView]
    limits: ComputingLimits
    defaults: ComputingDefaults
    time: ComputingTime
    sizes: list[Size]
    extra_binds: list[str]
    identity: Optional[OwnIdentity]
    drained: Optional[str]


@dataclass(frozen=True)
class ComputingList:
    """Computing resources."""

    computing: list[OwnComputing]


@dataclass(frozen=True)
class StorageComputing:
    """A computing resource that reaches a storage."""

    id: str
    name: str


@dataclass(frozen=True)
class StorageUsage:
    """The room of a storage, in bytes; the quota is the account's, null where there is none."""

    total: Optional[int]
    free: Optional[int]
    used: Optional[int]
    quota: Optional[int]
    quota_used: Optional[int]


@dataclass(frozen=True)
class ContactedStorage:
    """A storage with its room, and the account that the caller's files are of there."""

    id: str
    name: str
    description: str
    type: str
    computing: list[StorageComputing]
    bind_path: str
    home: bool
    read_only: bool
    usage: StorageUsage
    account: Optional[str]


@dataclass(frozen=True)
class CopySource:
    """Storage and paths of a source; paths are percent-encoded."""

    storage: str
    paths: list[str]


@dataclass(frozen=True)
class CopyTarget:
    """Storage and folder of a target, and the names that the sources get there."""

    storage: str
    path: str
    names: list[str]


@dataclass(frozen=True)
class CopyProblem:
    """An entry that was not copied, and why."""

    path: str
    message: str


@dataclass(frozen=True)
class CopyView:
    """A copy. Times are ISO 8601 in UTC, `rate` is bytes per second."""

    id: str
    state: str
    from_: CopySource = field(metadata={"key": "from"})
    to: CopyTarget
    conflict: str
    task: Optional[str]
    stage: Optional[str]
    cancelling: bool
    bytes: int
    total_bytes: Optional[int]
    files: int
    total_files: Optional[int]
    rate: Optional[float]
    seconds_left: Optional[int]
    message: str
    problems: list[CopyProblem]
    problem_count: int
    created: str
    started: Optional[str]
    ended: Optional[str]


@dataclass(frozen=True)
class CopyPage:
    """Copies, newest first."""

    copies: list[CopyView]
    next: Optional[str]


LoginState = str


@dataclass(frozen=True)
class CredentialView:
    """A user's own account at a registry, as its user sees it."""

    host: str
    account: str
    state: LoginState
    message: str
    updated: str


@dataclass(frozen=True)
class DateChoices:
    """A user's time zone (`Europe/Berlin`) and language of dates (`de`); None: the browser's."""

    time_zone: Optional[str] = None
    language: Optional[str] = None


@dataclass(frozen=True)
class DayNumbers:
    """What happened on a day (UTC) on a resource: the most that ran at a time is of the day."""

    day: str
    computing: str
    starts: int
    failures: int
    most_running: int


@dataclass(frozen=True)
class Deletion:
    """The principal's own name, typed in."""

    name: str


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

    drained: Optional[DrainView]


@dataclass(frozen=True)
class EntryView:
    """An entry of a storage: `name` is what is shown, `path` what calls take.

    `size` is in bytes, `modified` in seconds since 1970, `mode` has the permission bits. `target`
    is where a link leads, `target_type` what is there; both are null for what is no link.
    """

    name: str
    path: str
    type: str
    size: int
    modified: float
    mode: int
    owner: str
    group: str
    etag: str
    media_type: str
    target: Optional[str]
    target_type: Optional[str]


@dataclass(frozen=True)
class FavouriteView:
    """Whether software is a favourite."""

    favourite: bool


@dataclass(frozen=True)
class FolderPage:
    """A page of a folder: `entry` is the folder itself, `total` how many entries there are."""

    path: str
    entry: EntryView
    entries: list[EntryView]
    total: int
    offset: int


@dataclass(frozen=True)
class Gpu:
    """GPUs of one type in a partition; `type` is empty where the cluster names none."""

    type: str
    total: int
    idle: int
    per_node: int


@dataclass(frozen=True)
class GroupView:
    """A group, and the names of what is limited to it and others.

    `any_protocol` says that its members may add software with interfaces of any protocol.
    """

    name: str
    software: list[str]
    computing: list[str]
    storages: list[str]
    any_protocol: bool


@dataclass(frozen=True)
class GroupList:
    """The principal's groups."""

    groups: list[GroupView]


@dataclass(frozen=True)
class HubSpaces:
    """The hub's own registry: where the principal may push and pull, with a token of the hub."""

    host: str
    user: str
    spaces: list[str]


IdentityState = str


@dataclass(frozen=True)
class IdentityView:
    """An identity as its user sees it; `paste` is the line for `~/.ssh/authorized_keys`.

    `fixed` says that the account is not the user's choice: the hub signs a certificate for it.
    """

    computing: str
    name: str
    host: str
    remote_user: Optional[str]
    fixed: bool
    public_key: Optional[str]
    paste: Optional[str]
    state: IdentityState
    message: str


@dataclass(frozen=True)
class IdentityList:
    """The principal's accounts and keys, one for each resource that needs them."""

    identities: list[IdentityView]


@dataclass(frozen=True)
class ImageArch:
    """One platform of an image; `size` is in bytes, compressed, as a pull transfers it."""

    os: str
    arch: str
    variant: str
    digest: str
    size: int


@dataclass(frozen=True)
class ImageProblem:
    """What does not prevent the image from being named, and is told."""

    reason: str
    message: str


@dataclass(frozen=True)
class ImageView:
    """An image as its registry describes it; sizes in bytes, compressed.

    Without `digest` in the reference, it is the one that the tag has now.
    """

    image: str
    registry: str
    image_name: str
    image_tag: Optional[str]
    digest: str
    tags: list[str]
    archs: list[ImageArch]
    size: int
    ports: list[int]
    labels: dict[str, str]
    user: str
    entrypoint: list[str]
    command: list[str]
    problems: list[ImageProblem]


@dataclass(frozen=True)
class ImportedKey:
    """A private key in OpenSSH's format, and its passphrase, which is used once."""

    private_key: str
    passphrase: Optional[str] = None


@dataclass(frozen=True)
class Interface:
    """A further port of the container that users reach, as they do the main interface.

    The edge asks for the same access; the port answers when the software opens it, which may be
    long after the start. `path` is the page that is opened.
    """

    name: str
    port: int
    protocol: Optional[str] = None
    path: Optional[str] = None


@dataclass(frozen=True)
class InterfaceView:
    """A further interface of a task.

    `url` opens it as `open_url` of the task does, null while nobody can go in. `ready` tells
    whether it answered last; a dashboard may come up when its user starts something, or never.
    """

    name: str
    port: int
    url: Optional[str]
    ready: bool


@dataclass(frozen=True)
class Partition:
    """A queue. None: no limit, or not known; for `accounts` and `qos`: all."""

    name: str
    state: str
    default: Optional[bool] = None
    max_time: Optional[int] = None
    max_cpus: Optional[int] = None
    max_memory: Optional[int] = None
    cpus_total: Optional[int] = None
    cpus_idle: Optional[int] = None
    nodes_total: Optional[int] = None
    nodes_idle: Optional[int] = None
    gpus: Optional[list[Gpu]] = None
    accounts: Optional[list[str]] = None
    qos: Optional[list[str]] = None
    features: Optional[list[str]] = None


@dataclass(frozen=True)
class SchedulerAccount:
    """An account that the identity may charge, with the QoS it may use there."""

    name: str
    default: Optional[bool] = None
    qos: Optional[list[str]] = None


@dataclass(frozen=True)
class Qos:
    """A quality of service and its limits."""

    name: str
    max_time: Optional[int] = None
    max_cpus: Optional[int] = None


@dataclass(frozen=True)
class InventoryView:
    """What a cluster has, and what of it is idle: memory in bytes, times in seconds.

    `collected` is when it was asked, null where it never answered; `error` is why it does not now.
    """

    partitions: list[Partition]
    accounts: list[SchedulerAccount]
    qos: list[Qos]
    collected: Optional[str]
    error: Optional[str]


@dataclass(frozen=True)
class JobView:
    """The job that a task is of a workload manager. Times are ISO 8601 in UTC."""

    id: str
    state: Optional[str]
    reason: Optional[str]
    expected_start: Optional[str]
    node: Optional[str]
    ends_at: Optional[str]


@dataclass(frozen=True)
class KeptFor:
    """How long ended tasks and audit records are kept, in days, and how many tasks of a user."""

    tasks_days: int
    tasks_per_user: int
    audit_days: int


@dataclass(frozen=True)
class LifetimeView:
    """When a task ends by itself. Times are ISO 8601 in UTC, durations seconds.

    `ends_at` is null where no end is planned. `why` is its reason (`idle`, `too_long`, `stop_at`,
    `not_allowed`), `message` the reason in words. `asks`: the end is near, and its user should be
    asked whether to keep the task; `keepable`: whoever asks may. `idle_timeout` and `longest` are
    what the configuration says of such tasks.
    """

    ends_at: Optional[str] = None
    why: Optional[str] = None
    message: Optional[str] = None
    keepable: Optional[bool] = None
    asks: Optional[bool] = None
    stop_at: Optional[str] = None
    idle_since: Optional[str] = None
    idle_timeout: Optional[int] = None
    longest: Optional[int] = None


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
class LoginBegun:
    """A login: `code` is for the page at `page_url`, `secret` for the program alone.

    The program asks every `interval` seconds whether the user has agreed, until `expires_in`.
    """

    secret: str
    code: str
    page_url: str
    interval: int
    expires_in: int


@dataclass(frozen=True)
class LoginView:
    """A login of the principal; `removed` says since when it does not lead here any more."""

    id: int
    method: str
    title: str
    name: Optional[str]
    email: Optional[str]
    linked_at: str
    last_used: str
    removed: Optional[str]


@dataclass(frozen=True)
class LoginList:
    """The logins of the principal, those that were removed, and merged users.

    `add_url` is the page of the hub where a login is added.
    """

    logins: list[LoginView]
    merged: list[str]
    add_url: str


@dataclass(frozen=True)
class LoginProof:
    """What the program got, as `secret` or at its loopback address, and its verifier."""

    secret: str
    verifier: str


@dataclass(frozen=True)
class LoginResult:
    """The token, which nothing shows again, and whose it is."""

    user: str
    token: str
    expires_at: Optional[str]


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


TokenRight = str


@dataclass(frozen=True)
class MadeToken:
    """A token that has just been made: `token` is shown this once."""

    id: str
    note: str
    rights: list[TokenRight]
    scopes: list[str]
    all_rights: bool
    current: bool
    created: Optional[str]
    last_activity: Optional[str]
    expires_at: Optional[str]
    token: str


@dataclass(frozen=True)
class MailChoice:
    """Which mails are sent, and where; what is left out stays as it is. No address: no mails.

    A new address counts once its owner has used the link that is sent there.
    """

    address: Optional[str] = None
    started: Optional[bool] = None
    failed: Optional[bool] = None
    limit: Optional[bool] = None


@dataclass(frozen=True)
class MailView:
    """Which mails the principal gets.

    `available` tells whether the service sends any, `problem` why the last one was not delivered;
    `pending` is an address that waits for its owner.
    """

    address: Optional[str]
    started: bool
    failed: bool
    limit: bool
    available: bool
    problem: Optional[str]
    pending: Optional[str]


@dataclass(frozen=True)
class MailedTo:
    """Where a mail goes to."""

    address: str


@dataclass(frozen=True)
class MoreTime:
    """How much time the job of a task gets besides: seconds, or as `2h`."""

    time: int


@dataclass(frozen=True)
class SourceOfCopy:
    """What is copied: files and folders of a storage, by their percent-encoded paths."""

    storage: str
    paths: list[str]


@dataclass(frozen=True)
class TargetOfCopy:
    """A folder of a storage."""

    storage: str
    path: Optional[str] = None


@dataclass(frozen=True)
class NewCopy:
    """A copy to begin; without `conflict` it is refused where names are taken."""

    from_: SourceOfCopy = field(metadata={"key": "from"})
    to: TargetOfCopy
    conflict: Optional[str] = None


@dataclass(frozen=True)
class NewInvitation:
    """An invitation for one address, or a link for so many uses; it lasts for so many days."""

    address: Optional[str] = None
    uses: Optional[int] = None
    days: Optional[int] = None


@dataclass(frozen=True)
class NewLogin:
    """A login to begin: the machine of the program, and its challenge (PKCE with S256)."""

    client: str
    challenge: str


@dataclass(frozen=True)
class NewPassword:
    """Another password, and the present one as proof."""

    current: str
    new: str


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
class NewToken:
    """A token to be made: what it is for, what it may do, and for how many seconds."""

    note: str
    rights: list[TokenRight]
    seconds: int


@dataclass(frozen=True)
class OwnerView:
    """Whose software is."""

    kind: str
    name: str


@dataclass(frozen=True)
class NewVersion:
    """What is said of new software beside its entry: whose it is, and what was looked up."""

    owner: Optional[OwnerView] = None
    digest: Optional[str] = None


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

    id: str
    card: str
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
    next: Optional[str]


@dataclass(frozen=True)
class OwnPasswordView:
    """The principal's password.

    `login` and `changed` are null where there is none yet; `address` is where the link would be
    mailed that sets the first one.
    """

    login: Optional[str]
    changed: Optional[str]
    address: Optional[str]


@dataclass(frozen=True)
class OwnStorage:
    """A storage of the caller: `bind_path` is where tasks have it."""

    id: str
    name: str
    description: str
    type: str
    computing: list[StorageComputing]
    bind_path: str
    home: bool
    read_only: bool


@dataclass(frozen=True)
class PasswordView:
    """The account of an interface that protects itself; the password is of this attempt alone."""

    user: str
    password: str


@dataclass(frozen=True)
class Permissions:
    """Permission bits of an entry, such as 420 (0o644)."""

    path: str
    mode: int


@dataclass(frozen=True)
class SiteRegistry:
    """A registry from which the site pulls for the principal with an account of its own."""

    host: str


@dataclass(frozen=True)
class RegistriesView:
    """What the principal has at registries."""

    accounts: list[CredentialView]
    site: list[SiteRegistry]
    hub: Optional[HubSpaces]


@dataclass(frozen=True)
class RegistryAccount:
    """Account and password, or access token, at a registry."""

    account: str
    password: str


@dataclass(frozen=True)
class RemoteUser:
    """The principal's account on a computing resource."""

    remote_user: str


@dataclass(frozen=True)
class Removal:
    """What is removed, folders with all that is in them; with `dry_run` it is counted only."""

    paths: list[str]
    dry_run: Optional[bool] = None


@dataclass(frozen=True)
class Removed:
    """What was removed, or would be."""

    files: int
    folders: int
    bytes: int


@dataclass(frozen=True)
class Renaming:
    """Another name, or another folder, for an entry; `overwrite` replaces a file."""

    from_: str = field(metadata={"key": "from"})
    to: str
    overwrite: Optional[bool] = None


@dataclass(frozen=True)
class RepositoryView:
    """What a link means: the repository with the commit that is built, and the link's options.

    `built`: the image is there. `places` are the computing resources that can start it, null where
    all can.
    """

    provider: str
    spec: str
    repository: str
    url: str
    ref: str
    commit: str
    urlpath: Optional[str]
    computing: Optional[str]
    size: Optional[str]
    port: Optional[int]
    built: bool
    places: Optional[list[str]]


@dataclass(frozen=True)
class Rights:
    """What the principal may do with the task now.

    `keep`: choose when the task ends; `extend`: keep it beyond its longest lifetime, too.
    """

    stop: bool
    start: bool
    delete: bool
    log: bool
    keep: Optional[bool] = None
    extend: Optional[bool] = None


@dataclass(frozen=True)
class Selection:
    """What an archive shall hold, folders with all that is in them."""

    paths: list[str]
    format: Optional[str] = None


@dataclass(frozen=True)
class ServiceView:
    """The version of the service, and those parts of the API that not every deployment has.

    `features` are of `builds`, `local_accounts` and `registry`.
    """

    version: str
    features: list[str]


@dataclass(frozen=True)
class SessionView:
    """A browser in which the principal is logged in, as far as it has been at the service.

    `services` are those of the hub that have a token of this login.
    """

    browser: str
    address: str
    first_seen: Optional[str]
    last_seen: Optional[str]
    current: bool
    services: list[str]


@dataclass(frozen=True)
class SessionList:
    """Where the principal is logged in, the last used first."""

    sessions: list[SessionView]


@dataclass(frozen=True)
class SessionsEnd:
    """Whether the user's API tokens end, too."""

    api_tokens: Optional[bool] = None


@dataclass(frozen=True)
class TaskSoftware:
    """The software of a task: `id` is its card's in the catalogue."""

    id: str
    name: Optional[str]
    version: Optional[str]
    image: Optional[str]
    kind: Optional[str]
    logo: Optional[str]


@dataclass(frozen=True)
class TaskComputing:
    """The computing resource of a task."""

    id: str
    name: str


@dataclass(frozen=True)
class StorageView:
    """A directory of a task: a storage, or with no id one of the resource that its user chose.

    `path` is where the task has it, `source` where it is, of the user's own only.
    """

    id: Optional[str]
    name: str
    path: str
    source: Optional[str]
    home: bool
    read_only: bool


@dataclass(frozen=True)
class TaskInterface:
    """How a task is entered; `url` is a command line or an address for other programs.

    `port` is the interface's in the container, and `user` the account there that has the one-time
    password.
    """

    protocol: Optional[str]
    port: Optional[int]
    auth: Optional[str]
    user: Optional[str]
    url: Optional[str]


@dataclass(frozen=True)
class TaskView:
    """A task. Times are ISO 8601 in UTC, memory and progress in bytes, CPU time in seconds.

    `image` is what was asked for, `image_digest` what runs, where that is known; `exact`: it was
    asked for by its digest.
    """

    id: str
    user: str
    server_name: str
    name: str
    software: TaskSoftware
    image: str
    image_digest: Optional[str]
    exact: bool
    computing: TaskComputing
    engine: str
    runtime: Optional[str]
    cpus: Optional[float]
    memory: Optional[int]
    state: str
    desired_state: str
    message: str
    progress: Optional[dict[str, int]]
    warnings: list[str]
    condition: Optional[str]
    job: Optional[JobView]
    request: dict[str, Any]
    storages: list[StorageView]
    attempt: int
    exit_code: Optional[int]
    created: str
    started: Optional[str]
    ended: Optional[str]
    last_activity: Optional[str]
    interface: TaskInterface
    interfaces: list[InterfaceView]
    open_url: Optional[str]
    page_url: str
    log_tail: list[str]
    usage: Optional[dict[str, float]]
    lifetime: LifetimeView
    can: Rights


@dataclass(frozen=True)
class SharedTask:
    """A task that is shared with the principal: by whom, with whom, until when."""

    task: TaskView
    kind: str
    name: str
    until: Optional[str]


@dataclass(frozen=True)
class SharedTasks:
    """What others share with the principal, newest first."""

    shared: list[SharedTask]


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
class SoftwareEntry:
    """Keys of c.Rosetta.software that users may set, and whose the software is."""

    name: str
    owner: Optional[OwnerView] = None
    digest: Optional[str] = None
    description: Optional[str] = None
    keywords: Optional[list[str]] = None
    registry: Optional[str] = None
    image_name: Optional[str] = None
    image_tag: Optional[str] = None
    image_digest: Optional[str] = None
    image_os: Optional[str] = None
    image_arch: Optional[str] = None
    image_archs: Optional[list[str]] = None
    interface_port: Optional[int] = None
    interface_protocol: Optional[str] = None
    interface_transport: Optional[str] = None
    interface_path: Optional[str] = None
    interface_auth: Optional[str] = None
    interface_auth_user: Optional[str] = None
    interfaces: Optional[list[Interface]] = None
    answer_timeout: Optional[int] = None
    supports_custom_interface_port: Optional[bool] = None
    supports_interface_auth: Optional[bool] = None
    default: Optional[bool] = None
    command: Optional[list[str]] = None
    environment: Optional[dict[str, str]] = None
    any_user: Optional[bool] = None
    home_path: Optional[str] = None


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
class StoppedTasks:
    """The ids of the tasks that were active, and are stopped now."""

    stopped: list[str]


@dataclass(frozen=True)
class Stops:
    """The ids of tasks that are to stop."""

    ids: list[str]


@dataclass(frozen=True)
class StorageList:
    """Storages."""

    storages: list[OwnStorage]


@dataclass(frozen=True)
class SystemView:
    """All resources and the parts of the service; `faults` are messages by part, `logs` bytes."""

    computing: list[AdminComputing]
    faults: dict[str, str]
    disk: DiskSpace
    logs: int
    kept: KeptFor


@dataclass(frozen=True)
class TaskPage:
    """Tasks, newest first, and the `after` of the next page; null on the last one."""

    tasks: list[TaskView]
    next: Optional[str] = None


@dataclass(frozen=True)
class TokenView:
    """A token as its user sees it.

    `rights` are what it may do of what this page knows, `scopes` what else it has at the hub;
    `all_rights` says that it may do everything that its user may.
    """

    id: str
    note: str
    rights: list[TokenRight]
    scopes: list[str]
    all_rights: bool
    current: bool
    created: Optional[str]
    last_activity: Optional[str]
    expires_at: Optional[str]


@dataclass(frozen=True)
class TokenList:
    """The principal's tokens."""

    tokens: list[TokenView]


@dataclass(frozen=True)
class UpdateView:
    """A version by its tag: the digest that was recorded, and the one that the tag has now.

    `problem` says why the tag could not be looked up.
    """

    version: str
    recorded: str
    present: Optional[str] = None
    problem: Optional[str] = None
    moved: Optional[bool] = None


@dataclass(frozen=True)
class UpdateList:
    """The versions whose image is known, in the order of the card."""

    updates: list[UpdateView]


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
    next: Optional[str]


@dataclass(frozen=True)
class UserStateView:
    """Whether a user may log in."""

    user: str
    state: UserState


@dataclass(frozen=True)
class UserView:
    """Whom a token is of; `scopes` are those of the hub that it has."""

    name: str
    admin: bool
    groups: list[str]
    scopes: list[str]


@dataclass(frozen=True)
class VersionView:
    """One version: `entry` has what users may set, in the words of `c.Rosetta.software`.

    `digest` is what the tag was when it was looked up last. `refused` says why the version can't be
    started; null where it can. `build` is the id of the build that has made the image.
    """

    id: str
    card: str
    owner: OwnerView
    entry: dict[str, Any]
    digest: Optional[str]
    build: Optional[str]
    refused: Optional[str]
    revision: int
    created: str
    created_by: str
    updated: str
    updated_by: str


@dataclass(frozen=True)
class VisitorsView:
    """Who is inside a task."""

    visitors: list[VisitorView]


@dataclass(frozen=True)
class WrittenVersion:
    """A copy; `dropped` names the keys that are the administrator's, and that it has not."""

    id: str
    card: str
    owner: OwnerView
    entry: dict[str, Any]
    digest: Optional[str]
    build: Optional[str]
    refused: Optional[str]
    revision: int
    created: str
    created_by: str
    updated: str
    updated_by: str
    dropped: list[str]
