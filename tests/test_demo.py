"""`scripts/demo`, from its start to Ctrl-C."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, cast

import httpx
import pytest

from tests.support.ports import free_ports
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[1]
SERVICE = "/services/rosetta"
DEADLINE = 60


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def find_processes(port: int, words: str = "") -> dict[int, str]:
    """What runs with the demo's environment, and these words in its command line.

    Dead processes that nobody waited for aside.
    """
    document = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"\0ROSETTA_PORT={port}\0".encode() in (process / "environ").read_bytes():
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                document[int(process.name)] = command
        except OSError:  # it ended meanwhile
            continue
    return {pid: command for pid, command in document.items() if words in command}


def processes_of(port: int) -> list[str]:
    """The command lines of what runs with the demo's environment."""
    return list(find_processes(port).values())


@pytest.fixture
def port() -> Iterator[int]:
    """A port whose neighbours are free; the demo's state is removed in the end."""
    port = free_ports(100)[0]
    yield port
    shutil.rmtree(ROOT / ".demo" / str(port))


@pytest.fixture
def start_demo(
    port: int, base_containers: dict[str, str]
) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts `scripts/demo` in a process group of its own."""
    with contextlib.ExitStack() as started:

        def start() -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [ROOT / "scripts" / "demo", "--port", str(port)],
                env={**os.environ, "ROSETTA_ENGINES": "docker"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
                # Where the tests run in the background, Ctrl-C is ignored, and scripts can't change
                # that.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
            started.enter_context(process)
            started.callback(process.terminate)
            return process

        yield start


@pytest.fixture
def demo(start_demo: Callable[[], subprocess.Popen[str]]) -> subprocess.Popen[str]:
    return start_demo()


def read_until(output: IO[str], words: str) -> str:
    """All lines up to the one with these words; the test's own timeout ends the wait."""
    text = ""
    for line in output:
        text += line
        if words in line:
            return text
    raise AssertionError(f"it ended without saying {words!r}:\n{text}")


class Browser:
    """What a user's browser does, as far as this test needs it."""

    def __init__(self, client: httpx.Client, password: str) -> None:
        self.client = client
        self.client.get("/hub/login")
        form = {"username": "alice", "password": password, "_xsrf": self._token("/hub/")}
        answer = self.client.post("/hub/login", data=form)
        assert answer.url.path == f"{SERVICE}/", answer.text

    def _token(self, path: str) -> str:
        values = (
            item for item in self.client.cookies.jar if item.name == "_xsrf" and item.path == path
        )
        return str(next(values).value)

    def call(self, method: str, path: str, body: object = None) -> httpx.Response:
        headers = {"X-XSRFToken": self._token(f"{SERVICE}/")}
        answer = self.client.request(method, f"{SERVICE}/api/v1/{path}", json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer


def start_task(browser: Browser) -> str:
    """A running task's id."""
    options = {"software": "sshserver", "computing": "local", "engine": "docker"}
    task = str(browser.call("POST", "tasks", options).json()["id"])

    def is_running() -> bool:
        document = browser.call("GET", f"tasks/{task}").json()
        assert document["state"] in ("queued", "starting", "running"), document
        return bool(document["state"] == "running")

    # With pauses: the API answers so many requests a minute.
    wait_until(is_running, DEADLINE, "the task runs")
    return task


def containers_of(task: str) -> list[str]:
    """The ids of a task's containers: their names do not tell whose they are."""
    command = ["docker", "ps", "--all", "--quiet", f"--filter=label=rosetta.task={task}"]
    process = subprocess.run(command, check=True, capture_output=True, text=True)
    return process.stdout.split()


@pytest.mark.timeout(600)
def test_demo_starts_all_and_stops_all(demo: subprocess.Popen[str], port: int) -> None:
    output = cast(IO[str], demo.stdout)
    until = read_until(output, "Ctrl-C stops everything.")
    assert f"http://localhost:{port}" in until
    (password,) = re.findall(r"Password +(\S+)", until)
    hub = f"http://localhost:{port}"
    with httpx.Client(base_url=hub, follow_redirects=True, timeout=DEADLINE) as client:
        browser = Browser(client, password)
        families = browser.call("GET", "software").json()["software"]
        assert {"jupyternotebook", "basicdesktop", "sshserver"} <= {
            family["id"] for family in families
        }
        task = start_task(browser)
        (home,) = browser.call("GET", f"tasks/{task}").json()["storages"]
    assert (home["path"], home["home"]) == ("/home/metauser", True)
    assert (ROOT / f".demo/{port}/rosetta/homes/alice").is_dir()
    assert len(containers_of(task)) == 1
    os.killpg(demo.pid, signal.SIGINT)
    until = read_until(output, "Everything is stopped.")
    assert demo.wait(DEADLINE) == 0, until
    assert containers_of(task) == []
    assert processes_of(port) == []
    assert not any(password in path.read_text() for path in (ROOT / f".demo/{port}").glob("*.log"))


@pytest.mark.timeout(600)
def test_hub_that_was_killed_leaves_nothing_behind(demo: subprocess.Popen[str], port: int) -> None:
    output = cast(IO[str], demo.stdout)
    read_until(output, "Ctrl-C stops everything.")
    (hub,) = find_processes(port, "bin/jupyterhub ")
    os.kill(hub, signal.SIGKILL)
    until = read_until(output, "Everything is stopped.")
    assert demo.wait(DEADLINE) == 1, until
    assert processes_of(port) == []
    assert all(map(is_free, range(port, port + 100))), "the next demo would not start"


@pytest.mark.timeout(600)
def test_demo_starts_where_all_was_killed(
    demo: subprocess.Popen[str], port: int, start_demo: Callable[[], subprocess.Popen[str]]
) -> None:
    """The hub's proxy holds the port."""
    read_until(cast(IO[str], demo.stdout), "Ctrl-C stops everything.")
    (hub,) = find_processes(port, "bin/jupyterhub ")
    demo.kill()
    os.kill(hub, signal.SIGKILL)
    assert find_processes(port, "hub-proxy.mjs")
    again = start_demo()
    output = cast(IO[str], again.stdout)
    read_until(output, "Ctrl-C stops everything.")
    os.killpg(again.pid, signal.SIGINT)
    read_until(output, "Everything is stopped.")
    assert again.wait(DEADLINE) == 0
    assert processes_of(port) == []
