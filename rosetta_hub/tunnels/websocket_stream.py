"""A port of a pod, forwarded over a WebSocket.

The subprotocol `v4.channel.k8s.io` (Kubernetes, `pkg/kubelet/cri/streaming/portforward`): the first
byte of a message is its channel, 0 for data and 1 for an error; the first message of each channel
holds the port. One WebSocket carries one connection.
"""

from rosetta_hub.ssh.streams import StreamSession
from rosetta_hub.tunnels.forwarded_stream import (
    MAX_ERROR,
    ForwardedStream,
    PortForwardError,
    describe,
)
from rosetta_hub.tunnels.websocket_frames import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    Chunk,
    FrameReader,
    Handshake,
    build_frame,
)

SUBPROTOCOL = "v4.channel.k8s.io"
DATA, ERROR = 0, 1
_DATA = bytes([DATA])
# The status of a connection that has served its purpose (RFC 6455, section 7.4.1).
_NORMAL = (1000).to_bytes(2, "big")


class WebSocketStream(ForwardedStream):
    """One direction can't end alone: there is no message for it."""

    def __init__(self, handshake: Handshake, port: int, receiver: StreamSession) -> None:
        super().__init__(handshake, receiver)
        self._frames = FrameReader()
        self._channel = DATA
        # The port, of which each channel's first message has to consist.
        self._greetings = {channel: port.to_bytes(2, "little") for channel in (DATA, ERROR)}
        self._error = b""
        self._ping_data = b""

    def start(self) -> None:
        """See ForwardedStream: the path of the request has the port."""

    def take(self, data: bytes) -> None:
        """See ForwardedStream."""
        parts: list[bytes] = []
        for chunk in self._frames.feed(data):
            if chunk.opcode == BINARY:
                self._take_binary(chunk, parts)
            elif chunk.opcode == PING:
                self._ping_data += chunk.data
                if chunk.is_last:
                    self.send(build_frame(PONG, self._ping_data))
                    self._ping_data = b""
            elif chunk.opcode == CLOSE:
                self.close()
                break
        self.deliver(parts)

    def _take_binary(self, chunk: Chunk, parts: list[bytes]) -> None:
        data = chunk.data
        if chunk.is_first:
            self._channel, data = (data[0] if data else DATA), data[1:]
        if self._greetings:
            data = self._greet(data)
        if self._channel == DATA:
            if data:
                parts.append(data)
            return
        self._error = (self._error + data)[:MAX_ERROR]
        if self._error and chunk.is_last:
            raise PortForwardError(describe(self._error))

    def _greet(self, data: bytes) -> bytes:
        """Take off the port that each channel begins with; returns the rest."""
        expected = self._greetings.get(self._channel, b"")
        if not expected:
            return data
        if not data.startswith(expected[: len(data)]):
            raise PortForwardError(describe(data))
        if rest := expected[len(data) :]:
            self._greetings[self._channel] = rest
            return b""
        del self._greetings[self._channel]
        if not self._greetings:
            self.open()
        return data[len(expected) :]

    def build_ping(self) -> bytes:
        """See ForwardedStream."""
        return build_frame(PING, b"")

    def write(self, data: bytes) -> None:
        """See Stream."""
        self.send(build_frame(BINARY, _DATA + data))

    def write_eof(self) -> None:
        """See Stream: there is no such message."""

    def can_write_eof(self) -> bool:
        """See Stream."""
        return False

    def close(self) -> None:
        """See Stream."""
        self.send(build_frame(CLOSE, _NORMAL))
        super().close()
