"""What a task asks of a workload manager beyond cores and memory."""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from rosetta_hub.catalogue.computing import Computing, Size
from rosetta_hub.catalogue.conf_kubernetes import NamespaceConf
from rosetta_hub.catalogue.units import Duration, format_duration
from rosetta_hub.catalogue.validation import pattern
from rosetta_hub.errors import InvalidOptions

# These become words of a command: none may look like an option.
_WORD = pattern(
    r"^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}$", "use at most 64 letters, digits and _ . + -"
)
_FEATURES = pattern(
    r"^[A-Za-z0-9_\[(][A-Za-z0-9_.,&|*:()\[\]-]{0,127}$",
    "use names of features, joined by & or | as Slurm's --constraint has them",
)
Word = Annotated[str, Field(pattern=_WORD)]
# Slurm's own operators of features.
Features = Annotated[str, Field(pattern=_FEATURES)]


class QueueRequest(BaseModel):
    """None: the default of the resource or of its scheduler. `time` is in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    partition: Word | None = None
    account: Word | None = None
    qos: Word | None = None
    time: Duration | None = None
    gpus: int | None = Field(default=None, ge=0, le=1024)
    gpu_type: Word | None = None
    constraint: Features | None = None
    reservation: Word | None = None


def resolve_request(request: QueueRequest, size: Size | None, computing: Computing) -> QueueRequest:
    """What is asked for in words of the scheduler, the size and the defaults filled in.

    Raises:
        InvalidOptions: the resource has no queue, or the time is longer than it gives.
    """
    options = request.model_dump(exclude_none=True)
    if not computing.has_queue:
        if options:
            raise InvalidOptions(
                f"{computing.name} has no queue: the option {next(iter(options))!r} can't be used."
            )
        return request
    _check_keys(options, computing)
    time = request.time or (size.time if size else None) or computing.default_time
    if time and computing.max_time and time > computing.max_time:
        raise InvalidOptions(
            f"{computing.name} gives a task at most {format_duration(computing.max_time)},"
            f" not {format_duration(time)}."
        )
    return QueueRequest(**{**_of_size(size), **options, "time": time or computing.max_time})


def _check_keys(options: dict[str, Any], computing: Computing) -> None:
    for key in options:
        if computing.lacks_option(key):
            raise InvalidOptions(f"{computing.name} can't be asked for the option {key!r}.")
    if isinstance(computing.conf, NamespaceConf):
        _check_pool(options.get("partition"), computing.name, computing.conf.pools)


def _check_pool(pool: str | None, name: str, pools: Iterable[str]) -> None:
    if pool is None or pool in pools:
        return
    listed = ", ".join(f"`{pool}`" for pool in pools)
    advice = f"Choose one of {listed}." if listed else "Leave the partition open."
    raise InvalidOptions(f"{name} has no pool `{pool}`. {advice}")


def _of_size(size: Size | None) -> dict[str, Any]:
    if size is None:
        return {}
    return {"partition": size.partition, "gpus": size.gpus, "gpu_type": size.gpu_type}
