"""Texts of others on a terminal: nothing in them acts, and everything in them is seen."""

from __future__ import annotations

import unicodedata

# Control characters (Cc), invisible ones that change the order of a line (Cf has those of text that
# runs from right to left), line and paragraph separators, and halves of surrogate pairs.
_HARMFUL = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})
# Harmless ones among them: they join letters and emoji.
_KEPT = frozenset("\u200c\u200d")


def clean(text: str, keep: str = "") -> str:
    r"""The text with characters that could act on a terminal written as `\x1b`.

    `keep` are those that are wanted, such as the newlines of a log.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        letter
        if letter in keep or letter in _KEPT or unicodedata.category(letter) not in _HARMFUL
        else _escape(letter)
        for letter in text
    )


def clean_log(text: str) -> str:
    """A piece of a log: lines stay lines, and lines that overwrite themselves become lines."""
    return clean(text.replace("\r\n", "\n").replace("\r", "\n"), keep="\n\t")


def width(text: str) -> int:
    """How many cells of a terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum(_cells(letter) for letter in text)


def fit(text: str, cells: int) -> str:
    """The text in so many cells: filled with blanks, or cut with an ellipsis."""
    total = width(text)
    if total <= cells:
        return text + " " * (cells - total)
    letters, remaining = [], cells - 1
    for letter in text:
        remaining -= _cells(letter)
        if remaining < 0:
            break
        letters.append(letter)
    short = "".join(letters)
    return short + "…" + " " * (cells - 1 - width(short))


def _cells(letter: str) -> int:
    if unicodedata.combining(letter) or letter in _KEPT:
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def _escape(letter: str) -> str:
    code = ord(letter)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
