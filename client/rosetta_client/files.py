"""Files of storages: lists, downloads that go on where they were cut, and uploads by tus 1.0.0.

Paths are as the API has them: relative to the storage, each byte percent-encoded but unreserved
ones and `/` (`encode_path`).
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote

from rosetta_client.calls import Call, backoff
from rosetta_client.channel import Answer, Channel
from rosetta_client.errors import ApiError, RosettaError, UnexpectedAnswer, Unreachable

if TYPE_CHECKING:
    from rosetta_client.client import Client

# Bytes: of a piece of an upload at first, and at least. Proxies in between may keep a piece back
# until it is whole, or refuse one that is too large.
PIECE, SMALLEST_PIECE = 8 << 20, 64 << 10
_BLOCK = 256 << 10
_LISTED = 1000
# Attempts one after the other that bring nothing.
_ATTEMPTS = 6
_TUS = {"Tus-Resumable": "1.0.0"}
_PIECE_TYPE = "application/offset+octet-stream"
_TOO_LARGE = 413
# The upload is elsewhere than the client thinks, or an earlier request still writes to it.
_OUT_OF_STEP = frozenset({409, 423})

Progress = Callable[[int], None]


def encode_path(text: str) -> str:
    """A path as users write it, as the API has it; slashes at either end don't count."""
    return quote(os.fsencode(text.strip("/")), safe="/")


def list_entries(client: Client, storage: str, path: str) -> Iterator[dict[str, Any]]:
    """The entries of a folder by name, fetched page by page."""
    offset = 0
    while True:
        query = {"offset": offset, "limit": _LISTED, "hidden": True}
        address = f"{_storage(storage)}/list/{path}"
        call: Call[Any] = Call("GET", address, Any, query=query, repeatable=True)
        page = client.call(call)
        yield from page["entries"]
        offset += len(page["entries"])
        if not page["entries"] or offset >= page["total"]:
            return


def find_entry(client: Client, storage: str, path: str) -> dict[str, Any]:
    """An entry; of a link the link itself.

    Raises:
        NotFound: there is none.
    """
    address = f"{_storage(storage)}/entry/{path}"
    entry: dict[str, Any] = client.call(Call("GET", address, Any, repeatable=True))
    return entry


async def download(
    channel: Channel, storage: str, path: str, target: Path, progress: Progress
) -> None:
    """Fetch a file; only a whole one appears under its name.

    `progress` is called with each number of bytes that has come. What a cut connection leaves is
    gone on with, unless the file has changed meanwhile.

    Raises:
        Unreachable: the hub does not answer any more.
        ApiError: it refuses.
        OSError: the target can't be written.
    """
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            await _Download(channel, f"{_storage(storage)}/file/{path}", progress).into(file)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


class _Download:
    """One file that comes in as many connections as it takes."""

    def __init__(self, channel: Channel, address: str, progress: Progress) -> None:
        self._channel, self._address, self._progress = channel, address, progress
        self._etag: str | None = None
        self._failures = 0

    async def into(self, file: BinaryIO) -> None:
        """Write all of it."""
        while True:
            try:
                await self._fetch(file)
                return
            except Unreachable:
                self._failures += 1
                if self._failures >= _ATTEMPTS:
                    raise
                await self._channel.sleep(backoff(self._failures - 1))

    async def _fetch(self, file: BinaryIO) -> None:
        headers = {"Accept-Encoding": "identity"}
        if self._etag and file.tell():
            headers |= {"Range": f"bytes={file.tell()}-", "If-Range": self._etag}
        call: Call[None] = Call("GET", self._address, None, headers=headers)
        async with self._channel.stream(call) as response:
            if response.status_code != 206 and file.tell():
                self._begin_again(file)
            self._etag = response.headers.get("etag")
            async for block in response.aiter_raw(_BLOCK):
                await self._channel.work(file.write, block)
                self._progress(len(block))
                self._failures = 0

    def _begin_again(self, file: BinaryIO) -> None:
        """The file is another one now."""
        self._progress(-file.tell())
        file.seek(0)
        file.truncate()


async def upload(
    channel: Channel,
    source: Path,
    storage: str,
    path: str,
    progress: Progress,
    conflict: str = "fail",
) -> None:
    """Send a file; it appears under its name when all of it is there.

    `conflict` is what happens where the name is taken: `fail`, `overwrite` or `rename`. After a cut
    connection the upload goes on with what has arrived.

    Raises:
        Unreachable: the hub does not answer any more.
        ApiError: it refuses, such as a name that is taken.
        OSError: the source can't be read.
    """
    with source.open("rb") as file:
        sending = _Upload(channel, file, progress)
        await sending.send(f"{_storage(storage)}/uploads", path, conflict)


class _Upload:
    """One upload: a part file at the hub that grows by pieces."""

    def __init__(self, channel: Channel, file: BinaryIO, progress: Progress) -> None:
        self._channel, self._file, self._progress = channel, file, progress
        status = os.fstat(file.fileno())
        self._length, self._modified = status.st_size, status.st_mtime
        self._offset = 0
        self._piece = PIECE
        self._failures = 0

    async def send(self, uploads: str, path: str, conflict: str) -> None:
        """Send all of it."""
        address = await self._begin(uploads, path, conflict)
        while self._offset < self._length:
            try:
                await self._send_piece(address)
            except (Unreachable, ApiError) as error:
                if isinstance(error, ApiError) and error.status not in _OUT_OF_STEP:
                    raise
                self._move(await self._find_offset(address, error))

    async def _begin(self, uploads: str, path: str, conflict: str) -> str:
        """The address of a new upload, below the API's."""
        metadata = {"path": path, "modified": f"{self._modified:.6f}", "conflict": conflict}
        headers = {
            **_TUS,
            "Upload-Length": str(self._length),
            "Upload-Metadata": ",".join(
                f"{key} {base64.b64encode(value.encode()).decode()}"
                for key, value in metadata.items()
            ),
        }
        location = (await self._request("POST", uploads, headers)).headers["location"]
        return f"{uploads}/{location.rpartition('/')[2]}"

    async def _send_piece(self, address: str) -> None:
        self._file.seek(self._offset)
        size = min(self._piece, self._length - self._offset)
        piece = await self._channel.work(self._file.read, size)
        if not piece:
            raise RosettaError("The file has become shorter while it was sent.")
        headers = {**_TUS, "Upload-Offset": str(self._offset), "Content-Type": _PIECE_TYPE}
        try:
            answer = await self._request("PATCH", address, headers, piece)
        except _TooLarge:
            if self._piece <= SMALLEST_PIECE:
                raise RosettaError(
                    f"Something on the way to the hub takes no {SMALLEST_PIECE >> 10} KB at once."
                ) from None
            self._piece //= 4
            return
        self._failures = 0
        self._move(int(answer.headers["upload-offset"]))

    async def _find_offset(self, address: str, error: RosettaError) -> int:
        """How much has arrived, asked until there is an answer.

        Raises:
            RosettaError: there is none, or the upload does not move; the error that led here.
        """
        while True:
            self._failures += 1
            if self._failures >= _ATTEMPTS:
                raise error
            await self._channel.sleep(backoff(self._failures - 1))
            with suppress(Unreachable):
                answer = await self._request("HEAD", address, _TUS)
                return int(answer.headers["upload-offset"])

    def _move(self, offset: int) -> None:
        self._progress(offset - self._offset)
        self._offset = offset

    async def _request(
        self, method: str, address: str, headers: dict[str, str], content: bytes | None = None
    ) -> Answer:
        """An answer of which only the headers count.

        Raises:
            _TooLarge: something in between takes no request of this size.
        """
        call: Call[None] = Call(method, address, None, headers=headers)
        options: dict[str, Any] = {} if content is None else {"content": content}
        try:
            async with self._channel.stream(call, **options) as response:
                await response.aread()
                return response
        except UnexpectedAnswer as error:
            # The service itself answers in JSON.
            if error.status == _TOO_LARGE and content:
                raise _TooLarge from error
            raise


class _TooLarge(Exception):
    """A piece is too large for something in between."""


def _storage(storage: str) -> str:
    return f"storages/{quote(storage, safe='')}"
