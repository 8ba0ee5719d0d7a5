"""Headers of a FITS file, read in blocks of 2,880 bytes wherever the file is (FITS standard 4.0).

Data is skipped, not read: the headers of a file of any size cost a few range reads.
"""

import math
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from rosetta_hub.files.preview.errors import NoPreview

BLOCK = 2880
CARD = 80
# Of one file; what is beyond is not shown.
MAX_HDUS = 300
MAX_CARDS = 20_000
# Blocks of one header, and of one read.
MAX_BLOCKS = 500
READ_BLOCKS = 4

# Reads so many bytes from an offset, fewer at the end of the file only.
ReadRange = Callable[[int, int], Awaitable[bytes]]
Value = str | int | float | bool | None

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([EeDd][+-]?\d+)?")
_INTEGER = re.compile(r"[+-]?\d{1,19}")
_STRING = re.compile(r"'((?:[^']|'')*)'\s*(?:/(.*))?")


@dataclass(frozen=True)
class Card:
    """A line of a header."""

    keyword: str
    value: Value
    comment: str


@dataclass(frozen=True)
class Hdu:
    """A header, and where its data is, in bytes."""

    index: int
    cards: tuple[Card, ...]
    offset: int
    data_offset: int
    data_bytes: int

    def value(self, keyword: str) -> Value:
        """The value of the first card of this keyword."""
        return next((card.value for card in self.cards if card.keyword == keyword), None)

    def integer(self, keyword: str, default: int = 0) -> int:
        """The value as a whole number that is not negative; the default where it is none."""
        value = self.value(keyword)
        return value if type(value) is int and value >= 0 else default

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes, the fastest first; of a compressed image those of the image."""
        prefix = "Z" if self.is_compressed else ""
        axes = min(self.integer(f"{prefix}NAXIS"), 999)
        return tuple(self.integer(f"{prefix}NAXIS{number}") for number in range(1, axes + 1))

    @property
    def is_compressed(self) -> bool:
        """Whether it is a table that holds a compressed image."""
        return self.value("ZIMAGE") is True

    @property
    def is_image(self) -> bool:
        """Whether it has two axes or more that can be shown."""
        kind = self.value("XTENSION")
        image = self.is_compressed or kind == "IMAGE" or (self.index == 0 and kind is None)
        shape = self.shape
        return image and len(shape) >= 2 and math.prod(shape) > 0

    @property
    def kind(self) -> str:
        """`IMAGE`, `BINTABLE`, `TABLE` or what else the header says."""
        return "IMAGE" if self.is_compressed else str(self.value("XTENSION") or "IMAGE")

    @property
    def end(self) -> int:
        """Where the next header begins."""
        return self.data_offset + -(-self.data_bytes // BLOCK) * BLOCK


@dataclass(frozen=True)
class FitsHeaders:
    """All headers; or the first ones, where there are too many or the file is damaged."""

    hdus: list[Hdu]
    is_truncated: bool


async def read_headers(read: ReadRange, size: int, count: int = MAX_HDUS) -> FitsHeaders:
    """The headers of a file of `size` bytes, at most `count`.

    Raises:
        NoPreview: it is no FITS file.
    """
    hdus, offset, cards = list[Hdu](), 0, 0
    is_sound = True
    while is_sound and offset < size and len(hdus) < count and cards < MAX_CARDS:
        header = await _read_header(read, offset)
        if is_sound := bool(header):
            hdu = _parse_hdu(header, len(hdus), offset)
            hdus.append(hdu)
            cards, offset = cards + len(hdu.cards), hdu.end
    if not hdus:
        raise NoPreview("This is not a FITS file.")
    return FitsHeaders(hdus, offset < size)


async def _read_header(read: ReadRange, offset: int) -> bytes:
    """All blocks of a header; nothing where there is none."""
    header = b""
    while len(header) < MAX_BLOCKS * BLOCK:
        piece = await read(offset + len(header), READ_BLOCKS * BLOCK)
        if not header and not piece.startswith((b"SIMPLE  =", b"XTENSION=")):
            return b""
        header += piece
        for position in range(0, len(header) - CARD + 1, CARD):
            if header[position : position + 8] == b"END     ":
                return header[: -(-(position + CARD) // BLOCK) * BLOCK]
        if len(piece) < READ_BLOCKS * BLOCK:
            return b""
    return b""


def _parse_hdu(header: bytes, index: int, offset: int) -> Hdu:
    lines = [header[start : start + CARD] for start in range(0, len(header), CARD)]
    cards = list[Card]()
    for line in lines:
        card = parse_card(line)
        if card.keyword == "END":
            break
        previous = cards[-1] if cards else None
        if card.keyword == "CONTINUE" and previous and str(previous.value).endswith("&"):
            # A long string goes on (section 4.2.1.2).
            text = str(previous.value)[:-1] + str(card.value or "")
            cards[-1] = Card(previous.keyword, text, (previous.comment + card.comment).strip())
        elif card.keyword or card.comment:
            cards.append(card)
    hdu = Hdu(index, tuple(cards), offset, offset + len(header), 0)
    return Hdu(index, hdu.cards, offset, hdu.data_offset, _data_bytes(hdu))


def _data_bytes(hdu: Hdu) -> int:
    """Size of the data (sections 4.4.1.1, 6 and 7.1.1)."""
    axes = min(hdu.integer("NAXIS"), 999)
    lengths = [hdu.integer(f"NAXIS{number}") for number in range(1, axes + 1)]
    if not lengths:
        return 0
    if lengths[0] == 0 and hdu.value("GROUPS") is True:
        # Random groups.
        lengths = lengths[1:]
    bitpix = hdu.value("BITPIX")
    width = abs(bitpix) // 8 if type(bitpix) is int else 1
    elements = hdu.integer("PCOUNT") + math.prod(lengths)
    return min(width * hdu.integer("GCOUNT", 1) * elements, 1 << 62)


def parse_card(line: bytes) -> Card:
    """One line of 80 bytes; what is not ASCII is replaced."""
    text = line.decode("ascii", "replace")
    keyword, rest = text[:8].rstrip(), text[8:]
    if keyword == "HIERARCH" and "=" in rest:
        name, _, rest = rest.partition("=")
        return _card_with_value(name.strip(), rest)
    if keyword == "CONTINUE":
        return _card_with_value(keyword, rest)
    if not rest.startswith("= "):
        return Card(keyword, None, rest.strip())
    return _card_with_value(keyword, rest[2:])


def _card_with_value(keyword: str, text: str) -> Card:
    text = text.strip()
    if match := _STRING.match(text):
        return Card(keyword, match[1].replace("''", "'").rstrip(), (match[2] or "").strip())
    value, _, comment = text.partition("/")
    return Card(keyword, _parse_value(value.strip()), comment.strip())


def _parse_value(text: str) -> Value:
    if text in ("T", "F"):
        return text == "T"
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        number = float(text.upper().replace("D", "E"))
        return number if math.isfinite(number) else text
    return text or None


def header_view(hdu: Hdu) -> dict[str, Any]:
    """A header as the API shows it."""
    name = hdu.value("EXTNAME")
    return {
        "index": hdu.index,
        "name": name if isinstance(name, str) else "",
        "kind": hdu.kind,
        "shape": list(hdu.shape),
        "bitpix": hdu.value("ZBITPIX") if hdu.is_compressed else hdu.value("BITPIX"),
        "data_bytes": hdu.data_bytes,
        "is_image": hdu.is_image,
        "cards": [[card.keyword, card.value, card.comment] for card in hdu.cards],
    }
