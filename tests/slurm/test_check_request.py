"""What a cluster can't do is refused before submit; what is not known is not refused."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from rosetta_hub.errors import InvalidOptions
from rosetta_hub.resources.check_request import check_request
from rosetta_hub.resources.inventory import Gpu, Inventory, Partition, Qos, SchedulerAccount
from rosetta_hub.resources.wms import JobRequest

NOW = datetime(2026, 11, 20, tzinfo=UTC)
FACTS = Inventory(
    partitions=(
        Partition(
            name="main",
            state="up",
            default=True,
            max_time=86400,
            max_cpus=64,
            max_memory=256 << 30,
            nodes_total=4,
        ),
        Partition(name="short", state="up", max_time=600, accounts=("science",), nodes_total=1),
        Partition(
            name="gpu",
            state="up",
            qos=("high",),
            nodes_total=2,
            gpus=(
                Gpu(type="a100", total=8, idle=2, per_node=4),
                Gpu(type="v100", total=2, idle=2, per_node=2),
            ),
        ),
        Partition(name="old", state="drain"),
    ),
    accounts=(
        SchedulerAccount(name="science", default=True, qos=("normal", "high")),
        SchedulerAccount(name="teaching", qos=("normal",)),
    ),
    qos=(Qos(name="normal"), Qos(name="high", max_time=3600, max_cpus=16)),
    collected=NOW,
)
NOTHING_KNOWN = Inventory(
    partitions=(Partition(name="main", state="up", default=True),), collected=NOW
)
FITS = JobRequest(
    "a", cpus=16, memory=1 << 30, time_limit=3600, partition="gpu", qos="high", gpus=4
)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            JobRequest("a", partition="short", time_limit=7200),
            "The partition `short` allows at most 10 min, not 2 h.",
        ),
        (
            JobRequest("a", time_limit=90000),
            "The partition `main` allows at most 1 d, not 1 d 1 h.",
        ),
        (
            JobRequest("a", cpus=65),
            "The partition `main` allows at most 64 cores, not 65.",
        ),
        (
            JobRequest("a", memory=300 << 30),
            "The partition `main` allows at most 256 GB of memory, not 300 GB.",
        ),
        (
            JobRequest("a", gpus=1),
            "The partition `main` has no GPUs. Choose another one.",
        ),
        (
            JobRequest("a", partition="gpu", gpus=1, gpu_type="h100"),
            "The partition `gpu` has no GPUs of the type `h100`. Choose one of `a100`, `v100`.",
        ),
        (
            JobRequest("a", partition="gpu", gpus=3, gpu_type="v100"),
            "The partition `gpu` has at most 2 such GPUs in one node, not 3.",
        ),
        (
            JobRequest("a", partition="nowhere"),
            "There is no partition `nowhere` for you. Choose one of `main`, `short`, `gpu`, `old`.",
        ),
        (
            JobRequest("a", partition="old"),
            "The partition `old` is closed (drain). Choose one of `main`, `short`, `gpu`.",
        ),
        (
            JobRequest("a", account="physics"),
            "The account `physics` is not yours. Choose one of `science`, `teaching`.",
        ),
        (
            JobRequest("a", account="teaching", partition="short"),
            "The account `teaching` may not be used in the partition `short`."
            " Choose one of `science`.",
        ),
        (
            JobRequest("a", qos="gold"),
            "There is no QoS `gold`. Choose one of `normal`, `high`.",
        ),
        (
            JobRequest("a", qos="high", account="teaching"),
            "The account `teaching` may not use the QoS `high`. Choose one of `normal`.",
        ),
        (
            JobRequest("a", qos="normal", partition="gpu"),
            "The QoS `normal` may not be used in the partition `gpu`. Choose one of `high`.",
        ),
        (
            JobRequest("a", qos="high", time_limit=7200),
            "The QoS `high` allows at most 1 h, not 2 h.",
        ),
        (
            JobRequest("a", qos="high", cpus=32),
            "The QoS `high` allows at most 16 cores, not 32.",
        ),
    ],
)
def test_refused(request_: JobRequest, message: str) -> None:
    with pytest.raises(InvalidOptions) as refused:
        check_request(request_, FACTS)
    assert str(refused.value) == message
    unknown = replace(request_, partition=None)
    check_request(unknown, NOTHING_KNOWN)


@pytest.mark.parametrize(
    "request_",
    [
        JobRequest("a"),
        FITS,
        replace(FITS, gpus=6),  # of two types
        JobRequest("a", partition="short", account="science", time_limit=600),
        JobRequest("a", partition="main,short", time_limit=3600),
        JobRequest("a", cpus=64, memory=256 << 30, time_limit=86400),
    ],
)
def test_allowed(request_: JobRequest) -> None:
    check_request(request_, FACTS)


def test_nothing_known_refuses_nothing() -> None:
    check_request(FITS, Inventory(collected=NOW))
