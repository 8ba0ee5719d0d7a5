"""The loop of the files program: one request after the other, until the channel ends."""

import os
import resource
import select
import sys
import threading
import traceback
from functools import partial
from typing import Any, Callable, Dict, List, Optional

from rosetta_agent.files import archives, copying, looking, reading, trees, uploads, writing
from rosetta_agent.files.channel import Channel
from rosetta_agent.files.entries import account_name
from rosetta_agent.files.errors import ChannelEnded, FilesError, translate
from rosetta_agent.files.frames import VERSION, FrameError, decode_path
from rosetta_agent.files.pending_files import remove_pending
from rosetta_agent.files.request import Request
from rosetta_agent.files.root import Owner, open_root, parse_owner
from rosetta_agent.files.space import measure_space
from rosetta_agent.files.storage import Storage

_INPUT = 0
_USAGE = "usage: rosetta_agent files [UID GID GROUP,...]  (frames on standard input and output)"
_POLLRDHUP = 0x2000  # poll(2); Python knows the name only on some systems

_Operation = Callable[[Storage, Request, Channel], Dict[str, Any]]
_LOOKING: Dict[str, _Operation] = {
    "usage": looking.usage,
    "stat": looking.stat_entry,
    "list": looking.list_directory,
    "read": reading.read,
    "checksum": reading.checksum,
    "walk": trees.walk,
    "summary": trees.summary,
    "tar": archives.archive_tar,
    "zip": archives.archive_zip,
    "part_stat": uploads.state,
}
_CHANGING: Dict[str, _Operation] = {
    "write": writing.write,
    "mkdir": writing.mkdir,
    "link": writing.link,
    "rename": writing.rename,
    "chmod": writing.chmod,
    "remove": trees.remove,
    "copy": copying.copy,
    "part_create": uploads.create,
    "part_write": uploads.write,
    "part_truncate": uploads.truncate,
    "part_finish": uploads.finish,
    "part_remove": uploads.remove,
}
_WITH_DATA = ("write", "part_write")


def main(arguments: List[str]) -> int:
    """Serve files on standard input and output; returns the exit status.

    Arguments are those of the owner that a program of root's becomes.
    """
    try:
        owner = parse_owner(arguments)
    except ValueError:
        sys.stderr.write(_USAGE + "\n")
        return 2
    channel = Channel()
    threading.Thread(target=watch, name="end of the channel", daemon=True).start()
    try:
        storage = _open(channel, owner)
        if storage is None:
            return 1
        serve(channel, partial(_answer, storage, channel))
    except (ChannelEnded, FrameError):
        return 1
    return 0


def watch() -> None:
    """End the process when the other side closes the channel, whatever is under way."""
    poll = select.poll()
    poll.register(_INPUT, _POLLRDHUP)
    poll.poll()
    remove_pending()
    os._exit(1)


def _open(channel: Channel, owner: Optional[Owner]) -> Optional[Storage]:
    """Answer the first request; None where there is nothing to serve."""
    document = channel.receive()
    if document is None:
        return None
    try:
        storage = _open_storage(Request(document), owner)
        answer = {"uid": os.geteuid(), "account": account_name(os.geteuid())}
        channel.send(dict(answer, done=True, usage=measure_space(storage)))
    except FilesError as error:
        channel.send({"error": error.code, "message": error.message})
        return None
    return storage


def _open_storage(request: Request, owner: Optional[Owner]) -> Storage:
    check_version(request)
    _allow_many_files()
    root, create = decode_path(request.text("root")), request.flag("create")
    return Storage(open_root(root, owner, create), request.flag("read_only"))


def check_version(request: Request) -> None:
    """Refuse a hub of another version of the protocol; raises FilesError."""
    if request.integer("version") != VERSION:
        raise FilesError("invalid", "The files program has another version of the protocol.")


def _allow_many_files() -> None:
    """A tree keeps a directory open for each level."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def serve(channel: Channel, answer: Callable[[Request], Dict[str, Any]]) -> None:
    """Answer one request after the other; ``answer`` returns the last document of an answer."""
    while True:
        document = channel.receive()
        if document is None:
            return
        channel.has_data = document.get("op") in _WITH_DATA
        channel.send(answer(Request(document)))
        # What is still sent for a request that has failed is of no use.
        for _data in channel.receive_data():
            pass


def attempt(operation: Callable[[], Dict[str, Any]]) -> Dict[str, Any]:
    """The last document of an answer: what the operation returns, or its error."""
    try:
        return dict(operation(), done=True)
    except FilesError as error:
        return {"error": error.code, "message": error.message}
    except (ChannelEnded, FrameError):
        raise
    except Exception:
        traceback.print_exc()
        return {"error": "failed", "message": "The files program has failed."}


def _answer(storage: Storage, channel: Channel, request: Request) -> Dict[str, Any]:
    return attempt(partial(_carry_out, storage, channel, request))


def _carry_out(storage: Storage, channel: Channel, request: Request) -> Dict[str, Any]:
    """Carry out one request; raises FilesError."""
    op = request.op
    if op not in _LOOKING and op not in _CHANGING:
        raise FilesError("invalid", "The files program has no operation {!r}.".format(op))
    if op in _CHANGING and storage.is_read_only:
        raise FilesError("read_only", "This storage can only be read.")
    operation = _LOOKING.get(op) or _CHANGING[op]
    try:
        return operation(storage, request, channel)
    except OSError as error:
        raise translate(error, b"") from error
