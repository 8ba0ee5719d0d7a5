"""Base containers started by a real engine, and how tests talk to them."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rosetta_agent.engines.podman import machine_options

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
DEADLINE = 60.0
# What the agent asks for by default.
HARDENING = ("--security-opt=no-new-privileges", "--cap-drop=NET_RAW", "--pids-limit=1024")
# The harshest place that the images promise to work in.
ANY_UID = ("--user=12345", "--read-only", "--tmpfs=/tmp")
PORTS = {
    "jupyternotebook": 8888,
    "minimaldesktop": 8590,
    "basicdesktop": 8590,
    "guiapplication": 8590,
    "sshserver": 2222,
}
DESKTOPS = ("minimaldesktop", "basicdesktop", "guiapplication")


def run(*argv: str, timeout: float = DEADLINE, stdin: str = "") -> str:
    """Runs a command and returns its standard output; fails the test with its standard error."""
    process = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, input=stdin)
    assert process.returncode == 0, f"{argv[:3]}... failed: {process.stderr}{process.stdout}"
    return process.stdout.strip()


def until(ask: Callable[[], T], what: str) -> T:
    """The first true answer; fails when there is none before the deadline."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.1)
    raise TimeoutError(f"{what}: not within {DEADLINE:.0f} s")


def version() -> str:
    """The tag of the images: the version of the project."""
    lines = (ROOT / "setup.cfg").read_text().splitlines()
    return next(line.partition("=")[2].strip() for line in lines if line.startswith("version ="))


@dataclass(frozen=True)
class Container:
    """A running container and the port of this machine that leads to its interface."""

    engine: str
    name: str
    port: int

    def execute(self, *argv: str, stdin: str = "") -> str:
        """Runs a command inside, as the container's user."""
        return run(self.engine, "exec", "-i", self.name, *argv, stdin=stdin)

    def programs(self) -> list[str]:
        """The names of the programs that run inside."""
        return self.execute("ps", "-A", "-o", "comm=").split()

    def processes(self, program: str) -> list[str]:
        """The process ids of a program that runs inside."""
        lines = self.execute("ps", "-A", "-o", "pid=,comm=").splitlines()
        return [line.split()[0] for line in lines if line.split()[1:] == [program]]

    def logs(self) -> str:
        """What it wrote, both streams."""
        process = subprocess.run(
            [self.engine, "logs", self.name], capture_output=True, text=True, timeout=DEADLINE
        )
        return process.stdout + process.stderr

    def stop(self) -> int:
        """Asks it to end, kills it (exit code 137) after three seconds; returns the exit code."""
        run(self.engine, "stop", "--time=3", self.name)
        state = json.loads(run(self.engine, "inspect", self.name))[0]["State"]
        return int(state["ExitCode"])

    def status(self, path: str = "/", authorization: str | None = None) -> int:
        """The HTTP status of a page, 0 while nobody answers."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}")
        if authorization is not None:
            request.add_header("Authorization", authorization)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            return 0

    def first_bytes(self, upgrade: str | None = None) -> bytes:
        """What arrives first on a connection, after the HTTP headers `upgrade` have been sent."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                if upgrade is not None:
                    connection.sendall(upgrade.encode())
                received = b""
                while b"\n" not in received.rpartition(b"\r\n\r\n")[2]:
                    chunk = connection.recv(4096)
                    if not chunk:
                        break
                    received += chunk
                return received
        except OSError:
            return b""


def basic(user: str, password: str) -> str:
    """The value of an Authorization header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def websocket_request(authorization: str | None = None) -> str:
    """A WebSocket handshake as noVNC sends it."""
    lines = [
        "GET /websockify HTTP/1.1",
        "Host: 127.0.0.1",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: " + base64.b64encode(os.urandom(16)).decode(),
    ]
    if authorization is not None:
        lines.append(f"Authorization: {authorization}")
    return "\r\n".join([*lines, "", ""])


def engine_flags(engine: str) -> list[str]:
    """What the agent tells podman on this machine: its runtime, and limits that it can't raise."""
    return list(machine_options()) if engine == "podman" else []


def published_port(engine: str, name: str) -> int:
    """The port of this machine that the engine chose; 0 when the container has ended already."""
    process = subprocess.run(
        [engine, "port", name], capture_output=True, text=True, timeout=DEADLINE
    )
    return int(process.stdout.partition("\n")[0].rpartition(":")[2] or 0)
