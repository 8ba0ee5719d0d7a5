"""What a Slurm cluster has: read from its commands, put together for commands and REST alike."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from rosetta_hub.resources.inventory import Gpu, Inventory, Partition, Qos, SchedulerAccount
from rosetta_hub.resources.slurm.commands import NODE_COLUMNS
from rosetta_hub.resources.slurm.parse import parse_fields, parse_table

_MEBIBYTE = 1 << 20
_TIME = re.compile(r"^(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)$")
_GPU = re.compile(r"^gpu(?::([^:(]+))?:(\d+)(?:\(.*)?$")
# A list separated by commas that leaves alone those in parentheses, as in `gpu:a100:2(IDX:0,3)`.
_COMMA = re.compile(r",(?![^(]*\))")
# States of a node in which it takes no job (sinfo(1), "NODE STATE CODES").
OUT_OF_USE = ("down", "drain", "fail", "maint", "reboot", "unknown", "inval", "future", "error")


@dataclass(frozen=True)
class PartitionLimits:
    """A partition as it is configured. `None` for a list: all; for a number: no limit."""

    name: str
    state: str
    default: bool
    max_time: int | None
    max_cpus_per_node: int | None
    max_memory_per_node: int | None
    allow_accounts: tuple[str, ...] | None
    deny_accounts: tuple[str, ...]
    allow_qos: tuple[str, ...] | None
    deny_qos: tuple[str, ...]
    qos: str | None
    """The QoS of the partition itself, whose limits come before its own."""


@dataclass(frozen=True)
class Nodes:
    """Nodes of a partition that are alike. `gpus` and `gpus_used`: by type, of one node."""

    partition: str
    state: str
    count: int
    cpus: int
    """Of one node."""
    cpus_idle: int
    """Of all of them."""
    memory: int
    """Bytes of one node."""
    gpus: Mapping[str, int] = field(default_factory=dict)
    gpus_used: Mapping[str, int] = field(default_factory=dict)
    features: tuple[str, ...] = ()

    @property
    def in_use(self) -> bool:
        """Whether jobs can start there, now or after others."""
        return not self.state.lower().startswith(OUT_OF_USE)


@dataclass(frozen=True)
class Accounting:
    """What an identity may charge, and the QoS there are; empty without accounting."""

    accounts: tuple[SchedulerAccount, ...] = ()
    qos: tuple[Qos, ...] = ()
    parents: Mapping[str, str] = field(default_factory=dict)
    """Of all accounts of the cluster."""

    def line(self, account: str) -> Iterator[str]:
        """The account and all that it belongs to."""
        ancestors: set[str] = set()
        while account and account not in ancestors:
            yield account
            ancestors.add(account)
            account = self.parents.get(account, "")


def parse_partitions(stdout: str) -> list[PartitionLimits]:
    """The partitions of `scontrol --oneliner show partition`."""
    lines = [parse_fields(line) for line in stdout.splitlines() if line.strip()]
    if any("PartitionName" not in line for line in lines):
        raise ValueError("scontrol answered with what is no partition")
    return [_limits(line) for line in lines]


def _limits(line: Mapping[str, str]) -> PartitionLimits:
    memory = parse_count(line.get("MaxMemPerNode", ""))
    return PartitionLimits(
        name=line["PartitionName"],
        state=line.get("State", "UP").lower(),
        default=line.get("Default") == "YES",
        max_time=parse_limit(line.get("MaxTime", "")),
        max_cpus_per_node=parse_count(line.get("MaxCPUsPerNode", "")),
        max_memory_per_node=memory * _MEBIBYTE if memory else None,
        allow_accounts=_names(line.get("AllowAccounts", "ALL")),
        deny_accounts=_names(line.get("DenyAccounts", "")) or (),
        allow_qos=_names(line.get("AllowQos", "ALL")),
        deny_qos=_names(line.get("DenyQos", "")) or (),
        qos=None if line.get("QoS", "N/A") in ("", "N/A") else line["QoS"],
    )


def _names(text: str) -> tuple[str, ...] | None:
    if text.upper() in ("ALL", "(NULL)"):
        return None
    return tuple(name for name in text.split(",") if name)


def parse_limit(text: str) -> int | None:
    """Seconds from `[days-]hours:minutes:seconds`; None for no limit."""
    match = _TIME.match(text.strip())
    if match is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def parse_count(text: str) -> int | None:
    """A number; None for `UNLIMITED` and the like."""
    return int(text) if text.isdecimal() else None


def parse_nodes(stdout: str) -> list[Nodes]:
    """The lines of `build_nodes_command`, whose columns have fixed widths."""
    return [_nodes(line) for line in stdout.splitlines() if line.strip()]


def _nodes(line: str) -> Nodes:
    row, start = {}, 0
    for name, width in NODE_COLUMNS.items():
        row[name] = line[start : start + width].strip()
        start += width
    idle = row["CPUsState"].split("/")
    if len(idle) != 4:
        raise ValueError("sinfo answered with other columns")
    return Nodes(
        partition=row["Partition"].removesuffix("*"),
        state=row["StateLong"],
        count=int(row["Nodes"]),
        cpus=int(row["CPUs"].rstrip("+")),
        cpus_idle=int(idle[1]),
        memory=int(row["Memory"].rstrip("+")) * _MEBIBYTE,
        gpus=parse_gpus(row["Gres"]),
        gpus_used=parse_gpus(row["GresUsed"]),
        features=_names(row["Features"]) or (),
    )


def parse_gpus(gres: str) -> dict[str, int]:
    """GPUs by type (empty: none is named) of a node's generic resources."""
    counts: dict[str, int] = {}
    for match in filter(None, (_GPU.match(part) for part in _COMMA.split(gres))):
        counts[match[1] or ""] = counts.get(match[1] or "", 0) + int(match[2])
    return counts


def parse_accounts(stdout: str, cluster: str) -> tuple[SchedulerAccount, ...]:
    """The accounts of a user on this cluster, from `build_accounts_command`."""
    accounts: dict[str, SchedulerAccount] = {}
    for row in parse_table(stdout):
        if row["Cluster"] != cluster:
            continue
        name = row["Account"]
        qos = {
            *(accounts[name].qos if name in accounts else ()),
            *filter(None, row["QOS"].split(",")),
        }
        default = name == row["Def Acct"]
        accounts[name] = SchedulerAccount(name=name, default=default, qos=tuple(sorted(qos)))
    return tuple(accounts.values())


def parse_account_tree(stdout: str, cluster: str) -> dict[str, str]:
    """Parents of this cluster's accounts, from `build_account_tree_command`."""
    rows = (row for row in parse_table(stdout) if row["Cluster"] == cluster)
    return {row["Account"]: row["ParentName"] for row in rows}


def parse_qos(stdout: str) -> tuple[Qos, ...]:
    """The QoS of `build_qos_command`."""
    return tuple(
        Qos(
            name=row["Name"],
            max_time=parse_limit(row["MaxWall"]),
            max_cpus=least(parse_cpus(row["MaxTRES"]), parse_cpus(row["MaxTRESPU"])),
        )
        for row in parse_table(stdout)
    )


def parse_cpus(tres: str) -> int | None:
    """The CPUs of a list of trackable resources such as `cpu=8,mem=16G`."""
    pairs = (part.partition("=") for part in tres.split(","))
    return next((int(value) for name, _, value in pairs if name == "cpu" and value), None)


def least(*limits: int | None) -> int | None:
    """The strictest of the limits that are set."""
    return min((limit for limit in limits if limit is not None), default=None)


def build_inventory(
    limits: Iterable[PartitionLimits], nodes: Iterable[Nodes], accounting: Accounting
) -> Inventory:
    """The inventory as the form and the checks use them."""
    nodes = list(nodes)
    return Inventory(
        partitions=tuple(
            _partition(limit, [some for some in nodes if some.partition == limit.name], accounting)
            for limit in limits
        ),
        accounts=accounting.accounts,
        qos=accounting.qos,
        collected=datetime.now(UTC),
    )


def _partition(limits: PartitionLimits, nodes: list[Nodes], accounting: Accounting) -> Partition:
    own = next((qos for qos in accounting.qos if qos.name == limits.qos), None)
    usable = [some for some in nodes if some.in_use]
    return Partition(
        name=limits.name,
        state=limits.state,
        default=limits.default,
        max_time=least(limits.max_time, own.max_time if own else None),
        max_cpus=least(
            max((some.cpus for some in nodes), default=None),
            limits.max_cpus_per_node,
            own.max_cpus if own else None,
        ),
        max_memory=least(
            max((some.memory for some in nodes), default=None), limits.max_memory_per_node
        ),
        cpus_total=sum(some.cpus * some.count for some in nodes),
        cpus_idle=sum(some.cpus_idle for some in usable),
        nodes_total=sum(some.count for some in nodes),
        nodes_idle=sum(some.count for some in usable if some.state.lower().startswith("idle")),
        gpus=_gpus(nodes),
        accounts=_allowed_accounts(limits, accounting),
        qos=_allowed_qos(limits, accounting),
        features=tuple(sorted({feature for some in nodes for feature in some.features})),
    )


def _gpus(nodes: list[Nodes]) -> tuple[Gpu, ...]:
    kinds = sorted({kind for some in nodes for kind in some.gpus})
    return tuple(
        Gpu(
            type=kind,
            total=sum(some.gpus.get(kind, 0) * some.count for some in nodes),
            idle=sum(
                (some.gpus.get(kind, 0) - some.gpus_used.get(kind, 0)) * some.count
                for some in nodes
                if some.in_use
            ),
            per_node=max(some.gpus.get(kind, 0) for some in nodes),
        )
        for kind in kinds
    )


def _allowed_accounts(limits: PartitionLimits, accounting: Accounting) -> tuple[str, ...] | None:
    """Those of the identity that may use the partition; None: all, or it is not known which."""
    if not accounting.accounts or (limits.allow_accounts is None and not limits.deny_accounts):
        return None
    names = [account.name for account in accounting.accounts]
    if limits.allow_accounts is not None:
        allowed = set(limits.allow_accounts)
        return tuple(name for name in names if allowed & {*accounting.line(name)})
    return tuple(name for name in names if name not in limits.deny_accounts)


def _allowed_qos(limits: PartitionLimits, accounting: Accounting) -> tuple[str, ...] | None:
    if limits.allow_qos is not None or not limits.deny_qos or not accounting.qos:
        return limits.allow_qos
    return tuple(qos.name for qos in accounting.qos if qos.name not in limits.deny_qos)
