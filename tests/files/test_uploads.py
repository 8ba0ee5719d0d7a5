"""Headers and names of uploads (tus 1.0.0)."""

import base64
import hashlib

import pytest

from rosetta_hub.catalogue.storage_paths import encode_path
from rosetta_hub.errors import FilesError
from rosetta_hub.files.uploads import (
    Upload,
    parse_checksum,
    parse_length,
    parse_metadata,
    protocol_headers,
)

from .test_paths import NAMES


def metadata(**values: str) -> str:
    """`Upload-Metadata` as clients send it."""
    return ",".join(
        f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items()
    )


@pytest.mark.parametrize("name", NAMES)
def test_all_of_an_upload_is_in_its_name(name: bytes) -> None:
    result = metadata(path=encode_path(b"a/" + name), modified="1700000000.25", conflict="rename")
    upload = Upload.from_headers("12", result)
    assert (upload.path, upload.length, upload.conflict) == (b"a/" + name, 12, "rename")
    assert upload.mtime_ns == 1_700_000_000_250_000_000
    assert upload.name.replace("-", "").replace("_", "").isalnum()
    assert Upload.from_name(upload.name) == upload


def test_two_uploads_of_one_name_are_two() -> None:
    result = metadata(path="x")
    assert Upload.from_headers("1", result).id != Upload.from_headers("1", result).id


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"filename": "x"},
        {"path": ""},
        {"path": "/etc/passwd"},
        {"path": "../x"},
        {"path": "%2e%2e/x"},
        {"path": "x", "conflict": "skip"},
        {"path": "x", "modified": "yesterday"},
        {"path": "x", "modified": "NaN"},
        {"path": "x", "modified": "-1"},
        {"path": "x", "modified": "1e30"},
    ],
)
def test_metadata_that_does_not_fit(values: dict[str, str]) -> None:
    with pytest.raises(FilesError) as refused:
        Upload.from_headers("1", metadata(**values))
    assert refused.value.status == 400


@pytest.mark.parametrize("header", ["path", "path eA==, b ===", "path \u00fc", "path x"])
def test_metadata_that_is_none(header: str) -> None:
    with pytest.raises(FilesError):
        Upload.from_headers("1", header)


def test_a_key_without_a_value() -> None:
    assert parse_metadata("path eA==,empty") == {"path": b"x", "empty": b""}


@pytest.mark.parametrize("header", [None, "", "-1", "1.5", "0x10", "9" * 19, "9" * 5000, "\u0661"])
def test_lengths_that_are_none(header: str | None) -> None:
    with pytest.raises(FilesError):
        parse_length(header)


def name_of(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x",
        "!!",
        name_of("{}"),
        name_of("[1,2]"),
        name_of("[" * 5000),
        name_of('["0123456789abcdef",1,null,"fail","../x"]'),
        name_of('["0123456789abcdef",1,null,"fail",""]'),
        name_of('["../../etc/passwd",1,null,"fail","x"]'),
        name_of('["0123456789abcdef",-1,null,"fail","x"]'),
        name_of('["0123456789abcdef",true,null,"fail","x"]'),
        name_of('["0123456789abcdef",1,"1","fail","x"]'),
        name_of('["0123456789abcdef",1,null,"skip","x"]'),
        name_of('["0123456789abcdef",1,null,["fail"],"x"]'),
        name_of('["0123456789abcdef",1,null,"fail",7]'),
        name_of('[7,1,null,"fail","x"]'),
    ],
)
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(FilesError):
        Upload.from_name(name)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512", "md5"])
def test_checksums(algorithm: str) -> None:
    digest = hashlib.new(algorithm, b"hello").digest()
    checksum = parse_checksum(f"{algorithm} {base64.b64encode(digest).decode()}")
    assert checksum is not None
    result = checksum.new_hash()
    result.update(b"hel")
    result.update(b"lo")
    assert checksum.matches(result)
    result.update(b"!")
    assert not checksum.matches(result)


@pytest.mark.parametrize("header", ["sha1", "crc32 eA==", "sha1 ===", "sha1 x y"])
def test_checksums_that_are_none(header: str) -> None:
    assert parse_checksum("") is None
    if header == "sha1":
        checksum = parse_checksum(header)
        assert checksum is not None
        assert not checksum.matches(checksum.new_hash())
    else:
        with pytest.raises(FilesError):
            parse_checksum(header)


def test_what_is_offered() -> None:
    headers = protocol_headers()
    assert headers["Tus-Version"] == "1.0.0"
    offered = "creation,creation-with-upload,termination,expiration,checksum"
    assert headers["Tus-Extension"] == offered
    assert headers["Tus-Checksum-Algorithm"].startswith("sha1,")
