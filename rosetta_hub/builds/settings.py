"""`c.Rosetta.builds`: whether and how images are made of repositories."""

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, ip_network
from typing import Any, Literal

from pydantic import Field, field_validator

from rosetta_hub.builds.recipe_settings import RecipeSettings
from rosetta_hub.builds.source_settings import SourceSettings
from rosetta_hub.catalogue.units import ByteSize, Duration
from rosetta_hub.catalogue.validation import load_entries, pattern
from rosetta_hub.errors import ConfigError

# The builder that is the machine of the service.
HERE = "here"
# The repositories of all images that are built, below the registry.
NAMESPACE = "rosetta-builds"
# Binds of every build must not be the machine's own secrets or sockets.
_NEVER_BOUND = re.compile(r"^/(proc|sys|dev|run|var/run|root|boot)?(/|$)")
_HOME = re.compile(r"^/(home|root)(/[^/]+)?/?$")

_RUNTIME = pattern(r"^[a-zA-Z0-9/._-]*$", "use the name of an OCI runtime, such as runc")

Weakness = Literal["network", "processes", "memory", "disk"]
_REGISTRY = pattern(
    r"^$|^[a-zA-Z0-9.-]+(:[0-9]{1,5})?(/[a-z0-9._-]+)*$",
    "use a host with what stands before the image's name, as in registry.example.org/builds",
)


class BuildSettings(SourceSettings, RecipeSettings):
    """How images are made of repositories; the keys of `c.Rosetta.builds`.

    `builder` is `here`, or the id of a computing resource that is reached over SSH with the
    platform's account. `runtime` is the OCI runtime of podman where its own does not work.
    `time`, `cpus`, `memory`, `processes` and `disk` limit one build; `log` is what is kept of its
    output; `keep` is what all images that were built may have together where they stay with the
    engine. `directory` is where builds have their volumes.

    `allow_networks` are private networks that builds may reach, such as mirrors';
    `allow_loopback_ports` are ports of the builder's loopback address, which builds reach at
    10.0.2.2. `network` is a network of docker that the administrator has closed to private
    addresses. `binds` are files and directories of the builder that every build can read.
    `allow_weaker` names the limits without which builds run where the builder can't enforce them.
    """

    engine: Literal["podman", "docker"] = "podman"
    runtime: str = Field(default="", pattern=_RUNTIME)
    builder: str = HERE
    keep_in: Literal["podman", "docker"] | None = None
    registry: str = Field(default="", pattern=_REGISTRY)
    groups: frozenset[str] = frozenset()
    at_once: int = Field(default=2, ge=1)
    per_user: int = Field(default=1, ge=1)
    waiting_per_user: int = Field(default=10, ge=1)
    time: Duration = 3600
    cpus: float = Field(default=2, gt=0, allow_inf_nan=False)
    memory: ByteSize = 8 << 30
    processes: int = Field(default=2048, ge=16)
    disk: ByteSize = 20 << 30
    log: ByteSize = 4 << 20
    keep: ByteSize = 200 << 30
    directory: str = Field(default="/var/tmp", pattern=r"^/")  # noqa: S108 - 0700 in it
    network: str = ""
    allow_networks: tuple[str, ...] = ()
    allow_loopback_ports: frozenset[int] = frozenset()
    allow_weaker: frozenset[Weakness] = frozenset()
    binds: dict[str, str] = {}
    build_args: dict[str, str] = {}

    @field_validator("allow_networks")
    @classmethod
    def _check_allowed(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            if not isinstance(ip_network(network), IPv4Network):
                raise ValueError("builds have IPv4 only: networks such as 10.1.0.0/16")
        return networks

    @field_validator("binds")
    @classmethod
    def _check_binds(cls, binds: dict[str, str]) -> dict[str, str]:
        for source, target in binds.items():
            if not (source.startswith("/") and target.startswith("/")) or ":" in source + target:
                raise ValueError("absolute paths without a colon, as in {'/srv/pip': '/srv/pip'}")
            if _NEVER_BOUND.match(source) or _HOME.match(source):
                raise ValueError(f"{source!r} is not for builds, which run code of strangers")
        return binds

    @property
    def image_engine(self) -> Literal["podman", "docker"]:
        """The engine that has the images when there is no registry."""
        return self.keep_in or self.engine


def load_builds(
    raw: Mapping[str, Any] | None, ssh_resources: Iterable[str] = ()
) -> BuildSettings | None:
    """The validated settings; None where nothing is built.

    `ssh_resources` are the ids of what is reached over SSH with the platform's account.

    Raises:
        ConfigError: what is wrong with them.
    """
    if not raw:
        return None
    (settings,) = load_entries("builds", BuildSettings, [raw])
    if settings.builder != HERE and settings.builder not in (builders := sorted(ssh_resources)):
        raise ConfigError(
            f"c.Rosetta.builds: key 'builder' is {settings.builder!r}. Use {HERE!r}, or a computing"
            " resource that is reached over SSH with the platform's account:"
            f" {', '.join(builders) or 'there is none'}."
        )
    if settings.engine == "docker" and settings.keep_in == "podman":
        raise ConfigError(
            "c.Rosetta.builds: key 'keep_in': what docker builds stays in docker. Use 'podman' as"
            " 'engine', or leave 'keep_in' out."
        )
    return settings
