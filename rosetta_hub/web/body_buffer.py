"""A body on its way from the network to a storage: a few pieces, so that memory stays flat."""

import asyncio
from collections import deque

# Bytes that wait; the sender waits above.
LIMIT = 1 << 20
# Bytes that are handed on at once.
PIECE = 256 << 10


class BodyBuffer:
    """Bytes of one sender for one reader."""

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._is_ended = False
        self._is_discarding = False
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()

    async def put(self, chunk: bytes) -> None:
        """Take a piece; waits while too much is there. After `discard` it is dropped."""
        while self._size >= LIMIT and not self._is_discarding:
            self._emptied.clear()
            await self._emptied.wait()
        if not self._is_discarding and not self._is_ended:
            self._chunks.append(chunk)
            self._size += len(chunk)
            self._filled.set()

    def end(self) -> None:
        """Nothing more comes; what is there can still be read."""
        self._is_ended = True
        self._filled.set()

    def discard(self) -> None:
        """Nobody reads any more: drop what is there and what comes."""
        self._is_discarding = True
        self._chunks.clear()
        self._size = 0
        self._emptied.set()

    async def get(self) -> bytes:
        """The next bytes, as many as are there and fit into a piece; none at the end."""
        while not self._chunks:
            if self._is_ended:
                return b""
            self._filled.clear()
            await self._filled.wait()
        pieces = [self._chunks.popleft()]
        size = len(pieces[0])
        while self._chunks and size + len(self._chunks[0]) <= PIECE:
            pieces.append(self._chunks.popleft())
            size += len(pieces[-1])
        self._size -= size
        self._emptied.set()
        return b"".join(pieces)
