"""What the edge knows of a task's use."""

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rosetta_hub.edge import Activity
    from tests.edge.conftest import Backend, OpenTask, Rig


async def ask(task: "OpenTask") -> "Activity":
    return (await task.rig.client.activity())[task.id]


async def test_requests_count_once_they_got_in(rig: "Rig", backend: "Backend") -> None:
    task = await rig.open(backend.target)
    await task.page("/")
    await task.fetch("/", {**task.own, "Origin": "http://elsewhere"})
    activity = await ask(task)
    assert activity.last_request is None
    assert activity.sessions == {}
    before = int(time.time() * 1000)
    await task.fetch("/", task.own, "POST", b"x" * 50_000)
    activity = await ask(task)
    assert activity.last_request is not None
    assert before <= activity.last_request <= int(time.time() * 1000)
    assert activity.sessions == {next(iter(task.listener.sessions)): activity.last_request}
    assert activity.bytes_in > 50_000


async def check_websocket(rig: "Rig", backend: "Backend") -> None:
    from tests.edge.conftest import until

    task = await rig.open(backend.target)
    reader, writer = await task.websocket()
    first = await ask(task)
    assert first.connections == 1
    assert (await ask(task)).last_request == first.last_request, "silence counts as use"
    # The clock has a resolution of a millisecond.
    await until(lambda: int(time.time() * 1000) > (first.last_request or 0))
    writer.write(b"x" * 100_000)
    await reader.readexactly(100_000)
    second = await ask(task)
    assert (second.last_request or 0) > (first.last_request or 0)
    assert second.bytes_in - first.bytes_in >= 100_000
    assert second.bytes_out - first.bytes_out >= 100_000
    assert list(second.sessions.values()) == [second.last_request]
    writer.close()

    async def is_closed() -> bool:
        third = await ask(task)
        return third.connections == 0 and third.bytes_in >= second.bytes_in

    await until(is_closed)


async def test_traffic_on_a_websocket_counts(rig: "Rig", backend: "Backend") -> None:
    await check_websocket(rig, backend)


async def test_traffic_on_a_websocket_counts_with_tls(
    secure_rig: "Rig", backend: "Backend"
) -> None:
    await check_websocket(secure_rig, backend)


async def test_traffic_on_a_websocket_counts_with_a_host_name(
    named_rig: "Rig", backend: "Backend"
) -> None:
    task = await named_rig.open(backend.target, host="one.tasks.example")
    reader, writer = await task.websocket()
    writer.write(b"x" * 100_000)
    await reader.readexactly(100_000)
    activity = await ask(task)
    assert activity.bytes_in >= 100_000
    assert activity.bytes_out >= 100_000
    assert activity.connections == 1
    writer.close()
