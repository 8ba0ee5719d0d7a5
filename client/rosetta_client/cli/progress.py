"""Progress bars on stderr."""

from __future__ import annotations

import io
import sys
from typing import Any

import click


def progress_bar(label: str, total: int) -> Any:
    """A bar of click's for so many bytes; where stderr is no terminal, nothing is shown."""
    file = sys.stderr if sys.stderr.isatty() else io.StringIO()
    return click.progressbar(length=total, label=label, file=file, show_eta=total > 0)
