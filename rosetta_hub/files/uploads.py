"""Uploads by tus 1.0.0 (tus.io/protocols/resumable-upload), as far as it is words and numbers.

Nothing is kept of an upload but its part file. So the name of an upload, which stands in its
address, says where it goes: a service that has been restarted goes on with it.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal, Protocol, Self, cast

from rosetta_agent.files.frames import UPLOAD_CONFLICTS
from rosetta_hub.catalogue.storage_paths import decode_path, encode_path
from rosetta_hub.errors import FilesError

VERSION = "1.0.0"
EXTENSIONS = ("creation", "creation-with-upload", "termination", "expiration", "checksum")
# Of the extension "checksum"; SHA-1 is the one that each server must have.
ALGORITHMS = ("sha1", "sha256", "sha512", "md5")
# Bytes; a larger file than any file system has.
MAX_LENGTH = 1 << 62

UploadConflict = Literal["fail", "overwrite", "rename"]

_ID = re.compile(r"[0-9a-f]{16}")
_NUMBER = re.compile(r"[0-9]{1,19}")


class Hash(Protocol):
    """What a checksum is made with."""

    def update(self, data: bytes, /) -> None:
        """Take more data."""

    def digest(self) -> bytes:
        """The checksum of all data."""


@dataclass(frozen=True)
class Checksum:
    """The checksum that a chunk has to have."""

    algorithm: str
    digest: bytes

    def new_hash(self) -> Hash:
        """The beginning of the chunk's own."""
        return hashlib.new(self.algorithm, usedforsecurity=False)

    def matches(self, hasher: Hash) -> bool:
        """Whether the chunk is what the client has sent."""
        return hmac.compare_digest(hasher.digest(), self.digest)


@dataclass(frozen=True)
class Upload:
    """A file that is coming: its target, its length in bytes, and what happens at the end."""

    id: str
    path: bytes
    length: int
    mtime_ns: int | None = None
    conflict: UploadConflict = "fail"

    @classmethod
    def from_headers(cls, length: str | None, metadata: str) -> Self:
        """A new upload, from `Upload-Length` and `Upload-Metadata`.

        Raises:
            FilesError: one of them is no such header, or tells no path.
        """
        values = parse_metadata(metadata)
        if "path" not in values:
            raise _invalid("'Upload-Metadata' lacks 'path', the target in the storage.")
        conflict = values.get("conflict", b"fail").decode("ascii", "replace")
        return cls(
            id=secrets.token_hex(8),
            path=_target(values["path"].decode("ascii", "replace")),
            length=parse_length(length),
            mtime_ns=_parse_modified(values["modified"]) if values.get("modified") else None,
            conflict=parse_conflict(conflict),
        )

    @property
    def name(self) -> str:
        """The upload's name in its address."""
        fields = [self.id, self.length, self.mtime_ns, self.conflict, encode_path(self.path)]
        text = json.dumps(fields, separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def from_name(cls, name: str) -> Self:
        """The upload of a name.

        Raises:
            FilesError: there can't be such an upload.
        """
        try:
            text = base64.b64decode(name + "=" * (-len(name) % 4), altchars=b"-_", validate=True)
            id_, length, mtime_ns, conflict, path = json.loads(text)
            sound = (
                _ID.fullmatch(id_)
                and _is_number(length, MAX_LENGTH)
                and (mtime_ns is None or _is_number(mtime_ns, 1 << 63))
                and conflict in UPLOAD_CONFLICTS
                and isinstance(path, str)
            )
            upload = cls(id_, _target(path), length, mtime_ns, conflict) if sound else None
        except (ValueError, TypeError, RecursionError) as error:
            raise _unknown() from error
        if upload is None:
            raise _unknown()
        return upload


def parse_conflict(text: str) -> UploadConflict:
    """What happens where the name is taken at the end.

    Raises:
        FilesError: nothing that is known.
    """
    if text not in UPLOAD_CONFLICTS:
        raise _invalid(f"'conflict' must be one of {', '.join(UPLOAD_CONFLICTS)}.")
    return cast(UploadConflict, text)


def parse_metadata(header: str) -> dict[str, bytes]:
    """The values of `Upload-Metadata` by their keys.

    Raises:
        FilesError: it is no such header.
    """
    values = {}
    for pair in header.split(",") if header.strip() else []:
        key, _, value = pair.strip().partition(" ")
        try:
            values[key] = base64.b64decode(value.strip(), validate=True)
        except (binascii.Error, ValueError) as error:
            raise _invalid("'Upload-Metadata' is not a list of keys and base64 values.") from error
    return values


def parse_length(header: str | None) -> int:
    """The number of `Upload-Length` or `Upload-Offset`, in bytes.

    Raises:
        FilesError: it is missing or none.
    """
    if header is None or not _NUMBER.fullmatch(header) or int(header) > MAX_LENGTH:
        raise _invalid("The length of the upload is missing, or is not a number of bytes.")
    return int(header)


def parse_checksum(header: str) -> Checksum | None:
    """The checksum of `Upload-Checksum`, None where there is none.

    Raises:
        FilesError: it is no such header, or of an algorithm that is not offered.
    """
    if not header:
        return None
    algorithm, _, value = header.strip().partition(" ")
    if algorithm not in ALGORITHMS:
        raise _invalid(f"'Upload-Checksum' must be one of {', '.join(ALGORITHMS)}.")
    try:
        return Checksum(algorithm, base64.b64decode(value.strip(), validate=True))
    except (binascii.Error, ValueError) as error:
        raise _invalid("'Upload-Checksum' is not an algorithm and a base64 value.") from error


def protocol_headers() -> Mapping[str, str]:
    """What the server can do, for the answer to OPTIONS."""
    return {
        "Tus-Version": VERSION,
        "Tus-Extension": ",".join(EXTENSIONS),
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        "Tus-Max-Size": str(MAX_LENGTH),
    }


def _target(text: str) -> bytes:
    path = decode_path(text)
    if not path:
        raise _invalid("The target of an upload is a file, not the storage itself.")
    return path


def _parse_modified(value: bytes) -> int:
    """Nanoseconds since 1970, from seconds with decimals."""
    try:
        seconds = Decimal(value.decode("ascii"))
        if not 0 <= seconds < 1 << 33:
            raise ValueError("out of range")
        return int(seconds * 10**9)
    except (InvalidOperation, ValueError) as error:
        raise _invalid("'modified' must be seconds since 1970, such as 1700000000.25.") from error


def _is_number(value: object, largest: int) -> bool:
    return type(value) is int and 0 <= value <= largest


def _invalid(message: str) -> FilesError:
    return FilesError("invalid", message)


def _unknown() -> FilesError:
    return FilesError("not_found", "There is no such upload. It has ended, or was given up.")
