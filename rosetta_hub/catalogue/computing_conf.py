"""Settings of a computing resource, by its access mode (the key `conf`)."""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from rosetta_agent.protocol import ENGINES
from rosetta_hub.catalogue.engines import canonical_engine
from rosetta_hub.catalogue.units import ByteSize
from rosetta_hub.catalogue.validation import Entry, pattern

# Keys that name a file of the service's machine, in any of the access modes.
FILE_KEYS = (
    *("key_file", "certificate_file", "ca_key_file", "ssh_config", "jwt_key_file", "ca_file"),
    *("password_file", "secret_key_file", "kubeconfig"),
)

TunnelKind = Literal["ssh", "direct", "reverse"]
# To pods: the API server forwards their ports, their own addresses, or they dial.
PodTunnelKind = Literal["portforward", "pod", "reverse"]
AnyTunnelKind = TunnelKind | PodTunnelKind
Port = Annotated[int, Field(ge=1, le=65535)]
_WORK_DIR = pattern(r"^$|^/\S{1,60}$", "write an absolute path of at most 61 characters, no spaces")
_PATH = pattern(r"^/[^\x00-\x1f]*$", "write an absolute path")
_OPTIONAL_PATH = pattern(r"^$|^/\S+$", "write an absolute path without spaces")
_URL = pattern(r"^https?://\S+$", "write an address that begins with http:// or https://")
_OPTIONAL_URL = pattern(
    r"^$|^https?://\S+$", "write an address that begins with http:// or https://"
)
_API_VERSION = pattern(r"^v0\.0\.\d+$", "write a version such as 'v0.0.41'")
_VARIABLE = pattern(
    r"^[A-Za-z_*][A-Za-z0-9_*]*$",
    "write the name of a variable, in which * is any text",
)
_DOCKER_URL = pattern(r"^tcp://\S+:\d+$", "write tcp://HOST:PORT")
WorkDir = Annotated[str, Field(pattern=_WORK_DIR)]
AbsolutePath = Annotated[str, Field(pattern=_PATH)]
VariablePattern = Annotated[str, Field(pattern=_VARIABLE)]


class Conf(Entry):
    """What every access mode has."""

    work_dir: WorkDir = Field(
        default="",
        description="Absolute path of the sandboxes; default /tmp/rosetta-<uid of the identity>.",
    )
    engine_options: dict[str, tuple[str, ...]] = Field(
        default={}, description="Extra options of an engine's run command, by engine name."
    )
    path: tuple[AbsolutePath, ...] = Field(
        default=(), description="Directories searched for engines before those of PATH."
    )
    pull_proxy: str = Field(
        default="",
        pattern=_OPTIONAL_URL,
        description="HTTP proxy of image pulls by Podman and Singularity; Docker's daemon has its"
        " own setting.",
    )

    @field_validator("engine_options", mode="before")
    @classmethod
    def _name_engines(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            return value
        named = {canonical_engine(str(name)): options for name, options in value.items()}
        if unknown := sorted(named.keys() - set(ENGINES)):
            raise ValueError(
                f"{unknown[0]!r} is not an engine: use {', '.join(ENGINES)} or apptainer"
            )
        if len(named) < len(value):
            raise ValueError("apptainer and singularity are the same engine: use one of them")
        return named

    def files(self) -> dict[str, Path]:
        """The files that the service reads, by key."""
        return named_files(self)


def named_files(entry: Entry) -> dict[str, Path]:
    """The files that an entry names, by key."""
    paths = {key: getattr(entry, key, None) for key in FILE_KEYS}
    return {key: Path(path) for key, path in paths.items() if path}


class LocalConf(Conf):
    """Access mode `local`: the machine of the service."""


class PythonConf(Conf):
    """A resource where programs of ours run on another machine."""

    python: str = Field(default="python3", description="Python of its nodes, 3.6 or newer.")


class RemoteConf(PythonConf):
    """A resource whose agents are not on the machine of the service."""

    tunnel: TunnelKind | None = Field(
        default=None, description="How the edge reaches the interface; the first that fits."
    )
    agents_url: str = Field(
        default="",
        pattern=_OPTIONAL_URL,
        description="Where its nodes reach the service; default c.Rosetta.agents_url.",
    )
    prologue: tuple[str, ...] = Field(
        default=(),
        description="Lines that a login shell executes in a batch job before the agent starts.",
    )
    pass_variables: tuple[VariablePattern, ...] = Field(
        default=(),
        description="Environment variables of a batch job that its container gets, `*` stands for"
        " any text: `SLURM_JOB_ID`, `SLURM_*`.",
    )
    image_dir: str = Field(
        default="",
        pattern=_OPTIONAL_PATH,
        description="Directory of the SIF images, on shared storage; default in work_dir.",
    )
    image_dir_size: ByteSize | None = Field(
        default=None,
        gt=0,
        description="Bytes of SIF images; when there are more, those unused for the longest go.",
    )


class JumpHostConfig(Entry):
    """A host on the way: `user@host:port`, user and port as they are needed."""

    host: str = Field(min_length=1)
    port: Port = 22
    user: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `user@host:port`; an IPv6 address stands in brackets.

        Raises:
            ValueError: the text has another form.
        """
        user, at, rest = text.rpartition("@")
        host, colon, port = rest.rpartition(":") if not rest.endswith("]") else (rest, "", "")
        name, number = (host, port) if colon else (rest, "22")
        return cls.model_validate(
            {"host": name.strip("[]"), "port": int(number), "user": user if at else None}
        )


class SshLogin(PythonConf):
    """A host with sshd, and the account there."""

    host: str = Field(min_length=1, description="Host name, or a name of `ssh_config`.")
    port: Port | None = Field(default=None, description="Default 22, or what ssh_config says.")
    user: str | None = Field(default=None, description="Account of platform_keys.")
    key_file: str | None = Field(default=None, description="Private key of platform_keys.")
    certificate_file: str | None = Field(
        default=None, description="Certificate of key_file, signed by the site's CA."
    )
    ca_key_file: str | None = Field(
        default=None,
        description="Private key of a CA that the resource trusts: user_keys are then signed with"
        " it for minutes at a time, and nothing has to be pasted.",
    )
    known_hosts: str = Field(
        default="",
        description="Pinned host keys: a file, or lines of one. For hosts that it does not name,"
        " those accepted with `rosetta-hub check --accept-host-key` count.",
    )
    jump_hosts: tuple[JumpHostConfig, ...] = ()
    ssh_config: str | None = Field(default=None, description="OpenSSH client configuration file.")

    @field_validator("jump_hosts", mode="before")
    @classmethod
    def _parse_jumps(cls, value: object) -> object:
        if isinstance(value, list | tuple):
            return tuple(
                JumpHostConfig.parse(host) if isinstance(host, str) else host for host in value
            )
        raise ValueError("a list of hosts is expected, e.g. ['alice@gate.example.org:2222']")

    @property
    def known_hosts_file(self) -> Path | None:
        """The file that `known_hosts` names; None where it holds lines, or nothing."""
        text = self.known_hosts.strip()
        return Path(text) if text and "\n" not in text and " " not in text else None

    def files(self) -> dict[str, Path]:
        """See Conf."""
        own_files = {"known_hosts": self.known_hosts_file} if self.known_hosts_file else {}
        return super().files() | own_files


class SshConf(RemoteConf, SshLogin):
    """Access mode `ssh`: a login node, or a standalone host with sshd."""


class SlurmRestConf(RemoteConf):
    """Access mode `api` with the WMS `slurmrest`."""

    url: str = Field(pattern=_URL, description="Address of slurmrestd.")
    api_version: str | None = Field(
        default=None, pattern=_API_VERSION, description="Default: the newest known to both."
    )
    user: str | None = Field(
        default=None, description="Account that all tasks run as; default: the hub's user name."
    )
    jwt_key_file: str | None = Field(
        default=None, description="Slurm's jwt_hs256.key: tokens are signed as they are needed."
    )
    token_command: tuple[str, ...] = Field(
        default=(), description="Command that prints a token for the account given as last word."
    )
    ca_file: str | None = Field(default=None, description="CA of an https address.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.jwt_key_file) == bool(self.token_command):
            raise ValueError("give one of 'jwt_key_file' and 'token_command'")
        if self.tunnel == "ssh":
            raise ValueError(
                "'tunnel' must be 'reverse' or 'direct': there is no SSH to go through"
            )
        return self


class DockerApiConf(Conf):
    """Access mode `api` without a WMS: a Docker host over its REST API with mutual TLS."""

    url: str = Field(pattern=_DOCKER_URL, description="tcp://HOST:PORT of the engine.")
    ca_file: str
    certificate_file: str
    key_file: str
    publish_address: str = Field(
        description="Address of the Docker host on which ports are published; never all of them."
    )

    @field_validator("publish_address")
    @classmethod
    def _one_address(cls, value: str) -> str:
        if ipaddress.ip_address(value).is_unspecified:
            raise ValueError("must be one address of the host, not all of them")
        return value
