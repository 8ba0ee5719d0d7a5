"""The loop of the files program of stores: one request after the other, until the channel ends.

The first frame has the settings of the store, with its password; the second one opens a storage.
"""

import os
import threading
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import Any

from rosetta_agent.files.channel import Channel
from rosetta_agent.files.errors import ChannelEnded, FilesError, parse_path
from rosetta_agent.files.frames import FrameError
from rosetta_agent.files.request import Request
from rosetta_agent.files.server import attempt, check_version, serve, watch
from rosetta_hub.files.remote import archives, changing, looking, parts
from rosetta_hub.files.remote.store import Store, StoreUnavailable

_Operation = Callable[[Store, Request, Channel], dict[str, Any]]
_LOOKING: Mapping[str, _Operation] = {
    "usage": looking.usage,
    "stat": looking.stat,
    "list": looking.list_folder,
    "read": looking.read,
    "checksum": looking.checksum,
    "walk": looking.walk,
    "summary": looking.summary,
    "part_stat": parts.state,
    "tar": archives.archive_tar,
    "zip": archives.archive_zip,
}
_CHANGING: Mapping[str, _Operation] = {
    "write": changing.write,
    "mkdir": changing.mkdir,
    "rename": changing.rename,
    "remove": changing.remove,
    "copy": changing.copy,
    "part_create": parts.create,
    "part_write": parts.write,
    "part_truncate": parts.truncate,
    "part_finish": parts.finish,
    "part_remove": parts.remove,
}
_DRIVERS = {
    "s3": ("rosetta_hub.files.remote.s3", "S3Store"),
    "webdav": ("rosetta_hub.files.remote.webdav", "WebDavStore"),
}
_WITHOUT = {
    "chmod": "This storage keeps no permissions: those of its entries can't be changed.",
    "link": "This storage has no links.",
}


def main() -> int:
    """Serve one storage on standard input and output; returns the exit status."""
    channel = Channel()
    threading.Thread(target=watch, name="end of the channel", daemon=True).start()
    try:
        settings, request = channel.receive(), channel.receive()
        if settings is None or request is None:
            return 1
        opened: list[tuple[Store, bool]] = []
        channel.send(_attempt(partial(_open, settings, Request(request), opened)))
        if opened:
            serve(channel, partial(_answer, *opened[0], channel))
    except (ChannelEnded, FrameError):
        return 1
    return 0


def _open(
    settings: Mapping[str, Any], request: Request, opened: list[tuple[Store, bool]]
) -> dict[str, Any]:
    check_version(request)
    root = parse_path(request.text("root").lstrip("/"))
    store = _store(settings, root)
    store.open_root(request.flag("create"))
    usage = store.usage()
    opened.append((store, request.flag("read_only")))
    return {"uid": os.geteuid(), "account": store.account, "usage": usage}


def _store(settings: Mapping[str, Any], root: bytes) -> Store:
    """A driver is imported only where it is needed, as its library may be absent elsewhere."""
    module, name = _DRIVERS[settings["type"]]
    store: Store = getattr(import_module(module), name)(settings, root)
    return store


def _answer(store: Store, read_only: bool, channel: Channel, request: Request) -> dict[str, Any]:
    return _attempt(partial(_carry_out, store, read_only, channel, request))


def _carry_out(store: Store, read_only: bool, channel: Channel, request: Request) -> dict[str, Any]:
    op = request.op
    if op in _CHANGING and read_only:
        raise FilesError("read_only", "This storage can only be read.")
    operation = _LOOKING.get(op) or _CHANGING.get(op)
    if operation is None:
        unknown = f"The files program has no operation {op!r}."
        raise FilesError("invalid", _WITHOUT.get(op, unknown))
    return operation(store, request, channel)


def _attempt(operation: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The last document of an answer, of a store that may be unavailable."""

    def run() -> dict[str, Any]:
        try:
            return operation()
        except StoreUnavailable as error:
            raise FilesError("unavailable", str(error)) from error

    return attempt(run)
