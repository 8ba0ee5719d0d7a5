"""Pictures of software families: PNG, JPEG, WebP, and SVG without anything that acts or loads."""

import re
from xml.parsers import expat

from rosetta_hub.errors import InvalidOptions

# Bytes, and pixels of a side.
LARGEST_LOGO = 256 << 10
LONGEST_SIDE = 4096

_KINDS = "Use a picture in the format PNG, JPEG, WebP or SVG."
# What pictures are drawn with. Not among them: scripts, links, foreign content, and elements that
# repeat others, with which a small file keeps a browser busy for hours.
_SVG_ELEMENTS = frozenset(
    {
        *("svg", "g", "defs", "title", "desc", "path", "rect", "circle", "ellipse", "line"),
        *("polyline", "polygon", "text", "tspan", "linearGradient", "radialGradient", "stop"),
        *("clipPath", "style"),
    }
)
_SVG = "http://www.w3.org/2000/svg"
# A reference to something outside of the file, in a style or an attribute.
_OUTSIDE = re.compile(r"url\(\s*['\"]?(?!#)|@import|\\", re.IGNORECASE)
# JPEG (ITU T.81, table B.1): frames, which have the size; not tables (C4, CC) and extensions (C8).
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})


def check_logo(content: bytes) -> str:
    """The media type of a picture, found in its content.

    Raises:
        InvalidOptions: it is too large, of another format, or an SVG file that does more than show.
    """
    if len(content) > LARGEST_LOGO:
        raise InvalidOptions(
            f"The picture is larger than {LARGEST_LOGO >> 10} KiB. Use a smaller one."
        )
    try:
        kind, size = _raster_size(content)
    except (IndexError, ValueError) as error:
        raise InvalidOptions(f"The picture is damaged. {_KINDS}") from error
    if size is None:
        _check_svg(content)
        return "image/svg+xml"
    if not 0 < max(size) <= LONGEST_SIDE or min(size) < 1:
        raise InvalidOptions(
            f"The picture has {size[0]} by {size[1]} pixels. Use one of at most {LONGEST_SIDE}."
        )
    return f"image/{kind}"


def _raster_size(content: bytes) -> tuple[str, tuple[int, int] | None]:
    """Format, width and height; no size where it is none of these formats."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png", (_big(content[16:20]), _big(content[20:24]))
    if content.startswith(b"\xff\xd8\xff"):
        return "jpeg", _jpeg_size(content)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp", _webp_size(content)
    return "svg", None


def _jpeg_size(content: bytes) -> tuple[int, int]:
    position = 2
    while True:
        if content[position] != 0xFF:
            raise ValueError("no marker")
        marker, length = content[position + 1], _big(content[position + 2 : position + 4])
        if marker in _FRAMES:
            at = position + 5
            return _big(content[at + 2 : at + 4]), _big(content[at : at + 2])
        if length < 2:
            raise ValueError("no segment")
        position += 2 + length


def _webp_size(content: bytes) -> tuple[int, int]:
    """The size in the first chunk (RFC 9649, sections 2.5 to 2.7)."""
    chunk, data = content[12:16], content[20:30]
    if len(data) < 10:
        raise ValueError("no header")
    if chunk == b"VP8X":
        return _little(data[4:7]) + 1, _little(data[7:10]) + 1
    if chunk == b"VP8L":
        bits = _little(data[1:5])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        return _little(data[6:8]) & 0x3FFF, _little(data[8:10]) & 0x3FFF
    raise ValueError("no known chunk")


def _big(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")


class _Refused(Exception):
    """What an SVG file must not have, in words."""


def _check_svg(content: bytes) -> None:
    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.ProcessingInstructionHandler = _refuse_instruction
    parser.StartElementHandler = _check_element
    parser.CharacterDataHandler = _check_text
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise InvalidOptions(f"This is no picture. {_KINDS}") from error
    except _Refused as error:
        raise InvalidOptions(
            f"The SVG file has {error}, which a logo must not have. Save it as plain SVG without"
            " that, or as PNG."
        ) from error


def _refuse_doctype(*_: object) -> None:
    raise _Refused("a DOCTYPE")


def _refuse_instruction(*_: object) -> None:
    raise _Refused("a processing instruction")


def _check_element(name: str, attributes: dict[str, str]) -> None:
    namespace, _, element = name.rpartition(" ")
    if namespace != _SVG or element not in _SVG_ELEMENTS:
        raise _Refused(f"an element {element[:40]!r}")
    for key, value in attributes.items():
        attribute = key.rpartition(" ")[2].lower()
        is_link = attribute == "href" and not value.startswith("#")
        if attribute.startswith("on") or is_link or _OUTSIDE.search(value):
            raise _Refused(f"an attribute {attribute[:40]!r} that acts or loads something")


def _check_text(text: str) -> None:
    if _OUTSIDE.search(text):
        raise _Refused("a style that loads something")
