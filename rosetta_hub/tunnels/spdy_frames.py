"""The client's side of SPDY/3.1, as far as Kubernetes speaks it: frames, without I/O.

A frame of data names its stream and its length; control frames open streams, answer pings and end
streams. Servers of Kubernetes have no flow control but that of the connection itself.

Source: the draft "SPDY Protocol 3.1", section 2; the server's side is the Go module
`moby/spdystream`.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rosetta_hub.tunnels.upgrade import ProtocolError

PROTOCOL = "SPDY/3.1"
SYN_STREAM, SYN_REPLY, RST_STREAM, PING, GOAWAY = 1, 2, 3, 6, 7
FINAL = 0x01
_CONTROL_3 = 0x8003
_CONTROL = 0x80000000
_HEADER = struct.Struct(">II")
# Bytes of a control frame: those that servers send have some ten.
MAX_CONTROL = 1 << 16
_MAX_LENGTH = (1 << 24) - 1


@dataclass(frozen=True)
class SpdyControl:
    """A whole control frame."""

    kind: int
    payload: bytes


@dataclass(frozen=True)
class Data:
    """Consecutive bytes of a stream, as they came: a view of what was fed."""

    stream: int
    data: memoryview
    is_final: bool
    """Nothing more comes in this stream."""


def build_data(stream: int, data: bytes, flags: int = 0) -> bytes:
    """A frame of data: fewer than 16 MB."""
    return _HEADER.pack(stream, flags << 24 | len(data)) + data


def build_control(kind: int, payload: bytes, flags: int = 0) -> bytes:
    """A control frame."""
    return _HEADER.pack(_CONTROL_3 << 16 | kind, flags << 24 | len(payload)) + payload


def build_stream_openings(streams: Mapping[int, Mapping[str, str]]) -> bytes:
    """Frames that open streams, all that one connection opens, by their odd ids."""
    # One stream of zlib for all, without the draft's dictionary, which a reader has to know only
    # where the stream says that it was used.
    compressor = zlib.compressobj()
    frames = b""
    for stream, headers in streams.items():
        block = compressor.compress(_build_block(headers)) + compressor.flush(zlib.Z_SYNC_FLUSH)
        frames += build_control(SYN_STREAM, struct.pack(">IIH", stream, 0, 0) + block)
    return frames


def _build_block(headers: Mapping[str, str]) -> bytes:
    words = [word.encode() for pair in headers.items() for word in pair]
    parts = [struct.pack(">I", len(word)) + word for word in words]
    return struct.pack(">I", len(headers)) + b"".join(parts)


def read_stream(frame: SpdyControl) -> int:
    """The stream that a frame is about: SYN_REPLY or RST_STREAM."""
    return int.from_bytes(frame.payload[:4], "big")


class SpdyReader:
    """Cuts the bytes of a connection into frames.

    What has come of a frame of data is handed over at once, so that nothing large is kept.
    """

    def __init__(self) -> None:
        self._kept = b""
        # Of the frame of data that is not complete.
        self._stream = self._left = 0
        self._is_final = False

    def feed(self, data: bytes) -> Iterator[SpdyControl | Data]:
        """Take bytes as they come.

        Raises:
            ProtocolError: no server may send this.
        """
        if self._kept:
            data, self._kept = self._kept + data, b""
        view, position, size = memoryview(data), 0, len(data)
        while True:
            if self._left and position < size:
                part = view[position : position + self._left]
                position += len(part)
                self._left -= len(part)
                yield Data(self._stream, part, self._is_final and not self._left)
            if self._left or size - position < _HEADER.size:
                break
            first, second = _HEADER.unpack_from(data, position)
            length = second & _MAX_LENGTH
            start = position + _HEADER.size
            if not first & _CONTROL:
                self._stream, self._left, position = first, length, start
                self._is_final = bool(second >> 24 & FINAL)
                if not length:
                    yield Data(first, view[:0], self._is_final)
                continue
            if first >> 16 != _CONTROL_3 or length > MAX_CONTROL:
                raise ProtocolError("the API server does not speak SPDY")
            if size - start < length:
                break
            position = start + length
            yield SpdyControl(first & 0xFFFF, data[start:position])
        self._kept = data[position:]
