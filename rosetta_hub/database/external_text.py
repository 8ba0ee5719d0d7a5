"""Text that comes from nodes, schedulers and containers, made fit for its column.

Databases differ in what they take: PostgreSQL refuses NUL bytes and text that is longer than its
column, SQLite stores both. A row that can't be stored is a task whose end is never recorded, so
the text gives way, never the row.
"""

import re
from typing import Any

from sqlalchemy import String, Text, event
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import QueryableAttribute
from sqlalchemy.types import TypeDecorator, TypeEngine

# Control characters but tab and newline, and halves of surrogate pairs, which no encoding has.
_UNFIT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_CUT = "\N{HORIZONTAL ELLIPSIS}"


def fit_text(text: str, length: int | None) -> str:
    """The text without control characters, and cut to `length` characters (None: as long as it is).

    Line ends become newlines.
    """
    clean = _UNFIT.sub(_REPLACEMENT, text.replace("\r\n", "\n"))
    if length is None or len(clean) <= length:
        return clean
    return clean[: length - len(_CUT)] + _CUT


class ExternalText(TypeDecorator[str]):
    """A column for external text of at most `length` characters; see `fit_text`."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = String
    cache_ok = True

    def __init__(self, length: int | None = None) -> None:
        super().__init__(length)
        self.length = length
        self.impl = Text() if length is None else String(length)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Store what fits."""
        return None if value is None else fit_text(value, self.length)


def fit_on_assignment(base: type[Any]) -> None:
    """Have attributes of all models of `base` hold what their external texts are stored as.

    A row in memory is then the same before and after it was stored.
    """

    def instrument(_model: type[Any], _name: str, attribute: QueryableAttribute[Any]) -> None:
        columns = getattr(attribute.property, "columns", ())
        kind = columns[0].type if columns else None
        if not isinstance(kind, ExternalText):
            return

        def fit(_row: Any, value: str | None, _old: Any, _initiator: Any) -> str | None:
            return None if value is None else fit_text(value, kind.length)

        event.listen(attribute, "set", fit, retval=True)

    event.listen(base, "attribute_instrument", instrument, propagate=True)
