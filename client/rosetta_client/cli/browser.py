"""Whether there is a browser, and opening pages in it."""

from __future__ import annotations

import os
import sys

import click


def has_browser() -> bool:
    """Whether a browser that is opened here is on the screen of the user."""
    if os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"):
        return False
    if os.environ.get("BROWSER") or sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def open_page(address: str, only_print: bool = False, err: bool = False) -> None:
    """Open an address, which is shown as well (on stderr with `err`): a browser may fail."""
    click.echo(address, err=err)
    if not only_print and has_browser():
        import webbrowser

        webbrowser.open(address)
