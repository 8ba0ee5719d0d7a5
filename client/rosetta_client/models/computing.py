"""Models of the operations with the tag `computing`.

Made by client/generate.py of the description of the API: do not edit.
"""

from dataclasses import dataclass
from typing import Optional

from rosetta_client.models.common import (
    ComputingDefaults,
    ComputingLimits,
    ComputingTime,
    EngineView,
    Size,
)


@dataclass(frozen=True)
class OwnIdentity:
    """Whether the user's own account on a resource can be used; `url` is where to set it."""

    needed: bool
    ready: bool
    url: str


@dataclass(frozen=True)
class OwnComputing:
    """A resource with the user's own account on it; `drained`: why it takes no tasks now."""

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
class Gpu:
    """GPUs of one type in a partition; `type` is empty where the cluster names none."""

    type: str
    total: int
    idle: int
    per_node: int


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
