"""Frames to and from the service: the request, its context, and what is told meanwhile."""

import io
import os
import select
import tarfile
from typing import Any, Dict

from rosetta_agent.builds.errors import BuildCancelled, BuildError
from rosetta_agent.files.frames import (
    DATA,
    HEADER,
    JSON,
    build_document,
    build_header,
    parse_document,
    parse_header,
)

#: Characters of a piece of log in one frame: JSON in ASCII may need six bytes for one.
_LONGEST_TEXT = 64 << 10
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE)


class BuildChannel:
    """Standard input and output, which nothing that is started gets."""

    def __init__(self) -> None:
        self.input, self._output = os.dup(0), os.dup(1)
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 0)
        os.dup2(nowhere, 1)
        os.close(nowhere)

    def request(self) -> Dict[str, Any]:
        """The request.

        Raises:
            BuildCancelled: there is none.
        """
        kind, payload = self._receive()
        if kind != JSON:
            raise BuildCancelled
        return parse_document(payload)

    def tell(self, document: Dict[str, Any]) -> None:
        """Tell something; a long log goes in pieces.

        Raises:
            BuildCancelled: nobody listens any more.
        """
        text = document.get("log", "")
        if len(text) > _LONGEST_TEXT:
            for start in range(0, len(text), _LONGEST_TEXT):
                self.tell({"log": text[start : start + _LONGEST_TEXT]})
            return
        payload = build_document(document)
        data = build_header(JSON, len(payload)) + payload
        try:
            while data:
                data = data[os.write(self._output, data) :]
        except OSError as error:
            raise BuildCancelled from error

    def has_ended(self) -> bool:
        """Whether the service has closed the channel; nothing comes after the context."""
        return bool(select.select([self.input], [], [], 0)[0]) and not os.read(self.input, 1)

    def unpack(self, folder: str) -> None:
        """Write the context, a tar archive in frames, into a directory.

        Raises:
            BuildError: the archive holds what a context does not, or there is no room.
        """
        try:
            with tarfile.open(fileobj=_Frames(self), mode="r|") as archive:
                for member in archive:
                    _check(member)
                    archive.extract(member, folder, set_attrs=not member.issym())
        except (tarfile.TarError, OSError) as error:
            text = "The files of the repository could not be unpacked: {}."
            raise BuildError(text.format(error)) from error

    def receive_data(self) -> bytes:
        """The next piece of the context; nothing behind the last one."""
        kind, payload = self._receive()
        if kind != DATA:
            raise BuildCancelled
        return payload

    def _receive(self) -> "tuple[bytes, bytes]":
        kind, length = parse_header(self._read(HEADER.size))
        return kind, self._read(length)

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = os.read(self.input, size - len(data))
            if not piece:
                raise BuildCancelled
            data += piece
        return data


class _Frames(io.RawIOBase):
    """Reads what is in the frames of a context as one file."""

    def __init__(self, channel: BuildChannel) -> None:
        super().__init__()
        self._channel = channel
        self._rest = b""
        self._is_over = False

    def read(self, size: int = -1) -> bytes:
        while not self._is_over and len(self._rest) < size:
            piece = self._channel.receive_data()
            self._is_over = not piece
            self._rest += piece
        data, self._rest = self._rest[:size], self._rest[size:]
        return data


def _check(member: tarfile.TarInfo) -> None:
    """Refuse what the service does not send: links are never followed, names stay below.

    Raises:
        BuildError: it is something else.
    """
    parts = member.name.split("/")
    is_known = member.type in _FILES or member.isdir() or member.issym()
    if member.name.startswith("/") or ".." in parts or not is_known:
        raise BuildError("The files of the repository hold something that no context has.")
