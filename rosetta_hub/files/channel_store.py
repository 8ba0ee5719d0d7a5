"""A channel to a store that is no file system: a child process that speaks its protocol."""

import sys
from collections.abc import Mapping
from typing import Any

from rosetta_agent.files.frames import JSON, build_document
from rosetta_hub.files.channel_local import LocalChannel, start_program

_COMMAND = (sys.executable, "-I", "-B", "-m", "rosetta_hub.files.remote")


async def open_store_channel(settings: Mapping[str, Any]) -> LocalChannel:
    """Start the files program of stores, and tell it the store: on its input, as nowhere else.

    Raises:
        StorageUnavailable: the program can't be started.
    """
    channel = await start_program(_COMMAND)
    try:
        await channel.send(JSON, build_document(dict(settings)))
    except BaseException:
        channel.close()
        raise
    return channel
