"""The protocol of forwarded ports, without a server."""

import pytest

from rosetta_hub.tunnels import forwarded_stream
from rosetta_hub.tunnels.forwarded_stream import PortForwardError
from rosetta_hub.tunnels.upgrade import ProtocolError, Refused
from rosetta_hub.tunnels.websocket_frames import BINARY, CLOSE, PING, PONG, Handshake
from rosetta_hub.tunnels.websocket_stream import SUBPROTOCOL, WebSocketStream
from tests.support.eventually import until

from .streams import Receiver, Transport
from .test_websocket_frames import ACCEPTED, KEY, answer, server_frame, unmask

PORT = b"\xb8\x22"
ACCEPT = answer("HTTP/1.1 101 Switching Protocols", f"Sec-WebSocket-Accept: {ACCEPTED}")
GREETING = server_frame(BINARY, b"\0" + PORT) + server_frame(BINARY, b"\1" + PORT)


def messages(transport: Transport) -> list[tuple[int, bytes]]:
    """What was sent after the request."""
    return [unmask(frame) for frame in transport.sent[1:]]


def connect() -> tuple[Transport, Receiver, WebSocketStream]:
    """A connection over which nothing has come yet."""
    handshake, receiver = Handshake("/portforward", "host", SUBPROTOCOL, {}), Receiver()
    handshake.key = KEY
    stream = WebSocketStream(handshake, 8888, receiver)
    return Transport(stream), receiver, stream


async def open_stream(data: bytes = b"") -> tuple[Transport, Receiver, WebSocketStream]:
    transport, receiver, stream = connect()
    stream.data_received(ACCEPT + GREETING + data)
    await stream.wait_open()
    return transport, receiver, stream


async def test_bytes_pass_in_both_directions() -> None:
    transport, receiver, stream = await open_stream(server_frame(BINARY, b"\0hel"))
    stream.data_received(server_frame(BINARY, b"\0lo"))
    assert await receiver.read_exactly(5) == b"hello"
    stream.write(b"one")
    stream.write(b"two")
    assert messages(transport) == [(BINARY, b"\0one"), (BINARY, b"\0two")]
    assert not stream.can_write_eof()


@pytest.mark.parametrize("step", [1, 3, 40])
async def test_the_beginning_may_come_in_parts(step: int) -> None:
    _, receiver, stream = connect()
    data = ACCEPT + GREETING + server_frame(BINARY, b"\0hello")
    for start in range(0, len(data), step):
        stream.data_received(data[start : start + step])
    await stream.wait_open()
    assert await receiver.read_exactly(5) == b"hello"


async def test_what_was_written_is_sent_before_it_closes() -> None:
    transport, receiver, stream = await open_stream()
    stream.write(b"last words")
    stream.close()
    stream.write(b"too late")
    assert messages(transport) == [(BINARY, b"\0last words"), (CLOSE, b"\x03\xe8")]
    assert transport.calls == ["close"]
    await until(lambda: receiver.errors)
    assert receiver.errors == [None]


async def test_the_end_of_the_other_side_is_told_once() -> None:
    transport, receiver, stream = await open_stream(server_frame(CLOSE, b"\x03\xe8"))
    assert transport.calls == ["close"]
    stream.abort()
    await until(lambda: receiver.is_lost)
    assert receiver.errors == [None]


async def test_an_error_of_the_node_ends_the_connection() -> None:
    message = b"\1error forwarding port 8888: connection refused"
    transport, receiver, _ = await open_stream(server_frame(BINARY, message))
    assert transport.calls == ["abort"]
    await until(lambda: receiver.errors)
    assert "connection refused" in str(receiver.errors[0])


@pytest.mark.parametrize("first", [b"\1no such pod", b"\0\0\1"])
async def test_a_connection_that_begins_otherwise_is_refused(first: bytes) -> None:
    _, receiver, stream = connect()
    stream.data_received(ACCEPT + server_frame(BINARY, first))
    with pytest.raises(PortForwardError):
        await stream.wait_open()
    assert receiver.stream is None


async def test_a_refusal_of_the_server_is_told() -> None:
    _, _, stream = connect()
    stream.data_received(answer("HTTP/1.1 403 Forbidden", "Content-Length: 2", body="no"))
    with pytest.raises(Refused) as refused:
        await stream.wait_open()
    assert refused.value.status == 403


async def test_what_is_no_api_server_is_refused() -> None:
    _, _, stream = connect()
    stream.data_received(b"SSH-2.0-OpenSSH\r\n\r\n")
    with pytest.raises(ProtocolError):
        await stream.wait_open()


async def test_a_connection_that_ends_before_it_is_open() -> None:
    transport, _, stream = connect()
    transport.close()
    with pytest.raises(PortForwardError, match="was closed"):
        await stream.wait_open()


async def test_a_slow_server_stops_the_writer() -> None:
    transport, receiver, stream = await open_stream()
    stream.set_write_buffer_limits(10)
    assert transport.high == 10
    stream.pause_writing()
    stream.resume_writing()
    assert receiver.flow == ["pause", "resume"]


async def test_a_slow_reader_stops_the_server() -> None:
    transport, _, stream = await open_stream()
    stream.pause_reading()
    stream.resume_reading()
    assert transport.calls == ["pause", "resume"]


async def test_pings_are_answered_and_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarded_stream, "PING_SECONDS", 0.01)
    transport, _, stream = await open_stream(server_frame(PING, b"there?"))
    assert messages(transport) == [(PONG, b"there?")]
    await until(lambda: (PING, b"") in messages(transport))
    stream.abort()


async def test_a_server_that_does_not_answer_pings_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarded_stream, "PING_SECONDS", 0.01)
    _, receiver, _ = await open_stream()
    await until(lambda: receiver.errors)
    assert "does not answer any more" in str(receiver.errors[0])


async def test_who_reads_nothing_does_not_take_the_server_for_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forwarded_stream, "PING_SECONDS", 0.01)
    transport, receiver, stream = await open_stream()
    stream.pause_reading()
    await until(lambda: messages(transport).count((PING, b"")) >= 3)
    assert receiver.errors == []
    stream.abort()
