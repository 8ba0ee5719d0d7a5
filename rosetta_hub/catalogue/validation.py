"""From lists of dicts in the configuration to frozen entries, with errors an admin can act on."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from rosetta_hub.errors import ConfigError

_RULES: dict[str, str] = {}


def pattern(expression: str, rule: str) -> str:
    """The expression, for `Field(pattern=...)`; messages tell the rule instead of it."""
    _RULES[expression] = rule
    return expression


# ASCII only: ids stand in URLs, in container labels and in database rows.
_ID = r"[a-z0-9][a-z0-9._-]{0,62}"
_ID_RULE = "use at most 63 lowercase letters, digits and . _ - with a letter or digit first"
ID_PATTERN = pattern(rf"^{_ID}$", _ID_RULE)
OPTIONAL_ID_PATTERN = pattern(rf"^$|^{_ID}$", _ID_RULE)

# The name of an environment variable, as agents accept it.
VARIABLE_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"


class Entry(BaseModel):
    """A frozen catalogue entry: unknown keys are refused, values are not coerced silently."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


EntryType = TypeVar("EntryType", bound=Entry)


def load_entries(
    kind: str,
    model: type[EntryType],
    raw: Iterable[Mapping[str, Any]],
    section: str = "Rosetta",
) -> list[EntryType]:
    """Validate every dict of `raw` (the trait `c.<section>.<kind>`), in order.

    Raises:
        ConfigError: one message for all faults, a line each, naming entry, key and what is allowed.
    """
    entries: list[EntryType] = []
    faults: list[str] = []
    for number, item in enumerate(raw, start=1):
        try:
            entries.append(model.model_validate(dict(item)))
        except ValidationError as error:
            where = f"c.{section}.{kind} entry {number}{_name(item)}"
            faults += _faults(where, model, error)
        except (TypeError, ValueError):
            faults.append(
                f"c.{section}.{kind} entry {number} is not a dict of its keys and values."
            )
    if faults:
        raise ConfigError("\n".join(faults))
    return entries


def load_options(
    name: str, model: type[EntryType], raw: Mapping[str, Any], section: str = "Rosetta"
) -> EntryType:
    """Validate the dict of the trait `c.<section>.<name>`.

    Raises:
        ConfigError: one message for all faults, a line each, naming key and what is allowed.
    """
    try:
        return model.model_validate(dict(raw))
    except ValidationError as error:
        raise ConfigError("\n".join(_faults(f"c.{section}.{name}", model, error))) from error


def _name(item: Mapping[str, Any]) -> str:
    name = item.get("id") or item.get("name")
    return f" ({name!r})" if name else ""


def _faults(where: str, model: type[Entry], error: ValidationError) -> Iterable[str]:
    for fault in error.errors(include_url=False):
        text = describe_fault(model, fault)
        # A fault between keys names them itself.
        of_value = fault["loc"] and fault["type"] not in ("extra_forbidden", "missing")
        value = f" (given: {_shown(fault['input'])})" if of_value else ""
        yield f"{where}: {text}{value}."


def describe_fault(model: type[BaseModel], fault: Mapping[str, Any], parent: str = "") -> str:
    """A fault of pydantic in words: its key, below the key `parent`, and what is allowed there."""
    location = [str(part) for part in fault["loc"]]
    key = ".".join([parent, *location] if parent else location)
    if fault["type"] == "extra_forbidden":
        allowed = ", ".join(sorted(_model_at(model, location[:-1]).model_fields))
        return f"unknown key {key!r}. Allowed keys: {allowed}"
    if fault["type"] == "missing":
        return f"the key {key!r} is required"
    message = describe_value_fault(fault)
    return f"key {key!r}: {message}" if location else message


def describe_value_fault(fault: Mapping[str, Any]) -> str:
    """What is wrong with a value, in words."""
    if fault["type"] == "string_pattern_mismatch":
        return _RULES.get(fault["ctx"]["pattern"], "the text is not written as expected")
    return str(fault["msg"]).removeprefix("Value error, ")


def _model_at(model: type[BaseModel], location: Iterable[str]) -> type[BaseModel]:
    """The model of the entries that are below a key, such as those of a list."""
    for part in location:
        if part in model.model_fields:
            model = next(_models(model.model_fields[part].annotation), model)
    return model


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def duplicates(names: Iterable[str]) -> set[str]:
    """The names that occur more than once."""
    once: set[str] = set()
    twice: set[str] = set()
    for name in names:
        (twice if name in once else once).add(name)
    return twice
