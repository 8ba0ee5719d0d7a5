"""The protocol of forwarded ports, without a server."""

import asyncio

import pytest

from rosetta_hub.tunnels.relay import Half
from rosetta_hub.tunnels.websocket_stream import PortForwardError, WebSocketStream
from tests.support.eventually import until

PORT = b"\xb8\x22"


class FakeSocket:
    """What a server says, and what it was told; `gate` holds writes back while it is not set."""

    def __init__(self, *messages: bytes) -> None:
        self.messages: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.sent: list[bytes] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.is_closed = False
        for message in messages:
            self.messages.put_nowait(message)

    async def read_message(self) -> bytes | None:
        return await self.messages.get()

    async def write_message(self, message: bytes, binary: bool) -> None:
        assert binary
        await self.gate.wait()
        self.sent.append(message)

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self.messages.put_nowait(None)


class Receiver(Half):
    """Keeps what it was called with."""

    def __init__(self) -> None:
        super().__init__()
        self.flow: list[str] = []
        self.errors: list[Exception | None] = []

    def pause_writing(self) -> None:
        self.flow.append("pause")

    def resume_writing(self) -> None:
        self.flow.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.errors.append(exc)
        super().connection_lost(exc)


async def open_stream(*messages: bytes) -> tuple[FakeSocket, Receiver, WebSocketStream]:
    socket, receiver = FakeSocket(b"\0" + PORT, b"\1" + PORT, *messages), Receiver()
    stream = WebSocketStream(socket, receiver)
    await stream.open(8888)
    return socket, receiver, stream


async def test_bytes_pass_in_both_directions() -> None:
    socket, receiver, stream = await open_stream(b"\0hel", b"\0lo")
    assert await receiver.read_exactly(5) == b"hello"
    stream.write(b"one")
    stream.write(b"two")
    await until(lambda: socket.sent)
    assert b"".join(message.removeprefix(b"\0") for message in socket.sent) == b"onetwo"
    stream.close()
    await until(lambda: receiver.errors)
    assert (receiver.errors, socket.is_closed, stream.can_write_eof()) == ([None], True, False)


async def test_what_was_written_is_sent_before_it_closes() -> None:
    socket, _, stream = await open_stream()
    socket.gate.clear()
    stream.write(b"last words")
    stream.close()
    assert not socket.is_closed
    socket.gate.set()
    await until(lambda: socket.is_closed)
    assert socket.sent == [b"\0last words"]


async def test_the_end_of_the_other_side_is_told_once() -> None:
    socket, receiver, stream = await open_stream()
    socket.messages.put_nowait(None)
    await until(lambda: receiver.is_lost)
    stream.abort()
    stream.write(b"too late")
    assert (receiver.errors, socket.sent) == ([None], [])


async def test_an_error_of_the_node_ends_the_connection() -> None:
    _, receiver, _ = await open_stream(b"\1error forwarding port 8888: connection refused")
    await until(lambda: receiver.errors)
    assert "connection refused" in str(receiver.errors[0])


@pytest.mark.parametrize("first", [b"\1no such pod", b"\0\0\1"])
async def test_a_connection_that_begins_otherwise_is_refused(first: bytes) -> None:
    stream = WebSocketStream(FakeSocket(first), Receiver())
    with pytest.raises(PortForwardError):
        await stream.open(8888)


async def test_a_slow_server_stops_the_writer() -> None:
    socket, receiver, stream = await open_stream()
    socket.gate.clear()
    stream.set_write_buffer_limits(10)
    stream.write(b"x" * 11)
    assert receiver.flow == ["pause"]
    socket.gate.set()
    await until(lambda: receiver.flow == ["pause", "resume"])
    stream.abort()
    await until(lambda: receiver.errors)


async def test_a_slow_reader_stops_the_server() -> None:
    socket, receiver, stream = await open_stream()
    stream.pause_reading()
    received: list[bytes] = []
    receiver.data_received = lambda data, datatype=None: received.append(data)  # type: ignore[method-assign]
    for _ in range(3):
        socket.messages.put_nowait(b"\0data")
    for _ in range(10):
        await asyncio.sleep(0)
    # The one that was waited for already may come; the others stay with the server.
    assert socket.messages.qsize() >= 2
    stream.resume_reading()
    await until(lambda: len(received) == 3)
    stream.abort()
    await until(lambda: receiver.errors)
