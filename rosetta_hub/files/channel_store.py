"""A channel to a store that is no file system: a child process that speaks its protocol."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import Mapping
from typing import Any

from rosetta_agent.files.frames import JSON, build_document
from rosetta_hub.files.channel import STREAM_LIMIT
from rosetta_hub.files.channel_local import ENVIRONMENT, LocalChannel
from rosetta_hub.files.errors import StorageUnavailable

_COMMAND = (sys.executable, "-I", "-B", "-m", "rosetta_hub.files.remote")


async def open_store_channel(settings: Mapping[str, Any]) -> LocalChannel:
    """Start the files program of stores, and tell it the store: on its input, as nowhere else.

    Raises:
        StorageUnavailable: the program can't be started.
    """
    mine, theirs = socket.socketpair()
    with contextlib.ExitStack() as stack:
        stack.enter_context(theirs)
        stack.callback(mine.close)
        try:
            process = await asyncio.create_subprocess_exec(
                *_COMMAND,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                cwd="/",
                env=ENVIRONMENT,
                start_new_session=True,
            )
        except OSError as error:
            raise StorageUnavailable(f"The files program could not be started: {error}") from error
        reader, writer = await asyncio.open_connection(sock=mine, limit=STREAM_LIMIT)
        stack.pop_all()
    theirs.close()
    channel = LocalChannel(reader, writer, process)
    try:
        await channel.send(JSON, build_document(dict(settings)))
    except BaseException:
        channel.close()
        raise
    return channel
