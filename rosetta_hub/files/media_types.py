"""Media types of files, by their names alone, and which of them a browser may show as they are."""

import mimetypes

BINARY = "application/octet-stream"

# Python's own table; what a machine has in /etc/mime.types would make answers differ.
_TYPES = mimetypes.MimeTypes(filenames=())

# Formats of this field, and of programs.
_MORE = {
    ".avif": "image/avif",
    ".c": "text/plain",
    ".cfg": "text/plain",
    ".conf": "text/plain",
    ".f": "text/plain",
    ".f90": "text/plain",
    ".fit": "image/fits",
    ".fits": "image/fits",
    ".fts": "image/fits",
    ".go": "text/plain",
    ".h": "text/plain",
    ".hpp": "text/plain",
    ".ini": "text/plain",
    ".ipynb": "application/x-ipynb+json",
    ".jl": "text/plain",
    ".json": "application/json",
    ".log": "text/plain",
    ".m": "text/plain",
    ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".r": "text/plain",
    ".rs": "text/plain",
    ".rst": "text/x-rst",
    ".sh": "text/plain",
    ".sql": "text/plain",
    ".tex": "text/x-tex",
    ".toml": "application/toml",
    ".webp": "image/webp",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}

# What a browser shows without executing anything of it. Never HTML, SVG or XML.
HARMLESS = frozenset(
    {
        "application/pdf",
        "audio/mpeg",
        "audio/x-wav",
        "image/avif",
        "image/gif",
        "image/jpeg",
        "image/png",
        "image/webp",
        "text/plain",
        "video/mp4",
        "video/webm",
    }
)


def media_type(name: bytes) -> str:
    """The type that the name's ending tells; `application/octet-stream` where it tells nothing."""
    text = name.decode("utf-8", "replace").lower()
    ending = text[text.rfind(".") :] if "." in text.lstrip(".") else ""
    if ending in _MORE:
        return _MORE[ending]
    # A fixed beginning: the table reads a name as an address.
    guessed, encoding = _TYPES.guess_type(f"file{ending}") if ending.isascii() else (None, None)
    return guessed if guessed and not encoding else BINARY
