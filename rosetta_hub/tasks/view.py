"""A task as the REST API shows it."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from rosetta_hub.catalogue.bound_storages import BoundStorage
from rosetta_hub.catalogue.interfaces import Interface
from rosetta_hub.catalogue.software import Software
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import DesiredState, Task, TaskState
from rosetta_hub.database.paging import PageView
from rosetta_hub.lifetimes.lifetimes import NO_LIFETIMES, Lifetimes
from rosetta_hub.lifetimes.view import LifetimeView, view_lifetime
from rosetta_hub.tasks.conditions import Conditions
from rosetta_hub.tasks.interfaces import further_interfaces, is_ready
from rosetta_hub.tasks.liveness import unresponsive_since
from rosetta_hub.tasks.logs import Logs
from rosetta_hub.tasks.state_messages import message, warning_messages
from rosetta_hub.tasks.task_urls import command_line, is_http, is_open, open_path, page_path

LOG_TAIL_LINES = 20


class Rights(BaseModel):
    """What the user may do with the task now.

    `keep`: choose when the task ends; `extend`: keep it beyond its longest lifetime, too.
    """

    stop: bool
    start: bool
    delete: bool
    log: bool
    keep: bool = False
    extend: bool = False


class JobView(BaseModel):
    """The job that a task is of a workload manager. Times are ISO 8601 in UTC."""

    id: str
    state: str | None
    reason: str | None
    expected_start: datetime | None
    node: str | None
    ends_at: datetime | None


class StorageView(BaseModel):
    """A directory of a task: a storage, or with no id one of the resource that its user chose.

    `path` is where the task has it, `source` where it is, of the user's own only.
    """

    id: str | None
    name: str
    path: str
    source: str | None
    home: bool
    read_only: bool


class InterfaceView(BaseModel):
    """A further interface of a task.

    `url` opens it as `open_url` of the task does, null while nobody can go in. `ready` tells
    whether it answered last; a dashboard may come up when its user starts something, or never.
    """

    name: str
    port: int
    url: str | None
    ready: bool


class TaskSoftware(BaseModel):
    """The software of a task: `id` is that of its software family."""

    id: str
    name: str | None
    version: str | None
    image: str | None
    kind: str | None
    logo: str | None


class TaskComputing(BaseModel):
    """The computing resource of a task."""

    id: str
    name: str


class TaskInterface(BaseModel):
    """How a task is entered; `url` is a command line or an address for other programs.

    `port` is the interface's in the container, and `user` the account there that has the one-time
    password.
    """

    protocol: str | None
    port: int | None
    auth: str | None
    user: str | None
    url: str | None


class TaskProgress(BaseModel):
    """How much of the image is there, in bytes."""

    done: int
    total: int


class TaskUse(BaseModel):
    """What a running task has used, in seconds of a CPU, and the memory that it uses, in bytes."""

    cpu_seconds: float
    memory: int


class TaskRequest(BaseModel):
    """What was asked of the workload manager beside cores and memory; null: its default.

    `time` is in seconds.
    """

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    time: int | None = None
    gpus: int | None = None
    gpu_type: str | None = None
    constraint: str | None = None
    reservation: str | None = None


class TaskView(BaseModel):
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
    image_digest: str | None
    exact: bool
    computing: TaskComputing
    engine: str
    runtime: str | None
    cpus: float | None
    memory: int | None
    state: str
    desired_state: str
    message: str
    progress: TaskProgress | None
    warnings: list[str]
    condition: str | None
    job: JobView | None
    request: TaskRequest | None
    storages: list[StorageView]
    attempt: int
    exit_code: int | None
    created: datetime
    started: datetime | None
    ended: datetime | None
    last_activity: datetime | None
    interface: TaskInterface
    interfaces: list[InterfaceView]
    open_url: str | None
    page_url: str
    log_tail: list[str]
    usage: TaskUse | None
    lifetime: LifetimeView
    can: Rights


class TaskPage(PageView):
    """Tasks, newest first, and the `after` of the next page; null on the last one."""

    tasks: list[TaskView]


class Viewer:
    """Makes the view of a task."""

    def __init__(
        self,
        settings: Rosetta,
        logs: Logs,
        conditions: Conditions,
        lifetimes: Lifetimes = NO_LIFETIMES,
    ) -> None:
        self._settings = settings
        self._lifetimes = lifetimes
        self._conditions = conditions
        self._logs = logs
        self._names = {
            key: computing.name for key, computing in settings.catalogue().computing.items()
        }

    def view(self, task: Task, rights: Rights) -> TaskView:
        """The task as somebody with these rights sees it."""
        name = self._names.get(task.computing, task.computing)
        tail = rights.log and task.state is not TaskState.RUNNING
        return TaskView(
            id=task.id,
            user=task.user,
            server_name=task.server_name,
            name=task.name,
            software=_software(task),
            image=_image(task),
            image_digest=task.image_digest,
            exact="digest" in task.options,
            computing=TaskComputing(id=task.computing, name=name),
            engine=task.engine,
            runtime=task.runtime,
            cpus=task.cpus,
            memory=task.memory,
            state=shown_state(task),
            desired_state=task.desired_state.value,
            message=message(task, name),
            progress=_progress(task),
            warnings=warning_messages(task),
            condition=self._note(task),
            job=_job(task),
            request=TaskRequest.model_validate(task.request) if task.request else None,
            storages=[_storage(storage) for storage in task.storages],
            attempt=task.attempt,
            exit_code=task.exit_code,
            created=task.created,
            started=task.started,
            ended=task.ended,
            last_activity=task.last_activity,
            interface=self._interface(task),
            interfaces=[self._further(task, interface) for interface in further_interfaces(task)],
            open_url=open_path(task, self._settings) if _open(task) else None,
            page_url=page_path(task, self._settings),
            log_tail=self._logs.tail(task.id, task.attempt, LOG_TAIL_LINES) if tail else [],
            usage=_usage(task),
            lifetime=view_lifetime(task, self._lifetimes, rights.keep, rights.extend),
            can=rights,
        )

    def _note(self, task: Task) -> str | None:
        """What is wrong with the resource while the task goes on; None for tasks that are over."""
        condition = None if task.state.final else self._conditions.of(task)
        if condition is not None:
            return f"{condition.message} (since {condition.since:%H:%M} UTC; the task is not lost)"
        unresponsive = unresponsive_since(task, self._settings.heartbeat_interval)
        if unresponsive is None:
            return None
        return (
            f"The task has not been heard of since {unresponsive:%H:%M} UTC: its machine, or the"
            " network there, may be down. It goes on if its machine does."
        )

    def _further(self, task: Task, interface: Interface) -> InterfaceView:
        can_enter = is_open(task)
        return InterfaceView(
            name=interface.name,
            port=interface.port,
            url=open_path(task, self._settings, interface.port) if can_enter else None,
            ready=can_enter and is_ready(task, interface),
        )

    def _interface(self, task: Task) -> TaskInterface:
        auth = task.software.get("interface_auth")
        return TaskInterface(
            protocol=task.software.get("interface_protocol"),
            port=task.software.get("interface_port"),
            auth=auth,
            user=task.software.get("interface_auth_user") if auth == "password" else None,
            url=command_line(task, self._settings),
        )


def _storage(stored: dict[str, Any]) -> StorageView:
    storage = BoundStorage.model_validate(stored)
    return StorageView(
        id=storage.id,
        name=storage.name,
        path=storage.target,
        source=storage.source if storage.id is None else None,
        home=storage.home,
        read_only=storage.read_only,
    )


def _job(task: Task) -> JobView | None:
    if task.job_id is None:
        return None
    return JobView(
        id=task.job_id,
        # The last that was heard of it: its end is told by the task's own message.
        state=None if task.state.final else task.job_state,
        reason=task.job_reason or None,
        expected_start=task.expected_start if task.state is TaskState.QUEUED else None,
        node=task.node,
        ends_at=task.ends_at,
    )


def shown_state(task: Task) -> str:
    """The state in one word, `stopping` included."""
    if task.desired_state is DesiredState.STOP and not task.state.final:
        return "stopping"
    return task.state.value


def _open(task: Task) -> bool:
    return is_open(task) and is_http(task)


def _software(task: Task) -> TaskSoftware:
    return TaskSoftware(
        id=task.family,
        name=task.software.get("name"),
        version=task.software.get("image_tag"),
        image=task.software.get("image_name"),
        kind=task.software.get("kind"),
        logo=task.software.get("logo"),
    )


def _image(task: Task) -> str:
    """The reference of the image; records of older versions may lack parts of it."""
    parts = ("registry", "image_name", "image_tag", "image_digest")
    reference = {key: task.software[key] for key in parts if task.software.get(key)}
    return Software.model_construct(**reference).image


def _progress(task: Task) -> TaskProgress | None:
    if task.progress_total is None or task.state is not TaskState.STARTING:
        return None
    size = task.progress_done or 0
    total = task.progress_total
    return TaskProgress(done=size, total=total) if size < total else None


def _usage(task: Task) -> TaskUse | None:
    if task.cpu_seconds is None or task.state is not TaskState.RUNNING:
        return None
    return TaskUse(cpu_seconds=task.cpu_seconds, memory=task.memory_used or 0)
