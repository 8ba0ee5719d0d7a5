"""What is written in one round of the loop leaves in order, in one piece."""

import asyncio
from typing import Any

from rosetta_hub.ssh.batching import BatchingTransport


class Recorder(asyncio.Transport):
    """A transport that remembers."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Any] = []
        self.closing = False

    def write(self, data: Any) -> None:
        self.calls.append(bytes(data))

    def close(self) -> None:
        self.calls.append("close")
        self.closing = True

    def abort(self) -> None:
        self.calls.append("abort")

    def is_closing(self) -> bool:
        return self.closing


async def test_one_round_is_one_write() -> None:
    recorder = Recorder()
    transport = BatchingTransport(recorder)
    transport.write(b"a")
    transport.write(bytearray(b"b"))
    assert recorder.calls == []
    await asyncio.sleep(0)
    transport.write(b"c")
    await asyncio.sleep(0)
    assert recorder.calls == [b"ab", b"c"]


async def test_nothing_is_lost_at_the_end() -> None:
    recorder = Recorder()
    transport = BatchingTransport(recorder)
    transport.write(b"a")
    transport.close()
    transport.write(b"too late")
    await asyncio.sleep(0)
    assert recorder.calls == [b"a", "close"]
    assert transport.is_closing()


async def test_disconnect_is_sent_before_an_abort() -> None:
    recorder = Recorder()
    transport = BatchingTransport(recorder)
    transport.write(b"bye")
    transport.abort()
    assert recorder.calls == [b"bye", "abort"]
