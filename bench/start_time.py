"""From start to interface-answers, against the engine's own `run` of the same image.

Ours is everything: the REST API, the hub, the spawner, the service, the agent, the edge. The
engine's is its command line, and a connection to the port that it publishes.
"""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from bench.common import Goal, finish, print_row
from tests.e2e.conftest import ECHO, python_software
from tests.e2e.deployment import Deployment, User

ROUNDS = 10
MOST_SECONDS = 1.0
POLL = 0.02
# Published ports need a server on all addresses; the image is the same.
PUBLIC_ECHO = ECHO.replace("127.0.0.1", "0.0.0.0")
SOFTWARE = [python_software("echo", PUBLIC_ECHO)]
# What this machine needs so that podman starts anything at all; see the README of docker/.
PODMAN = ["--runtime", "runc"]
PODMAN_RUN = ["--ulimit", "nofile=1024:4096", "--ulimit", "nproc=4096:4096"]


def run_command(engine: str, name: str) -> list[str]:
    """The engine's own way to start the container."""
    image = f"{SOFTWARE[0]['image_name']}:{SOFTWARE[0]['image_tag']}"
    before, inside = (PODMAN, PODMAN_RUN) if engine == "podman" else ([], [])
    publish = ["-p", "127.0.0.1::8888"]
    command = SOFTWARE[0]["command"]
    return [engine, *before, "run", "-d", "--name", name, *publish, *inside, image, *command]


def published_port(engine: str, name: str) -> str:
    """Where the container's port is."""
    shown = subprocess.run([engine, "port", name], capture_output=True, text=True, check=True)
    return shown.stdout.split()[-1]


def answers(address: str) -> bool:
    """Whether HTTP answers there."""
    try:
        with urllib.request.urlopen(f"http://{address}/", timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


def start_with_engine(engine: str, number: int) -> float:
    """Seconds until the interface answers, started by the engine's own command."""
    name = f"rosetta-bench-{engine}-{number}"
    began = time.monotonic()
    subprocess.run(run_command(engine, name), check=True, capture_output=True)
    address = published_port(engine, name)
    while not answers(address):
        time.sleep(POLL)
    took = time.monotonic() - began
    subprocess.run([engine, "rm", "-f", name], check=True, capture_output=True)
    return took


async def start_with_us(user: User, engine: str) -> float:
    """Seconds until the interface answers through the edge, started by the REST API."""
    began = time.monotonic()
    task = await user.start(software="echo", engine=engine)
    while (shown := await user.task(task["id"])) and shown["state"] != "running":
        assert shown["state"] != "failed", shown["sentence"]
        await asyncio.sleep(POLL)
    door = await user.enter(shown or task)
    assert (await door.get()).code == 200
    took = time.monotonic() - began
    await user.clean()
    return took


async def compare(user: User, engine: str) -> float:
    """The median of the differences of the rounds, in seconds."""
    ours, theirs = [], []
    for number in range(ROUNDS):
        theirs.append(await asyncio.to_thread(start_with_engine, engine, number))
        ours.append(await start_with_us(user, engine))
    print_row(engine, f"{statistics.median(theirs):.2f} s", f"{statistics.median(ours):.2f} s")
    return statistics.median(a - b for a, b in zip(ours, theirs, strict=True))


async def main(engines: list[str]) -> None:
    """Compare for each engine."""
    computing: list[dict[str, Any]] = [
        {"id": "local", "name": "This machine", "container_engines": engines}
    ]
    with tempfile.TemporaryDirectory() as name:
        deployment = Deployment(Path(name) / "hub", SOFTWARE, computing)
        await deployment.start()
        try:
            user = await deployment.user("alice")
            print_row("median of 10", "engine's run", "ours")
            extra = {engine: await compare(user, engine) for engine in engines}
        finally:
            await deployment.stop()
    finish(*(Goal(f"{one}: s more", more, most=MOST_SECONDS) for one, more in extra.items()))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or ["docker", "podman"]))
