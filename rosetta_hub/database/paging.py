"""Pages of a table: each begins behind the last row of the page before it.

The database reads the rows of one page, however many there are. A row that is added or deleted
between two pages neither repeats nor hides another one.
"""

import base64
import json
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, Select, and_, or_

from rosetta_hub.database.database import Database
from rosetta_hub.errors import InvalidOptions

DEFAULT_LIMIT = 100
MOST = 1000
# Letters of a cursor: a name of 255 letters of four bytes, and an id.
_CURSOR_LENGTH = 1500

Row = TypeVar("Row")


class PageQuery(BaseModel):
    """Which page of a list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MOST, description="Entries of a page.")
    after: str | None = Field(
        default=None,
        max_length=_CURSOR_LENGTH,
        description="`next` of the page before; the first page without it.",
    )


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows of a page, and the cursor of the next one; None on the last page."""

    rows: list[Row]
    next: str | None


class PageView(BaseModel):
    """A page as it is answered: `next` is the `after` of the next one; null on the last page."""

    next: str | None = None


@dataclass(frozen=True)
class Order:
    """How a list is sorted: by `column`; `key`, which is unique, decides between equal rows.

    `kind` and `key_kind` are the types of their values, which are never null.
    """

    column: Any
    key: Any
    kind: type[Any]
    key_kind: type[Any] = str
    descending: bool = False

    def read(self, database: Database, query: Select[Any], page_query: PageQuery) -> Page[Any]:
        """The page that is wanted, of a query for one entity.

        Raises:
            InvalidOptions: the cursor is none of this order.
        """
        if page_query.after is not None:
            query = query.where(self._behind(*self._parse(page_query.after)))
        both = (self.column, self.key)
        order = [column.desc() if self.descending else column.asc() for column in both]
        # One more than a page tells whether there is another page.
        query = query.add_columns(*both).order_by(*order).limit(page_query.limit + 1)
        with database.session() as session:
            rows = session.execute(query).all()
        page = rows[: page_query.limit]
        cursor = _write_cursor(page[-1][-2:]) if len(rows) > page_query.limit else None
        return Page([row[0] for row in page], cursor)

    def _behind(self, value: Any, key: Any) -> ColumnElement[bool]:
        column, unique = self.column, self.key
        # The first of both conditions is what an index answers.
        if self.descending:
            return and_(column <= value, or_(column < value, unique < key))
        return and_(column >= value, or_(column > value, unique > key))

    def _parse(self, cursor: str) -> tuple[Any, Any]:
        with _refused():
            value, key = _read_cursor(cursor)
            return _typed(value, self.kind), _typed(key, self.key_kind)


def cut_page(rows: Sequence[Row], key: Callable[[Row], Any], page_query: PageQuery) -> Page[Row]:
    """A page of rows that are all at hand, sorted by a unique `key`: a tuple of texts and numbers.

    Raises:
        InvalidOptions: the cursor is none of this list.
    """
    keys = [key(row) for row in rows]
    start = 0
    if page_query.after is not None:
        with _refused():
            start = bisect_right(keys, tuple(_read_cursor(page_query.after)))
    end = start + page_query.limit
    return Page(list(rows[start:end]), _write_cursor(keys[end - 1]) if end < len(rows) else None)


def _write_cursor(values: Sequence[Any]) -> str:
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    text = json.dumps(plain, ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> list[Any]:
    """The values of a cursor.

    Raises:
        TypeError, ValueError, RecursionError: it is none of ours.
    """
    padding = "=" * (-len(cursor) % 4)
    values = json.loads(base64.b64decode(cursor + padding, b"-_", validate=True))
    if not isinstance(values, list):
        raise TypeError("a cursor is a list")
    return values


@contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidOptions(
            "The cursor is none of this list. Begin with the first page again."
        ) from error


def to_utc(time: datetime) -> datetime:
    """The same moment in UTC.

    Raises:
        ValueError: there is none, before the year 1 or after 9999.
    """
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time is out of range") from error


# A moment in a query: what comes close to the year 1 or 9999 is refused, not an error of Python's.
Moment = Annotated[AwareDatetime, AfterValidator(to_utc)]


def _typed(value: Any, kind: type[Any]) -> Any:
    """A part of a cursor as the database takes it.

    Raises:
        TypeError, ValueError, OverflowError: it is of another type, or no database stores it.
    """
    if kind is datetime:
        time = datetime.fromisoformat(value)
        if time.tzinfo is None:
            raise ValueError("a time without a zone")
        return to_utc(time)
    if isinstance(value, bool) or not isinstance(value, kind if kind is not float else int | float):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    if isinstance(value, str):
        value.encode()
        if "\0" in value:
            raise ValueError("a text with a zero byte")
    elif not abs(value) < 1 << 63:
        raise ValueError("a number that is too large")
    return value
