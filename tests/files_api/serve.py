"""The service as a process that can be killed: `python -m tests.files_api.serve FOLDER SOCKET`."""

import asyncio
import socket
import sys
from pathlib import Path

from .conftest import run_site


async def serve(folder: Path, listener: socket.socket) -> None:
    """Serve until the process is killed."""
    listener.setblocking(False)
    async with run_site(folder, [listener]):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), socket.socket(fileno=int(sys.argv[2]))))
