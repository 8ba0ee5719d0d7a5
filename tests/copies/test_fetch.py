"""Files that are fetched from addresses into a storage."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tornado import web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from rosetta_hub.config import Rosetta
from rosetta_hub.copies.fetch import Fetcher
from rosetta_hub.copies.job import CopyJobs
from rosetta_hub.copies.records import CopyRecords, new_copy
from rosetta_hub.database.database import Database
from rosetta_hub.database.models_copies import Copy, CopyState, Stage
from rosetta_hub.jobs.events import JobEvents

from .conftest import ALICE
from .storages import Storages

DATA = os.urandom(3 << 20)


class DataHandler(web.RequestHandler):
    """A file, with its length or without."""

    async def get(self) -> None:
        if not self.get_query_argument("chunked", ""):
            self.set_header("Content-Length", str(len(DATA)))
        for start in range(0, len(DATA), 100_000):
            self.write(DATA[start : start + 100_000])
            await self.flush()


class CutHandler(web.RequestHandler):
    """A file that ends too early."""

    async def get(self) -> None:
        self.set_header("Content-Length", str(len(DATA)))
        self.write(DATA[:1000])
        await self.flush()
        self.request.connection.stream.close()  # type: ignore[union-attr]


class AwayHandler(web.RequestHandler):
    """A redirect to wherever is asked."""

    def get(self) -> None:
        self.redirect(self.get_query_argument("to"))


class LoopHandler(web.RequestHandler):
    """A redirect to itself."""

    def get(self) -> None:
        self.redirect("/loop")


@dataclass
class Bench:
    """A server of files, and a storage."""

    url: str
    root: Path
    database: Database

    async def fetch(self, path: str, **settings: object) -> Copy:
        """Fetch into `in/file` of the storage; returns how that ended."""
        options = {"fetch_networks": ["127.0.0.0/8"], "fetch_plain_http": True, **settings}
        records = CopyRecords(self.database, JobEvents())
        storages = Storages({"two": self.root})
        jobs = CopyJobs(records, storages, Fetcher(Rosetta(**options)))
        url = path if path.startswith("http") else self.url + path
        copy = new_copy(ALICE, ("", [url]), ("two", "in", ["file"]))
        copy.stage = Stage.INPUT
        await jobs.work(records.add(copy))
        await storages.close()
        return records.find(copy.id)

    def files(self) -> list[str]:
        """The names in the folder of inputs."""
        return os.listdir(self.root / "in")


@pytest.fixture
async def bench(database: Database, tmp_path: Path) -> AsyncIterator[Bench]:
    """A server on a loopback port."""
    sockets = bind_sockets(0, "127.0.0.1")
    handlers = [
        ("/data", DataHandler),
        ("/cut", CutHandler),
        ("/away", AwayHandler),
        ("/loop", LoopHandler),
    ]
    server = HTTPServer(web.Application(handlers))
    server.add_sockets(sockets)
    root = tmp_path / "two"
    root.mkdir()
    yield Bench(f"http://127.0.0.1:{sockets[0].getsockname()[1]}", root, database)
    server.stop()
    await server.close_all_connections()


@pytest.mark.parametrize("path", ["/data", "/data?chunked=1", "/away?to=/data"])
async def test_a_file_arrives(bench: Bench, path: str) -> None:
    copy = await bench.fetch(path)
    assert (copy.state, copy.message) == (CopyState.DONE, "")
    assert (bench.root / "in" / "file").read_bytes() == DATA
    assert (copy.bytes_done, copy.files_done) == (len(DATA), 1)
    assert copy.bytes_total == (None if "chunked" in path else len(DATA))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/nothing", "answers 404"),
        ("/cut", "The connection ended before the file was complete."),
        ("/loop", "The server redirects again and again."),
        ("/away?to=https://[", "The server redirects to what is no address."),
        ("/away?to=file:///etc/passwd", "Only files of addresses that begin with https://"),
        ("/away?to=http://10.0.0.1/", "is not on the public internet"),
        ("http://user:secret@127.0.0.1/", "without user and password"),
        ("http://127.0.0.1/a b", "Only files of addresses"),
        ("http://[::1]:1/", "is not on the public internet"),
        ("http://nothing.invalid/", "is not known"),
    ],
)
async def test_what_cannot_be_fetched(bench: Bench, path: str, expected: str) -> None:
    copy = await bench.fetch(path)
    assert copy.state is CopyState.FAILED
    assert expected in copy.message
    assert bench.files() == []


@pytest.mark.parametrize("path", ["/data", "/data?chunked=1"])
async def test_a_file_that_is_too_large(bench: Bench, path: str) -> None:
    copy = await bench.fetch(path, fetch_limit=2 << 20)
    assert (copy.state, copy.message) == (
        CopyState.FAILED,
        "The file is larger than 2 MB, which is the limit.",
    )
    assert bench.files() == []


async def test_plain_http_has_to_be_allowed(bench: Bench) -> None:
    copy = await bench.fetch("/data", fetch_plain_http=False)
    assert copy.message.startswith("Only files of addresses that begin with https://")


async def test_the_own_network_has_to_be_allowed(bench: Bench) -> None:
    copy = await bench.fetch("/data", fetch_networks=[])
    assert "is not on the public internet" in copy.message


async def test_a_file_that_is_there_is_replaced_at_the_end_alone(bench: Bench) -> None:
    (bench.root / "in").mkdir()
    (bench.root / "in" / "file").write_bytes(b"before")
    await bench.fetch("/cut")
    assert (bench.root / "in" / "file").read_bytes() == b"before"
    await bench.fetch("/data")
    assert (bench.root / "in" / "file").read_bytes() == DATA
    assert bench.files() == ["file"]
