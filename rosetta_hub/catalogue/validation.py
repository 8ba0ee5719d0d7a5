"""From lists of dicts in the configuration to frozen entries, with errors an admin can act on."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from rosetta_hub.errors import ConfigError

# ASCII only: ids stand in URLs, in container labels and in database rows.
ID_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,62}$"


class Entry(BaseModel):
    """A frozen catalogue entry: unknown keys are refused, values are not coerced silently."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


EntryType = TypeVar("EntryType", bound=Entry)


def load_entries(
    kind: str, model: type[EntryType], raw: Iterable[Mapping[str, Any]]
) -> list[EntryType]:
    """Validate every dict of `raw` (the trait `c.Rosetta.<kind>`), in order.

    Raises:
        ConfigError: one message for all faults, a line each, naming entry, key and what is allowed.
    """
    entries: list[EntryType] = []
    faults: list[str] = []
    for number, item in enumerate(raw, start=1):
        try:
            entries.append(model.model_validate(dict(item)))
        except ValidationError as error:
            faults += _faults(f"c.Rosetta.{kind} entry {number}{_name(item)}", model, error)
        except (TypeError, ValueError):
            faults.append(f"c.Rosetta.{kind} entry {number} is not a dict of its keys and values.")
    if faults:
        raise ConfigError("\n".join(faults))
    return entries


def _name(item: Mapping[str, Any]) -> str:
    name = item.get("id") or item.get("name")
    return f" ({name!r})" if name else ""


def _faults(where: str, model: type[Entry], error: ValidationError) -> Iterable[str]:
    for fault in error.errors(include_url=False):
        key = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            allowed = ", ".join(sorted(model.model_fields))
            yield f"{where}: unknown key {key!r}. Allowed keys: {allowed}."
        elif fault["type"] == "missing":
            yield f"{where}: the key {key!r} is required."
        else:
            message = fault["msg"].removeprefix("Value error, ")
            place = f"key {key!r}" if key else "the entry as a whole"
            yield f"{where}: {place}: {message} (given: {_shown(fault['input'])})."


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def duplicates(names: Iterable[str]) -> set[str]:
    """The names that occur more than once."""
    seen: set[str] = set()
    twice: set[str] = set()
    for name in names:
        (twice if name in seen else seen).add(name)
    return twice
