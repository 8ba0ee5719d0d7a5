"""A request checked against a cluster's inventory, so that nothing is refused only after submit.

What is not known refuses nothing: the scheduler itself is asked next.
"""

from collections.abc import Iterable

from rosetta_hub.catalogue.units import format_duration, format_size
from rosetta_hub.errors import InvalidOptions
from rosetta_hub.resources.inventory import Inventory, Partition, SchedulerAccount
from rosetta_hub.resources.wms import JobRequest


def check_request(request: JobRequest, inventory: Inventory) -> None:
    """See that the cluster has, and allows, what is asked for.

    Raises:
        InvalidOptions: a message that says what is allowed instead.
    """
    _check_account(request, inventory)
    _check_qos(request, inventory)
    partition = _partition(request, inventory)
    if partition is None:
        return
    if partition.state != "up":
        raise InvalidOptions(
            f"The partition `{partition.name}` is closed ({partition.state})."
            f" {_choose(other.name for other in inventory.partitions if other.state == 'up')}"
        )
    _check_membership(request, partition)
    _check_size(request, partition)
    _check_gpus(request, partition)


def _choose(names: Iterable[str]) -> str:
    listed = ", ".join(f"`{name}`" for name in names)
    return f"Choose one of {listed}." if listed else "There is no other one."


def _partition(request: JobRequest, inventory: Inventory) -> Partition | None:
    """The partition that the job goes to; None where that is not known."""
    # Several, separated by commas: the scheduler takes the one in which the job starts first.
    if not inventory.partitions or (request.partition and "," in request.partition):
        return None
    if request.partition is None:
        return next((partition for partition in inventory.partitions if partition.default), None)
    match = next(
        (partition for partition in inventory.partitions if partition.name == request.partition),
        None,
    )
    if match is None:
        raise InvalidOptions(
            f"There is no partition `{request.partition}` for you."
            f" {_choose(partition.name for partition in inventory.partitions)}"
        )
    return match


def _check_account(request: JobRequest, inventory: Inventory) -> None:
    names = [account.name for account in inventory.accounts]
    if request.account and names and request.account not in names:
        raise InvalidOptions(f"The account `{request.account}` is not yours. {_choose(names)}")


def _check_qos(request: JobRequest, inventory: Inventory) -> None:
    if request.qos is None or not inventory.qos:
        return
    qos = next((qos for qos in inventory.qos if qos.name == request.qos), None)
    if qos is None:
        raise InvalidOptions(
            f"There is no QoS `{request.qos}`. {_choose(qos.name for qos in inventory.qos)}"
        )
    account = _account(request, inventory)
    if account and account.qos and request.qos not in account.qos:
        raise InvalidOptions(
            f"The account `{account.name}` may not use the QoS `{request.qos}`."
            f" {_choose(account.qos)}"
        )
    _check_limits(f"The QoS `{qos.name}`", request, qos.max_time, qos.max_cpus)


def _account(request: JobRequest, inventory: Inventory) -> SchedulerAccount | None:
    if request.account:
        return next(
            (account for account in inventory.accounts if account.name == request.account), None
        )
    return next((account for account in inventory.accounts if account.default), None)


def _check_membership(request: JobRequest, partition: Partition) -> None:
    for what, name, allowed in (
        ("account", request.account, partition.accounts),
        ("QoS", request.qos, partition.qos),
    ):
        if name is not None and allowed is not None and name not in allowed:
            raise InvalidOptions(
                f"The {what} `{name}` may not be used in the partition `{partition.name}`."
                f" {_choose(allowed)}"
            )


def _check_size(request: JobRequest, partition: Partition) -> None:
    name, memory = f"The partition `{partition.name}`", request.memory
    _check_limits(name, request, partition.max_time, partition.max_cpus)
    if memory and partition.max_memory is not None and memory > partition.max_memory:
        raise InvalidOptions(
            f"{name} allows at most {format_size(partition.max_memory)} of memory,"
            f" not {format_size(memory)}."
        )


def _check_limits(
    name: str, request: JobRequest, max_time: int | None, max_cpus: int | None
) -> None:
    time, cpus = request.time_limit, request.cpus
    if time is not None and max_time is not None and time > max_time:
        raise InvalidOptions(
            f"{name} allows at most {format_duration(max_time)}, not {format_duration(time)}."
        )
    if cpus is not None and max_cpus is not None and cpus > max_cpus:
        raise InvalidOptions(f"{name} allows at most {max_cpus} cores, not {cpus}.")


def _check_gpus(request: JobRequest, partition: Partition) -> None:
    # No nodes known: nothing is known of their GPUs.
    if not request.gpus or not partition.nodes_total:
        return
    if not partition.gpus:
        raise InvalidOptions(f"The partition `{partition.name}` has no GPUs. Choose another one.")
    fitting = [gpu for gpu in partition.gpus if request.gpu_type in (None, gpu.type)]
    if not fitting:
        raise InvalidOptions(
            f"The partition `{partition.name}` has no GPUs of the type `{request.gpu_type}`."
            f" {_choose(gpu.type for gpu in partition.gpus if gpu.type)}"
        )
    most = max(gpu.per_node for gpu in fitting)
    # Without a type, a node may give GPUs of several.
    if request.gpus > most and (request.gpu_type or len(fitting) == 1):
        raise InvalidOptions(
            f"The partition `{partition.name}` has at most {most} such GPUs in one node,"
            f" not {request.gpus}."
        )
