"""The server's side of a forwarded port over SPDY: an echo of what is sent to it."""

import struct
import zlib

from tornado.iostream import IOStream, StreamClosedError

from rosetta_hub.tunnels.spdy_frames import (
    FINAL,
    PROTOCOL,
    SYN_REPLY,
    SYN_STREAM,
    SpdyControl,
    SpdyReader,
    build_control,
    build_data,
)
from rosetta_hub.tunnels.spdy_stream import DATA, ERROR

ACCEPT = (
    f"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {PROTOCOL}\r\n\r\n"
).encode()


def build_reply(stream: int) -> bytes:
    """The server has taken a stream; it tells no headers."""
    return build_control(SYN_REPLY, struct.pack(">I", stream))


class Openings:
    """Reads which streams a client opens, as a server does."""

    def __init__(self) -> None:
        self._headers = zlib.decompressobj()

    def read(self, frame: SpdyControl) -> tuple[int, dict[str, str]]:
        """The stream and its headers."""
        assert frame.kind == SYN_STREAM
        (stream,) = struct.unpack_from(">I", frame.payload)
        block = self._headers.decompress(frame.payload[10:])
        (count,) = struct.unpack_from(">I", block)
        position, words = 4, []
        for _ in range(2 * count):
            (size,) = struct.unpack_from(">I", block, position)
            words.append(block[position + 4 : position + 4 + size].decode())
            position += 4 + size
        assert position == len(block)
        return stream, dict(zip(words[::2], words[1::2], strict=True))


async def echo(connection: IOStream, error: bytes, ports: list[str]) -> None:
    """Serve one connection; with an error, that is told in the place of an echo.

    `ports` gets those that the client asks for.
    """
    frames, openings = SpdyReader(), Openings()
    await connection.write(ACCEPT)
    try:
        while True:
            for frame in frames.feed(await connection.read_bytes(1 << 16, partial=True)):
                if isinstance(frame, SpdyControl):
                    stream, headers = openings.read(frame)
                    ports.append(headers["port"])
                    await connection.write(build_reply(stream))
                    if stream == DATA and error:
                        await connection.write(build_data(ERROR, error, FINAL))
                elif frame.stream == DATA:
                    flags = FINAL if frame.is_final else 0
                    await connection.write(build_data(DATA, bytes(frame.data), flags))
    except StreamClosedError:
        pass
