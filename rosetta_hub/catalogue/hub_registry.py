"""The registry beside the hub (`c.Rosetta.registry`)."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, model_validator

from rosetta_hub.catalogue.registries import DOCKER_HUB, Registry, registry_host
from rosetta_hub.catalogue.validation import Entry, load_options


class HubRegistryOptions(Entry):
    """Where the registry is that trusts the hub's tokens, and how it is reached."""

    host: Annotated[str, AfterValidator(registry_host)]
    ca_file: str = ""
    plain_http: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.host == DOCKER_HUB:
            raise ValueError("'host' is a registry of the site, not Docker Hub")
        if self.plain_http and self.ca_file:
            raise ValueError("'ca_file' is for registries with TLS, and 'plain_http' is without")
        return self

    def as_registry(self) -> Registry:
        """The entry of `registries` that tells how it is reached."""
        return Registry(host=self.host, ca_file=self.ca_file, plain_http=self.plain_http)


def load_hub_registry(raw: Mapping[str, Any]) -> HubRegistryOptions | None:
    """The validated option; None where there is no such registry.

    Raises:
        ConfigError: a key is invalid.
    """
    return load_options("registry", HubRegistryOptions, raw) if raw else None
