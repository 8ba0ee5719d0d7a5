"""Two connections that become one: what came before, and in which order they end."""

from typing import Any

from rosetta_hub.tunnels.relay import Half, pair


class Recorder:
    """A stream that keeps what is done to it."""

    def __init__(self) -> None:
        self.calls: list[object] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.calls.append((name, *arguments))

    def can_write_eof(self) -> bool:
        return True

    def get_extra_info(self, name: str) -> None:
        """There is no socket."""


def test_what_came_is_delivered_though_its_sender_has_gone() -> None:
    """A container, or a command, that says a word and ends before anybody is connected to it."""
    sender, receiver, stream = Half(), Half(), Recorder()
    sender.connection_made(Recorder())
    sender.data_received(b"last words")
    sender.eof_received()
    sender.connection_lost(None)
    receiver.connection_made(stream)
    pair(receiver, sender)
    assert stream.calls[:1] == [("write", b"last words")]
    assert ("close",) in stream.calls
