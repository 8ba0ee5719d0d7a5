"""Kill -9 of every part, at any moment: nothing is lost, started twice, or left behind."""

import asyncio
import os
import signal

import pytest
from tornado.websocket import websocket_connect

from rosetta_agent.spec import container_name

from .deployment import Deployment, OpenedTask, User, eventually
from .test_life import containers


async def reachable(opened: OpenedTask) -> bool:
    """Whether the task answers, through the cookie from before the accident."""
    return (await opened.get()).code == 200


async def running(alice: User) -> tuple[dict[str, object], OpenedTask]:
    """A running task, entered."""
    task = await alice.until((await alice.start(software="echo"))["id"], "running")
    opened = await alice.enter(task)
    assert await reachable(opened)
    return task, opened


async def test_edge(alice: User, deployment: Deployment) -> None:
    task, opened = await running(alice)
    pid = deployment.edge_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await eventually(lambda: reachable(opened), "the task is reachable through a new edge")
    assert deployment.edge_pid() != pid
    assert containers(str(task["id"])) == [container_name(str(task["id"]), 1)]


async def test_service(alice: User, deployment: Deployment) -> None:
    """The hub starts a managed service again; meanwhile nobody in a task notices."""
    task, opened = await running(alice)
    pid = deployment.service_pid()
    deployment.kill_service()
    assert await reachable(opened), "the edge serves on without the service"

    async def new_service() -> bool:
        return deployment.service_pid() != pid and await alice.task(str(task["id"])) is not None

    await eventually(new_service, "a new service answers")
    assert (await alice.until(str(task["id"]), "running"))["attempt"] == 1
    assert await reachable(opened)
    assert containers(str(task["id"])) == [container_name(str(task["id"]), 1)]


async def test_hub_and_service(alice: User, deployment: Deployment) -> None:
    task, opened = await running(alice)
    deployment.kill_hub()
    assert await reachable(opened)
    await deployment.start()
    assert (await alice.until(str(task["id"]), "running"))["attempt"] == 1
    assert await reachable(opened)

    async def known() -> bool:
        servers = (await deployment.hub_api("GET", "/users/alice"))["servers"]
        server = servers.get(task["server_name"])
        return bool(server and server["ready"])

    await eventually(known, "the hub has not given the server up")
    assert containers(str(task["id"])) == [container_name(str(task["id"]), 1)]


async def test_hubs_proxy(alice: User, deployment: Deployment) -> None:
    task, opened = await running(alice)
    deployment.kill_proxy()
    assert await reachable(opened)
    await deployment.answers()
    assert await alice.task(str(task["id"])) is not None


async def test_agent(alice: User, deployment: Deployment) -> None:
    task, opened = await running(alice)
    pid = deployment.agent_pid(task)
    os.kill(pid, signal.SIGKILL)
    assert await reachable(opened), "the relay outlives its agent"

    async def replaced() -> bool:
        return deployment.agent_pid(task) != pid

    await eventually(replaced, "a new agent looks after the container")
    assert containers(str(task["id"])) == [container_name(str(task["id"]), 1)]
    await alice.api("POST", f"tasks/{task['id']}/stop")
    await alice.until(str(task["id"]), "stopped")
    assert containers(str(task["id"])) == []


@pytest.mark.parametrize("victim", ["agent", "service", "hub"])
async def test_in_the_middle_of_a_start(alice: User, deployment: Deployment, victim: str) -> None:
    """The interface answers a few seconds after the kill: the start goes on, with one container."""
    task = await alice.start(software="slow")
    task = await alice.until(task["id"], "starting")
    if victim == "hub":
        deployment.kill_hub()
        await deployment.start()
    elif victim == "service":
        deployment.kill_service()
        await deployment.answers()
    else:

        async def agent() -> int | None:
            try:
                return deployment.agent_pid(task)
            except (OSError, KeyError, ValueError):
                return None

        os.kill(await eventually(agent, "the agent runs"), signal.SIGKILL)
    task = await alice.until(task["id"], "running")
    assert task["attempt"] == 1
    assert containers(task["id"]) == [container_name(str(task["id"]), 1)]


async def test_open_websockets_survive_hub_and_service(alice: User, deployment: Deployment) -> None:
    task = await alice.until((await alice.start(software="chatty"))["id"], "running", "failed")
    assert task["state"] == "running", task["log_tail"]
    opened = await alice.enter(task)
    request = opened.websocket_request("/")
    socket = await websocket_connect(request)
    await socket.write_message("before")
    assert await asyncio.wait_for(socket.read_message(), 10) == "before"
    deployment.kill_hub()
    await deployment.start()
    await socket.write_message("after")
    assert await asyncio.wait_for(socket.read_message(), 10) == "after"
    socket.close()
