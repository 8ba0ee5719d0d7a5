"""Models that operations of several tags use.

Made by client/generate.py of the description of the API: do not edit.
"""

from dataclasses import dataclass
from typing import Optional


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
class ComputingTime:
    """The time of a task, in seconds; null: without an end."""

    default: Optional[int]
    max: Optional[int]


@dataclass(frozen=True)
class EngineView:
    """A container engine of a resource, with the runtimes that may be chosen."""

    engine: str
    runtimes: list[str]


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
class JobView:
    """The job that a task is of a workload manager. Times are ISO 8601 in UTC."""

    id: str
    state: Optional[str]
    reason: Optional[str]
    expected_start: Optional[str]
    node: Optional[str]
    ends_at: Optional[str]


Level = str


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
class Rights:
    """What the user may do with the task now.

    `keep`: choose when the task ends; `extend`: keep it beyond its longest lifetime, too.
    """

    stop: bool
    start: bool
    delete: bool
    log: bool
    keep: Optional[bool] = None
    extend: Optional[bool] = None


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
class TaskComputing:
    """The computing resource of a task."""

    id: str
    name: str


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
class TaskProgress:
    """How much of the image is there, in bytes."""

    done: int
    total: int


@dataclass(frozen=True)
class TaskRequest:
    """What was asked of the workload manager beside cores and memory; null: its default.

    `time` is in seconds.
    """

    partition: Optional[str] = None
    account: Optional[str] = None
    qos: Optional[str] = None
    time: Optional[int] = None
    gpus: Optional[int] = None
    gpu_type: Optional[str] = None
    constraint: Optional[str] = None
    reservation: Optional[str] = None


@dataclass(frozen=True)
class TaskSoftware:
    """The software of a task: `id` is that of its software family."""

    id: str
    name: Optional[str]
    version: Optional[str]
    image: Optional[str]
    kind: Optional[str]
    logo: Optional[str]


@dataclass(frozen=True)
class TaskUse:
    """What a running task has used, in seconds of a CPU, and the memory that it uses, in bytes."""

    cpu_seconds: float
    memory: int


@dataclass(frozen=True)
class TaskView:
    """A task. Times are ISO 8601 in UTC, memory is in bytes.

    `progress` is there while its image is fetched, `usage` while it runs, and `request` where a
    workload manager was asked for more than cores and memory. `image` is what was asked for,
    `image_digest` what runs, where that is known; `exact`: it was asked for by its digest.
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
    progress: Optional[TaskProgress]
    warnings: list[str]
    condition: Optional[str]
    job: Optional[JobView]
    request: Optional[TaskRequest]
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
    usage: Optional[TaskUse]
    lifetime: LifetimeView
    can: Rights
