"""`rosetta logs`: following without gaps, and what logs of others may do to a terminal."""

import asyncio
import contextlib
import json
import os
import pty
import sys
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio

from rosetta_client import AsyncClient
from rosetta_client.cli.text import clean, clean_log, fit, width
from rosetta_client.config import Endpoint
from rosetta_client.decode import decode
from rosetta_client.events import Event, EventParser
from rosetta_client.logs import LogFollower, unseen
from rosetta_client.models import TaskView
from tests.rights.conftest import Site
from tests.support.eventually import until

from .conftest import Run, report
from .network import Relay

LAST = {"offset": 0, "text": "last words\n"}
EVIL = "safe\x1b]0;owned\x07\x1b[2J\u202etxt.exe\nnext\tline\n"


@pytest_asyncio.fixture(loop_scope="session")
async def relay(site: Site) -> AsyncIterator[Relay]:
    """Something between client and hub."""
    async with Relay(site.port).serve() as relay:
        yield relay


@pytest.fixture(autouse=True)
def empty_log(site: Site) -> Iterator[None]:
    """The running task has said nothing."""
    yield
    site.parts.tasks.logs.remove(site.ids["tasks"], 1)


@pytest.mark.asyncio(loop_scope="session")
async def test_following_through_broken_connections(rosetta: Run, site: Site, relay: Relay) -> None:
    report(site, "running", "one\n")
    follower = asyncio.create_task(
        rosetta("logs", "-f", site.ids["tasks"], ROSETTA_HUB=f"http://127.0.0.1:{relay.port}")
    )
    events = site.parts.tasks.events
    await until(lambda: events._queues.get(site.ids["tasks"]))
    report(site, "running", "two\n", 4)
    before = relay.connections
    relay.cut_all()
    report(site, "running", "three\n", 8)
    await until(lambda: relay.connections > before)
    report(site, "failed", "four\n", 14)
    result = await follower
    assert result.out == "one\ntwo\nthree\nfour\n", result
    assert result.code == 5
    assert "can't be reached" in result.err
    assert "Connected again." in result.err


@pytest.mark.asyncio(loop_scope="session")
async def test_following_through_a_proxy_that_buffers(
    rosetta: Run, site: Site, relay: Relay
) -> None:
    relay.withholds = True
    report(site, "running", "one\n")
    follower = asyncio.create_task(
        rosetta("logs", "-f", site.ids["tasks"], ROSETTA_HUB=f"http://127.0.0.1:{relay.port}")
    )
    await until(lambda: relay.connections >= 2)
    report(site, "running", "two\n", 4)
    report(site, "stopped", "three\n", 8)
    result = await follower
    assert (result.code, result.out) == (0, "one\ntwo\nthree\n")


@pytest.mark.asyncio(loop_scope="session")
async def test_following_with_a_client_whose_methods_are_awaited(site: Site, relay: Relay) -> None:
    report(site, "running", "one\n")
    text, pieces = list[str](), list[str]()

    async def follow(client: AsyncClient) -> str:
        follower = client.follow_log(await client.get_task(site.ids["tasks"]), text.append)
        async for piece in follower.follow():
            pieces.append(piece)
        return follower.task.state

    async with AsyncClient(Endpoint(f"http://127.0.0.1:{relay.port}/", "alice")) as client:
        following = asyncio.create_task(follow(client))
        await until(lambda: pieces == ["one\n"])
        relay.cut_all()
        report(site, "running", "two\n", 4)
        await until(lambda: text[1:] == ["Connected again."])
        report(site, "stopped", "three\n", 8)
        assert await following == "stopped"
    assert "".join(pieces) == "one\ntwo\nthree\n"


@pytest.mark.asyncio(loop_scope="session")
async def test_a_terminal_is_not_acted_on_and_a_file_gets_all(
    rosetta: Run, site: Site, environment: dict[str, str]
) -> None:
    # Control characters are taken out of logs by the service, too: this is what it may have missed.
    site.parts.tasks.logs.append(site.ids["tasks"], 1, 0, EVIL)
    assert (await rosetta("logs", site.ids["tasks"])).out == EVIL
    primary, secondary = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rosetta_client", "logs", site.ids["tasks"]),
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=secondary,
        stderr=secondary,
    )
    assert await asyncio.wait_for(process.wait(), 60) == 0
    os.close(secondary)
    text = os.read(primary, 4096).decode()
    os.close(primary)
    assert text == "safe\\x1b]0;owned\\x07\\x1b[2J\\u202etxt.exe\r\nnext\tline\r\n"


@pytest.mark.asyncio(loop_scope="session")
async def test_a_log_that_comes_after_the_end_of_its_task(site: Site) -> None:
    """The state and the log of a task are two events, which need not arrive together."""
    view = (await site.fetch("GET", f"api/v1/tasks/{site.ids['tasks']}", "alice")).json()
    task = decode(TaskView, {**view, "state": "failed"})
    pieces = [event("task", {**view, "state": "failed"}), event("log", LAST), b"left unread"]

    @contextlib.contextmanager
    def stream(*_: object, **__: object) -> Iterator[Any]:
        yield SimpleNamespace(iter_raw=lambda _size: iter(pieces))

    transport: Any = SimpleNamespace(stream=stream)
    assert list(LogFollower(transport, task, list[str]().append).follow()) == ["last words\n"]


def event(kind: str, data: dict[str, Any]) -> bytes:
    """A piece of a stream."""
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode()


def test_texts_of_others() -> None:
    assert clean("a\nb\x9bc\x7f\ud800") == "a\\x0ab\\x9bc\\x7f\\ud800"
    assert clean("Jürgen 🧪 日本") == "Jürgen 🧪 日本"
    assert clean_log("10%\r20%\r\nend\x00") == "10%\n20%\nend\\x00"
    assert (width("日本"), width("é"), width("e\u0301")) == (4, 1, 1)
    assert (fit("abc", 5), fit("abcdef", 4), fit("日本語", 4)) == ("abc  ", "abc…", "日… ")


def test_events_are_read_wherever_a_piece_ends() -> None:
    stream = (
        b': hello\n\nevent: log\ndata: {"offset": 0,\ndata: "text": "\xc3\xa9"}\r\n\r\ndata: 1\n\n'
    )
    expected = [Event("log", {"offset": 0, "text": "é"}), Event("message", 1)]
    for size in (1, 2, 7, len(stream)):
        parser = EventParser()
        pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
        assert [event for piece in pieces for event in parser.feed(piece)] == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [("", "a", "a"), ("ab", "abc", "c"), ("ab", "ab", ""), ("abc", "bcd", "bcd"), ("x", "y", "y")],
)
def test_what_is_new_of_a_log_that_is_asked_for_again(old: str, new: str, expected: str) -> None:
    assert unseen(old, new) == expected


def test_a_log_whose_beginning_is_gone() -> None:
    line = "0123456789\n" * 200
    assert unseen(line, line[500:] + "new\n") == "new\n"
