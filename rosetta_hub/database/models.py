"""The tables of tasks: tasks, the browser sessions that may enter them, what they use."""

import enum
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Enum,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import DateTime, TypeDecorator

from rosetta_hub.database.external_text import ExternalText, fit_on_assignment


class TaskState(enum.StrEnum):
    """Where a task is; `unknown` is an answer of a resource, never a state of a task."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    STOPPED = "stopped"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """Whether the attempt is over: nothing of it exists on the computing resource."""
        return self in (TaskState.STOPPED, TaskState.FAILED)


class DesiredState(enum.StrEnum):
    """What a task should be: the reconciler moves `State` towards it."""

    RUN = "run"
    STOP = "stop"


class UtcDateTime(TypeDecorator[datetime]):
    """A time in UTC, with its zone in Python although SQLite stores none."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Store UTC without a zone."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Give the zone back."""
        return None if value is None else value.replace(tzinfo=UTC)


def text_enum(kind: type[enum.Enum]) -> Enum:
    """The type of a column with an enum as text: a new value needs no change of the schema."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=10,
        values_callable=lambda members: [member.value for member in members],
    )


# SQLite numbers rows by itself only where the key is an INTEGER.
NUMBER = BigInteger().with_variant(Integer(), "sqlite")


class Base(DeclarativeBase):
    """Names of constraints are fixed, so that migrations can address them on every database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[str]: JSON,
        list[dict[str, Any]]: JSON,
        int: BigInteger,
        TaskState: text_enum(TaskState),
        DesiredState: text_enum(DesiredState),
    }


fit_on_assignment(Base)


class Task(Base):
    """One container of one user: a named server of the hub.

    The row is written when the server is started and lives until the user deletes the task.
    Each start is an attempt with a number and, derived from it, secrets of its own (see keys.py).
    """

    __tablename__ = "tasks"
    __table_args__ = (
        UniqueConstraint("user", "server_name"),
        Index(None, "created", "id"),
        Index(None, "user", "created"),
        Index(None, "computing", "remote_user"),
    )

    id: Mapped[str] = mapped_column(String(12), primary_key=True)
    user: Mapped[str] = mapped_column(String(255))
    server_name: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(80))

    # What was asked for, and what it was resolved to when the attempt began.
    options: Mapped[dict[str, Any]]
    family: Mapped[str] = mapped_column(String(80))
    software: Mapped[dict[str, Any]]
    computing: Mapped[str] = mapped_column(String(80))
    engine: Mapped[str] = mapped_column(String(20))
    runtime: Mapped[str | None] = mapped_column(String(40))
    cpus: Mapped[float | None]
    memory: Mapped[int | None]
    request: Mapped[dict[str, Any]] = mapped_column(default=dict)
    storages: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    # Encrypted: what the hub's spawner adds to the container's variables, until the attempt ends.
    environment: Mapped[bytes | None] = mapped_column(LargeBinary)

    state: Mapped[TaskState] = mapped_column(index=True)
    desired_state: Mapped[DesiredState]
    forget: Mapped[bool] = mapped_column(default=False, index=True)
    attempt: Mapped[int] = mapped_column(default=1)
    port: Mapped[int | None] = mapped_column(unique=True)
    # Ports of the edge for further interfaces, by their ports in the container (as text).
    edge_ports: Mapped[dict[str, Any]] = mapped_column(default=dict)

    # The image that runs, as the agent says; and what its tag was when the software was looked up.
    image_digest: Mapped[str | None] = mapped_column(String(71))
    expected_digest: Mapped[str | None] = mapped_column(String(71))

    # What the agent reported last.
    sequence: Mapped[int] = mapped_column(default=0)
    message: Mapped[str] = mapped_column(ExternalText(200), default="")
    progress_done: Mapped[int | None]
    progress_total: Mapped[int | None]
    interface_kind: Mapped[str | None] = mapped_column(String(10))
    interface_port: Mapped[int | None]
    # Of each further interface: port, published (port or null), ready.
    interface_states: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    exit_code: Mapped[int | None]
    reason: Mapped[str | None] = mapped_column(ExternalText(40))
    detail: Mapped[str] = mapped_column(ExternalText(), default="")
    # What is fetched for the task, or stored of it, in words.
    staging: Mapped[str] = mapped_column(ExternalText(), default="")
    warnings: Mapped[list[str]] = mapped_column(default=list)
    cpu_seconds: Mapped[float | None]
    memory_used: Mapped[int | None]

    # Where it is on its computing resource, as the resource itself says: the account it runs as,
    # the scheduler's job, and for a standalone host what tells one start of it from the next.
    # `submitting` is when a submission began whose answer is not known.
    remote_user: Mapped[str | None] = mapped_column(ExternalText(64))
    submitting: Mapped[datetime | None]
    job_id: Mapped[str | None] = mapped_column(ExternalText(64))
    job_state: Mapped[str | None] = mapped_column(ExternalText(40))
    job_reason: Mapped[str | None] = mapped_column(ExternalText(300))
    expected_start: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    node: Mapped[str | None] = mapped_column(ExternalText(255))
    boot_id: Mapped[str | None] = mapped_column(ExternalText(80))

    created: Mapped[datetime]
    started: Mapped[datetime | None]
    ended: Mapped[datetime | None] = mapped_column(index=True)
    last_heartbeat: Mapped[datetime | None]
    last_activity: Mapped[datetime | None]

    # When it ends by itself: at a chosen time, or after it has been idle, which it is since
    # `idle_since`, but not before `kept_until`; its longest lifetime was extended to
    # `extended_until`. `end_announced` is when its user was asked about the next end.
    stop_at: Mapped[datetime | None]
    idle_since: Mapped[datetime | None]
    kept_until: Mapped[datetime | None]
    extended_until: Mapped[datetime | None]
    end_announced: Mapped[datetime | None]
    # The groups that the owner was in when the attempt began; since when those of now do not allow
    # the task any more.
    owner_groups: Mapped[list[str]] = mapped_column(default=list)
    denied_since: Mapped[datetime | None]

    def __repr__(self) -> str:
        return f"<Task {self.id} {self.user}/{self.server_name} {self.state}>"


class BrowserSession(Base):
    """A browser that may enter one attempt of one task.

    Only the digest of its cookie is kept; the hub's OAuth token it came with is encrypted, and is
    asked about again while the session is used, so that a logout on the hub ends it.
    """

    __tablename__ = "sessions"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    task_id: Mapped[str] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"), index=True)
    user: Mapped[str] = mapped_column(String(255), index=True)
    token: Mapped[bytes] = mapped_column(LargeBinary)
    expires: Mapped[datetime] = mapped_column(index=True)

    def __repr__(self) -> str:
        return f"<BrowserSession {self.user} in {self.task_id}>"


def utc_now() -> datetime:
    """The time, in UTC and aware of it."""
    return datetime.now(UTC)


class UsageSample(Base):
    """What the present attempt of a task used in a span of time that began at `begun`.

    `cpu_seconds` is the CPU time since the attempt's start, as it was at `ended`. `memory` and
    `gpu_memory` (bytes) are the largest of the span, `gpu_percent` is the average.
    """

    __tablename__ = "usage_samples"
    __table_args__ = (Index(None, "task_id", "id"),)

    id: Mapped[int] = mapped_column(NUMBER, primary_key=True)
    task_id: Mapped[str] = mapped_column(String(12), ForeignKey("tasks.id", ondelete="CASCADE"))
    begun: Mapped[datetime]
    ended: Mapped[datetime]
    # Seconds: reports that come before the span has passed are of the same sample.
    span: Mapped[int]
    cpu_seconds: Mapped[float]
    memory: Mapped[int]
    gpu_percent: Mapped[float | None]
    gpu_memory: Mapped[int | None]
    gpu_memory_total: Mapped[int | None]

    def __repr__(self) -> str:
        return f"<UsageSample of {self.task_id} {self.begun:%H:%M:%S}>"
