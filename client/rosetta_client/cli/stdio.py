"""Standard input and output as the end of a connection: what `ssh` talks to."""

from __future__ import annotations

import asyncio
import os
import sys
import threading


class StandardStreams:
    """Reads and writes in threads: on some systems neither files nor consoles can be awaited.

    What is read ahead is one piece.
    """

    def __init__(self) -> None:
        if sys.platform == "win32":
            import msvcrt

            for stream in (sys.stdin, sys.stdout):
                msvcrt.setmode(stream.fileno(), os.O_BINARY)
        self._input, self._output = sys.stdin.fileno(), sys.stdout.fileno()
        self._loop = asyncio.get_running_loop()
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue(1)
        self._is_reading = False

    async def read(self, size: int) -> bytes:
        """Some bytes, empty at the end."""
        if not self._is_reading:
            self._is_reading = True
            # A daemon: the program can end while the other side of a pipe is silent.
            threading.Thread(target=self._read_all, args=(size,), daemon=True).start()
        return await self._pieces.get()

    def _read_all(self, size: int) -> None:
        data = b"x"
        while data:
            try:
                data = os.read(self._input, size)
            except OSError:
                data = b""
            try:
                asyncio.run_coroutine_threadsafe(self._pieces.put(data), self._loop).result()
            except RuntimeError:
                # The loop has ended.
                return

    async def write(self, data: bytes) -> None:
        """Pass bytes on.

        Raises:
            OSError: nobody reads them any more.
        """
        await self._loop.run_in_executor(None, self._write_all, data)

    def _write_all(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._output, view) :]

    async def end(self) -> None:
        """Close the standard output."""
        # What is written there later, such as by Python at its end, must not hit another file.
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self._output)
        os.close(null)
