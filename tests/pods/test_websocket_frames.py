"""Frames and handshakes of WebSockets as RFC 6455 writes them, whatever parts they come in."""

import base64
import hashlib
import struct

import pytest

from rosetta_hub.tunnels.upgrade import MAX_HEAD, ProtocolError, Refused
from rosetta_hub.tunnels.websocket_frames import (
    BINARY,
    CLOSE,
    PING,
    Chunk,
    FrameReader,
    Handshake,
    build_frame,
)

# The example of section 1.3: a key, and what accepts it.
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPTED = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def server_frame(opcode: int, data: bytes, final: bool = True) -> bytes:
    """As a server sends it, without a mask."""
    first = (0x80 if final else 0) | opcode
    if len(data) < 126:
        return bytes((first, len(data))) + data
    if len(data) < 1 << 16:
        return struct.pack(">BBH", first, 126, len(data)) + data
    return struct.pack(">BBQ", first, 127, len(data)) + data


def unmask(frame: bytes) -> tuple[int, bytes]:
    """Opcode and data of a frame that a client has built."""
    assert frame[0] & 0x80
    assert frame[1] & 0x80
    length, start = frame[1] & 0x7F, 2
    if length >= 126:
        start = 4 if length == 126 else 10
        length = int.from_bytes(frame[2:start], "big")
    mask, masked = frame[start : start + 4], frame[start + 4 :]
    assert len(masked) == length
    return frame[0] & 0x0F, bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 70001])
def test_a_frame_holds_what_it_was_given(size: int) -> None:
    data = bytes(at % 251 for at in range(size))
    assert unmask(build_frame(BINARY, data)) == (BINARY, data)


def test_each_frame_has_another_mask() -> None:
    assert len({build_frame(BINARY, b"the same")[2:6] for _ in range(20)}) > 1


def messages(chunks: list[Chunk]) -> list[tuple[int, bytes]]:
    """Whole messages; those that control frames interrupt are told apart by their opcodes."""
    values: list[tuple[int, bytes]] = []
    open_messages: dict[int, bytes] = {}
    for chunk in chunks:
        before = b"" if chunk.is_first else open_messages[chunk.opcode]
        open_messages[chunk.opcode] = before + chunk.data
        if chunk.is_last:
            values.append((chunk.opcode, open_messages.pop(chunk.opcode)))
    return values


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000, 1 << 20])
def test_messages_are_the_same_whatever_parts_they_come_in(step: int) -> None:
    large = bytes(at % 249 for at in range(70000))
    stream = b"".join(
        [
            server_frame(BINARY, b"short"),
            server_frame(BINARY, b"first, ", final=False),
            server_frame(PING, b"between"),
            server_frame(0, b"second, ", final=False),
            server_frame(0, b"third"),
            server_frame(BINARY, b""),
            server_frame(BINARY, b"x" * 300),
            server_frame(BINARY, large),
            server_frame(CLOSE, b"\x03\xe8"),
        ]
    )
    reader = FrameReader()
    chunks: list[Chunk] = []
    for start in range(0, len(stream), step):
        chunks += reader.feed(stream[start : start + step])
    assert messages(chunks) == [
        (BINARY, b"short"),
        (PING, b"between"),
        (BINARY, b"first, second, third"),
        (BINARY, b""),
        (BINARY, b"x" * 300),
        (BINARY, large),
        (CLOSE, b"\x03\xe8"),
    ]


def test_a_large_message_is_handed_over_as_it_comes() -> None:
    reader = FrameReader()
    frame = server_frame(BINARY, b"y" * 100_000)
    (chunk,) = reader.feed(frame[:1000])
    assert (len(chunk.data), chunk.is_first, chunk.is_last) == (990, True, False)


@pytest.mark.parametrize(
    "frame",
    [build_frame(BINARY, b"masked"), server_frame(0, b"nothing")],
    ids=["masked", "continues nothing"],
)
def test_what_no_server_may_send(frame: bytes) -> None:
    with pytest.raises(ProtocolError):
        list(FrameReader().feed(frame))


def handshake() -> Handshake:
    result = Handshake("/path?ports=1", "host:6443", "proto", {"Authorization": "Bearer secret"})
    result.key = KEY
    return result


def answer(*lines: str, body: str = "") -> bytes:
    return "\r\n".join([*lines, "", body]).encode()


def test_the_request_is_that_of_the_standard() -> None:
    lines = handshake().request.decode().split("\r\n")
    assert lines[0] == "GET /path?ports=1 HTTP/1.1"
    assert lines[-2:] == ["", ""]
    assert set(lines[1:-2]) == {
        "Host: host:6443",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {KEY.decode()}",
        "Sec-WebSocket-Protocol: proto",
        "Authorization: Bearer secret",
    }
    assert "secret" not in repr(handshake())


def test_each_request_has_a_key_of_its_own() -> None:
    keys = {Handshake("/", "host", "proto", {}).key for _ in range(10)}
    assert len(keys) == 10
    assert all(len(base64.b64decode(key)) == 16 for key in keys)


@pytest.mark.parametrize("step", [1, 50, 1000])
def test_what_follows_the_answer_is_returned(step: int) -> None:
    whole = answer("HTTP/1.1 101 Switching", f"sec-websocket-ACCEPT: {ACCEPTED}", body="frames")
    result = handshake()
    rest: bytes | None = None
    for start in range(0, len(whole), step):
        part = whole[start : start + step]
        rest = result.feed(part) if rest is None else rest + part
    assert rest == b"frames"


def test_the_answer_to_another_request_is_not_taken() -> None:
    other = base64.b64encode(hashlib.sha1(b"another").digest()).decode()
    with pytest.raises(ProtocolError, match="not that to our request"):
        handshake().feed(answer("HTTP/1.1 101 Yes", f"Sec-WebSocket-Accept: {other}"))


def test_a_refusal_is_waited_for_and_told() -> None:
    result = handshake()
    assert result.feed(answer("HTTP/1.1 403 Forbidden", "Content-Length: 5", body="no")) is None
    with pytest.raises(Refused) as refused:
        result.feed(b", no")
    assert (refused.value.status, refused.value.body) == (403, b"no, no"[:6])


@pytest.mark.parametrize(
    "data",
    [b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 yes\r\n\r\n", b"x" * (MAX_HEAD + 1)],
    ids=["ssh", "no status", "endless"],
)
def test_what_does_not_speak_http_is_not_taken_for_a_server(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        handshake().feed(data)


def test_a_length_that_is_no_number_is_no_answer() -> None:
    with pytest.raises(ProtocolError):
        handshake().feed(answer("HTTP/1.1 403 Forbidden", "Content-Length: many"))
