"""Facts of the recorded cluster: sixteen jobs wait or run on two nodes."""

from dataclasses import replace

import pytest

from rosetta_hub.resources.inventory import Gpu, Inventory, Partition, Qos, SchedulerAccount
from rosetta_hub.resources.slurm.inventory import (
    Accounting,
    Nodes,
    PartitionLimits,
    build_inventory,
    parse_account_tree,
    parse_accounts,
    parse_gpus,
    parse_limit,
    parse_nodes,
    parse_partitions,
    parse_qos,
)

from .test_parse import recorded

GIB = 1 << 30


@pytest.fixture
def accounting() -> Accounting:
    return Accounting(
        parse_accounts(recorded("accounts.txt"), "rosetta"),
        parse_qos(recorded("qos.txt")),
        parse_account_tree(recorded("account-tree.txt"), "rosetta"),
    )


@pytest.fixture
def inventory(accounting: Accounting) -> Inventory:
    return build_inventory(
        parse_partitions(recorded("partitions.txt")),
        parse_nodes(recorded("sinfo.txt")),
        accounting,
    )


def test_partition(inventory: Inventory) -> None:
    assert inventory.partitions[0] == Partition(
        name="main",
        state="up",
        default=True,
        max_time=7 * 86400,
        max_cpus=64,
        max_memory=256 * GIB,
        cpus_total=128,
        cpus_idle=63,
        nodes_total=2,
        nodes_idle=0,
        gpus=(Gpu(type="tesla", total=2, idle=1, per_node=2),),
        features=("amd", "avx2", "intel"),
    )


def test_partitions(inventory: Inventory) -> None:
    assert [
        (partition.name, partition.state, partition.default, partition.max_time)
        for partition in inventory.partitions
    ] == [
        ("main", "up", True, 604800),
        ("short", "up", False, 600),
        ("closed", "down", False, 86400),
        ("gpu", "up", False, 86400),
        ("low", "up", False, 86400),
        ("high", "up", False, 86400),
    ]


def test_accounts(inventory: Inventory) -> None:
    assert inventory.accounts == (
        SchedulerAccount(name="astro", qos=("debug", "normal")),
        SchedulerAccount(name="empty", qos=("normal",)),
        SchedulerAccount(name="physics", default=True, qos=("debug", "long", "normal")),
        SchedulerAccount(name="sub", qos=("debug", "long", "normal")),
    )


def test_qos(inventory: Inventory) -> None:
    assert inventory.qos == (
        Qos(name="normal"),
        Qos(name="long", max_time=2 * 86400),
        Qos(name="debug", max_time=1800, max_cpus=8),
    )


def test_accounts_of_other_clusters_are_left_out() -> None:
    assert parse_accounts(recorded("accounts.txt"), "elsewhere") == ()
    assert parse_account_tree(recorded("account-tree.txt"), "elsewhere") == {}


LIMITS = PartitionLimits(
    name="main",
    state="up",
    default=True,
    max_time=None,
    max_cpus_per_node=None,
    max_memory_per_node=None,
    allow_accounts=None,
    deny_accounts=(),
    allow_qos=None,
    deny_qos=(),
    qos=None,
)


def partition_of(limits: PartitionLimits, accounting: Accounting, *nodes: Nodes) -> Partition:
    return build_inventory([limits], nodes, accounting).partitions[0]


def test_sub_accounts_may_use_what_their_parent_may(accounting: Accounting) -> None:
    """As Slurm 24.11 does, tried."""
    limits = replace(LIMITS, allow_accounts=("physics", "chemistry"))
    assert partition_of(limits, accounting).accounts == ("physics", "sub")


def test_denied_accounts_and_qos(accounting: Accounting) -> None:
    limits = replace(LIMITS, deny_accounts=("astro",), deny_qos=("debug",))
    result = partition_of(limits, accounting)
    assert result.accounts == ("empty", "physics", "sub")
    assert result.qos == ("normal", "long")


def test_lists_mean_nothing_while_the_accounts_are_not_known() -> None:
    limits = replace(LIMITS, allow_accounts=("physics",), deny_qos=("debug",))
    result = partition_of(limits, Accounting())
    assert (result.accounts, result.qos) == (None, None)


def test_limits_of_the_partitions_own_qos(accounting: Accounting) -> None:
    node = Nodes("main", "idle", 2, 64, 128, 256 * GIB)
    limits = replace(LIMITS, max_time=86400, max_memory_per_node=GIB, qos="debug")
    result = partition_of(limits, accounting, node)
    assert (result.max_time, result.max_cpus, result.max_memory) == (1800, 8, GIB)


def test_nodes_out_of_use_are_not_idle(accounting: Accounting) -> None:
    gpus = {"": 4}
    nodes = [
        Nodes("main", "idle~", 3, 8, 24, GIB, gpus, {"": 0}),
        Nodes("main", "mixed", 1, 8, 2, GIB, gpus, {"": 3}),
        Nodes("main", "drained*", 1, 8, 8, GIB, gpus, {"": 0}),
        Nodes("main", "down*", 1, 16, 16, GIB, gpus, {"": 0}),
        Nodes("other", "idle", 1, 99, 99, GIB),
    ]
    result = partition_of(LIMITS, accounting, *nodes)
    assert (result.nodes_total, result.nodes_idle) == (6, 3)
    assert (result.cpus_total, result.cpus_idle, result.max_cpus) == (56, 26, 16)
    assert result.gpus == (Gpu(type="", total=24, idle=13, per_node=4),)


@pytest.mark.parametrize(
    ("gres", "gpus"),
    [
        ("gpu:tesla:2", {"tesla": 2}),
        ("gpu:a100:4(S:0-1),gpu:v100:2,nic:2", {"a100": 4, "v100": 2}),
        ("gpu:a100:2(IDX:0,3),gpu:v100:0(IDX:N/A)", {"a100": 2, "v100": 0}),
        ("gpu:4", {"": 4}),
        ("(null)", {}),
        ("", {}),
    ],
)
def test_gpus(gres: str, gpus: dict[str, int]) -> None:
    assert parse_gpus(gres) == gpus


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7-00:00:00", 604800),
        ("00:10:00", 600),
        ("1:00", 60),
        ("UNLIMITED", None),
        ("", None),
        ("1-12:30:01", 131401),
    ],
)
def test_limits_of_time(text: str, seconds: int | None) -> None:
    assert parse_limit(text) == seconds


def test_other_columns_are_no_answer() -> None:
    with pytest.raises(ValueError, match="sinfo answered"):
        parse_nodes("PARTITION AVAIL TIMELIMIT NODES STATE NODELIST\n")
