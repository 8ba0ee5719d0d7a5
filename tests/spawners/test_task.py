"""What a task's spawner makes of every kind of answer, and of none."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.orm import Service
from tornado.httputil import HTTPHeaders

from rosetta_hub.errors import Unavailable
from rosetta_hub.keys import Keys
from rosetta_spawners import TaskSpawner
from rosetta_spawners.errors import StartRefused
from rosetta_spawners.settings import requester
from tests.support.ports import free_port

from .fakes import FakeGroup, FakeRow, FakeUser, rosetta_config, spawner_arguments
from .stub import StubService

NAME = ("alice", "one")


@pytest.fixture
async def stub(tmp_path: Path) -> AsyncIterator[StubService]:
    """The service."""
    service = StubService(Keys(tmp_path).spawner_key, free_port())
    service.up()
    yield service
    await service.down()


@pytest.fixture
def spawner(tmp_path: Path, stub: StubService) -> TaskSpawner:
    """A spawner of that service."""
    return make(tmp_path, stub)


def make(tmp_path: Path, stub: StubService, **more: Any) -> TaskSpawner:
    config = rosetta_config(str(tmp_path), stub.url, TaskSpawner={"stop_patience": 2})
    return TaskSpawner(**spawner_arguments(config, user_options={"software": "web"}, **more))


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("queued", None),
        ("starting", None),
        ("running", None),
        ("stopping", None),
        ("unknown", None),
        ("", None),
        ("stopped", 0),
        ("failed", 1),
    ],
)
async def test_poll(
    stub: StubService, spawner: TaskSpawner, state: str, status: int | None
) -> None:
    stub.tasks[NAME] = {"id": "x", "state": state}
    assert await spawner.poll() == status


async def test_all_polls_of_a_moment_are_one_request(tmp_path: Path, stub: StubService) -> None:
    names = [f"server-{number}" for number in range(200)]
    for name in names:
        stub.tasks["alice", name] = {"id": name, "state": "running"}
    config = rosetta_config(str(tmp_path), stub.url)
    spawners = [
        TaskSpawner(**spawner_arguments(config, user_options={}, orm_spawner=FakeRow(name)))
        for name in names
    ]
    for _ in range(3):
        assert set(await asyncio.gather(*(spawner.poll() for spawner in spawners))) == {None}
    assert (stub.polls, stub.records) == (1, 0)
    # One that has ended is asked about on its own, once the answer is old.
    stub.set_state("alice", "server-7", "failed")
    assert await spawners[7].poll() is None
    spawners[7].poll_interval = 0
    assert await spawners[7].poll() == 1
    assert (stub.polls, stub.records) == (2, 1)


async def test_a_poll_that_is_cancelled_ends_no_other(
    stub: StubService, spawner: TaskSpawner
) -> None:
    stub.tasks[NAME] = {"id": "x", "state": "running"}
    stub.open_all.clear()
    first, second = (asyncio.create_task(spawner.poll()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    stub.open_all.set()
    assert await second is None
    assert not spawner.unknown
    assert stub.polls == 1


async def test_poll_of_what_the_service_does_not_know(spawner: TaskSpawner) -> None:
    assert await spawner.poll() == 0


@pytest.mark.parametrize(
    "raw",
    [
        (500, '{"detail": "Something went wrong."}'),
        (503, "<html>no backend</html>"),
        (404, "<html>404 of a proxy in between</html>"),
        (404, "[]"),
        (200, "not json"),
        (200, "[]"),
        (200, "{}"),
        (302, ""),
        (403, '{"detail": "wrong key"}'),
    ],
)
async def test_could_not_ask_is_not_gone(
    stub: StubService, spawner: TaskSpawner, raw: tuple[int, str]
) -> None:
    stub.tasks[NAME] = {"id": "x", "state": "failed"}
    stub.raw = raw
    assert await spawner.poll() is None


async def test_poll_without_service(stub: StubService, spawner: TaskSpawner) -> None:
    spawner.answer_timeout = 0.5
    stub.open_all.clear()
    assert await spawner.poll() is None
    await stub.down()
    assert await spawner.poll() is None


def test_waiting_room_has_time(tmp_path: Path, stub: StubService) -> None:
    config = rosetta_config(str(tmp_path), stub.url, Spawner={"http_timeout": 30})
    assert TaskSpawner(**spawner_arguments(config)).http_timeout == 7 * 86400


async def test_poll_with_another_key(stub: StubService, spawner: TaskSpawner) -> None:
    stub.key = "another"
    assert await spawner.poll() is None


async def test_start_tells_who_asks(tmp_path: Path, stub: StubService) -> None:
    user = FakeUser("a/ü%2F b", admin=True, groups=[FakeGroup("z"), FakeGroup("a")])
    spawner = make(tmp_path, stub, user=user, orm_spawner=FakeRow(""))
    assert await spawner.start() == stub.url
    assert stub.starts == [
        {
            "user": "a/ü%2F b",
            "server": "",
            "options": {"software": "web"},
            "spawner": {"environment": {}, "cpus": None, "memory": None},
            "requester": None,
            "groups": ["a", "z"],
            "admin": True,
            "created": "2026-11-01T12:00:00.123456Z",
        }
    ]


@pytest.mark.parametrize("status", [403, 409, 422, 503])
async def test_refused_start(stub: StubService, spawner: TaskSpawner, status: int) -> None:
    # A task of the name runs: a refused start must neither stop nor claim it.
    stub.tasks[NAME] = {"id": "x", "attempt": 1, "state": "running"}
    stub.refuse = (status, "100% no.")
    with pytest.raises(StartRefused) as refused:
        await spawner.start()
    assert (refused.value.status_code, refused.value.jupyterhub_message) == (status, "100% no.")
    assert await spawner.poll() == 1
    spawner.clear_state()
    assert await spawner.poll() is None


async def test_start_whose_answer_is_lost(stub: StubService, spawner: TaskSpawner) -> None:
    stub.lose_answer = True
    await spawner.start()
    assert [start["options"] for start in stub.starts] == [{"software": "web"}] * 2
    assert stub.tasks[NAME]["attempt"] == 1


async def test_start_after_a_lost_answer_that_was_a_refusal(
    stub: StubService, spawner: TaskSpawner
) -> None:
    """The task of that name is not ours: it has ended, and the service still says no."""
    stub.lose_answer = True
    starting = asyncio.create_task(spawner.start())
    while NAME not in stub.tasks:
        await asyncio.sleep(0)
    stub.set_state(*NAME, "failed")
    stub.refuse = (409, "Not now.")
    with pytest.raises(StartRefused, match=r"Not now\."):
        await starting


async def test_start_without_service(stub: StubService, spawner: TaskSpawner) -> None:
    await stub.down()
    spawner.start_timeout = 2
    with pytest.raises(StartRefused, match="task service is not running") as refused:
        await spawner.start()
    assert refused.value.status_code == 503
    assert await spawner.poll() == 1


async def test_stop(stub: StubService, spawner: TaskSpawner) -> None:
    await spawner.stop()  # not known: nothing to stop
    stub.tasks[NAME] = {"id": "x", "state": "running"}
    await spawner.stop(now=True)
    assert stub.tasks[NAME]["state"] == "stopped"


async def test_stop_without_service(stub: StubService, spawner: TaskSpawner) -> None:
    stub.tasks[NAME] = {"id": "x", "state": "running"}
    await stub.down()
    with pytest.raises(Unavailable, match="may still run"):
        await spawner.stop()


async def test_rename(stub: StubService, spawner: TaskSpawner) -> None:
    await spawner.rename("one", "two")
    stub.tasks[NAME] = {"id": "x", "state": "stopped"}
    with pytest.raises(StartRefused, match="keeps its name"):
        await spawner.rename("one", "two")
    await stub.down()
    with pytest.raises(StartRefused, match="does not answer"):
        await spawner.rename("one", "two")


async def test_forget(stub: StubService, spawner: TaskSpawner) -> None:
    stub.tasks[NAME] = {"id": "x", "state": "stopped"}
    await spawner.delete_forever()
    assert stub.tasks == {}
    await spawner.delete_forever()
    await stub.down()
    with pytest.raises(Unavailable):
        await spawner.delete_forever()


async def test_key_is_not_shown(
    stub: StubService, spawner: TaskSpawner, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await spawner.start()
    await stub.down()
    await spawner.poll()
    text = f"{caplog.text} {spawner.client!r} {spawner.settings!r} {spawner!r}"
    assert stub.key not in text
    assert "state of" in caplog.text


def test_who_asked_is_told_with_the_address_that_the_proxy_has_seen() -> None:
    headers = HTTPHeaders({"X-Forwarded-For": "192.0.2.7", "X-Real-Ip": "198.51.100.1"})
    request = SimpleNamespace(headers=headers, remote_ip="198.51.100.1")
    handler = SimpleNamespace(current_user=SimpleNamespace(name="alice"), request=request)
    document = {"name": "alice", "address": "192.0.2.7", "is_service": False}
    assert requester(handler, []) == document
    handler.current_user = Service(name="announcer")
    assert requester(handler, []) == document | {"name": "announcer", "is_service": True}
    assert requester(None, []) is None
