"""Headers of answers that hold a user's file: whatever is in it, no browser executes it."""

from urllib.parse import quote

from rosetta_hub.catalogue.storage_paths import display_name
from rosetta_hub.files.media_types import BINARY, HARMLESS, media_type

# An opened file is in an origin of its own, without scripts, forms, plug-ins and connections.
UNTRUSTED_POLICY = "sandbox; default-src 'none'"

UNTRUSTED_HEADERS = {
    "Content-Security-Policy": UNTRUSTED_POLICY,
    "X-Content-Type-Options": "nosniff",
    # No page of another site shows it, or learns its size.
    "Cross-Origin-Resource-Policy": "same-origin",
    # Kept for conditional requests, by the user's browser alone.
    "Cache-Control": "private, no-cache",
}


def content_headers(name: bytes, download: bool) -> dict[str, str]:
    """`Content-Type` and `Content-Disposition` for a file of this name.

    It is shown by the browser only where its type is harmless, and no download was asked for.
    """
    kind = media_type(name)
    harmless = kind in HARMLESS
    disposition = "inline" if harmless and not download else "attachment"
    return {
        "Content-Type": kind if harmless else BINARY,
        "Content-Disposition": content_disposition(disposition, name),
    }


def content_disposition(kind: str, name: bytes) -> str:
    """The header with a file's name: plain ASCII, and the full one (RFC 6266, RFC 8187)."""
    text = display_name(name)
    plain = "".join(letter if _is_plain(letter) else "_" for letter in text)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(text, safe='')}"


def _is_plain(letter: str) -> bool:
    return letter.isascii() and (letter.isalnum() or letter in " ._-+()[]{}=,@~")
