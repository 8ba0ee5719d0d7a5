"""What a user's active tasks may have together (`c.Rosetta.limits`)."""

from collections.abc import Iterable, Mapping, Set
from typing import Any, Self

from pydantic import Field, model_validator

from rosetta_hub.catalogue.units import Size
from rosetta_hub.catalogue.validation import Entry, load_entries
from rosetta_hub.errors import ConfigError


class Limit(Entry):
    """Limits of each user whom the entry names, on all of the named computing resources together.

    No users and no groups: everybody. No computing resources: all of them. An amount that is
    None is not limited; memory is in bytes.
    """

    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    computing: frozenset[str] = frozenset()
    tasks: int | None = Field(default=None, ge=0)
    cpus: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    memory: Size | None = None
    gpus: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        if any("" in names for names in (self.users, self.groups, self.computing)):
            raise ValueError("users, groups and computing are lists of names, none of them empty")
        return self

    def applies_to(self, user: str, groups: Set[str]) -> bool:
        """Whether the entry is meant for a user who is in these groups."""
        if not (self.users or self.groups):
            return True
        return user in self.users or bool(self.groups & groups)

    def covers(self, computing: str) -> bool:
        """Whether tasks on that computing resource count."""
        return not self.computing or computing in self.computing


def load_limits(raw: Iterable[Mapping[str, Any]], computing: Iterable[str]) -> tuple[Limit, ...]:
    """The validated limits, in the order of the configuration.

    Raises:
        ConfigError: an entry is invalid, or names a computing resource that does not exist.
    """
    limits, known = tuple(load_entries("limits", Limit, raw)), sorted(computing)
    for number, limit in enumerate(limits, start=1):
        if unknown := limit.computing.difference(known):
            raise ConfigError(
                f"c.Rosetta.limits entry {number}: key 'computing' names {sorted(unknown)}, which"
                f" c.Rosetta.computing does not have. It has: {', '.join(known) or 'none'}."
            )
    return limits
