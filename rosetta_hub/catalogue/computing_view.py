"""A computing resource as pages and the REST API show it."""

from pydantic import BaseModel

from rosetta_hub.catalogue.computing import Computing, Size
from rosetta_hub.catalogue.conf_kubernetes import NamespaceConf
from rosetta_hub.catalogue.software import Software

RANDOM_USER = (
    "Software runs as a random user there: images that need a certain user, such as root, fail."
)


class EngineView(BaseModel):
    """A container engine of a resource, with the runtimes that may be chosen."""

    engine: str
    runtimes: list[str]


class ComputingLimits(BaseModel):
    """The most that a task may have: cores, and memory in bytes; null: no limit."""

    cpus: float | None
    memory: int | None


class ComputingDefaults(BaseModel):
    """What a task has that asks for nothing: its engine, cores, and memory in bytes."""

    engine: str
    cpus: float | None
    memory: int | None


class ComputingTime(BaseModel):
    """The time of a task, in seconds; null: without an end."""

    default: int | None
    max: int | None


class ComputingView(BaseModel):
    """A computing resource: what may be chosen on it, and its limits.

    Without an engine the first one is used, and of that its first runtime. What a size leaves open
    is the default. `extra_binds` are the directories of which a task may have parts.
    """

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


def view_computing(computing: Computing, software: Software | None = None) -> ComputingView:
    """The resource; with a software, its engines are those that run that software's image."""
    engines = computing.engines_for(software) if software else computing.container_engines
    return ComputingView(
        id=computing.id,
        name=computing.name,
        description=_describe(computing),
        type=computing.type,
        wms=computing.wms,
        auth_mode=computing.auth_mode,
        engines=[
            EngineView(engine=engine.name, runtimes=list(engine.runtimes)) for engine in engines
        ],
        limits=ComputingLimits(cpus=computing.max_cpus, memory=computing.max_memory),
        defaults=ComputingDefaults(
            engine=engines[0].name,
            cpus=computing.default_cpus,
            memory=computing.default_memory,
        ),
        time=ComputingTime(default=computing.default_time, max=computing.max_time),
        sizes=list(computing.sizes),
        extra_binds=list(computing.extra_binds),
    )


def _describe(computing: Computing) -> str:
    """The description of the configuration, and what users should know before they choose."""
    has_random_users = isinstance(computing.conf, NamespaceConf) and computing.conf.random_user
    parts = (computing.description, RANDOM_USER if has_random_users else "")
    return " ".join(filter(None, parts))
