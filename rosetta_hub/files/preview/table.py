"""The first rows of a table of comma- or tab-separated values (RFC 4180, and what users write)."""

import csv
import io
from dataclasses import dataclass

from rosetta_hub.files.preview.errors import NoPreview

MAX_ROWS = 500
MAX_COLUMNS = 200
# Characters of a cell.
MAX_CELL = 1000

# Of one field; the whole piece could be one.
csv.field_size_limit(1 << 21)


@dataclass(frozen=True)
class Table:
    """Rows of cells; the first one may be a heading, which the file does not tell."""

    rows: list[list[str]]
    delimiter: str
    is_truncated: bool


def read_table(text: str, is_complete: bool) -> Table:
    """The first rows.

    Raises:
        NoPreview: it is no table.
    """
    if not is_complete:
        # The last line may be cut.
        text = text[: text.rfind("\n") + 1] or text
    delimiter = _delimiter(text)
    rows, is_truncated = list[list[str]](), not is_complete
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if len(rows) == MAX_ROWS:
                is_truncated = True
                break
            if row:
                rows.append([cell[:MAX_CELL] for cell in row[:MAX_COLUMNS]])
                is_truncated = is_truncated or len(row) > MAX_COLUMNS
    except csv.Error as error:
        raise NoPreview("This file is not a table of separated values.") from error
    return Table(rows, delimiter, is_truncated)


def _delimiter(text: str) -> str:
    """What separates the cells: the candidate that divides most of the first lines alike."""
    lines = [line for line in text[:65536].splitlines()[:20] if line.strip()]

    def score(candidate: str) -> tuple[int, int]:
        counts = [line.count(candidate) for line in lines]
        usual = max(set(counts), key=counts.count, default=0)
        return (counts.count(usual) if usual else 0, usual)

    return max(",\t;|", key=score)
