"""Storages, lists, folders, renaming, removing, and who may do it."""

import itertools
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from rosetta_hub.catalogue.storage_paths import encode_path
from tests.files.test_paths import NAMES

from .conftest import Site, file_path

# Each route of the API with a method that it has.
ROUTES = [
    ("GET", ""),
    ("GET", "home"),
    ("GET", "home/list/"),
    ("GET", "home/entry/x"),
    ("GET", "home/file/x"),
    ("HEAD", "home/file/x"),
    ("PUT", "home/file/x"),
    ("POST", "home/folder/x"),
    ("POST", "home/rename"),
    ("POST", "home/remove"),
    ("POST", "home/mode"),
    ("OPTIONS", "home/uploads"),
    ("POST", "home/uploads"),
    ("HEAD", "home/uploads/eA"),
    ("PATCH", "home/uploads/eA"),
    ("DELETE", "home/uploads/eA"),
    ("POST", "home/uploads/eA"),
    ("POST", "home/archive"),
    ("GET", "home/archive/x"),
    ("GET", "home/preview/x"),
]


# --- who may ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_nobody_without_the_right_token(site: Site, method: str, path: str) -> None:
    (site.home / "x").write_text("secret of alice")
    address = path if path else "/services/rosetta/api/v1/storages"
    for token in ("", "wrong", "reads", "one-server", "service"):
        response = await site.fetch(method, address, token=token)
        assert response.code == 403, token
        assert b"secret" not in response.body
    # Whoever has the token gets another answer.
    assert (await site.fetch(method, address)).code != 403


@pytest.mark.parametrize("token", ["bob", "shared", "admin"])
async def test_files_are_the_principals_own(site: Site, token: str) -> None:
    (site.home / "x").write_text("secret of alice")
    (site.folder / "a" / "y").write_text("secret of alice")
    response = await site.fetch("GET", "home/file/x", token=token)
    assert response.code == 404
    for path in ("alices", "alices/list/", "alices/file/y", "alices/preview/y", "nothing"):
        status, answer = await site.call("GET", path, token=token)
        assert status == 404
        assert "no such storage" in answer["detail"]
    for method, path in ROUTES:
        if path:
            address = path.replace("home", "alices")
            assert (await site.fetch(method, address, token=token)).code == 404, address
    status, _ = await site.call("POST", "alices/remove", {"paths": ["y"]}, token=token)
    assert status == 404
    assert (site.folder / "a" / "y").exists()


PATH_TRICKS = [
    "../alice/x",
    "%2e%2e/alice/x",
    "..%2falice%2fx",
    "%2e%2e%2falice%2fx",
    "a/../../alice/x",
    "./../alice/x",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "%00",
    "x%00.txt",
    "..\\alice\\x",
    "..%5calice%5cx",
    "%252e%252e/alice/x",
    "%252e%252e%252falice%252fx",
    "..%c0%afalice/x",
    "%c0%ae%c0%ae/alice/x",
    "link/x",
    "absolute/x",
    "file:///etc/passwd",
    ";/../alice/x",
    "....//alice/x",
]


async def test_no_path_leads_to_another_user(site: Site) -> None:
    (site.home / "x").write_text("secret of alice")
    home = site.folder / "homes" / "bob"
    (home / "link").symlink_to("../alice")
    (home / "absolute").symlink_to(site.home)
    kinds = ("file", "list", "entry", "preview")
    for kind, trick in itertools.product(kinds, PATH_TRICKS):
        headers = {"Authorization": "token bob", "Connection": "close"}
        reader, writer = await site.connect("GET", f"home/{kind}/{trick}", headers)
        answer = await reader.read()
        writer.close()
        assert int(answer.split()[1]) in (400, 403, 404), (kind, trick)
        assert b"secret" not in answer
        assert b"root:" not in answer


# --- storages ---------------------------------------------------------------------------------


async def test_storages_without_contacting_them(site: Site) -> None:
    status, answer = await site.call("GET", "/services/rosetta/api/v1/storages")
    assert status == 200
    home, *others = answer["storages"]
    assert home == {
        "id": "home",
        "name": "Home",
        "description": "",
        "type": "posix",
        "computing": [{"id": "local", "name": "This machine"}],
        "bind_path": "/home/metauser",
        "home": True,
        "read_only": False,
    }
    assert [storage["id"] for storage in others] == ["alices", "data", "small", "missing"]
    assert [storage["read_only"] for storage in others] == [False, True, False, False]


async def test_a_storage_and_its_room(site: Site) -> None:
    status, answer = await site.call("GET", "home")
    assert status == 200
    assert answer["usage"]["total"] > answer["usage"]["free"] > 0
    assert answer["account"]
    status, answer = await site.call("GET", "missing")
    assert status == 404
    assert answer["code"] == "not_found"


async def test_a_home_is_made_the_first_time(site: Site) -> None:
    (site.home).rmdir()
    assert (await site.call("GET", "home/list/"))[1]["total"] == 0
    assert site.home.stat().st_mode & 0o777 == 0o700


# --- lists ------------------------------------------------------------------------------------


async def test_each_name_comes_back(site: Site) -> None:
    for name in NAMES:
        Path(os.fsdecode(os.fsencode(site.home) + b"/" + name)).write_bytes(name)
    status, answer = await site.call("GET", "home/list/?hidden=1")
    assert (status, answer["total"]) == (200, len(NAMES))
    assert {entry["path"] for entry in answer["entries"]} == {*map(encode_path, NAMES)}
    for entry in answer["entries"]:
        response = await site.fetch("GET", f"home/file/{entry['path']}")
        assert encode_path(response.body) == entry["path"]
        assert response.headers["ETag"] == f'"{entry["etag"]}"'
        status, alone = await site.call("GET", f"home/entry/{entry['path']}")
        assert alone == entry


async def test_what_an_entry_says(site: Site) -> None:
    file = site.home / "a.txt"
    file.write_text("12345")
    file.chmod(0o640)
    os.utime(file, ns=(0, 1_700_000_000_250_000_000))
    (site.home / "link").symlink_to("a.txt")
    (site.home / "dead").symlink_to("/etc/passwd")
    (site.home / "folder").mkdir()
    os.mkfifo(site.home / "fifo")
    _, answer = await site.call("GET", "home/list/?sort=type")
    entries = {entry["name"]: entry for entry in answer["entries"]}
    assert {name: entry["type"] for name, entry in entries.items()} == {
        "a.txt": "file",
        "link": "link",
        "dead": "link",
        "folder": "directory",
        "fifo": "fifo",
    }
    text = entries["a.txt"]
    assert (text["size"], text["modified"], text["mode"]) == (5, 1_700_000_000.25, 0o640)
    assert (text["media_type"], text["path"]) == ("text/plain", "a.txt")
    assert (text["target"], text["target_type"]) == (None, None)
    assert (entries["link"]["target"], entries["link"]["target_type"]) == ("a.txt", "file")
    assert (entries["dead"]["target"], entries["dead"]["target_type"]) == ("/etc/passwd", None)
    assert (answer["path"], answer["entry"]["type"], answer["offset"]) == ("", "directory", 0)


async def test_pages_order_and_filter(site: Site) -> None:
    for number in range(30):
        (site.home / f"File {number:02}").write_bytes(b"x" * (30 - number))
    (site.home / ".hidden").write_text("")

    async def names(query: str) -> list[str]:
        status, answer = await site.call("GET", f"home/list/?{query}")
        assert status == 200
        return [entry["name"] for entry in answer["entries"]]

    assert await names("limit=2&offset=3") == ["File 03", "File 04"]
    assert await names("sort=size&limit=1") == ["File 29"]
    assert await names("reverse=true&limit=1") == ["File 29"]
    assert await names("filter=fILE%200&limit=2") == ["File 00", "File 01"]
    assert await names("hidden=1&filter=.hid") == [".hidden"]
    assert await names("filter=.hid") == []
    assert len(await names("limit=1000")) == 30
    for query in ("limit=x", "limit=1001", "hidden=maybe", "limit=-1", "offset=1e9", "sort=owner"):
        assert (await site.call("GET", f"home/list/?{query}"))[0] == 422


@pytest.mark.system
async def test_a_hundred_thousand_entries(site: Site) -> None:
    folder = site.home / "many"
    folder.mkdir()
    first = folder / "0"
    first.write_text("")
    for number in range(1, 100_000):
        (folder / f"{number}").touch()
    status, answer = await site.call("GET", "home/list/many?offset=99500&limit=1000")
    assert (status, answer["total"], len(answer["entries"])) == (200, 100_000, 500)
    status, answer = await site.call("POST", "home/remove", {"paths": ["many"]})
    assert (status, answer) == (200, {"files": 100_000, "folders": 1, "bytes": 0})


# --- changes ----------------------------------------------------------------------------------


async def test_folders(site: Site) -> None:
    status, answer = await site.call("POST", "home/folder/a/b%0Ac/d")
    assert (status, answer["type"], answer["path"]) == (201, "directory", "a/b%0Ac/d")
    assert (site.home / "a" / "b\nc" / "d").is_dir()
    (site.home / "file").write_text("")
    status, answer = await site.call("POST", "home/folder/file")
    assert (status, answer["code"]) == (409, "exists")


async def test_renaming_and_moving(site: Site) -> None:
    (site.home / "a").write_text("a")
    (site.home / "b").write_text("b")
    (site.home / "folder").mkdir()
    status, answer = await site.call("POST", "home/rename", {"from": "a", "to": "b"})
    assert (status, answer["code"]) == (409, "exists")
    assert (site.home / "b").read_text() == "b"
    status, answer = await site.call("POST", "home/rename", {"from": "a", "to": "folder/%FF"})
    assert (status, answer["path"], answer["name"]) == (200, "folder/%FF", "\\xff")
    body = {"from": "folder/%FF", "to": "b", "overwrite": True}
    assert (await site.call("POST", "home/rename", body))[0] == 200
    assert (site.home / "b").read_text() == "a"


async def test_removing(site: Site) -> None:
    (site.home / "folder" / "deep").mkdir(parents=True)
    (site.home / "folder" / "deep" / "file").write_text("1234")
    (site.home / "-rf").write_text("1")
    (site.home / "outside").symlink_to(site.folder / "data")
    (site.folder / "data" / "kept").write_text("")
    paths = {"paths": ["folder", "-rf", "outside"]}
    status, answer = await site.call("POST", "home/remove", {**paths, "dry_run": True})
    assert (status, answer["folders"], answer["files"]) == (200, 2, 3)
    assert (site.home / "folder" / "deep" / "file").exists()
    assert (await site.call("POST", "home/remove", paths))[0] == 200
    assert list(site.home.iterdir()) == []
    assert (site.folder / "data" / "kept").exists()
    status, answer = await site.call("POST", "home/remove", {"paths": ["folder"]})
    assert (status, answer["code"]) == (404, "not_found")


async def test_permissions(site: Site) -> None:
    (site.home / "x").write_text("")
    status, answer = await site.call("POST", "home/mode", {"path": "x", "mode": 0o600})
    assert (status, answer["mode"]) == (200, 0o600)
    assert (site.home / "x").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("rename", {"from": "a"}),
        ("rename", {"from": "a", "to": 7}),
        ("rename", {"from": "a", "to": "b", "more": 1}),
        ("rename", {"from": "", "to": "b"}),
        ("rename", {"from": "a", "to": "../b"}),
        ("rename", {"from": "a", "to": "%2e%2e/b"}),
        ("rename", {"from": "\ud800", "to": "b"}),
        ("rename", []),
        ("remove", {"paths": []}),
        ("remove", {"paths": [""]}),
        ("remove", {"paths": ["a", "/"]}),
        ("remove", {"paths": "a"}),
        ("remove", {"paths": ["x"] * 20_000}),
        ("mode", {"path": "a", "mode": "644"}),
        ("mode", {"path": "a", "mode": 0o10000}),
        ("archive", {"paths": []}),
        ("archive", {"paths": ["a"], "format": "rar"}),
    ],
)
async def test_requests_that_do_not_fit(site: Site, path: str, body: Any) -> None:
    (site.home / "a").write_text("a")
    status, answer = await site.call("POST", f"home/{path}", body)
    assert status in (400, 422)
    assert answer["detail"].endswith(".")
    assert (site.home / "a").read_text() == "a"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "file/x", None),
        ("POST", "folder/x", None),
        ("POST", "rename", {"from": "x", "to": "y"}),
        ("POST", "remove", {"paths": ["x"]}),
        ("POST", "mode", {"path": "x", "mode": 0}),
        ("POST", "uploads", None),
    ],
)
async def test_a_read_only_storage(site: Site, method: str, path: str, body: Any) -> None:
    (site.folder / "data" / "x").write_text("x")
    status, answer = await site.call(method, f"data/{path}", body, Tus_Resumable="1.0.0")
    assert (status, answer["code"]) == (403, "read_only")
    assert "read-only" in answer["detail"]
    assert (await site.fetch("GET", file_path("x", "data"))).body == b"x"


async def test_a_storage_that_is_not_configured_any_more(site: Site) -> None:
    (site.home / "x").write_text("x")
    assert (await site.fetch("GET", "home/file/x")).code == 200
    del site.services.tasks.catalogue.storages["home"]  # type: ignore[attr-defined]
    for path in ("home", "home/list/", "home/file/x"):
        status, answer = await site.call("GET", path)
        assert (status, "no such storage" in answer["detail"]) == (404, True)
    assert (site.home / "x").read_text() == "x"


# --- the description --------------------------------------------------------------------------


async def test_each_route_is_described(site: Site) -> None:
    _, document = await site.call("GET", "/services/rosetta/api/v1/openapi.json")
    for method, path in ROUTES:
        described = path.replace("home/uploads/eA", "home/uploads/{upload}")
        described = described.replace("archive/x", "archive/{ticket}")
        described = re.sub(r"/(x|)$", "/{entry}", described).replace("home", "{storage}", 1)
        calls = document["paths"][f"/api/v1/storages/{described}".rstrip("/")]
        # POST stands for what a proxy between does not let through.
        assert method.lower() in calls or path == "home/uploads/eA"
    text = json.dumps(document)
    for name in re.findall(r"#/components/schemas/(\w+)", text):
        assert name in document["components"]["schemas"]


@pytest.mark.parametrize(
    ("method", "path"),
    [route for route in ROUTES if route[0] in ("POST", "PUT", "PATCH", "DELETE")],
)
async def test_no_page_of_another_site_acts_here(site: Site, method: str, path: str) -> None:
    (site.home / "x").write_text("x")
    status, answer = await site.call(method, path, Origin="https://evil.example")
    assert (status, "another site" in answer["detail"]) == (403, True)
    assert [entry.name for entry in site.home.iterdir()] == ["x"]
