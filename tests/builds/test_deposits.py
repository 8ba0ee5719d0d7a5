"""Records with a DOI. The hosts' answers are recorded ones, shortened, behind a server of ours."""

import io
import json
import stat
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pytest

from rosetta_hub.builds import deposit_files
from rosetta_hub.builds.checkout import check_out
from rosetta_hub.builds.errors import CheckoutRefused, SourceRefused
from rosetta_hub.builds.links import parse_link
from rosetta_hub.builds.source import RepositorySource, resolve
from rosetta_hub.builds.source_settings import SourceSettings
from tests.support.git_server import Answer, GitServer

RESOURCE = "8f7c2f0341ef4180b0dbe97f59130756"
KINDS = ("zenodo", "figshare", "dataverse", "hydroshare")


@pytest.fixture
def settings(git_server: GitServer) -> SourceSettings:
    """One server is all hosts of records."""
    providers = {
        kind: {"kind": kind, "name": kind.title(), "url": git_server.url} for kind in KINDS
    }
    return SourceSettings.model_validate({**git_server.settings(), "providers": providers})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    return folder


def answer(server: GitServer, path: str, document: Any) -> None:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    server.answers[path] = Answer(200, body.replace(b"{url}", server.url.encode()))


def zenodo(server: GitServer, files: Mapping[str, bytes]) -> None:
    """https://zenodo.org/api/records/3242074, where all versions are 3242073."""
    record = {"id": 3242074, "links": {"files": "{url}/api/records/3242074/files"}}
    answer(server, "/api/records/3242074", record)
    target = f"{server.url}/api/records/3242074"
    server.answers["/api/records/3242073"] = Answer(302, headers={"Location": target})
    entries = [
        {"key": name, "links": {"content": f"{{url}}/files/{number}"}}
        for number, name in enumerate(files)
    ]
    answer(server, "/api/records/3242074/files", {"entries": entries})
    for number, data in enumerate(files.values()):
        server.answers[f"/files/{number}"] = Answer(200, data)


def figshare(server: GitServer) -> None:
    """https://api.figshare.com/v2/articles/9782777."""
    answer(server, "/v2/articles/9782777", {"id": 9782777, "version": 3})
    files = [
        {"name": "a.txt", "download_url": "{url}/files/1", "is_link_only": False},
        {"name": "far.txt", "download_url": "{url}/files/2", "is_link_only": True},
    ]
    for version in (1, 3):
        answer(server, f"/v2/articles/9782777/versions/{version}", {"files": files})
    answer(server, "/files/1", b"A")


def dataverse(server: GitServer) -> None:
    """https://dataverse.harvard.edu, the dataset doi:10.7910/DVN/TJCLKP."""
    handle = {
        "values": [
            {"type": "HS_ADMIN", "data": {"value": {"handle": "x"}}},
            {"type": "URL", "data": {"value": "{url}/citation?persistentId=doi:10.7910/DVN/T"}},
        ]
    }
    answer(server, "/api/handles/10.7910/DVN/TJCLKP", handle)
    latest = {"versionNumber": 4, "versionMinorNumber": 1}
    dataset = {"status": "OK", "data": {"id": 3040230, "latestVersion": latest}}
    answer(server, "/api/datasets/:persistentId?persistentId=doi:10.7910/DVN/TJCLKP", dataset)
    files = [
        {"label": "a.txt", "directoryLabel": "sub", "dataFile": {"id": 1}},
        {"label": "t.tab", "dataFile": {"id": 2, "originalFileName": "t.csv"}},
    ]
    answer(server, "/api/datasets/3040230/versions/4.1/files", {"data": files})
    answer(server, "/api/access/datafile/1", b"A")
    answer(server, "/api/access/datafile/2?format=original", b"1,2")


def hydroshare(server: GitServer) -> None:
    """https://www.hydroshare.org/hsapi/resource/…."""
    dates = [
        {"type": "created", "start_date": "2019-01-01T00:00:00Z"},
        {"type": "modified", "start_date": "2019-09-25T16:09:17.006152Z"},
    ]
    answer(server, f"/hsapi/resource/{RESOURCE}/scimeta/elements", {"dates": dates})
    base = f"{{url}}/resource/{RESOURCE}/data/contents"
    pages = [
        {"results": [{"url": f"{base}/a.txt"}], "next": "{url}/more"},
        {"results": [{"url": f"{base}/sub/b.txt"}], "next": None},
    ]
    answer(server, f"/hsapi/resource/{RESOURCE}/files/", pages[0])
    answer(server, "/more", pages[1])
    answer(server, f"/resource/{RESOURCE}/data/contents/a.txt", b"A")
    answer(server, f"/resource/{RESOURCE}/data/contents/sub/b.txt", b"B")


async def fetch(
    provider: str, spec: str, folder: Path, settings: SourceSettings
) -> tuple[RepositorySource, dict[str, str]]:
    source = await resolve(parse_link(provider, spec), settings)
    await check_out(source, folder, settings)
    return source, contents(folder)


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


# --- the hosts -----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["3242074", "3242073"])
async def test_zenodo(
    git_server: GitServer, settings: SourceSettings, folder: Path, number: str
) -> None:
    """The DOI of a version, and that of all versions."""
    zenodo(git_server, {"a.txt": b"A", "sub/b.txt": b"B"})
    source, files = await fetch("zenodo", f"10.5281/zenodo.{number}", folder, settings)
    assert (source.commit, source.is_record, source.ref) == ("3242074", True, "")
    assert files == {"a.txt": "A", "sub/b.txt": "B"}


@pytest.mark.parametrize(("suffix", "version"), [(".v1", "1"), ("", "3")])
async def test_figshare(
    git_server: GitServer, settings: SourceSettings, folder: Path, suffix: str, version: str
) -> None:
    figshare(git_server)
    spec = f"10.6084/m9.figshare.9782777{suffix}"
    source, files = await fetch("figshare", spec, folder, settings)
    assert source.commit == f"9782777.v{version}"
    assert files == {"a.txt": "A"}


async def test_dataverse(git_server: GitServer, settings: SourceSettings, folder: Path) -> None:
    dataverse(git_server)
    source, files = await fetch("dataverse", "10.7910/DVN/TJCLKP", folder, settings)
    assert source.commit == "3040230.v4.1"
    assert files == {"sub/a.txt": "A", "t.csv": "1,2"}


async def test_hydroshare(git_server: GitServer, settings: SourceSettings, folder: Path) -> None:
    hydroshare(git_server)
    source, files = await fetch("hydroshare", RESOURCE, folder, settings)
    assert source.commit == f"{RESOURCE}.v20190925160917"
    assert files == {"a.txt": "A", "sub/b.txt": "B"}


# --- records that are not there, or not what they should be --------------------------------------

WRONG: dict[str, tuple[str, str, str]] = {
    "a missing record": ("zenodo", "10.5281/zenodo.1", "answers 404"),
    "a DOI of somebody else": ("zenodo", "10.1000/182", "is not a DOI of Zenodo"),
    "an article of an institute": ("figshare", "10.1000/182", "is not a DOI of Figshare"),
    "an unknown DOI": ("dataverse", "10.7910/DVN/X", "answers 404"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_records_that_are_not_there(settings: SourceSettings, name: str) -> None:
    provider, spec, message = WRONG[name]
    with pytest.raises(SourceRefused, match=message):
        await resolve(parse_link(provider, spec), settings)


DOCUMENTS = [b"<html>", b"[]", b"{}", b"null", b'"x"', b"[" * 100_000, b'{"id": {}}']


@pytest.mark.parametrize("document", DOCUMENTS, ids=[repr(d[:12]) for d in DOCUMENTS])
async def test_documents_that_are_no_records(
    git_server: GitServer, settings: SourceSettings, folder: Path, document: bytes
) -> None:
    for path in (
        *("/api/records/1", "/api/handles/10.1/x", "/api/records/%7B%7D"),
        f"/hsapi/resource/{RESOURCE}/scimeta/elements",
    ):
        answer(git_server, path, document)
    for provider, spec in (
        *(("zenodo", "10.5281/zenodo.1"), ("dataverse", "10.1000/x")),
        ("hydroshare", RESOURCE),
    ):
        with pytest.raises(SourceRefused):
            await fetch(provider, spec, folder, settings)


async def test_a_doi_that_leads_into_the_private_network(
    git_server: GitServer, settings: SourceSettings
) -> None:
    value = {"type": "URL", "data": {"value": "https://10.1.2.3/dataset"}}
    answer(git_server, "/api/handles/10.7910/DVN/TJCLKP", {"values": [value]})
    with pytest.raises(SourceRefused, match="not on the public internet"):
        await resolve(parse_link("dataverse", "10.7910/DVN/TJCLKP"), settings)


async def test_files_in_the_private_network(
    git_server: GitServer, settings: SourceSettings, folder: Path
) -> None:
    zenodo(git_server, {})
    links = {"content": "https://169.254.169.254/latest/meta-data"}
    answer(git_server, "/api/records/3242074/files", {"entries": [{"key": "a", "links": links}]})
    with pytest.raises(CheckoutRefused, match="not on the public internet"):
        await fetch("zenodo", "10.5281/zenodo.3242074", folder, settings)


NAMES = ["../a", "/etc/a", "a/../../b", "", "a\\b", "a\0b"]


@pytest.mark.parametrize("name", NAMES)
async def test_names_that_lead_out(
    git_server: GitServer, settings: SourceSettings, folder: Path, name: str
) -> None:
    zenodo(git_server, {name: b"A"})
    with pytest.raises(CheckoutRefused, match="name is no path"):
        await fetch("zenodo", "10.5281/zenodo.3242074", folder, settings)
    assert contents(folder.parent / "checkout") == {}


async def test_two_files_of_one_name(
    git_server: GitServer, settings: SourceSettings, folder: Path
) -> None:
    zenodo(git_server, {"a": b"A", "./a": b"B"})
    with pytest.raises(CheckoutRefused, match="can't be written"):
        await fetch("zenodo", "10.5281/zenodo.3242074", folder, settings)


# --- a single archive ----------------------------------------------------------------------------


def archive(files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> bytes:
    data = io.BytesIO()
    with ZipFile(data, "w", ZIP_DEFLATED) as target:
        for name, content in files.items():
            info = ZipInfo(name)
            info.external_attr = (0o755 if content.startswith(b"#!") else 0o644) << 16
            target.writestr(info, content, ZIP_DEFLATED)
        for name, link in (links or {}).items():
            info = ZipInfo(name)
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            target.writestr(info, link)
    return data.getvalue()


async def test_a_single_archive_is_unpacked(
    git_server: GitServer, settings: SourceSettings, folder: Path
) -> None:
    files = {"org-repo-1a2b/a.txt": b"A", "org-repo-1a2b/bin/run": b"#!/bin/sh\n"}
    zenodo(git_server, {"repo.zip": archive(files, {"org-repo-1a2b/link": "/etc/passwd"})})
    source = await resolve(parse_link("zenodo", "10.5281/zenodo.3242074"), settings)
    result = await check_out(source, folder, settings)
    assert contents(folder) == {"a.txt": "A", "bin/run": "#!/bin/sh\n"}
    assert (folder / "bin/run").stat().st_mode & 0o111
    assert result.notes == ("The archive's 1 symbolic links are left out.",)


async def test_an_archive_beside_other_files_stays_as_it_is(
    git_server: GitServer, settings: SourceSettings, folder: Path
) -> None:
    zenodo(git_server, {"data.zip": b"PK", "requirements.txt": b"numpy"})
    _, files = await fetch("zenodo", "10.5281/zenodo.3242074", folder, settings)
    assert files == {"data.zip": "PK", "requirements.txt": "numpy"}


def broken_stream() -> bytes:
    """An archive whose compressed data are no such data."""
    data = bytearray(archive({"a": b"A" * 1000}))
    # Behind the local header, of 30 bytes, and the name.
    data[31:36] = b"\xff" * 5
    return bytes(data)


def long_list(count: int) -> bytes:
    """An archive that is a list of files alone, and as long as its reader has memory for it."""
    numbers = (20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
    entry = struct.pack("<4sHHHHHHLLLHHHHHLL", b"PK\1\2", *numbers) + b"a"
    end = (0, 0, count & 0xFFFF, count & 0xFFFF, len(entry) * count, 0, 0)
    return entry * count + struct.pack("<4sHHHHLLH", b"PK\5\6", *end)


async def test_a_list_of_files_that_fills_memory(
    git_server: GitServer,
    settings: SourceSettings,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The service itself does not read it, and its child has no more memory than it is given."""
    monkeypatch.setattr(deposit_files, "UNPACK_MEMORY", 64 << 20)
    zenodo(git_server, {"repo.zip": long_list(200_000)})
    lenient = SourceSettings.model_validate({**settings.model_dump(), "clone_files": 1_000_000})
    with pytest.raises(CheckoutRefused, match="more than 1,000,000 files"):
        await fetch("zenodo", "10.5281/zenodo.3242074", folder, lenient)


ARCHIVES: dict[str, tuple[bytes, str]] = {
    "a path that leads up": (archive({"../../evil": b"x"}), "name is no path"),
    "an absolute path": (archive({"/tmp/evil": b"x"}), "name is no path"),
    "a bomb": (archive({"zeros": bytes(40 << 20)}), "more than 8 MB"),
    "many files": (archive({f"{number}": b"" for number in range(300)}), "more than 200 files"),
    "damage": (archive({"a": b"A" * 100})[:-30], "can't be unpacked"),
    "a file below a file": (archive({"a": b"x", "a/b": b"y"}), "can't be unpacked"),
    "its own name": (archive({"repo.zip": b"x"}), "its own name"),
    "a stream that is none": (broken_stream(), "can't be unpacked"),
    "its directory's name": (archive({"a/a": b"x"}), ""),
}


@pytest.mark.parametrize("name", ARCHIVES)
async def test_hostile_archives(
    git_server: GitServer, settings: SourceSettings, folder: Path, name: str
) -> None:
    data, message = ARCHIVES[name]
    small = SourceSettings.model_validate(
        {**settings.model_dump(), "clone_size": "8M", "clone_files": 200}
    )
    zenodo(git_server, {"repo.zip": data})
    if not message:
        _, files = await fetch("zenodo", "10.5281/zenodo.3242074", folder, small)
        assert files == {"a": "x"}
        return
    with pytest.raises(CheckoutRefused, match=message):
        await fetch("zenodo", "10.5281/zenodo.3242074", folder, small)
    assert list(folder.parent.rglob("evil")) == []
