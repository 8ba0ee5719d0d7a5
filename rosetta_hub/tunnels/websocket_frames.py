"""The client's side of the WebSocket protocol (RFC 6455): handshake and frames, without I/O."""

import base64
import hashlib
import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

# In C where tornado was compiled; in Python, masks would take most of the time of a tunnel.
from tornado.util import _websocket_mask

from rosetta_hub.tunnels.upgrade import ProtocolError, Upgrade

BINARY, CLOSE, PING, PONG = 0x2, 0x8, 0x9, 0xA
_CONTINUATION = 0x0
_FINAL = 0x80
_MASKED = 0x80
_LENGTH_16, _LENGTH_64 = 126, 127
# Section 1.3.
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@dataclass(frozen=True)
class Chunk:
    """Consecutive bytes of one message, as they came."""

    opcode: int
    data: bytes
    is_first: bool
    is_last: bool


def build_frame(opcode: int, data: bytes) -> bytes:
    """A whole message as one frame, masked as a client has to."""
    size = len(data)
    if size < _LENGTH_16:
        header = bytes((_FINAL | opcode, _MASKED | size))
    elif size < 1 << 16:
        header = struct.pack(">BBH", _FINAL | opcode, _MASKED | _LENGTH_16, size)
    else:
        header = struct.pack(">BBQ", _FINAL | opcode, _MASKED | _LENGTH_64, size)
    mask = os.urandom(4)
    return header + mask + _websocket_mask(mask, data)


class FrameReader:
    """Cuts the bytes of a connection into messages.

    What has come of a message is handed over at once, so that nothing large is kept.
    """

    def __init__(self) -> None:
        self._head = b""
        self._left = 0
        self._opcode = 0
        self._is_final = False
        self._is_first = False
        # That of the message which control frames may interrupt.
        self._message_opcode: int | None = None

    def feed(self, data: bytes) -> Iterator[Chunk]:
        """Take bytes as they come.

        Raises:
            ProtocolError: no server may send this.
        """
        position = 0
        if self._head:
            data, self._head = self._head + data, b""
        while True:
            if self._left:
                chunk = data[position : position + self._left]
                position += len(chunk)
                self._left -= len(chunk)
                if chunk:
                    yield self._chunk(chunk)
                if self._left:
                    return
            size = self._read_header(data, position)
            if size == 0:
                self._head = data[position:]
                return
            position += size
            if self._left == 0:
                yield self._chunk(b"")

    def _chunk(self, data: bytes) -> Chunk:
        chunk = Chunk(self._opcode, data, self._is_first, self._is_final and not self._left)
        self._is_first = False
        return chunk

    def _read_header(self, data: bytes, position: int) -> int:
        """Take the header at the position; returns its size, or 0 while it is not complete."""
        available = len(data) - position
        if available < 2:
            return 0
        first, second = data[position], data[position + 1]
        if second & _MASKED:
            raise ProtocolError("a server's frame is masked")
        length, size = second, 2
        if length == _LENGTH_16:
            size = 4
        elif length == _LENGTH_64:
            size = 10
        if available < size:
            return 0
        if size > 2:
            length = int.from_bytes(data[position + 2 : position + size], "big")
        self._begin(first & 0x0F, bool(first & _FINAL), length)
        return size

    def _begin(self, opcode: int, is_final: bool, length: int) -> None:
        self._left, self._is_final = length, is_final
        self._is_first = opcode != _CONTINUATION
        if opcode == _CONTINUATION:
            if self._message_opcode is None:
                raise ProtocolError("a frame continues nothing")
            self._opcode = self._message_opcode
        else:
            self._opcode = opcode
        if opcode < CLOSE:
            self._message_opcode = None if is_final else self._opcode


class Handshake(Upgrade):
    """The request that makes a WebSocket of a connection, and its answer."""

    def __init__(self, path: str, host: str, subprotocol: str, headers: Mapping[str, str]) -> None:
        super().__init__("GET", path, host, "websocket", headers)
        self.key = base64.b64encode(os.urandom(16))
        self._subprotocol = subprotocol

    def offer(self) -> Mapping[str, str]:
        """See Upgrade."""
        return {
            **self.headers,
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": self.key.decode(),
            "Sec-WebSocket-Protocol": self._subprotocol,
        }

    def check(self, fields: Mapping[str, str]) -> None:
        """See Upgrade."""
        accepted = base64.b64encode(hashlib.sha1(self.key + _GUID).digest())  # noqa: S324
        if fields.get("sec-websocket-accept", "").encode() != accepted:
            raise ProtocolError("the answer is not that to our request")
