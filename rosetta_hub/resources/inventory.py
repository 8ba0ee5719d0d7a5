"""What a cluster has, and what of it is idle now. Memory in bytes, times in seconds."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class _Item(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Gpu(_Item):
    """GPUs of one type in a partition; `type` is empty where the cluster names none."""

    type: str
    total: int
    idle: int
    per_node: int
    """The most that one node has."""


class Partition(_Item):
    """A queue. None: no limit, or not known; for `accounts` and `qos`: all."""

    name: str
    state: str
    """`up`, or why nothing starts in it: `down`, `drain`, `inactive`."""
    default: bool = False
    max_time: int | None = None
    max_cpus: int | None = None
    """The most that one node has."""
    max_memory: int | None = None
    """The most that one node has."""
    cpus_total: int = 0
    cpus_idle: int = 0
    nodes_total: int = 0
    nodes_idle: int = 0
    gpus: tuple[Gpu, ...] = ()
    accounts: tuple[str, ...] | None = None
    qos: tuple[str, ...] | None = None
    features: tuple[str, ...] = ()


class SchedulerAccount(_Item):
    """An account that the identity may charge, with the QoS it may use there."""

    name: str
    default: bool = False
    qos: tuple[str, ...] = ()


class Qos(_Item):
    """A quality of service and its limits."""

    name: str
    max_time: int | None = None
    max_cpus: int | None = None


class Inventory(_Item):
    """All of it, as one identity sees it. Empty `accounts`: the cluster has no accounting."""

    partitions: tuple[Partition, ...] = ()
    accounts: tuple[SchedulerAccount, ...] = ()
    qos: tuple[Qos, ...] = ()
    collected: datetime
