"""`rosetta files mkdir`, `mv` and `rm`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from rosetta_client.cli.amounts import size
from rosetta_client.cli.place import Place, is_folder, parse_place, telling_what_is_taken
from rosetta_client.cli.session import Session, pass_session
from rosetta_client.cli.text import clean
from rosetta_client.errors import RosettaError

if TYPE_CHECKING:
    from rosetta_client.models import Removed


@click.command("mkdir")
@click.argument("folders", nargs=-1, required=True, type=parse_place, metavar="STORAGE:PATH...")
@pass_session
def mkdir_command(session: Session, folders: Sequence[Place]) -> None:
    """Make folders, and those above them that are missing."""
    for folder in folders:
        session.client.make_folder(folder.storage, folder.path)


@click.command("mv")
@click.argument("sources", nargs=-1, required=True, type=parse_place, metavar="STORAGE:PATH...")
@click.argument("target", type=parse_place, metavar="STORAGE:PATH")
@click.option("--overwrite", is_flag=True, help="Replace files whose names are taken.")
@pass_session
def mv_command(session: Session, sources: Sequence[Place], target: Place, overwrite: bool) -> None:
    """Rename a file or folder, or move some to a folder of the same storage."""
    from rosetta_client.models import Renaming

    if any(source.storage != target.storage for source in sources):
        raise click.UsageError(
            "Files are moved within a storage. To another one, copy them with 'rosetta files cp',"
            " then remove them here with 'rosetta files rm'."
        )
    into = is_folder(session.client, target)
    if len(sources) > 1 and not into:
        raise RosettaError(f"{target} is no folder. Make it with 'rosetta files mkdir'.")
    for source in sources:
        to = target.within(source.encoded_name) if into else target
        renaming = Renaming(from_=source.path, to=to.path, overwrite=overwrite)
        with telling_what_is_taken(to, "Add --overwrite to replace a file."):
            session.client.rename_entry(source.storage, renaming)


@click.command("rm")
@click.argument("places", nargs=-1, required=True, type=parse_place, metavar="STORAGE:PATH...")
@click.option("-r", "--recursive", is_flag=True, help="Remove folders with all that is in them.")
@click.option("-y", "--yes", is_flag=True, help="Don't ask before a folder is removed.")
@pass_session
def rm_command(session: Session, places: Sequence[Place], recursive: bool, yes: bool) -> None:
    """Remove files and folders for good.

    On a terminal you are asked before a folder is removed that has something in it.
    """
    from rosetta_client.models import Removal

    for place in places:
        if is_folder(session.client, place):
            if not recursive:
                raise RosettaError(f"{place} is a folder; add --recursive.")
            if not yes and sys.stdin.isatty():
                _confirm(session, place)
        session.client.remove_entries(place.storage, Removal([place.path]))


def _confirm(session: Session, folder: Place) -> None:
    """Ask where something is in the folder.

    Raises:
        Abort: the answer is no.
    """
    from rosetta_client.models import Removal

    counted = session.client.remove_entries(folder.storage, Removal([folder.path], dry_run=True))
    # The folder itself is counted.
    if counted.files or counted.folders > 1:
        question = f"Remove {folder} with {_describe(counted)}?"
        click.confirm(clean(question), abort=True, err=True)


def _describe(counted: Removed) -> str:
    parts = [(counted.files, "file"), (counted.folders - 1, "folder")]
    words = [f"{count} {noun}{'s' * (count != 1)}" for count, noun in parts if count]
    return f"{' and '.join(words)} ({size(counted.bytes)}B)"
