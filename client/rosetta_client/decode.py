"""JSON to frozen dataclasses and back.

Keys that a class does not know are ignored, so a newer hub can be asked. Keys that a class needs
and that are missing are an error which names them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import typing
from collections.abc import Callable, Mapping
from typing import Any, Union

Decoder = Callable[[Any], Any]


def decode(kind: Any, value: Any) -> Any:
    """The value as an instance of `kind`: a dataclass, or a type of such (`list[Task]`).

    Raises:
        TypeError, ValueError: it can't be one.
    """
    return _decoder(kind)(value)


def encode(value: object, nulls: bool = False) -> Any:
    """What JSON holds of it; fields of dataclasses that are None are left out without `nulls`."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        items = ((field, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {
            _key(field): encode(item, nulls) for field, item in items if nulls or item is not None
        }
    if isinstance(value, Mapping):
        return {key: encode(item, nulls) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(item, nulls) for item in value]
    return value


@functools.cache
def _decoder(kind: Any) -> Decoder:
    if dataclasses.is_dataclass(kind):
        return _object_decoder(kind)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is list:
        item = _decoder(arguments[0])
        return lambda value: [item(element) for element in _check(value, list)]
    if origin is dict:
        item = _decoder(arguments[1])
        return lambda value: {key: item(element) for key, element in _check(value, dict).items()}
    if origin is Union:
        return _union_decoder(arguments)
    return lambda value: value


def _union_decoder(arguments: tuple[Any, ...]) -> Decoder:
    """Of several classes the one with the most fields whose keys are all there."""
    kinds = [kind for kind in arguments if kind is not type(None)]
    if len(kinds) == 1:
        inner = _decoder(kinds[0])
        return lambda value: None if value is None else inner(value)
    classes: list[Any] = [kind for kind in kinds if dataclasses.is_dataclass(kind)]
    classes.sort(key=lambda kind: len(dataclasses.fields(kind)), reverse=True)

    def decode_first(value: Any) -> Any:
        for kind in classes:
            with contextlib.suppress(ValueError, TypeError):
                return _decoder(kind)(value)
        return value

    return decode_first


def _object_decoder(kind: Any) -> Decoder:
    hints = typing.get_type_hints(kind)
    fields = [
        (field.name, _key(field), _decoder(hints[field.name]), _is_needed(field))
        for field in dataclasses.fields(kind)
    ]

    def decode_object(value: Any) -> Any:
        _check(value, dict)
        missing = [key for _, key, _, needed in fields if needed and key not in value]
        if missing:
            raise ValueError(f"{kind.__name__} lacks {', '.join(missing)}")
        return kind(
            **{name: decoder(value[key]) for name, key, decoder, _ in fields if key in value}
        )

    return decode_object


def _is_needed(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _key(field: dataclasses.Field[Any]) -> str:
    """The key in JSON, where it is no name in Python (`from`)."""
    return str(field.metadata.get("key", field.name))


def _check(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"a JSON {kind.__name__} was expected, not {type(value).__name__}")
    return value
