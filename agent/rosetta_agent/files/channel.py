"""Frames on standard input and output, from the side of the program."""

import contextlib
import fcntl
import io
import os
import time
from typing import Any, Dict, Iterator, List, Optional

from rosetta_agent.files.errors import ChannelEnded, FilesError
from rosetta_agent.files.frames import (
    DATA,
    HEADER,
    JSON,
    MAX_DATA,
    MAX_ENTRIES,
    MAX_JSON,
    PROGRESS_INTERVAL,
    FrameError,
    build_document,
    build_header,
    encode_path,
    parse_document,
    parse_header,
)

_F_SETPIPE_SZ = 1031  # fcntl(2); Python knows the name since 3.10
# Bytes of the pipes to sshd: the more, the less one waits for the other. Users may have 1 MiB.
_PIPE_SIZE = 1 << 20
# Bytes of JSON that a byte of a name may become, and that an entry has beside its names.
_ESCAPED, _ENTRY = 6, 400


class Channel:
    """Sends and receives frames. Raises ChannelEnded where nobody is on the other side."""

    def __init__(self, reading: int = 0, writing: int = 1) -> None:
        self._input = io.FileIO(reading, "rb", closefd=False)
        self._output = writing
        for descriptor in (reading, writing):
            # Only pipes have such a size, and a host may not allow this one.
            with contextlib.suppress(OSError):
                fcntl.fcntl(descriptor, _F_SETPIPE_SZ, _PIPE_SIZE)
        self._buffer = bytearray(MAX_JSON)
        self.has_data = False
        """Whether data of the present request has not been received to its end."""

    def receive(self) -> Optional[Dict[str, Any]]:
        """The next request; None where the channel has ended before it.

        Raises:
            FrameError: it is something else.
        """
        header = self._input.read(HEADER.size)
        if not header:
            return None
        while len(header) < HEADER.size:
            header += self._input.read(HEADER.size - len(header)) or self._ended()
        kind, length = parse_header(header)
        if kind != JSON:
            raise FrameError("data without a request")
        return parse_document(bytes(self._fill(length)))

    def receive_data(self) -> Iterator[memoryview]:
        """The data of a request, up to its end; each piece is valid until the next is taken."""
        while self.has_data:
            kind, length = parse_header(bytes(self._fill(HEADER.size)))
            if kind != DATA:
                raise FrameError("a request before the end of the data")
            self.has_data = length > 0
            if length:
                yield self._fill(length)

    def send(self, document: Dict[str, Any]) -> None:
        """Send a document."""
        payload = build_document(document)
        self._write([build_header(JSON, len(payload)), payload])

    def send_data(self, data: memoryview) -> None:
        """Send data, in as many frames as it needs; none when it is empty."""
        for start in range(0, len(data), MAX_DATA):
            piece = data[start : start + MAX_DATA]
            self._write([build_header(DATA, len(piece)), piece])

    def _fill(self, length: int) -> memoryview:
        view = memoryview(self._buffer)[:length]
        filled = 0
        while filled < length:
            size = self._input.readinto(view[filled:])
            if not size:
                self._ended()
            filled += size or 0
        return view

    def _write(self, pieces: List[Any]) -> None:
        try:
            count = os.writev(self._output, pieces)
            for piece in pieces:
                rest = memoryview(piece)[count:]
                count = max(0, count - len(piece))
                while rest:
                    rest = rest[os.write(self._output, rest) :]
        except (BrokenPipeError, ConnectionError) as error:
            raise ChannelEnded() from error

    def _ended(self) -> bytes:
        raise ChannelEnded()


class EntrySender:
    """Sends entries in documents that are neither too many nor too long."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._entries: List[Dict[str, Any]] = []
        self._size = 0

    def add(self, entry: Dict[str, Any]) -> None:
        """Send an entry, now or with later ones."""
        names = sum(len(entry.get(key) or "") for key in ("name", "path", "target"))
        size = _ENTRY + _ESCAPED * names
        if len(self._entries) == MAX_ENTRIES or self._size + size > MAX_JSON // 2:
            self.flush()
        self._entries.append(entry)
        self._size += size

    def tell(self, path: bytes, error: FilesError) -> None:
        """Tell that something can't be read, at once."""
        problem = {"path": encode_path(path), "error": error.code, "message": error.message}
        self._channel.send({"entries": [], "problems": [problem]})

    def flush(self) -> None:
        """Send those that wait."""
        if self._entries:
            self._channel.send({"entries": self._entries})
        self._entries, self._size = [], 0


class OperationProgress:
    """Counts what an operation has done, and tells it now and then."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._told = time.monotonic()
        self.files = self.folders = self.bytes = 0

    def tick(self) -> None:
        """Tell how far the operation is, when it is time: the hub learns that it goes on."""
        now = time.monotonic()
        if now - self._told >= PROGRESS_INTERVAL:
            self._told = now
            self._channel.send({"progress": {"files": self.files, "bytes": self.bytes}})

    def summary(self) -> Dict[str, Any]:
        """The counters, as they stand in the answer."""
        return {"files": self.files, "folders": self.folders, "bytes": self.bytes}
