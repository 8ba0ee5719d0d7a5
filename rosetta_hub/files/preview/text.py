"""The beginning of a text, whatever its encoding."""

import codecs
from dataclasses import dataclass

from rosetta_hub.files.preview.errors import NoPreview

# Bytes that are looked at.
MAX_TEXT = 1 << 20

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Text:
    """Decoded text, and the encoding that was guessed."""

    text: str
    encoding: str


def decode_text(data: bytes, is_complete: bool) -> Text:
    """The text of a file, or of its beginning where it is not complete.

    UTF-8, UTF-16 with a byte order mark, and Latin-1 for everything else without a NUL.

    Raises:
        NoPreview: it is no text.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return Text(_decode(data, encoding, is_complete, "replace"), encoding)
    if b"\0" in data:
        raise NoPreview("This file is not text.")
    try:
        return Text(_decode(data, "utf-8", is_complete, "strict"), "utf-8")
    except UnicodeDecodeError:
        return Text(data.decode("latin-1"), "latin-1")


def _decode(data: bytes, encoding: str, is_complete: bool, errors: str) -> str:
    # A character that is cut at the end of the piece is left out.
    return codecs.getincrementaldecoder(encoding)(errors).decode(data, final=is_complete)
