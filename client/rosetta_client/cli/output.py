"""Output of commands: tables and progress bars for users, JSON for scripts."""

from __future__ import annotations

import functools
import io
import itertools
import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Callable

import click

from rosetta_client.cli.text import clean, fit, width
from rosetta_client.decode import encode

# Rows that are looked at for the widths of columns; the others come as they are fetched.
_LOOKED_AT = 100
_GAP = 2
# Cells that a column keeps when a narrow terminal cuts it.
_NARROWEST = 8


@dataclass(frozen=True)
class Form:
    """How a command shows its results: as JSON, and which fields (all where there are none)."""

    json: bool
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Column:
    """A column of a table: its title, and what it shows of an item."""

    title: str
    show: Callable[[Any], str]


def form_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options `--json` and `--fields`; it is called with `form`."""

    @click.option("--json", "as_json", is_flag=True, help="Show JSON instead of a table.")
    @click.option(
        "--fields",
        default="",
        metavar="A,B.C",
        help="Show these fields, as JSON names them; 'software.id' is one within another.",
    )
    @functools.wraps(command)
    def with_form(*arguments: Any, as_json: bool, fields: str, **options: Any) -> Any:
        names = tuple(name.strip() for name in fields.split(",") if name.strip())
        return command(*arguments, form=Form(as_json, names), **options)

    return with_form


def show_items(items: Iterable[Any], columns: Sequence[Column], form: Form) -> None:
    """Show a list; however long it is, only a page of it is kept.

    Raises:
        UsageError: an item has no such field.
    """
    if form.fields and not form.json:
        columns = [_field_column(field) for field in form.fields]
    if form.json:
        _write_json_list(items, form.fields)
    else:
        for line in table_lines(items, columns, _terminal_width()):
            click.echo(line)


def show_item(item: Any, columns: Sequence[Column], form: Form) -> None:
    """Show one thing: an object, or a line for each field."""
    if form.json:
        click.echo(json.dumps(_selected(encode(item, nulls=True), form.fields), indent=2))
        return
    columns = [_field_column(field) for field in form.fields] if form.fields else columns
    title_width = max(width(column.title) for column in columns)
    for column in columns:
        click.echo(f"{fit(column.title, title_width)}  {clean(column.show(item))}".rstrip())


def table_lines(
    items: Iterable[Any], columns: Sequence[Column], cells: int | None
) -> Iterator[str]:
    """The lines of a table; `cells` is how many the terminal has, None cuts nothing."""
    rows = ([clean(column.show(item)) for column in columns] for item in items)
    first = list(itertools.islice(rows, _LOOKED_AT))
    titles = [column.title for column in columns]
    widths = [max(map(width, column)) for column in zip(titles, *first)]
    if cells is not None:
        widths = _shrink(widths, cells)
    yield click.style(_line(titles, widths, cells), bold=True)
    for row in itertools.chain(first, rows):
        yield _line(row, widths, cells)


def _line(row: Sequence[str], widths: Sequence[int], cells: int | None) -> str:
    """Rows after those that were looked at may be wider: only a terminal cuts them."""
    return (
        (" " * _GAP)
        .join(
            fit(text, cells_of_column)
            if cells is not None or width(text) <= cells_of_column
            else text
            for text, cells_of_column in zip(row, widths)
        )
        .rstrip()
    )


def _shrink(widths: list[int], cells: int) -> list[int]:
    """Take from the widest column until the line fits."""
    widths = list(widths)
    while sum(widths) + _GAP * (len(widths) - 1) > cells:
        widest = max(range(len(widths)), key=widths.__getitem__)
        if widths[widest] <= _NARROWEST:
            break
        widths[widest] -= 1
    return widths


def _terminal_width() -> int | None:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _write_json_list(items: Iterable[Any], fields: tuple[str, ...]) -> None:
    """One array, an item a line, written as the items come."""
    separator = "[\n"
    for item in items:
        click.echo(separator + json.dumps(_selected(encode(item, nulls=True), fields)), nl=False)
        separator = ",\n"
    click.echo("[]" if separator == "[\n" else "\n]")


def _selected(document: Any, fields: tuple[str, ...]) -> Any:
    return {field: _field(document, field) for field in fields} if fields else document


def _field_column(field: str) -> Column:
    def show(item: Any) -> str:
        value = _field(encode(item, nulls=True), field)
        if value is None:
            return ""
        return value if isinstance(value, str) else json.dumps(value)

    return Column(field.upper(), show)


def _field(document: Any, field: str) -> Any:
    """A field by its name in JSON; None where what it is within is null."""
    value = document
    for name in field.split("."):
        if value is None:
            return None
        if not isinstance(value, dict) or name not in value:
            raise click.UsageError(
                f"There is no field {field!r}; there are: {', '.join(document)}."
            )
        value = value[name]
    return value


def progress_bar(label: str, total: int) -> Any:
    """A bar of click's for so many bytes; where stderr is no terminal, nothing is shown."""
    file = sys.stderr if sys.stderr.isatty() else io.StringIO()
    return click.progressbar(length=total, label=label, file=file, show_eta=total > 0)
