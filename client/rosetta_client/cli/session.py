"""What all commands share: the client, made when it is first used."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import click

from rosetta_client.config import ConfigFile, Endpoint
from rosetta_client.errors import ConfigError

if TYPE_CHECKING:
    from rosetta_client.client import Client


class Session:
    """One run of a command."""

    def __init__(self, hub: str | None = None) -> None:
        self.hub = hub
        self.config = ConfigFile()
        self._client: Client | None = None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        if self._client is not None:
            self._client.close()

    @functools.cached_property
    def endpoint(self) -> Endpoint:
        """The hub and the token.

        Raises:
            ConfigError: there are none.
        """
        endpoint = self.config.endpoint(self.hub)
        if not endpoint.token:
            raise ConfigError(
                f"Nobody is logged in to {endpoint.hub}. Use 'rosetta login {endpoint.hub}'."
            )
        return endpoint

    @property
    def client(self) -> Client:
        """The client."""
        if self._client is None:
            from rosetta_client.client import Client

            self._client = Client(self.endpoint)
        return self._client


pass_session = click.make_pass_decorator(Session)
