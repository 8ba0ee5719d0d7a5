"""At the limits: no port, engine or disk left, a configuration that is refused; and idleness."""

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tornado.websocket import websocket_connect

from .conftest import COMPUTING, ECHO, JUPYTER_IMAGE, python_software
from .deployment import Deployment, User, eventually

SOFTWARE = [
    python_software("echo", ECHO),
    python_software("loud", "print('x' * 1000000, flush=True)\n" + ECHO),
    # Images that know nothing of us: both listen on the loopback address, as they do by default.
    {
        "id": "lab",
        "name": "Plain JupyterLab",
        "command": ["jupyter", "lab"],
        "interface_auth": "jupyter",
        **JUPYTER_IMAGE,
    },
    {
        "id": "web",
        "name": "Plain web server",
        "command": ["python3", "-m", "http.server", "--bind", "127.0.0.1", "8010"],
        "interface_port": 8010,
        **JUPYTER_IMAGE,
    },
]


def engine(name: str, **conf: Any) -> dict[str, Any]:
    """A computing resource of one engine."""
    return {"id": name, "name": name.title(), "container_engines": ["podman"], "conf": conf}


@contextlib.contextmanager
def small_disk(directory: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    directory.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", str(directory)]
    subprocess.run(mount, check=True)
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def narrow(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    """A hub with two ports for tasks, a full disk, a small one, and an engine that is stopped."""
    directory = tmp_path_factory.mktemp("narrow")
    with small_disk(directory / "full") as full, small_disk(directory / "tiny") as tiny:
        (full / "filler").write_bytes(bytes(os.statvfs(full).f_bavail * 4096))
        computing = [
            engine("small"),
            engine("full", work_dir=str(full)),
            engine("tiny", work_dir=str(tiny)),
            {**engine("stopped"), "container_engines": ["docker"]},
        ]
        deployment = Deployment(directory / "hub", SOFTWARE, computing, ports=2)
        try:
            with pytest.MonkeyPatch.context() as environment:
                environment.setenv("DOCKER_HOST", f"unix://{directory}/stopped.sock")
                await deployment.start()
            yield deployment
        finally:
            await deployment.stop()
    await asyncio.to_thread(shutil.rmtree, directory)


@pytest.fixture
async def carol(narrow: Deployment) -> AsyncIterator[User]:
    """A user of that hub, whose tasks are gone after the test."""
    user = await narrow.user("carol")
    yield user
    await user.clean()


def left(task: dict[str, Any]) -> list[str]:
    """The containers of a task."""
    values = []
    for client in ("docker", "podman"):
        label = f"label=rosetta.task={task['id']}"
        command = [client, "ps", "-a", "--filter", label, "--format={{.Names}}"]
        values += subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return values


async def start(user: User, software: str = "echo", computing: str = "small") -> dict[str, Any]:
    """A task that runs, or has failed."""
    task = await user.start(software=software, computing=computing)
    return await user.until(task["id"], "running", "failed")


async def is_inside(user: User, task: dict[str, Any]) -> str:
    """Enter a task that runs; returns its address."""
    assert task["state"] == "running", task["message"]
    opened = await user.enter(task)
    assert (await opened.get()).code == 200
    return opened.url


async def test_all_ports_in_use(carol: User) -> None:
    first, second = await start(carol), await start(carol)
    urls = {await is_inside(carol, task) for task in (first, second)}
    assert len(urls) == 2
    third = await start(carol)
    assert third["message"].startswith("All ports for tasks are in use.")
    assert left(third) == []
    await is_inside(carol, second)
    await carol.api("POST", f"tasks/{first['id']}/stop")
    await carol.until(first["id"], "stopped")
    again = await carol.api("POST", f"tasks/{third['id']}/start")
    assert again.code == 201, again.body
    third = await carol.until(third["id"], "running", "failed")
    assert await is_inside(carol, third) in urls


async def test_ports_that_another_program_holds(carol: User, narrow: Deployment) -> None:
    with socket.create_server(("127.0.0.1", narrow.first_port)):
        task = await start(carol)
        assert await is_inside(carol, task) == f"http://127.0.0.1:{narrow.first_port + 1}"
        second = await start(carol)
        assert second["message"].startswith("All ports for tasks are in use.")
    # As soon as the other program has ended, its port is one of the range as before.
    await carol.api("POST", f"tasks/{second['id']}/start")
    second = await carol.until(second["id"], "running", "failed")
    assert await is_inside(carol, second) == f"http://127.0.0.1:{narrow.first_port}"


@pytest.mark.parametrize(
    ("software", "computing", "words"),
    [
        ("echo", "stopped", "The container engine docker does not answer on Stopped."),
        ("echo", "full", "The disk of Full is full."),
        ("loud", "tiny", "The disk of Tiny is full."),
    ],
)
async def test_nothing_to_run_on(
    carol: User, narrow: Deployment, software: str, computing: str, words: str
) -> None:
    task = await start(carol, software, computing)
    task = await carol.until(task["id"], "failed")
    assert task["message"].startswith(words)
    assert left(task) == []
    await carol.clean()
    disks = [narrow.directory.parent / name for name in ("full", "tiny")]
    for work_dir in (narrow.sandbox(task).parent, *disks):
        assert not list(work_dir.glob(f"{task['id']}*"))


@pytest.mark.parametrize(("software", "path"), [("lab", "/api/status"), ("web", "/")])
async def test_an_image_with_nothing_of_ours(carol: User, software: str, path: str) -> None:
    task = await start(carol, software)
    assert task["state"] == "running", (task["message"], task["log_tail"])
    assert (await (await carol.enter(task)).get(path)).code == 200


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"tasks_url": "http://localhost"}, ["have the same host name 'localhost'", "cookies"]),
        (
            {"software": [{"id": "x", "name": "X", "image_name": "x", "image_tga": "1"}]},
            ["c.Rosetta.software entry 1 ('x')", "'image_tga'", "Allowed keys:", "image_tag"],
        ),
        (
            {"computing": [{"id": "y", "name": "Y", "container_engines": ["lxc"]}]},
            ["c.Rosetta.computing entry 1 ('y')", "'container_engines'", "docker, podman"],
        ),
    ],
)
async def test_a_configuration_that_is_refused(
    tmp_path: Path, keys: dict[str, Any], words: list[str]
) -> None:
    whole = {"software": SOFTWARE, "computing": COMPUTING, **keys}
    refused = Deployment(tmp_path / "hub", **whole)
    command = [sys.executable, "-m", "jupyterhub", "-f", str(refused.config)]
    result = await asyncio.to_thread(
        subprocess.run, command, cwd=refused.directory, capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr


async def last_activity(user: User, *tasks: dict[str, Any]) -> list[datetime]:
    """When each of the tasks was used last, as the hub (and its idle culler) knows it."""
    servers = (await user.deployment.hub_api("GET", f"/users/{user.name}"))["servers"]
    return [datetime.fromisoformat(servers[task["server_name"]]["last_activity"]) for task in tasks]


async def test_the_hub_learns_of_use_and_of_idleness(alice: User) -> None:
    """A request and traffic of an open WebSocket are use; an open one that is silent is not."""
    visited, busy, silent = tasks = [
        await start(alice, name, "local") for name in ("echo", "chatty", "chatty")
    ]
    all_opened = [await alice.enter(task) for task in tasks]

    async def used_since(time: datetime, *some: dict[str, Any]) -> bool:
        return all(last >= time for last in await last_activity(alice, *some))

    # The edge counts in milliseconds.
    opening = datetime.now(UTC) - timedelta(milliseconds=1)
    assert (await all_opened[0].get()).code == 200
    sockets = [await websocket_connect(opened.websocket_request("/")) for opened in all_opened[1:]]
    await eventually(lambda: used_since(opening, *tasks), "the hub knows of their use")

    async def talk() -> None:
        sending = datetime.now(UTC) - timedelta(milliseconds=1)
        await sockets[0].write_message("hello")
        assert await asyncio.wait_for(sockets[0].read_message(), 10) == "hello"
        await eventually(lambda: used_since(sending, busy), "the hub knows of the traffic")

    # The edge may have counted in the middle of an opening; with this it has counted all of them.
    await talk()
    before = await last_activity(alice, visited, silent)
    await talk()
    assert await last_activity(alice, visited, silent) == before
    for item in sockets:
        item.close()
