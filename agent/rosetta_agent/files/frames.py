"""The frames of the files protocol, which both sides import; nothing of it stands twice.

A frame is one byte (its kind), four bytes (the length of the payload, big-endian) and the payload:
``J`` is a JSON object in ASCII, ``D`` is data. Each request is a ``J`` frame. Its answer is any
number of frames and a last ``J`` frame with ``"done"`` or ``"error"``. Data that belongs to a
request follows it as ``D`` frames; an empty one ends it. Closing the channel cancels.

Paths and names are text: UTF-8, where bytes that are not are surrogates (``surrogateescape``).
"""

import json
import struct
from typing import Any, Dict, NamedTuple, Tuple

#: Version of the protocol, in the first request.
VERSION = 1
#: Kinds of frames.
JSON, DATA = b"J", b"D"
#: Bytes of the largest payload.
MAX_JSON, MAX_DATA = 1 << 20, 256 << 10
#: Entries of a directory in one frame.
MAX_ENTRIES = 500
#: Seconds between two frames that tell the progress of one request.
PROGRESS_INTERVAL = 0.5

#: Why a request failed: the ``error`` of an answer.
CODES = (
    "not_found",
    "permission",
    "exists",
    "not_directory",
    "is_directory",
    "not_empty",
    "outside",
    "special",
    "no_space",
    "quota",
    "read_only",
    "stale",
    "name_too_long",
    "changed",
    "too_large",
    "invalid",
    "failed",
    "unavailable",
)
#: Types of entries.
TYPES = ("file", "directory", "link", "fifo", "socket", "device")
#: What happens to a name that is taken, by ``part_finish`` and by ``copy``.
UPLOAD_CONFLICTS = ("fail", "overwrite", "rename")
CONFLICTS = (*UPLOAD_CONFLICTS, "skip")
#: By what ``list`` sorts.
SORTS = ("name", "size", "modified", "type")
#: The ``if_match`` of ``write`` that stands for: must not exist.
NEW = "*new*"
#: End of the names of uploads that are not complete.
PART_SUFFIX = ".rosetta-part"
#: Seconds that one is kept after its last change.
PART_SECONDS = 7 * 24 * 3600

HEADER = struct.Struct(">cI")
_ENCODING = ("utf-8", "surrogateescape")

Frame = NamedTuple("Frame", [("kind", bytes), ("payload", bytes)])


class FrameError(Exception):
    """What came is no frame of this protocol: the channel can't be used any longer."""


def build_header(kind: bytes, length: int) -> bytes:
    """What stands before a payload."""
    return HEADER.pack(kind, length)


def parse_header(header: bytes) -> Tuple[bytes, int]:
    """Kind of a frame and length of its payload.

    Raises:
        FrameError: there is no such kind, or the payload is too long.
    """
    kind, length = HEADER.unpack(header)
    if kind not in (JSON, DATA):
        raise FrameError("a frame of an unknown kind: {!r}".format(kind))
    if length > (MAX_JSON if kind == JSON else MAX_DATA):
        raise FrameError("a frame of {} bytes".format(length))
    return kind, length


def build_document(document: Dict[str, Any]) -> bytes:
    """The payload of a ``J`` frame.

    Raises:
        FrameError: the document is too long.
    """
    payload = json.dumps(document, separators=(",", ":")).encode("ascii")
    if len(payload) > MAX_JSON:
        raise FrameError("a document of {} bytes".format(len(payload)))
    return payload


def parse_document(payload: bytes) -> Dict[str, Any]:
    """The JSON object of a ``J`` frame.

    Raises:
        FrameError: it is none.
    """
    try:
        document = json.loads(payload.decode("ascii"))
    except ValueError as error:
        raise FrameError("a frame that is no JSON: {}".format(error)) from error
    if not isinstance(document, dict):
        raise FrameError("a frame that is no JSON object")
    return document


def encode_path(path: bytes) -> str:
    """A path or a name as it stands in documents."""
    return path.decode(*_ENCODING)


def decode_path(text: str) -> bytes:
    """A path or a name from a document.

    Raises:
        UnicodeEncodeError: the text holds surrogates that stand for no byte.
    """
    return text.encode(*_ENCODING)
