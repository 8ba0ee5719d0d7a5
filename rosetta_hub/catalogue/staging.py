"""Files that a task names: inputs that are fetched before it starts, outputs that are stored after.

A place is `storage:path`, the path relative to the root of the storage and percent-encoded where it
needs to be. An input may come from an https address. A target that ends in a slash is a folder,
which keeps the name of the source.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from typing_extensions import TypedDict

from rosetta_hub.catalogue.storage_paths import base_name, decode_path, join_path, parent_path
from rosetta_hub.catalogue.storages import Storage
from rosetta_hub.errors import InvalidOptions, UserError

# Of one task, inputs and outputs each.
MOST_TRANSFERS = 32

_URL = re.compile(r"https?://", re.IGNORECASE)

Transfer = TypedDict("Transfer", {"from": str, "to": str})


@dataclass(frozen=True)
class Location:
    """A file or folder of a storage."""

    storage: str
    path: bytes


@dataclass(frozen=True)
class StagedFile:
    """What is copied before or after a task: from a location, or else from `url`.

    `name` is what it is called in the folder `target`.
    """

    source: Location | None
    url: str
    target: Location
    name: bytes


def split_transfers(value: Any) -> Any:
    """Transfers of a form or a link: a JSON list, or lines of a source, a space and a target."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return json.loads(value)
    lines = [line.split() for line in value.splitlines() if line.strip()]
    if any(len(parts) != 2 for parts in lines):
        raise ValueError("Each line has a source, a space and a target")
    return [{"from": source, "to": target} for source, target in lines]


def resolve_staging(
    transfers: Iterable[Transfer], option: str, storages: Iterable[Storage]
) -> tuple[StagedFile, ...]:
    """The transfers of an option (`inputs` or `outputs`) of a user who may use these storages.

    Raises:
        InvalidOptions: a storage is not the user's, or nothing can be written there; or a place is
            none.
    """
    storages_by_id = {storage.id: storage for storage in storages}
    return tuple(_resolve(transfer, option, storages_by_id) for transfer in transfers)


def _resolve(transfer: Transfer, option: str, storages: Mapping[str, Storage]) -> StagedFile:
    url = transfer["from"] if option == "inputs" and _URL.match(transfer["from"]) else ""
    source = None if url else _location(transfer["from"], option, storages)
    path = url.partition("?")[0].partition("#")[0] if url else transfer["from"]
    name = base_name(_path(path.split("://")[-1].partition("/")[2], option)) if url else b""
    if source is not None:
        name = base_name(source.path)
    target = _location(transfer["to"], option, storages)
    if storages[target.storage].read_only:
        raise InvalidOptions(
            f"The option {option!r}: {storages[target.storage].name} can only be read."
        )
    if target.path and not transfer["to"].endswith("/"):
        target, name = Location(target.storage, parent_path(target.path)), base_name(target.path)
    if not name:
        raise InvalidOptions(f"The option {option!r}: {transfer['from']} names no file or folder.")
    if source == Location(target.storage, join_path(target.path, name)):
        raise InvalidOptions(f"The option {option!r}: {transfer['from']} is copied onto itself.")
    return StagedFile(source, url, target, name)


def _location(text: str, option: str, storages: Mapping[str, Storage]) -> Location:
    storage, colon, path = text.partition(":")
    if not colon:
        raise InvalidOptions(
            f"The option {option!r}: {text!r} is no place. Write 'storage:path', with the id of"
            " one of your storages."
        )
    if storage not in storages:
        raise InvalidOptions(
            f"The option {option!r}: there is no storage {storage!r} for you."
            f" Storages: {', '.join(storages) or 'none'}."
        )
    return Location(storage, _path(path.lstrip("/"), option))


def _path(text: str, option: str) -> bytes:
    try:
        return decode_path(text)
    except UserError as error:
        raise InvalidOptions(f"The option {option!r}: {text!r} is no path: {error}") from error
