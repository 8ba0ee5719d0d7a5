"""Who starts a server through the hub: its spawner asks us again, as the service that we are."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Starter:
    """A user or service of the hub, and the address that its request came from."""

    name: str
    address: str | None


class Starters:
    """The starts that are on their way through the hub, by user and server."""

    def __init__(self) -> None:
        self._starters: dict[tuple[str, str], Starter] = {}

    @contextmanager
    def note(self, user: str, server: str, starter: Starter) -> Iterator[None]:
        """Who asked for a start, while the hub is told of it."""
        self._starters[user, server] = starter
        try:
            yield
        finally:
            self._starters.pop((user, server), None)

    def find(self, user: str, server: str) -> Starter | None:
        """Who has asked the service for the start of a server that goes on now."""
        return self._starters.get((user, server))
