"""How long tasks live (`c.Rosetta.lifetimes`)."""

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, Self

from pydantic import Field, model_validator

from rosetta_hub.catalogue.scoped_entry import ScopedEntry, check_names
from rosetta_hub.catalogue.units import Duration
from rosetta_hub.catalogue.validation import load_entries


class Lifetime(ScopedEntry):
    """When tasks end by themselves, in seconds; None: not for that reason.

    The entry counts for tasks of the users, on the computing resources and of the software that it
    names; of what it does not name, for all. A task is idle while nothing passes the edge and its
    CPUs together do less than `idle_cpu` cores of work; after `idle_timeout` of that it is stopped.
    `longest` counts from the start of the task; `may_extend` lets users keep a task beyond it, by
    `longest` each time they are asked. Users are asked `notice` before an end.
    """

    software: frozenset[str] = frozenset()
    idle_timeout: Duration | None = None
    idle_cpu: float = Field(default=0.05, gt=0, allow_inf_nan=False)
    longest: Duration | None = None
    may_extend: bool = False
    notice: Duration = 600

    @model_validator(mode="after")
    def _check_software(self) -> Self:
        if "" in self.software:
            raise ValueError("software is a list of ids of software families, none of them empty")
        return self


def load_lifetimes(
    raw: Iterable[Mapping[str, Any]], computing: Iterable[str], software: Iterable[str]
) -> tuple[Lifetime, ...]:
    """The validated lifetimes, in the order of the configuration.

    Raises:
        ConfigError: an entry is invalid, or names a resource or software that does not exist.
    """
    entries = tuple(load_entries("lifetimes", Lifetime, raw))
    check_names("lifetimes", "computing", [entry.computing for entry in entries], computing)
    check_names("lifetimes", "software", [entry.software for entry in entries], software)
    return entries


def find_lifetime(
    entries: Sequence[Lifetime], user: str, groups: Set[str], computing: str, software: str
) -> Lifetime | None:
    """The first entry that fits a task; None where none does.

    `groups` are those of the task's owner, `software` is the id of its software family.
    """
    return next(
        (
            entry
            for entry in entries
            if entry.applies_to(user, groups)
            and entry.covers(computing)
            and (not entry.software or software in entry.software)
        ),
        None,
    )
