"""JSON calls over a unix socket: how the service talks to its sidecar processes."""

import asyncio
import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from rosetta_hub.errors import RosettaError, Unavailable

Document = dict[str, Any]

# Bytes of a stream that are read ahead (twice as many at most), and that wait to be sent: the more,
# the less the processes on the way wait for each other.
STREAM_LIMIT = 1 << 20


@dataclass(frozen=True)
class Upgraded:
    """A connection that has become a stream of bytes."""

    headers: Mapping[str, str]
    """Of the answer; names in lower case."""
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


@dataclass(frozen=True)
class SidecarClient:
    """Who is called, and what is raised when it does not answer."""

    socket: Path
    name: str
    """As in "the edge does not answer"."""
    unavailable: type[Unavailable]

    async def call(
        self, method: str, path: str, body: Document | None, timeout: float
    ) -> tuple[int, Document]:
        """The status and the document of the answer, which takes at most `timeout` seconds.

        Raises `unavailable` when there is none, or a part of one: nothing is known about the call.
        """
        request = build_request(method, path, body)
        with self._translate_errors(timeout):
            return parse_answer(await asyncio.wait_for(self._transfer(request), timeout))

    async def upgrade(
        self, path: str, body: Document | None, protocol: str, timeout: float
    ) -> Upgraded | tuple[int, Document]:
        """Open a stream of bytes with a POST request.

        Returns the stream, or status and document where the call is refused. Raises as `call` does.
        """
        request = build_request("POST", path, body, protocol)
        with self._translate_errors(timeout):
            async with asyncio.timeout(timeout):
                reader, writer = await asyncio.open_unix_connection(
                    str(self.socket), limit=STREAM_LIMIT
                )
                try:
                    return await _upgrade(reader, writer, request)
                except BaseException:
                    writer.close()
                    raise

    @contextlib.contextmanager
    def _translate_errors(self, timeout: float) -> Iterator[None]:
        try:
            yield
        except TimeoutError as exc:
            raise self.unavailable(f"{self.name} did not answer within {timeout:g} s") from exc
        except OSError as exc:
            raise self.unavailable(f"{self.name} does not answer: {exc.strerror}") from exc
        except (ValueError, KeyError, EOFError) as exc:
            raise self.unavailable(f"the answer of {self.name} was cut short") from exc

    async def _transfer(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_unix_connection(str(self.socket))
        try:
            writer.write(request)
            await writer.drain()
            return await reader.read()
        finally:
            writer.close()


@dataclass(frozen=True)
class SidecarStatus:
    """Who answers on the socket."""

    instance: str
    """Another one after each start: what was open before is not."""
    pid: int
    fingerprint: str
    """Of the configuration that the process was started with."""


class SidecarApi:
    """Typed calls of a sidecar process. Each takes at most `timeout` seconds, if it says no other.

    Subclasses say who answers: `name` as in "the edge does not answer", and what is raised when it
    does not (`unavailable`) and when it refuses (`error`).
    """

    name: ClassVar[str]
    unavailable: ClassVar[type[Unavailable]]
    error: ClassVar[type[RosettaError]]

    def __init__(self, socket: Path, timeout: float = 10) -> None:
        self.socket = socket
        self.timeout = timeout
        self._sidecar = SidecarClient(socket, self.name, self.unavailable)

    async def status(self) -> SidecarStatus:
        """Who answers."""
        return SidecarStatus(**await self._call("GET", "/status"))

    async def _put_state(
        self, kind: str, pieces: Sequence[list[Document]], kept_ids: Document | list[str]
    ) -> dict[str, str]:
        """The full state: the first piece says what else is kept, the others come one by one.

        Returns what went wrong, by id. Each piece takes at most `timeout` seconds.
        """
        body = {kind: pieces[0], "kept": kept_ids}
        errors: dict[str, str] = (await self._call("PUT", f"/{kind}", body))["errors"]
        for piece in pieces[1:]:
            errors |= (await self._call("PATCH", f"/{kind}", {kind: piece}))["errors"]
        return errors

    async def _call(self, method: str, path: str, body: Document | None = None) -> Document:
        status, document = await self._sidecar.call(method, path, body, self.timeout)
        self._check(status, document)
        return document

    async def _delete(self, path: str) -> bool:
        """Whether there was something to delete."""
        status, document = await self._sidecar.call("DELETE", path, None, self.timeout)
        if status == 404:
            return False
        self._check(status, document)
        return True

    def _check(self, status: int, document: Document) -> None:
        if status >= 400:
            raise self._refusal(status, document)

    def _refusal(self, status: int, document: Document) -> RosettaError:
        return self.error(str(document.get("message", status)))


def split_documents(documents: Iterable[Document], limit: int) -> list[list[Document]]:
    """The documents in pieces of at most `limit` bytes of JSON; a larger one is alone.

    There is at least one piece, which may be empty.
    """
    pieces: list[list[Document]] = [[]]
    room = limit
    for document in documents:
        size = len(json.dumps(document)) + 1
        if size > room and pieces[-1]:
            pieces.append([])
            room = limit
        pieces[-1].append(document)
        room -= size
    return pieces


async def _upgrade(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> Upgraded | tuple[int, Document]:
    writer.write(request)
    await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    lines = (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
    headers = {name.lower(): value.strip() for name, _, value in lines}
    if head.startswith(b"HTTP/1.1 101 "):
        writer.transport.set_write_buffer_limits(STREAM_LIMIT)
        return Upgraded(headers, reader, writer)
    answer = parse_answer(head + await reader.readexactly(int(headers["content-length"])))
    writer.close()
    return answer


def build_request(
    method: str, path: str, body: Document | None, upgrade: str | None = None
) -> bytes:
    """An HTTP request whose answer ends with the connection, or upgrades it to a protocol."""
    content = b"" if body is None else json.dumps(body).encode()
    connection = f"Upgrade\r\nUpgrade: {upgrade}" if upgrade else "close"
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: {connection}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def parse_answer(answer: bytes) -> tuple[int, Document]:
    """The status and the JSON document of an answer.

    Raises ValueError when it is cut short.
    """
    head, separator, content = answer.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    if not separator or len(words) < 2 or not words[1].isdigit():
        raise ValueError("no whole answer")
    return int(words[1]), json.loads(content)
