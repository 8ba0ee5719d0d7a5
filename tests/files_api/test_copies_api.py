"""The API of copies over HTTP."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from rosetta_hub.copies.fetch import Fetcher
from rosetta_hub.copies.job import CopyJobs
from rosetta_hub.copies.records import CopyRecords
from rosetta_hub.database.models_copies import Copy
from rosetta_hub.errors import DatabaseUnavailable
from rosetta_hub.jobs.queue import JobQueue
from tests.support.eventually import until

from .conftest import PREFIX, Site

COPIES = f"{PREFIX}api/v1/copies"


@pytest.fixture
async def records(site: Site) -> AsyncIterator[CopyRecords]:
    """The copies of the site, which are worked on."""
    services = site.services
    records = services.copies
    jobs = CopyJobs(records, services.files, Fetcher(services.settings))
    queue = JobQueue("copy", records, jobs.work, 2, 8)
    records.wake = queue.wake
    task = asyncio.create_task(queue.run(), name="copies")
    yield records
    queue.close()
    task.cancel()


def request(*paths: str, folder: str = "", conflict: str | None = None) -> dict[str, Any]:
    """From alice's home to her own storage."""
    source = {"storage": "home", "paths": list(paths)}
    return {"from": source, "to": {"storage": "alices", "path": folder}, "conflict": conflict}


async def ended(site: Site, copy: dict[str, Any]) -> dict[str, Any]:
    """A copy once it has ended."""
    document: dict[str, Any] = {}

    async def has_ended() -> bool:
        status, answer = await site.call("GET", f"{COPIES}/{copy['id']}")
        assert status == 200
        document.update(answer)
        return document["state"] not in ("queued", "running")

    await until(has_ended)
    return document


def write(path: Path, content: str = "content") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


async def test_a_copy_from_its_beginning_to_its_end(site: Site, records: CopyRecords) -> None:
    write(site.home / "d" / "caf\udce9")
    status, copy = await site.call("POST", COPIES, request("d"))
    assert status == 201
    assert (copy["from"], copy["to"]["storage"]) == ({"storage": "home", "paths": ["d"]}, "alices")
    copy = await ended(site, copy)
    assert (copy["state"], copy["files"], copy["total_files"]) == ("done", 1, 1)
    assert (copy["bytes"], copy["total_bytes"], copy["problems"]) == (7, 7, [])
    assert (site.folder / "a" / "d" / "caf\udce9").read_text() == "content"
    status, answer = await site.call("GET", COPIES)
    assert [item["id"] for item in answer["copies"]] == [copy["id"]]
    status, answer = await site.call("DELETE", f"{COPIES}/{copy['id']}")
    assert (status, answer) == (204, None)
    assert (await site.call("GET", COPIES))[1] == {"copies": [], "next": None}


async def test_a_copy_whose_answer_was_lost_is_found_again_with_its_key(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(site.home / "f")
    body = request("f", conflict="rename")
    add = CopyRecords.add

    def add_and_fall_silent(records: CopyRecords, copy: Copy) -> Copy:
        add(records, copy)
        raise DatabaseUnavailable("The database does not answer.")

    monkeypatch.setattr(CopyRecords, "add", add_and_fall_silent)
    assert (await site.call("POST", COPIES, body, Idempotency_Key="k1"))[0] == 503
    monkeypatch.undo()
    status, copy = await site.call("POST", COPIES, body, Idempotency_Key="k1")
    assert status == 201
    assert (await site.call("POST", COPIES, body, Idempotency_Key="k1")) == (status, copy)
    assert (await site.call("GET", COPIES))[1]["copies"] == [copy]


async def test_a_copy_that_did_not_begin_is_begun_with_its_key(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(site.home / "f")

    def fall_silent(_records: CopyRecords, _copy: Copy) -> Copy:
        raise DatabaseUnavailable("The database does not answer.")

    monkeypatch.setattr(CopyRecords, "add", fall_silent)
    assert (await site.call("POST", COPIES, request("f"), Idempotency_Key="k1"))[0] == 503
    monkeypatch.undo()
    # The first attempt may have begun: another request needs another key.
    status, answer = await site.call("POST", COPIES, request("g"), Idempotency_Key="k1")
    assert (status, answer["type"]) == (422, "urn:rosetta-hub:problem:idempotency-key-reused")
    assert (await site.call("POST", COPIES, request("f"), Idempotency_Key="k1"))[0] == 201
    assert len((await site.call("GET", COPIES))[1]["copies"]) == 1


async def test_a_refused_copy_may_be_corrected_with_its_key(site: Site) -> None:
    write(site.home / "f")
    write(site.folder / "a" / "f")
    assert (await site.call("POST", COPIES, request("f"), Idempotency_Key="k1"))[0] == 409
    corrected = request("f", conflict="rename")
    assert (await site.call("POST", COPIES, corrected, Idempotency_Key="k1"))[0] == 201


async def test_a_copy_goes_on_when_its_client_has_gone(site: Site) -> None:
    write(site.home / "f")
    body = request("f", conflict="rename")
    content = json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(content))}
    _, writer = await site.connect("POST", COPIES, headers | {"Idempotency-Key": "k1"})
    writer.write(content)
    await writer.drain()
    writer.close()

    async def has_begun() -> bool:
        return bool((await site.call("GET", COPIES))[1]["copies"])

    await until(has_begun)
    status, copy = await site.call("POST", COPIES, body, Idempotency_Key="k1")
    assert status == 201
    assert (await site.call("GET", COPIES))[1]["copies"] == [copy]


async def test_conflicts_are_asked_before(site: Site, records: CopyRecords) -> None:
    for root in (site.home, site.folder / "a"):
        write(root / "d" / "same", str(root))
        write(root / "d" / "sub" / "new\nline", str(root))
        write(root / "f", str(root))
    write(site.home / "d" / "other")
    status, answer = await site.call("POST", COPIES, request("d", "f"))
    assert (status, answer["total"]) == (409, 3)
    assert sorted(answer["conflicts"]) == ["d/same", "d/sub/new%0Aline", "f"]
    assert (await site.call("GET", COPIES))[1] == {"copies": [], "next": None}
    status, copy = await site.call("POST", COPIES, request("d", "f", conflict="rename"))
    assert (status, copy["to"]["names"]) == (201, ["d%20%282%29", "f%20%282%29"])
    assert (await ended(site, copy))["state"] == "done"
    assert (site.folder / "a" / "f (2)").read_text() == str(site.home)
    assert (site.folder / "a" / "f").read_text() == str(site.folder / "a")
    status, copy = await site.call("POST", COPIES, request("d", "f", conflict="overwrite"))
    assert (await ended(site, copy))["state"] == "done"
    assert (site.folder / "a" / "f").read_text() == str(site.home)
    assert (site.folder / "a" / "d" / "other").read_text() == "content"


@pytest.mark.parametrize("token", ["bob", "shared", "admin"])
async def test_copies_of_others_do_not_exist(site: Site, records: CopyRecords, token: str) -> None:
    write(site.home / "f")
    _, copy = await site.call("POST", COPIES, request("f"))
    for method in ("GET", "DELETE"):
        status, _ = await site.call(method, f"{COPIES}/{copy['id']}", token=token)
        assert status == 404
    assert (await site.call("GET", COPIES, token=token))[1] == {"copies": [], "next": None}
    await ended(site, copy)


@pytest.mark.parametrize("token", ["reads", "one-server", "service"])
async def test_who_may_not_read_files_may_not_copy(
    site: Site, records: CopyRecords, token: str
) -> None:
    write(site.home / "f")
    for method, body in (("GET", None), ("POST", request("f"))):
        status, _ = await site.call(method, COPIES, body, token=token)
        assert status == 403
    assert (await site.call("GET", f"{COPIES}/events", token=token))[0] == 403
    assert records.of_user("alice") == []


async def test_a_page_of_another_site_copies_nothing(site: Site, records: CopyRecords) -> None:
    write(site.home / "f")
    answer = await site.call("POST", COPIES, request("f"), Origin="https://evil.example.org")
    assert answer[0] == 403
    assert records.of_user("alice") == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"from": [], "to": {}}, 422),
        (request(), 422),
        (request(""), 422),
        (request("../bob"), 400),
        (request("a/../../bob"), 400),
        (request("%2e%2e/bob"), 400),
        (request("%00"), 400),
        (request("f", "x/f"), 422),
        (request("f", conflict="destroy"), 422),
        (request("f", folder="missing"), 404),
        (request("f", folder="f"), 404),
        ({**request("f"), "to": {"storage": "data", "path": ""}}, 403),
        ({**request("f"), "to": {"storage": "nothing", "path": ""}}, 404),
        ({**request("f"), "to": {"storage": 7, "path": ""}}, 422),
        ({**request("d"), "to": {"storage": "home", "path": "d/sub"}}, 422),
        ({**request("f", conflict="overwrite"), "to": {"storage": "home", "path": ""}}, 422),
        ({**request("f"), "from": {"storage": "home", "paths": ["f"] * 1001}}, 422),
        ({**request("f"), "from": {"storage": "home", "paths": [1]}}, 422),
    ],
)
async def test_what_is_asked_wrongly_is_a_message(
    site: Site, records: CopyRecords, body: dict[str, Any], status: int
) -> None:
    write(site.home / "f")
    write(site.home / "d" / "sub" / "x")
    result, answer = await site.call("POST", COPIES, body)
    assert result == status
    assert answer["detail"].endswith(".")
    assert records.of_user("alice") == []


async def test_a_copy_is_cancelled(site: Site) -> None:
    write(site.home / "f")
    _, copy = await site.call("POST", COPIES, request("f"))
    status, answer = await site.call("DELETE", f"{COPIES}/{copy['id']}")
    assert (status, answer["state"]) == (202, "cancelled")
    assert not (site.folder / "a" / "f").exists()


async def test_open_pages_follow_copies(site: Site, records: CopyRecords) -> None:
    write(site.home / "f")
    received = bytearray()
    reader, writer = await site.connect("GET", f"{COPIES}/events")

    async def collect() -> None:
        while data := await reader.read(1000):
            received.extend(data)

    stream = asyncio.create_task(collect(), name="events")
    await until(lambda: b": connected" in received)
    _, copy = await site.call("POST", COPIES, request("f"))
    await until(lambda: b'"state": "done"' in received)
    await site.call("DELETE", f"{COPIES}/{copy['id']}")
    await until(lambda: f'event: gone\ndata: {{"id": "{copy["id"]}"}}'.encode() in received)
    states = re.findall(rb'"state": "(\w+)"', received)
    assert (states[0], states[-1]) == (b"queued", b"done")
    writer.close()
    await stream
