"""Registries of the site: how they are reached, and the account with which users pull from them."""

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, model_validator

from rosetta_hub.catalogue.restricted import EntryForUsers
from rosetta_hub.catalogue.validation import Entry, load_entries, load_options
from rosetta_hub.errors import ConfigError

# Where an image without a registry comes from, by the name that engines use in their own files.
DOCKER_HUB = "docker.io"
_DOCKER_HUB_NAMES = frozenset({"", DOCKER_HUB, "index.docker.io", "registry-1.docker.io"})
# The OCI distribution specification, "Pulling manifests"; of the digests the one that all use.
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HOST = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]{0,62})(?:\.[a-z0-9][a-z0-9-]{0,62})*|\[[0-9a-f:]+\])(?::[0-9]{1,5})?"
)


def registry_host(text: str) -> str:
    """Host and port of a registry in one spelling: lowercase, `docker.io` for Docker Hub.

    Raises:
        ValueError: the text is something else, such as an address with a scheme.
    """
    host = text.strip().lower()
    if host in _DOCKER_HUB_NAMES:
        return DOCKER_HUB
    if len(host) > 255 or not _HOST.fullmatch(host):
        raise ValueError(
            "write the host of the registry, with its port where it has one, such as"
            " 'registry.example.org:5000'"
        )
    return host


class RegistryAddress(Entry):
    """How a registry is reached.

    `plain_http` is for registries without TLS. `ca_file` holds the certificates (PEM) of the
    authority that has signed the registry's.
    """

    host: Annotated[str, AfterValidator(registry_host)]
    ca_file: str = ""
    plain_http: bool = False

    @model_validator(mode="after")
    def _check_tls(self) -> Self:
        if self.plain_http and self.ca_file:
            raise ValueError("'ca_file' is for registries with TLS, and 'plain_http' is without")
        return self


class HubRegistryOptions(RegistryAddress):
    """Where the registry is that trusts the hub's tokens (`c.Rosetta.registry`)."""

    @model_validator(mode="after")
    def _check_host(self) -> Self:
        if self.host == DOCKER_HUB:
            raise ValueError("'host' is a registry of the site, not Docker Hub")
        return self

    def as_registry(self) -> "Registry":
        """The entry of `registries` that tells how it is reached."""
        return Registry(host=self.host, ca_file=self.ca_file, plain_http=self.plain_http)


class Registry(RegistryAddress, EntryForUsers):
    """One registry as one account sees it; several entries of a host are several accounts.

    `users` and `groups` say who pulls with the account: no users and no groups means everybody.
    """

    user: str = ""
    password_file: str = ""

    @model_validator(mode="after")
    def _check_account(self) -> Self:
        if bool(self.user) != bool(self.password_file):
            raise ValueError("'user' and 'password_file' go together: give both, or none")
        if ":" in self.user:
            raise ValueError("'user' holds a colon, which no account of a registry has")
        return self

    def read_password(self) -> str:
        """The content of `password_file`, without the end of its line.

        It is read for each pull, so that a new password needs no restart.

        Raises:
            OSError: the file can't be read.
            UnicodeDecodeError: the file is not text.
        """
        return Path(self.password_file).read_text().rstrip("\r\n")


@dataclass(frozen=True)
class Registries:
    """The entries of `c.Rosetta.registries`, in the order of the configuration."""

    entries: tuple[Registry, ...] = ()

    def find(self, host: str) -> Registry | None:
        """How a registry is reached: `ca_file` and `plain_http` are the same in its entries."""
        return next((entry for entry in self.entries if entry.host == host), None)

    def with_entry(self, entry: Registry | None) -> "Registries":
        """The same with one more registry, unless the configuration has entries for its host."""
        if entry is None or self.find(entry.host):
            return self
        return Registries((*self.entries, entry))

    def account(self, host: str, user: str, groups: Set[str]) -> Registry | None:
        """The first entry with an account at that registry that is meant for the user."""
        for entry in self.entries:
            if entry.host == host and entry.user and entry.applies_to(user, groups):
                return entry
        return None


def load_registries(raw: Iterable[Mapping[str, Any]]) -> Registries:
    """The validated registries.

    Raises:
        ConfigError: an entry is invalid, or two of one host differ in how it is reached.
    """
    registries = Registries(tuple(load_entries("registries", Registry, raw)))
    for number, entry in enumerate(registries.entries, start=1):
        first = registries.find(entry.host)
        if first and (first.ca_file, first.plain_http) != (entry.ca_file, entry.plain_http):
            raise ConfigError(
                f"c.Rosetta.registries entry {number}: 'ca_file' and 'plain_http' of {entry.host!r}"
                " differ from those of an entry above. Give all entries of a host the same ones."
            )
    return registries


def load_hub_registry(raw: Mapping[str, Any]) -> HubRegistryOptions | None:
    """The validated option `c.Rosetta.registry`; None where there is no such registry.

    Raises:
        ConfigError: a key is invalid.
    """
    return load_options("registry", HubRegistryOptions, raw) if raw else None
