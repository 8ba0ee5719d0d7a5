"""What a user's active tasks may have together (`c.Rosetta.limits`)."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field

from rosetta_hub.catalogue.scoped_entry import ScopedEntry, check_names
from rosetta_hub.catalogue.units import ByteSize
from rosetta_hub.catalogue.validation import load_entries


class Limit(ScopedEntry):
    """Limits of each user whom the entry names, on all of the named computing resources together.

    No users and no groups: everybody. No computing resources: all of them. An amount that is
    None is not limited; memory is in bytes.
    """

    tasks: int | None = Field(default=None, ge=0)
    cpus: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    memory: ByteSize | None = None
    gpus: int | None = Field(default=None, ge=0)


def load_limits(raw: Iterable[Mapping[str, Any]], computing: Iterable[str]) -> tuple[Limit, ...]:
    """The validated limits, in the order of the configuration.

    Raises:
        ConfigError: an entry is invalid, or names a computing resource that does not exist.
    """
    limits = tuple(load_entries("limits", Limit, raw))
    check_names("limits", "computing", [limit.computing for limit in limits], computing)
    return limits
