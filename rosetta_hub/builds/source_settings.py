"""The part of `c.Rosetta.builds` that says which repositories may be used."""

import re
from collections.abc import Mapping
from ipaddress import ip_network
from types import MappingProxyType

from pydantic import Field, field_validator

from rosetta_hub.builds.links import Kind
from rosetta_hub.catalogue.units import ByteSize, Duration
from rosetta_hub.catalogue.validation import Entry, pattern

_URL_PATTERN = pattern(
    r"^$|^https?://[^/?#@]+(/[^?#]*[^/?#])?$",
    "use an address that begins with https://, without / at its end",
)
_PREFIX = re.compile(r"[a-z0-9][a-z0-9_-]{0,30}")


class Provider(Entry):
    """A host of repositories; `kind` says how links to it are written.

    `url` is the address below which its repositories are, or the API of its records; of the kind
    `dataverse` it is the resolver of DOIs, which knows the hosts. The kind `git` has none.
    """

    kind: Kind
    name: str = Field(min_length=1, max_length=80)
    url: str = Field(default="", pattern=_URL_PATTERN)


DEFAULT_PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {
        "gh": Provider(kind="github", name="GitHub", url="https://github.com"),
        "gl": Provider(kind="gitlab", name="GitLab", url="https://gitlab.com"),
        "git": Provider(kind="git", name="Git repository"),
        "gist": Provider(kind="gist", name="GitHub Gist", url="https://gist.github.com"),
        "zenodo": Provider(kind="zenodo", name="Zenodo", url="https://zenodo.org"),
        "figshare": Provider(kind="figshare", name="Figshare", url="https://api.figshare.com"),
        "dataverse": Provider(kind="dataverse", name="Dataverse", url="https://doi.org"),
        "hydroshare": Provider(
            kind="hydroshare", name="HydroShare", url="https://www.hydroshare.org"
        ),
    }
)


class SourceSettings(Entry):
    """Which repositories may be used, and the limits within which they are fetched.

    `providers`, by the prefix that they have in links, are added to BinderHub's, or replace one of
    them; None takes one away. Empty `hosts` mean every host of the public internet. `banned` are
    regular expressions for the beginning of host and path, as in `github.com/org/`. From private
    `networks`, and from `plain_http` hosts (`HOST:PORT`) without TLS, repositories are fetched only
    where they are named. `clone_size` counts bytes on the disk, submodules included; `clone_files`
    counts files and directories. `account` fetches and reads repositories where the service is
    root.
    """

    providers: dict[str, Provider | None] = {}
    hosts: tuple[str, ...] = ()
    banned: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    plain_http: tuple[str, ...] = ()
    ca_file: str = ""
    clone_time: Duration = 600
    clone_size: ByteSize = 2 << 30
    clone_files: int = Field(default=100_000, ge=1)
    account: str = "nobody"

    @field_validator("providers")
    @classmethod
    def _check_prefixes(cls, providers: dict[str, Provider | None]) -> dict[str, Provider | None]:
        for prefix in providers:
            if not _PREFIX.fullmatch(prefix):
                raise ValueError(
                    f"{prefix!r} can't be a prefix in links: use at most 31 lowercase letters,"
                    " digits, _ and -"
                )
        return providers

    @field_validator("banned")
    @classmethod
    def _check_expressions(cls, expressions: tuple[str, ...]) -> tuple[str, ...]:
        for expression in expressions:
            try:
                re.compile(expression)
            except re.error as error:
                raise ValueError(f"{expression!r} is no regular expression: {error}") from error
        return expressions

    @field_validator("networks")
    @classmethod
    def _check_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            ip_network(network)
        return networks

    @property
    def all_providers(self) -> Mapping[str, Provider]:
        """Every provider by its prefix: BinderHub's, and those of the site."""
        providers = {**DEFAULT_PROVIDERS, **self.providers}
        return {prefix: provider for prefix, provider in providers.items() if provider is not None}

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """How links to each provider are written, for `links.parse_link`."""
        return {prefix: provider.kind for prefix, provider in self.all_providers.items()}
