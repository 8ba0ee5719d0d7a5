"""Entries that count for some users, on some computing resources."""

from collections.abc import Iterable, Sequence
from typing import Self

from pydantic import model_validator

from rosetta_hub.catalogue.restricted import EntryForUsers
from rosetta_hub.errors import ConfigError


class ScopedEntry(EntryForUsers):
    """No users and no groups: everybody. No computing resources: all of them."""

    computing: frozenset[str] = frozenset()

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        if any("" in names for names in (self.users, self.groups, self.computing)):
            raise ValueError("users, groups and computing are lists of names, none of them empty")
        return self

    def covers(self, computing: str) -> bool:
        """Whether tasks on that computing resource count."""
        return not self.computing or computing in self.computing


def check_names(
    option: str, key: str, named: Sequence[frozenset[str]], existing: Iterable[str]
) -> None:
    """Refuse entries of `c.Rosetta.<option>` that name what is not configured.

    `named` is what the key has in each entry, `existing` the ids of the option that is called like
    the key.

    Raises:
        ConfigError: which entry, and what there is.
    """
    ids = sorted(existing)
    for number, names in enumerate(named, start=1):
        if unknown := names.difference(ids):
            raise ConfigError(
                f"c.Rosetta.{option} entry {number}: key {key!r} names {sorted(unknown)}, which"
                f" c.Rosetta.{key} does not have. It has: {', '.join(ids) or 'none'}."
            )
