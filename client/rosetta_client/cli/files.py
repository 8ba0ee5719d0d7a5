"""`rosetta files`: storages, their files, and copies between them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import click

from rosetta_client.cli.amounts import size
from rosetta_client.cli.file_changes import mkdir_command, mv_command, rm_command
from rosetta_client.cli.output import Column, Form, form_options, progress_bar, show_items
from rosetta_client.cli.place import Place, is_folder, parse_place, telling_what_is_taken
from rosetta_client.cli.session import Session, pass_session
from rosetta_client.cli.text import clean
from rosetta_client.errors import RosettaError

if TYPE_CHECKING:
    from rosetta_client.client import Client

_STORAGES = (
    Column("STORAGE", lambda storage: storage.id),
    Column("NAME", lambda storage: storage.name),
    Column("COMPUTING", lambda storage: ",".join(resource.id for resource in storage.computing)),
    Column("IN TASKS", lambda storage: storage.bind_path or ""),
)
_ENTRIES = (
    Column("TYPE", lambda entry: entry["type"]),
    Column("SIZE", lambda entry: size(entry["size"]) if entry["type"] == "file" else ""),
    Column("MODIFIED", lambda entry: time.strftime("%F %R", time.localtime(entry["modified"]))),
    Column("NAME", lambda entry: entry["name"] + "/" * (entry["type"] == "directory")),
)
_CONFLICT = click.option(
    "--conflict",
    type=click.Choice(["fail", "overwrite", "rename"]),
    default="fail",
    show_default=True,
    help="What happens where a name is taken.",
)
# Seconds between two questions about a copy.
_PAUSE = 1.0


@click.group("files")
def files_command() -> None:
    """Work with the files of your storages.

    Files are given as STORAGE:PATH, such as home:data/m31.fits.
    """


for _command in (mkdir_command, mv_command, rm_command):
    files_command.add_command(_command)


@files_command.command("ls")
@click.argument("place", metavar="[STORAGE:PATH]", required=False)
@form_options
@pass_session
def ls_command(session: Session, place: str | None, form: Form) -> None:
    """List storages, or the entries of a folder."""
    from rosetta_client.files import find_entry, list_entries

    if place is None:
        show_items(session.client.list_storages().storages, _STORAGES, form)
        return
    target = parse_place(place if ":" in place else f"{place}:")
    entry = find_entry(session.client, target.storage, target.path) if target.path else None
    if entry is not None and entry["type"] == "file":
        show_items([entry], _ENTRIES, form)
    else:
        show_items(list_entries(session.client, target.storage, target.path), _ENTRIES, form)


@files_command.command("get")
@click.argument("source", type=parse_place, metavar="STORAGE:PATH")
@click.argument("target", type=click.Path(path_type=Path), default=".")
@click.option("-r", "--recursive", is_flag=True, help="Fetch a folder with all that is in it.")
@pass_session
def get_command(session: Session, source: Place, target: Path, recursive: bool) -> None:
    """Fetch a file of a storage to TARGET, a file or a folder."""
    from rosetta_client.files import find_entry

    kind = find_entry(session.client, source.storage, source.path)["type"] if source.path else ""
    target = target / source.name if target.is_dir() else target
    if kind in ("file", "link"):
        _fetch(session.client, source, target)
        return
    if not recursive:
        raise RosettaError(f"{source} is a folder; add --recursive.")
    for place, local in _walk(session.client, source, target):
        _fetch(session.client, place, local)


@files_command.command("put")
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.argument("target", type=parse_place, metavar="STORAGE:PATH")
@click.option("-r", "--recursive", is_flag=True, help="Send folders with all that is in them.")
@_CONFLICT
@pass_session
def put_command(
    session: Session, sources: Sequence[Path], target: Place, recursive: bool, conflict: str
) -> None:
    """Send files to a storage. A path that is no folder there is the name of a single file."""
    into = len(sources) > 1 or is_folder(session.client, target)
    for source in sources:
        place = target.within(_encoded(source.resolve().name)) if into else target
        if source.is_dir() and not recursive:
            raise RosettaError(f"{source} is a folder; add --recursive.")
        for file in _files_of(source):
            inner = file.relative_to(source).as_posix() if source.is_dir() else ""
            _send(session.client, file, place.within(_encoded(inner)) if inner else place, conflict)


@files_command.command("cp")
@click.argument("sources", nargs=-1, required=True, type=parse_place, metavar="STORAGE:PATH...")
@click.argument("target", type=parse_place, metavar="STORAGE:FOLDER")
@click.option(
    "--conflict",
    type=click.Choice(["skip", "overwrite", "rename"]),
    help="What happens to names that are taken; by default nothing is copied then.",
)
@pass_session
def cp_command(
    session: Session, sources: Sequence[Place], target: Place, conflict: str | None
) -> None:
    """Copy files and folders within a storage or to another one; the hub does the work."""
    from rosetta_client.models import NewCopy, SourceOfCopy, TargetOfCopy

    storages = {source.storage for source in sources}
    if len(storages) > 1:
        raise click.UsageError("All sources must be of one storage.")
    if not is_folder(session.client, target):
        raise RosettaError(
            f"{target} is no folder. Copies keep their names: give the folder that they go to."
        )
    origin = SourceOfCopy(storages.pop(), [source.path for source in sources])
    folder = TargetOfCopy(target.storage, target.path)
    copy = session.client.start_copy(NewCopy(origin, folder, conflict))
    with progress_bar("Copying", copy.total_bytes or 0) as bar:
        while copy.ended is None:
            time.sleep(_PAUSE)
            copy = session.client.get_copy(copy.id)
            bar.length = copy.total_bytes or 0
            bar.update(copy.bytes - bar.pos)
    for problem in copy.problems:
        click.echo(clean(f"{unquote(problem.path)}: {problem.message}"), err=True)
    if copy.state != "done" or copy.problem_count:
        raise RosettaError(copy.message)


def _fetch(client: Client, source: Place, target: Path) -> None:
    from rosetta_client.files import find_entry

    size = find_entry(client, source.storage, source.path)["size"]
    target.parent.mkdir(parents=True, exist_ok=True)
    with progress_bar(clean(source.name), size) as bar:
        client.download_file(source.storage, source.path, target, bar.update)


def _send(client: Client, source: Path, target: Place, conflict: str) -> None:
    hint = telling_what_is_taken(target, "Add --conflict overwrite, or --conflict rename.")
    with hint, progress_bar(clean(source.name), source.stat().st_size) as bar:
        client.upload_file(source, target.storage, target.path, bar.update, conflict)


def _walk(client: Client, folder: Place, target: Path) -> Iterator[tuple[Place, Path]]:
    """The files of a folder, and where they go; links and devices are left out."""
    from rosetta_client.files import list_entries

    for entry in list_entries(client, folder.storage, folder.path):
        place = Place(folder.storage, entry["path"])
        # A hub must not be able to name a file elsewhere.
        if place.name in ("", ".", "..") or "/" in place.name:
            continue
        if entry["type"] == "directory":
            yield from _walk(client, place, target / place.name)
        elif entry["type"] == "file":
            yield place, target / place.name


def _files_of(source: Path) -> Iterator[Path]:
    if not source.is_dir():
        yield source
        return
    for path in sorted(source.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path


def _encoded(path: str) -> str:
    from rosetta_client.files import encode_path

    return encode_path(path)
