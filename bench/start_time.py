"""From start to interface-answers, against the engine's own `run` of the same image.

Ours is everything: the REST API, the hub, the spawner, the service, the agent, the edge. The
engine's is its command line, and a connection to the port: a published one, or for Apptainer the
machine's own. Images are there before the first round.
"""

import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.common import Goal, finish, print_row
from tests.e2e.conftest import ECHO, python_software
from tests.e2e.deployment import Deployment, User
from tests.e2e.machines import Machine, apptainer_machine, this_machine
from tests.e2e.registry import registry_with_images
from tests.support.ports import free_port

ROUNDS = 10
MOST_SECONDS = 1.0
POLL = 0.02
# What this machine may need so that podman starts anything at all.
PODMAN_LIMITS = ["--ulimit", "nofile=1024:4096", "--ulimit", "nproc=4096:4096"]
ISOLATION = ["--containall", "--cleanenv", "--pid", "--no-home", "--writable-tmpfs"]


def image_of(registry: str) -> dict[str, Any]:
    """The catalogue entry that both ways start."""
    keys: dict[str, Any] = {"registry": registry, "pull": "missing"}
    return {**python_software("echo", ECHO), **keys}


def answers(address: str) -> bool:
    """Whether HTTP answers there."""
    try:
        with urllib.request.urlopen(f"http://{address}/", timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


def wait_for(address: str) -> None:
    """Poll until HTTP answers."""
    while not answers(address):
        time.sleep(POLL)


def run_with_daemon(engine: str, image: str, number: int) -> float:
    """Seconds until a container of docker or podman answers at its published port."""
    name = f"rosetta-bench-{engine}-{number}"
    limits = PODMAN_LIMITS if engine == "podman" else []
    code = ECHO.replace("127.0.0.1", "0.0.0.0")
    publish = ["--publish", "127.0.0.1::8888"]
    run = [engine, *(["--runtime", "runc"] if limits else []), "run", "-d", "--name", name]
    began = time.monotonic()
    argv = [*run, *publish, *limits, image, "python3", "-c", code]
    subprocess.run(argv, check=True, capture_output=True)
    process = subprocess.run([engine, "port", name], capture_output=True, text=True, check=True)
    wait_for(process.stdout.split()[-1])
    took = time.monotonic() - began
    at_once = ["--time", "0"] if engine == "podman" else []
    subprocess.run([engine, "rm", "-f", *at_once, name], check=True, capture_output=True)
    return took


def run_with_apptainer(machine: Machine) -> float:
    """Seconds until the same image file answers, with the options that ours has, too."""
    find = ["sh", "-c", "ls /tmp/rosetta-1000/images/*.sif"]
    listing = subprocess.run([*machine.prefix, *find], capture_output=True, text=True, check=True)
    port = free_port()
    code = ECHO.replace("8888", str(port))
    argv = ["apptainer", "exec", *ISOLATION, listing.stdout.split()[0], "python3", "-c", code]
    began = time.monotonic()
    process = subprocess.Popen(
        [*machine.prefix, *argv], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_for(f"127.0.0.1:{port}")
    took = time.monotonic() - began
    stop = ["sh", "-c", f"kill $(pgrep -f '[{str(port)[0]}]{str(port)[1:]}')"]
    subprocess.run([*machine.prefix, *stop], check=False, capture_output=True)
    process.wait(30)
    return took


async def start_with_us(user: User) -> float:
    """Seconds until the interface answers through the edge, started by the REST API."""
    began = time.monotonic()
    task = await user.start(software="echo")
    async with asyncio.timeout(300):
        while (view := await user.task(task["id"])) and view["state"] != "running":
            assert view["state"] != "failed", view["message"]
            await asyncio.sleep(POLL)
    opened = await user.enter(view or task)
    assert (await opened.get()).code == 200
    took = time.monotonic() - began
    await user.clean()
    return took


async def compare(engine: str, machine: Machine, registry: str) -> float:
    """The median of the differences of the rounds, in seconds."""
    entry = image_of(registry)
    image = f"{registry}/{entry['image_name']}:{entry['image_tag']}"
    computing = {"id": "local", "name": "This machine", "container_engines": [engine]}
    deployment = Deployment(
        machine.directory / "hub",
        [entry],
        [computing],
        python=machine.python,
        prefix=machine.prefix,
    )
    if machine.prefix:
        os.chown(deployment.directory, 1000, 1000)
    await deployment.start()
    ours, theirs = [], []
    try:
        user = await deployment.user("alice")
        await start_with_us(user)
        for number in range(ROUNDS):
            if machine.prefix:
                theirs.append(await asyncio.to_thread(run_with_apptainer, machine))
            else:
                theirs.append(await asyncio.to_thread(run_with_daemon, engine, image, number))
            ours.append(await start_with_us(user))
    finally:
        await deployment.stop()
    print_row(engine, f"{statistics.median(theirs):.2f} s", f"{statistics.median(ours):.2f} s")
    return statistics.median(a - b for a, b in zip(ours, theirs, strict=True))


@contextlib.contextmanager
def machine_for(engine: str) -> Iterator[Machine]:
    """A machine that has the engine."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        if engine == "singularity":
            with apptainer_machine(Path(name) / "machine") as machine:
                yield machine
        else:
            yield this_machine(Path(name))


async def main(engines: list[str]) -> None:
    """Compare for each engine."""
    extra = {}
    with registry_with_images() as registry:
        print_row(f"median of {ROUNDS}", "engine's run", "ours")
        for engine in engines:
            with machine_for(engine) as machine:
                extra[engine] = await compare(engine, machine, registry)
    finish(
        *(
            Goal(f"{engine_name}: s more", more, most=MOST_SECONDS)
            for engine_name, more in extra.items()
        )
    )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or ["docker", "podman", "singularity"]))
