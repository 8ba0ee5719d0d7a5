"""Computing resources: where tasks run (the paper's Computing model, section 3.2 and Table 1)."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, field_validator, model_validator

from rosetta_hub.catalogue.architectures import Architectures, Support
from rosetta_hub.catalogue.bind_paths import check_path
from rosetta_hub.catalogue.computing_conf import (
    AnyTunnelKind,
    Conf,
    DockerApiConf,
    LocalConf,
    SlurmRestConf,
    SshConf,
    SshLogin,
)
from rosetta_hub.catalogue.conf_kubernetes import (
    KubectlConf,
    KubectlSshConf,
    KubernetesConf,
    NamespaceConf,
)
from rosetta_hub.catalogue.engines import ENGINES, INTERNAL, canonical_engine
from rosetta_hub.catalogue.restricted import RestrictedEntry
from rosetta_hub.catalogue.software import Software
from rosetta_hub.catalogue.units import ByteSize, Duration
from rosetta_hub.catalogue.validation import (
    ID_PATTERN,
    OPTIONAL_ID_PATTERN,
    Entry,
    EntryType,
    describe_fault,
    duplicates,
    load_entries,
)
from rosetta_hub.errors import ConfigError

_ENGINE = re.compile(r"^([A-Za-z]+)(?:\[([A-Za-z0-9_., -]*)\])?$")


AuthMode = Literal["internal", "user_keys", "platform_keys", "jwt", "certificate"]
BatchName = Literal["slurm", "slurmrest", "torque", "pbs", "moab", "sge", "lsf", "condor"]
WmsName = Literal["none", "kubernetes", BatchName]
_QUEUES = ("slurm", "torque", "pbs", "moab", "sge", "lsf", "condor")
# The first auth mode is the usual one.
AUTH_MODES = {
    "local": ("internal",),
    "ssh": ("user_keys", "platform_keys"),
    "api": ("jwt", "certificate"),
}
WMS_BY_ACCESS = {
    "local": ("none", "kubernetes"),
    "ssh": ("none", "kubernetes", *_QUEUES),
    "api": ("none", "slurmrest", "kubernetes"),
}
_CONF: dict[str, type[Conf]] = {"local": LocalConf, "ssh": SshConf}
# By access mode and WMS, where these have settings of their own.
_OWN_CONF: dict[tuple[str, str], type[Conf]] = {
    ("api", "none"): DockerApiConf,
    ("api", "slurmrest"): SlurmRestConf,
    ("api", "kubernetes"): KubernetesConf,
    ("local", "kubernetes"): KubectlConf,
    ("ssh", "kubernetes"): KubectlSshConf,
}
# And an auth mode of their own, which is the only one.
_OWN_AUTH: dict[tuple[str, str], AuthMode] = {
    ("api", "none"): "certificate",
    ("api", "slurmrest"): "jwt",
    ("api", "kubernetes"): "certificate",
    ("local", "kubernetes"): "certificate",
    ("ssh", "kubernetes"): "platform_keys",
}
# What its scheduler can be asked for; None: all of it.
_QUEUE_KEYS = {"kubernetes": frozenset({"partition", "time", "gpus"})}


class EngineConfig(Entry):
    """A container engine of a resource, with the runtimes that may be chosen (first: default)."""

    name: str
    runtimes: tuple[str, ...] = ()

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if name not in ENGINES:
            raise ValueError(f"use {', '.join(ENGINES)}")
        return name

    @classmethod
    def parse(cls, text: str) -> Self:
        """From the notation of the paper's Table 1: `docker`, `docker[runc,kata]`.

        Raises:
            ValueError: the text has another form, or the engine is not known.
        """
        match = _ENGINE.match(text.strip())
        name = canonical_engine(match[1]) if match else ""
        if not match or name not in ENGINES:
            raise ValueError(
                f"{text!r} is not an engine: use {', '.join(ENGINES)} or apptainer,"
                " with runtimes in brackets where there is a choice, as in 'docker[runc,runsc]'"
            )
        runtimes = tuple(part.strip() for part in (match[2] or "").split(",") if part.strip())
        return cls.model_validate({"name": name, "runtimes": runtimes})


class Size(Entry):
    """A choice of the simple form, such as `small`; None: the default of the resource.

    Memory in bytes, `time` in seconds.
    """

    name: str = Field(pattern=ID_PATTERN)
    label: str = ""
    cpus: float | None = Field(default=None, gt=0)
    memory: ByteSize | None = None
    time: Duration | None = None
    gpus: int | None = Field(default=None, ge=0)
    gpu_type: str | None = None
    partition: str | None = None


def _check_prefix(text: str) -> str:
    path = check_path(text.removesuffix("*") if text.endswith("/*") else text)
    if "*" in path:
        raise ValueError("use the star at the end alone, as in '/data/*'")
    if path == "/":
        raise ValueError("these are all directories of the machine: name one below /")
    return path


class Computing(RestrictedEntry):
    """A computing resource: access × workload manager × engines, and its limits.

    `max_cpus`, `max_memory` (bytes) and `max_time` (seconds) bound what a task may ask for; the
    defaults are what a task gets that asks for nothing. `disk_limit` (bytes) is for the container's
    own file system, where its engine can limit it. `submit_options` are handed to the
    scheduler's submit command as they are; `query_interval` is in seconds. `extra_binds` are the
    directories of which users may have parts in their tasks. Empty `users` and `groups` mean
    everybody.
    """

    id: str = Field(default="", pattern=OPTIONAL_ID_PATTERN)
    name: str = Field(min_length=1, max_length=80)
    description: str = ""
    type: Literal["standalone", "cluster"] = "standalone"
    access_mode: Literal["local", "ssh", "api"] = "local"
    auth_mode: AuthMode
    wms: WmsName = "none"
    container_engines: tuple[EngineConfig, ...] = Field(min_length=1)
    arch: str = "amd64"
    supported_archs: tuple[str, ...] = ()
    emulated_archs: tuple[str, ...] = ()
    max_cpus: float | None = Field(default=None, gt=0)
    max_memory: ByteSize | None = None
    max_time: Duration | None = None
    default_cpus: float | None = Field(default=None, gt=0)
    default_memory: ByteSize | None = None
    default_time: Duration | None = None
    disk_limit: ByteSize | None = None
    sizes: tuple[Size, ...] = ()
    submit_options: tuple[str, ...] = ()
    extra_binds: tuple[Annotated[str, AfterValidator(_check_prefix)], ...] = ()
    query_interval: int = Field(default=20, ge=1, le=3600)
    conf: (
        LocalConf
        | SshConf
        | SlurmRestConf
        | DockerApiConf
        | KubernetesConf
        | KubectlConf
        | KubectlSshConf
    )

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, value: Any) -> Any:
        """Choose the settings' type and the usual auth mode by access mode and WMS."""
        if not isinstance(value, Mapping):
            return value
        access, wms = value.get("access_mode", "local"), value.get("wms", "none")
        if access not in AUTH_MODES:
            return {"auth_mode": "internal", "conf": LocalConf(), **value}
        if wms not in WMS_BY_ACCESS[access]:
            allowed = ", ".join(WMS_BY_ACCESS[access])
            raise ValueError(f"access_mode {access!r} has no wms {wms!r}: use one of {allowed}")
        own = _OWN_AUTH.get((access, wms))
        modes = (own,) if own else AUTH_MODES[access]
        auth = value.get("auth_mode", modes[0])
        if auth not in modes:
            raise ValueError(f"auth_mode must be one of {', '.join(modes)} here, not {auth!r}")
        model = _OWN_CONF.get((access, wms)) or _CONF[access]
        conf = value.get("conf", {})
        parsed = conf if isinstance(conf, model) else parse_conf(model, conf)
        return {**value, "auth_mode": auth, "conf": parsed}

    @field_validator("container_engines", mode="before")
    @classmethod
    def _parse_engines(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError("a list of engines is expected, e.g. ['docker', 'singularity']")
        return tuple(EngineConfig.parse(item) if isinstance(item, str) else item for item in value)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if twice := duplicates(engine.name for engine in self.container_engines):
            raise ValueError(f"container_engines names {sorted(twice)} more than once")
        if self.submit_options and self.wms in ("none", "slurmrest", "kubernetes"):
            raise ValueError(f"wms {self.wms!r} has no submit command that takes submit_options")
        for what in ("cpus", "memory", "time"):
            default, most = getattr(self, f"default_{what}"), getattr(self, f"max_{what}")
            if default is not None and most is not None and default > most:
                raise ValueError(f"default_{what} is larger than max_{what}")
        self._check_sizes()
        self._check_platform_keys()
        self._check_batch_keys()
        self._check_binds()
        self._check_kubernetes()
        return self

    def _check_kubernetes(self) -> None:
        is_kubernetes = isinstance(self.conf, NamespaceConf)
        for engine in self.container_engines:
            if (engine.name == INTERNAL) != is_kubernetes:
                raise ValueError(
                    f"the engine {INTERNAL!r} and wms 'kubernetes' need each other: no other engine"
                    " can be chosen there"
                )
        if not isinstance(self.conf, NamespaceConf):
            return
        if self.max_time is None:
            raise ValueError("wms 'kubernetes' needs 'max_time': nothing else ends a lost pod")
        runtimes = {runtime for engine in self.container_engines for runtime in engine.runtimes}
        if unknown := sorted(self.conf.runtime_classes.keys() - runtimes):
            raise ValueError(
                f"key 'conf.runtime_classes' has {unknown[0]!r}, which is no runtime of 'internal'"
            )
        self._check_pools(self.conf)

    def _check_pools(self, conf: NamespaceConf) -> None:
        for size in self.sizes:
            if size.gpu_type is not None:
                raise ValueError("key 'sizes': wms 'kubernetes' has no gpu_type: use a pool")
            if size.partition is not None and size.partition not in conf.pools:
                raise ValueError(f"key 'sizes': {size.partition!r} is none of 'conf.pools'")

    def lacks_option(self, key: str) -> bool:
        """Whether its scheduler can't be asked for this part of a request."""
        return key not in _QUEUE_KEYS.get(self.wms, frozenset({key}))

    def _check_binds(self) -> None:
        if self.extra_binds and isinstance(self.conf, DockerApiConf):
            raise ValueError(
                "'extra_binds' can't be used with access_mode 'api': nothing on the Docker host can"
                " look where links lead"
            )

    def _check_batch_keys(self) -> None:
        for key in ("prologue", "pass_variables"):
            if getattr(self.conf, key, ()) and not self.has_queue:
                raise ValueError(f"key 'conf.{key}' is for batch jobs: set 'wms'")

    def _check_sizes(self) -> None:
        if twice := duplicates(size.name for size in self.sizes):
            raise ValueError(f"key 'sizes' has the name {sorted(twice)} more than once")
        for size in self.sizes:
            for what in ("cpus", "memory", "time"):
                value, most = getattr(size, what), getattr(self, f"max_{what}")
                if value is not None and most is not None and value > most:
                    raise ValueError(
                        f"key 'sizes': {what} of {size.name!r} is larger than max_{what}"
                    )

    def _check_platform_keys(self) -> None:
        if self.auth_mode == "platform_keys" and isinstance(self.conf, SshLogin):
            for key in ("user", "key_file"):
                if not getattr(self.conf, key):
                    raise ValueError(f"auth_mode 'platform_keys' needs the key 'conf.{key}'")

    @property
    def has_queue(self) -> bool:
        """Whether tasks are jobs of a workload manager."""
        return self.wms != "none"

    @property
    def tunnel(self) -> AnyTunnelKind | None:
        """How the edge reaches interfaces there; None where they are on this machine."""
        if isinstance(self.conf, SshConf):
            return self.conf.tunnel or "ssh"
        if isinstance(self.conf, SlurmRestConf):
            return self.conf.tunnel or "reverse"
        if isinstance(self.conf, NamespaceConf):
            return self.conf.tunnel
        return None

    def work_dir(self, uid: int | str) -> str:
        """The directory of the tasks' sandboxes, for tasks that run as the user number `uid`.

        Short by default: a unix socket's path in it has at most 107 bytes (unix(7)).
        """
        return self.conf.work_dir or f"/tmp/rosetta-{uid}"  # noqa: S108 - 0700, checked

    @property
    def architectures(self) -> Architectures:
        """The architectures that it runs."""
        return Architectures(self.arch, self.supported_archs, self.emulated_archs)

    def support(self, software: Software) -> Support | None:
        """How an engine runs the image here, by its kind and architecture; None: not at all."""
        if not self.engines_for(software):
            return None
        choice = self.architectures.choose(software.image_arch, software.image_archs)
        return choice.support if choice else None

    def runs(self, software: Software) -> bool:
        """Whether an engine runs the image here, emulated or not."""
        return self.support(software) is not None

    def obstacle(self, software: Software) -> str | None:
        """Why the image does not run here, as a message; None where it does."""
        if not self.engines_for(software):
            if software.is_file:
                return "Its image is a file, which only Singularity runs."
            return f"It runs with {' or '.join(sorted(software.engines))} only."
        if self.runs(software):
            return None
        archs = " and ".join(
            (software.image_arch,) if software.image_arch else software.image_archs
        )
        return (
            f"Its image is for {archs}, and this resource runs {', '.join(self.architectures.all)}."
        )

    def fitted(self, software: Software) -> Software:
        """The software with the architecture that an engine has to be asked for here, if any."""
        choice = self.architectures.choose(software.image_arch, software.image_archs)
        return software.model_copy(update={"image_arch": choice.arch}) if choice else software

    def engines_for(self, software: Software) -> tuple[EngineConfig, ...]:
        """The engines that run the image: one that is a file needs Singularity."""
        names = frozenset({"singularity"}) if software.is_file else software.engines
        if not names:
            return self.container_engines
        return tuple(engine for engine in self.container_engines if engine.name in names)


def parse_conf(model: type[EntryType], raw: Any) -> EntryType:
    """The settings, with faults that name their key below `conf`.

    Raises:
        ValueError: a message for the first fault.
    """
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        raise ValueError(describe_fault(model, fault, "conf")) from error


def load_computing(raw: Iterable[Mapping[str, Any]]) -> dict[str, Computing]:
    """The computing resources by id, in the order of the configuration.

    Raises:
        ConfigError: an entry is invalid, or two share an id.
    """
    resources: dict[str, Computing] = {}
    for entry in load_entries("computing", Computing, raw):
        key = entry.id or re.sub(r"[^a-z0-9]+", "-", entry.name.lower()).strip("-")
        if key in resources:
            raise ConfigError(
                f"c.Rosetta.computing: two entries are called {key!r}."
                " Give each an 'id' of its own."
            )
        resources[key] = entry.model_copy(update={"id": key})
    return resources
