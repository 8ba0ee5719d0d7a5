"""Paths and names of files: any bytes inside, harmless text outside."""

import pytest

from rosetta_hub.catalogue.storage_paths import check_path, decode_path, display_name, encode_path
from rosetta_hub.errors import FilesError
from rosetta_hub.files.media_types import HARMLESS, media_type
from rosetta_hub.web.file_headers import content_disposition, content_headers

# What users, programs and attackers call files.
NAMES = [
    b"plain.txt",
    b"with space",
    "caf\u00e9".encode(),
    b"caf\xe9",
    b"\xff\xfe",
    b"two\nlines",
    b"carriage\rreturn",
    b"tab\t",
    b'quo"te',
    b"apos'trophe",
    b"back\\slash",
    b"-rf",
    b"--help",
    b"__proto__",
    b"constructor",
    b"%2e%2e",
    b"%252e",
    b"..hidden",
    b"...",
    b"a;b=c",
    b"a?b#c&d",
    b"*",
    b"~",
    b"x" * 255,
    "\u202egpj.exe".encode(),
    "\U0001f680".encode(),
]


@pytest.mark.parametrize("name", NAMES)
def test_each_name_survives_the_way_through_an_address(name: bytes) -> None:
    path = b"folder/" + name
    encoded = encode_path(path)
    assert encoded.isascii()
    assert not set(encoded) & set(" \"'\\\r\n\t?#&;<>")
    assert decode_path(encoded) == path


@pytest.mark.parametrize("name", NAMES)
def test_each_name_can_be_shown(name: bytes) -> None:
    text = display_name(name)
    text.encode("utf-8")
    assert text.isprintable() or "\u202e" not in text
    assert not set(text) & set("\r\n\t\0\u202e")


def test_what_is_not_text_is_shown_by_its_number() -> None:
    assert display_name(b"caf\xe9") == "caf\\xe9"
    assert display_name(b"a\nb") == "a\\x0ab"
    assert display_name("\u202egpj.exe".encode()) == "\\x202egpj.exe"


@pytest.mark.parametrize(
    "path",
    [
        b"/etc/passwd",
        b"//etc",
        b"..",
        b"../x",
        b"a/../../x",
        b"a/..",
        b"./a",
        b"a//b",
        b"/",
        b"a\0b",
        b"a/\0",
        b"x" * 256,
        b"a/" * 2048 + b"a",
    ],
)
def test_what_is_no_path_below_the_root(path: bytes) -> None:
    with pytest.raises(FilesError) as refused:
        check_path(path)
    assert refused.value.status == 400
    with pytest.raises(FilesError):
        decode_path(encode_path(path))


def test_a_slash_at_the_end_is_a_folder() -> None:
    assert check_path(b"a/b/") == b"a/b"
    assert check_path(b"") == b""


def test_an_encoded_path_is_decoded_once() -> None:
    assert decode_path("%252e%252e/x") == b"%2e%2e/x"
    with pytest.raises(FilesError):
        decode_path("%2e%2e/x")
    with pytest.raises(FilesError):
        decode_path("a/%2e%2e%2fx")


@pytest.mark.parametrize("text", ["\ud800", "a/\udfff"])
def test_half_a_character_is_no_path(text: str) -> None:
    with pytest.raises(FilesError):
        decode_path(text)


# --- headers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_no_name_adds_a_header(name: bytes) -> None:
    value = content_disposition("attachment", name)
    assert value.isascii()
    assert value.isprintable()
    # One text in quotes, none inside of it.
    assert value.count('"') == 2
    assert "\\" not in value
    assert value.count(";") == 2


def test_the_full_name_is_in_the_header() -> None:
    value = content_disposition("inline", "caf\u00e9 \u00fc.txt".encode())
    assert value == "inline; filename=\"caf_ _.txt\"; filename*=UTF-8''caf%C3%A9%20%C3%BC.txt"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (b"a.txt", "text/plain"),
        (b"a.TXT", "text/plain"),
        (b"a.png", "image/png"),
        (b"a.csv", "text/csv"),
        (b"a.fits", "image/fits"),
        (b"a.ipynb", "application/x-ipynb+json"),
        (b"a.html", "text/html"),
        (b"a.svg", "image/svg+xml"),
        (b"a.tar.gz", "application/octet-stream"),
        (b".bashrc", "application/octet-stream"),
        (b"a", "application/octet-stream"),
        (b"a.\xff", "application/octet-stream"),
        (b"data:text/html,x", "application/octet-stream"),
    ],
)
def test_the_type_is_the_endings(name: bytes, kind: str) -> None:
    assert media_type(name) == kind


@pytest.mark.parametrize(
    "name", [b"a.html", b"a.htm", b"a.xhtml", b"a.svg", b"a.xml", b"a.js", b"a.swf", b"a.mht", b"a"]
)
def test_what_a_browser_might_execute_is_downloaded(name: bytes) -> None:
    headers = content_headers(name, download=False)
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Content-Disposition"].startswith("attachment;")


def test_harmless_types_are_shown_unless_a_download_is_asked_for() -> None:
    assert content_headers(b"a.png", False)["Content-Disposition"].startswith("inline;")
    assert content_headers(b"a.png", True)["Content-Disposition"].startswith("attachment;")
    assert not {kind for kind in HARMLESS if "html" in kind or "xml" in kind or "script" in kind}
