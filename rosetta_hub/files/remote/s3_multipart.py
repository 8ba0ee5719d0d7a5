"""Objects that are put together on an S3 server, of parts that are sent or are there already."""

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from rosetta_agent.files.errors import FilesError
from rosetta_hub.files.remote.s3_client import explained
from rosetta_hub.files.remote.store import StoreItem, StoreUnavailable

# The fewest bytes of a part that is not the last one.
_SHORTEST = 5 << 20
# The most parts of an object (10,000), less the last one.
_MAX_PARTS = 9000
# Bytes of a part when a large object is copied.
_COPIED = 512 << 20


class Multipart:
    """An object at `place` that has all of its parts, or is not there: it is a context manager."""

    def __init__(
        self,
        client: Any,
        place: Mapping[str, str],
        path: bytes,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        self._client = client
        self._place = dict(place)
        self._path = path
        self._metadata = dict(metadata or {})
        self.parts: list[dict[str, Any]] = []
        """What the server has said of each part."""

    def __enter__(self) -> Self:
        with explained(self._path):
            answer = self._client.create_multipart_upload(**self._place, Metadata=self._metadata)
        self._upload = {**self._place, "UploadId": answer["UploadId"]}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._abort()
            return
        try:
            with explained(self._path):
                self._client.complete_multipart_upload(
                    **self._upload, MultipartUpload={"Parts": self.parts}
                )
        except (FilesError, StoreUnavailable):
            self._abort()
            raise

    def add(self, content: bytes) -> None:
        """Send a part."""
        with explained(self._path):
            answer = self._client.upload_part(**self._next(), Body=content)
        self._append(answer["ETag"])

    def add_copy(self, source: Mapping[str, str], **options: str) -> None:
        """Add what is on the server."""
        with explained(self._path):
            answer = self._client.upload_part_copy(**self._next(), CopySource=source, **options)
        self._append(answer["CopyPartResult"]["ETag"])

    def _next(self) -> dict[str, Any]:
        return {**self._upload, "PartNumber": len(self.parts) + 1}

    def _append(self, etag: str) -> None:
        self.parts.append({"PartNumber": len(self.parts) + 1, "ETag": etag})

    def _abort(self) -> None:
        with contextlib.suppress(FilesError, StoreUnavailable), explained(self._path):
            self._client.abort_multipart_upload(**self._upload)


def join_files(
    upload: Multipart,
    sources: Sequence[tuple[StoreItem, Mapping[str, str]]],
    read: Callable[[StoreItem], Iterable[bytes]],
) -> None:
    """Add files one after the other; only those that are too short for a part are sent anew."""
    length = sum(item.size for item, _ in sources)
    shortest = max(_SHORTEST, length // _MAX_PARTS)
    collected = bytearray()
    for item, place in sources:
        if not collected and item.size >= shortest:
            upload.add_copy(place, CopySourceIfMatch=item.version)
            continue
        for chunk in read(item):
            collected += chunk
        if len(collected) >= shortest:
            upload.add(bytes(collected))
            collected.clear()
    if collected or not upload.parts:
        upload.add(bytes(collected))


def copy_large(upload: Multipart, source: Mapping[str, str], size: int) -> None:
    """Add all of an object that is too large for one request."""
    step = max(_COPIED, size // _MAX_PARTS)
    for start in range(0, size, step):
        end = min(start + step, size) - 1
        upload.add_copy(source, CopySourceRange=f"bytes={start}-{end}")
