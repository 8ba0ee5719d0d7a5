"""The probe itself, in its own process, with the oldest Python that nodes may have."""

import ast
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rosetta_hub.check import probe
from rosetta_hub.check.probes import build_program

TOKEN = "0123456789abcdef"


def make_order(**changes: Any) -> dict[str, Any]:
    order: dict[str, Any] = {
        "engines": [],
        "options": [],
        "path": [],
        "image": None,
        "urls": {},
        "ca": None,
        "token": TOKEN,
    }
    order |= {"listen": {"tcp": True}, "result": ".found", "pull_timeout": 10, "linger": 60}
    return {**order, **changes}


class Running:
    """A probe, and the home that it writes into."""

    def __init__(self, home: Path, order: dict[str, Any]) -> None:
        self.home = home
        self.result = home / order["result"]
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-"], stdin=subprocess.PIPE, env={"HOME": str(home)}, text=True
        )
        assert self.process.stdin is not None
        self.process.stdin.write(build_program(order))
        self.process.stdin.close()

    def find(self, name: str = "done") -> Any:
        """Wait until it has found that."""
        deadline = time.monotonic() + 30
        while True:
            found = json.loads(self.result.read_text()) if self.result.exists() else {}
            if found.get(name):
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.02)

    def stop(self) -> int:
        """Let it end."""
        (self.home / f"{self.result.name}.stop").touch()
        return self.process.wait(timeout=30)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Running]]:
    """Probes that a test has started."""
    running: list[Running] = []
    yield running
    for one in running:
        one.process.kill()
        one.process.wait()


def ask(port: int, line: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(line)
        answer = b""
        while part := connection.recv(1 << 16):
            answer += part
        return answer


def test_findings(started: list[Running], tmp_path: Path) -> None:
    running = Running(tmp_path, make_order(engines=["podman", "nothing"]))
    started.append(running)
    found = running.find()
    assert found["python"] == sys.version.split()[0]
    assert found["engines"]["nothing"] == {"error": "is not in PATH"}
    assert "version" in found["engines"]["podman"]
    assert found["namespaces"]["ok"] in (True, False)
    assert running.result.stat().st_mode & 0o777 == 0o600
    assert running.stop() == 0


def test_listener_answers_to_the_token_alone(started: list[Running], tmp_path: Path) -> None:
    running = Running(tmp_path, make_order())
    started.append(running)
    port = running.find()["listen"]["port"]
    assert ask(port, b"wrong send 100\n") == b""
    assert ask(port, b"\n") == b""
    assert len(ask(port, f"{TOKEN} send 1000000\n".encode())) == 1000000
    assert float(ask(port, f"{TOKEN} clock\n".encode())) > 0
    assert running.stop() == 0


def test_unix_socket_is_private_and_removed(started: list[Running], tmp_path: Path) -> None:
    folder = tmp_path / "private"
    running = Running(tmp_path, make_order(listen={"unix": str(folder / "s")}))
    started.append(running)
    running.find()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert running.stop() == 0
    assert not folder.exists()


def test_unreachable_address(started: list[Running], tmp_path: Path) -> None:
    running = Running(tmp_path, make_order(listen=None, urls={"service": "http://127.0.0.1:9/"}))
    started.append(running)
    found = running.find()
    assert "refused" in found["urls"]["service"]["error"]
    assert found["listen"] is None


def test_it_ends_by_itself(started: list[Running], tmp_path: Path) -> None:
    running = Running(tmp_path, make_order(linger=0))
    started.append(running)
    assert running.process.wait(timeout=30) == 0


def test_old_python() -> None:
    vermin = [str(Path(sys.executable).with_name("vermin")), "--target=3.6-", "--no-tips"]
    command = [*vermin, "--violations", probe.__file__]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_it_imports_the_standard_library_only() -> None:
    tree = ast.parse(Path(probe.__file__).read_text())
    for node in ast.walk(tree):
        names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
        assert {name.split(".")[0] for name in names} <= set(sys.stdlib_module_names)
