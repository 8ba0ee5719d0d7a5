"""Ports forwarded over SPDY, without a server."""

import struct

import pytest

from rosetta_hub.tunnels import forwarded_stream
from rosetta_hub.tunnels.forwarded_stream import PortForwardError
from rosetta_hub.tunnels.relay import pair
from rosetta_hub.tunnels.spdy_frames import (
    FINAL,
    GOAWAY,
    PING,
    RST_STREAM,
    Data,
    SpdyControl,
    SpdyReader,
    build_control,
    build_data,
)
from rosetta_hub.tunnels.spdy_stream import DATA, ERROR, SpdyStream, build_upgrade
from rosetta_hub.tunnels.upgrade import ProtocolError, Refused
from tests.support.eventually import until

from .fake_spdy import ACCEPT, Openings, build_reply
from .streams import Receiver, Transport

TAKEN = build_reply(ERROR) + build_reply(DATA)


def connect() -> tuple[Transport, Receiver, SpdyStream]:
    """A connection over which nothing has come yet."""
    receiver = Receiver()
    upgrade = build_upgrade("/portforward", "host", {"Authorization": "Bearer secret"})
    stream = SpdyStream(upgrade, 8888, receiver)
    return Transport(stream), receiver, stream


async def open_stream(data: bytes = b"") -> tuple[Transport, Receiver, SpdyStream]:
    transport, receiver, stream = connect()
    stream.data_received(ACCEPT + TAKEN + data)
    await stream.wait_open()
    return transport, receiver, stream


def read_sent(transport: Transport) -> list[SpdyControl | tuple[int, bytes, bool]]:
    """The frames after the request and the openings of both streams."""
    frames = list(SpdyReader().feed(b"".join(transport.sent[1:])))[3:]
    return [
        (frame.stream, bytes(frame.data), frame.is_final) if isinstance(frame, Data) else frame
        for frame in frames
    ]


def test_the_request_asks_for_spdy_and_hides_the_token() -> None:
    upgrade = build_upgrade("/portforward", "host", {"Authorization": "Bearer secret"})
    lines = upgrade.request.decode().split("\r\n")
    assert lines[0] == "POST /portforward HTTP/1.1"
    assert "Upgrade: SPDY/3.1" in lines
    assert "X-Stream-Protocol-Version: portforward.k8s.io" in lines
    assert "Authorization: Bearer secret" in lines
    assert "secret" not in repr(upgrade)


async def test_the_port_is_asked_for_once_the_server_agrees() -> None:
    transport, _, stream = connect()
    assert len(transport.sent) == 1
    stream.data_received(ACCEPT)
    *openings, end = SpdyReader().feed(b"".join(transport.sent[1:]))
    reader = Openings()
    values = dict(reader.read(frame) for frame in openings if isinstance(frame, SpdyControl))
    assert {stream: headers["streamtype"] for stream, headers in values.items()} == {
        ERROR: "error",
        DATA: "data",
    }
    assert {headers["port"] for headers in values.values()} == {"8888"}
    assert isinstance(end, Data)
    assert (end.stream, end.is_final) == (ERROR, True)


@pytest.mark.parametrize("step", [1, 3, 40, 1000])
async def test_bytes_come_whatever_parts_they_come_in(step: int) -> None:
    _, receiver, stream = connect()
    data = ACCEPT + TAKEN + build_data(DATA, b"hel") + build_data(DATA, b"lo")
    for start in range(0, len(data), step):
        stream.data_received(data[start : start + step])
    await stream.wait_open()
    assert await receiver.read_exactly(5) == b"hello"


async def test_what_was_written_is_sent_before_it_closes() -> None:
    transport, receiver, stream = await open_stream()
    stream.write(b"last words")
    stream.close()
    stream.write(b"too late")
    assert read_sent(transport) == [(DATA, b"last words", False)]
    assert transport.calls == ["close"]
    await until(lambda: receiver.errors)
    assert receiver.errors == [None]


async def test_each_direction_ends_alone() -> None:
    transport, receiver, stream = await open_stream()
    stream.write_eof()
    assert read_sent(transport) == [(DATA, b"", True)]
    stream.data_received(build_data(DATA, b"answer", FINAL))
    assert await receiver.read_exactly(6) == b"answer"
    with pytest.raises(EOFError):
        await receiver.read_exactly(1)
    assert transport.calls == []


async def test_a_connection_whose_both_directions_have_ended_is_closed() -> None:
    transport, receiver, stream = await open_stream()
    browser = Receiver()
    pair(receiver, browser)
    stream.data_received(build_data(DATA, b"", FINAL))
    browser.eof_received()
    assert "close" in transport.calls


async def test_an_error_of_the_node_ends_the_connection() -> None:
    transport, receiver, stream = await open_stream(build_data(ERROR, b"connection "))
    assert transport.calls == []
    stream.data_received(build_data(ERROR, b"refused", FINAL) + build_data(DATA, b"", FINAL))
    assert transport.calls == ["abort"]
    await until(lambda: receiver.errors)
    assert "connection refused" in str(receiver.errors[0])


async def test_errors_of_the_node_that_never_came_are_none() -> None:
    transport, _, _ = await open_stream(build_data(ERROR, b"", FINAL))
    assert transport.calls == []


@pytest.mark.parametrize(
    "frame",
    [
        build_control(RST_STREAM, struct.pack(">II", DATA, 1)),
        build_control(GOAWAY, struct.pack(">II", 0, 0)),
    ],
    ids=["reset", "going away"],
)
async def test_a_server_that_ends_the_connection(frame: bytes) -> None:
    transport, receiver, _ = await open_stream(frame)
    assert transport.calls == ["abort"]
    await until(lambda: receiver.errors)
    assert "has ended the connection" in str(receiver.errors[0])


async def test_a_stream_that_is_refused_is_not_open() -> None:
    _, receiver, stream = connect()
    refusal = build_control(RST_STREAM, struct.pack(">II", DATA, 3))
    stream.data_received(ACCEPT + build_reply(ERROR) + refusal)
    with pytest.raises(PortForwardError):
        await stream.wait_open()
    assert receiver.stream is None


async def test_a_server_that_does_not_upgrade_is_told() -> None:
    _, _, stream = connect()
    stream.data_received(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno")
    with pytest.raises(Refused) as refused:
        await stream.wait_open()
    assert (refused.value.status, refused.value.body) == (400, b"no")


async def test_another_protocol_is_not_taken_for_spdy() -> None:
    _, _, stream = connect()
    stream.data_received(ACCEPT.replace(b"SPDY/3.1", b"h2c"))
    with pytest.raises(ProtocolError, match="SPDY"):
        await stream.wait_open()


async def test_pings_are_answered_and_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarded_stream, "PING_SECONDS", 0.01)
    theirs, ours = SpdyControl(PING, b"\0\0\0\2"), SpdyControl(PING, b"\0\0\0\1")
    transport, _, stream = await open_stream(build_control(PING, theirs.payload))
    assert read_sent(transport) == [theirs]
    await until(lambda: ours in read_sent(transport))
    count = len(transport.sent)
    stream.data_received(build_control(PING, ours.payload))
    assert len(transport.sent) == count
    stream.abort()


async def test_a_server_that_does_not_answer_pings_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarded_stream, "PING_SECONDS", 0.01)
    _, receiver, _ = await open_stream()
    await until(lambda: receiver.errors)
    assert "does not answer any more" in str(receiver.errors[0])
