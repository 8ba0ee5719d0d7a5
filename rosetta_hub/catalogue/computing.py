"""Computing resources: where tasks run (the paper's Computing model, section 3.2 and Table 1)."""

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from rosetta_hub.catalogue.units import Size
from rosetta_hub.catalogue.validation import ID_PATTERN, Entry, duplicates, load_entries
from rosetta_hub.errors import ConfigError

ENGINES = ("docker", "podman", "singularity")
# Apptainer is the present name of Singularity; both are accepted and mean the same.
_ENGINE_ALIASES = {"apptainer": "singularity"}
_ENGINE = re.compile(r"^([A-Za-z]+)(?:\[([A-Za-z0-9_., -]*)\])?$")


class Engine(Entry):
    """A container engine of a resource, with the runtimes that may be chosen (first: default)."""

    name: Literal["docker", "podman", "singularity"]
    runtimes: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """From the notation of the paper's Table 1: `docker`, `docker[runc,kata]`.

        Raises:
            ValueError: the text has another form, or the engine is not known.
        """
        match = _ENGINE.match(text.strip())
        name = match[1].lower() if match else ""
        name = _ENGINE_ALIASES.get(name, name)
        if not match or name not in ENGINES:
            raise ValueError(
                f"{text!r} is not an engine: use {', '.join(ENGINES)} or apptainer,"
                " with runtimes in brackets where there is a choice, as in 'docker[runc,runsc]'"
            )
        runtimes = tuple(part.strip() for part in (match[2] or "").split(",") if part.strip())
        return cls.model_validate({"name": name, "runtimes": runtimes})


class LocalConf(Entry):
    """Settings of a resource with access mode `local`."""

    work_dir: str = Field(
        default="",
        pattern=r"^$|^/\S{1,60}$",
        description="Absolute path of the sandboxes; default /tmp/rosetta-<uid of the service>.",
    )
    engine_options: dict[str, tuple[str, ...]] = Field(
        default={}, description="Extra options of an engine's run command, by engine name."
    )


class Computing(Entry):
    """A computing resource: access × workload manager × engines, and its limits.

    `max_cpus` and `max_memory` (bytes) bound what a task may ask for; the defaults are what a
    task gets that asks for nothing. Empty `users` and `groups` mean everybody.
    """

    id: str = Field(default="", pattern=r"^$|" + ID_PATTERN)
    name: str = Field(min_length=1, max_length=80)
    description: str = ""
    type: Literal["standalone", "cluster"] = "standalone"
    access_mode: Literal["local"] = "local"
    auth_mode: Literal["internal"] = "internal"
    wms: Literal["none"] = "none"
    container_engines: tuple[Engine, ...] = Field(min_length=1)
    arch: str = "amd64"
    supported_archs: tuple[str, ...] = ()
    emulated_archs: tuple[str, ...] = ()
    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    max_cpus: float | None = Field(default=None, gt=0)
    max_memory: Size | None = None
    default_cpus: float | None = Field(default=None, gt=0)
    default_memory: Size | None = None
    conf: LocalConf = LocalConf()

    @field_validator("container_engines", mode="before")
    @classmethod
    def _parse_engines(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError("a list of engines is expected, e.g. ['docker', 'singularity']")
        return tuple(Engine.parse(item) if isinstance(item, str) else item for item in value)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if twice := duplicates(engine.name for engine in self.container_engines):
            raise ValueError(f"container_engines names {sorted(twice)} more than once")
        for what in ("cpus", "memory"):
            default, most = getattr(self, f"default_{what}"), getattr(self, f"max_{what}")
            if default is not None and most is not None and default > most:
                raise ValueError(f"default_{what} is larger than max_{what}")
        return self

    def engine(self, name: str | None) -> Engine | None:
        """The engine of that name (the first one for None), None when the resource lacks it."""
        if name is None:
            return self.container_engines[0]
        name = _ENGINE_ALIASES.get(name, name)
        return next((one for one in self.container_engines if one.name == name), None)

    @property
    def work_dir(self) -> str:
        """The directory of the tasks' sandboxes.

        Short by default: a unix socket's path in it has at most 107 bytes (unix(7)).
        """
        return self.conf.work_dir or f"/tmp/rosetta-{os.getuid()}"  # noqa: S108 - 0700, checked

    def runs(self, arch: str | None) -> bool:
        """Whether an image of that architecture (None: any) runs here, emulation included."""
        return arch is None or arch in (self.arch, *self.supported_archs, *self.emulated_archs)


def load_computing(raw: Iterable[Mapping[str, Any]]) -> dict[str, Computing]:
    """The computing resources by id, in the order of the configuration.

    Raises:
        ConfigError: an entry is invalid, or two share an id.
    """
    found: dict[str, Computing] = {}
    for entry in load_entries("computing", Computing, raw):
        key = entry.id or re.sub(r"[^a-z0-9]+", "-", entry.name.lower()).strip("-")
        if key in found:
            raise ConfigError(
                f"c.Rosetta.computing: two entries are called {key!r}."
                " Give each an 'id' of its own."
            )
        found[key] = entry.model_copy(update={"id": key})
    return found
