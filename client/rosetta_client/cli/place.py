"""Where a file is: `STORAGE:PATH`, as users type it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote

import click

from rosetta_client.errors import ApiError, NotFound, RosettaError

if TYPE_CHECKING:
    from rosetta_client.client import Client


@dataclass(frozen=True)
class Place:
    """A path in a storage, as the API has it (percent-encoded)."""

    storage: str
    path: str

    def __str__(self) -> str:
        """As it is typed."""
        return f"{self.storage}:{unquote(self.path)}"

    def within(self, name: str) -> Place:
        """An entry of this folder, by its encoded name."""
        return Place(self.storage, f"{self.path}/{name}".lstrip("/"))

    @property
    def encoded_name(self) -> str:
        """The last part of the path."""
        return PurePosixPath(self.path).name

    @property
    def name(self) -> str:
        """The last part, as a name of a local file."""
        return unquote(self.encoded_name, errors="surrogateescape")


def parse_place(text: str) -> Place:
    """`STORAGE:PATH`; the path may be empty.

    Raises:
        BadParameter: it is something else.
    """
    from rosetta_client.files import encode_path

    storage, colon, path = text.partition(":")
    if not colon or not storage:
        raise click.BadParameter(
            f"{text!r} is not STORAGE:PATH. 'rosetta files ls' lists the storages."
        )
    return Place(storage, encode_path(path))


@contextmanager
def telling_what_is_taken(place: Place, advice: str) -> Iterator[None]:
    """Say which name is taken, and what to do.

    Raises:
        RosettaError: one is.
    """
    try:
        yield
    except ApiError as error:
        if error.problem.get("code") != "exists":
            raise
        raise RosettaError(f"{place} exists already. {advice}") from error


def is_folder(client: Client, place: Place) -> bool:
    """Whether it is there, and a folder."""
    from rosetta_client.files import find_entry

    if not place.path:
        return True
    try:
        return str(find_entry(client, place.storage, place.path)["type"]) == "directory"
    except NotFound:
        return False
