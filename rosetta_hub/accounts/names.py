"""Names of local accounts: in any script, but one that is not mistaken for another."""

import re
import unicodedata
from collections.abc import Collection

from rosetta_hub.accounts.errors import NameRefused

MAX_LENGTH = 64

# Names that mean something to the hub, to its address space, or to whoever reads them.
RESERVED = frozenset(
    {
        *("admin", "administrator", "api", "hub", "jupyterhub", "none", "null", "postmaster"),
        *("root", "rosetta", "security", "service", "services", "shared", "support", "system"),
        *("user", "users", "webmaster"),
    }
)

# A letter or digit of any script first and last; in between also marks and . _ -
_NAME = re.compile(r"\w(?:[\w.-]*\w)?", re.UNICODE)
# Scripts that are written together.
_TOGETHER = (
    frozenset({"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}),
    frozenset({"CJK", "HANGUL"}),
    frozenset({"CJK", "BOPOMOFO"}),
)


def normalise_name(name: str) -> str:
    """The name as it is compared: NFKC and lower case, without spaces around."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).strip().lower())


def check_name(name: str, reserved: Collection[str] = ()) -> str:
    """The name as an account gets it; `reserved` are names that may not be taken.

    Letters of two scripts are not mixed, so that no Cyrillic `а` imitates a Latin `a`.

    Raises:
        NameRefused: it can't be the name of an account.
    """
    normal = normalise_name(name)
    if not normal or len(normal) > MAX_LENGTH or not _is_name(normal):
        raise NameRefused(
            f"Choose a name of at most {MAX_LENGTH} letters and digits; dots, hyphens and"
            " underscores may be within it."
        )
    scripts = _scripts(normal)
    if len(scripts) > 1 and not any(scripts <= group for group in _TOGETHER):
        raise NameRefused("Choose a name with the letters of one script.")
    if normal in RESERVED or normal in {normalise_name(other) for other in reserved}:
        raise NameRefused("This name can't be used here. Choose another one.")
    return normal


def suggest_name(address: str) -> str:
    """A name for whoever has the address; the empty text where there is none."""
    local = re.sub(r"[^\w.-]+", "-", address.partition("@")[0]).strip(".-_")
    try:
        return check_name(local)
    except NameRefused:
        return ""


def _is_name(name: str) -> bool:
    # Marks of Indic scripts belong to words; `\w` knows letters and digits alone.
    letters = "".join(
        "x" if unicodedata.category(letter) in ("Mn", "Mc") else letter for letter in name
    )
    return _NAME.fullmatch(letters) is not None and not letters.startswith("_")


def _scripts(name: str) -> frozenset[str]:
    """The scripts of the letters: the first word of each letter's Unicode name says it."""
    letters = (letter for letter in name if unicodedata.category(letter).startswith("L"))
    return frozenset(unicodedata.name(letter, "UNKNOWN").split()[0] for letter in letters)
