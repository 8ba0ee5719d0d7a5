"""Starting, adopting and stopping the edge's process."""

import asyncio
import json
import logging
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from rosetta_hub.edge import (
    EdgeClient,
    EdgeConfig,
    EdgeError,
    EdgeUnavailable,
    HubAddresses,
    ensure_edge,
    stop_edge,
)
from rosetta_hub.edge import process as edge_process
from rosetta_hub.edge.process import build_edge_command, build_proxy_command, parse_version
from rosetta_hub.errors import ConfigError
from rosetta_hub.log_format import TextFormatter
from tests.support.processes import is_running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROOT = Path(edge_process.__file__).parents[2]


@pytest.fixture
async def config(tmp_path: Path) -> "AsyncIterator[EdgeConfig]":
    config = EdgeConfig(tmp_path / "state", public_host="127.0.0.1")
    yield config
    await stop_edge(config)


async def test_running_edge_is_adopted(config: EdgeConfig) -> None:
    first = await ensure_edge(config)
    assert await ensure_edge(config) == first
    assert await stop_edge(config)
    assert not await stop_edge(config)
    assert not config.socket.exists()


async def test_many_at_once_start_one(config: EdgeConfig) -> None:
    script = (
        "import asyncio, sys; from pathlib import Path; from rosetta_hub.edge import *;"
        "config = EdgeConfig(Path(sys.argv[1]), public_host='127.0.0.1');"
        "print(asyncio.run(ensure_edge(config)).instance)"
    )
    command = [sys.executable, "-c", script, str(config.state_dir)]
    starts = [
        await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, cwd=ROOT)
        for _ in range(4)
    ]
    answers = [(await start.communicate())[0] for start in starts]
    status = await EdgeClient(config.socket).status()
    assert answers == [f"{status.instance}\n".encode()] * 4, "it outlives those who started it"
    assert config.log_file.read_text().count("ready") == 1


async def test_log_looks_like_those_of_the_other_processes(
    config: EdgeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In local time; lines of one moment stand side by side."""
    zone = ZoneInfo("Asia/Kathmandu")
    monkeypatch.setenv("TZ", zone.key)
    before = datetime.now(zone)
    await ensure_edge(config)
    (line,) = (item for item in config.log_file.read_text().splitlines() if "ready" in item)
    match = re.fullmatch(r"\[I (\S+ \S+),(\d{3}) edge\] ready, process \d+", line)
    assert match, line
    time = datetime.strptime(f"{match[1]}.{match[2]}000", "%Y-%m-%d %H:%M:%S.%f")
    assert before.replace(microsecond=0) <= time.replace(tzinfo=zone) <= datetime.now(zone)
    record = logging.LogRecord("edge", logging.INFO, "", 0, "ready, process 1", (), None)
    python = TextFormatter().format(record)
    assert re.sub(r"\d", "0", python) == re.sub(r"\d+\Z", "0", re.sub(r"\d", "0", line))


async def test_killed_edge_is_replaced(config: EdgeConfig) -> None:
    first = await ensure_edge(config)
    os.kill(first.pid, signal.SIGKILL)
    second = await ensure_edge(config)
    assert second.pid != first.pid
    assert second.instance != first.instance


async def test_edge_that_nobody_can_reach_ends(config: EdgeConfig) -> None:
    """Its state was removed, say; its ports would stay taken."""
    from tests.edge.conftest import until

    first = await ensure_edge(config)
    config.socket.unlink()
    await until(lambda: not is_running(first.pid))
    assert (await ensure_edge(config)).pid != first.pid


async def test_other_configuration_starts_it_again(
    config: EdgeConfig, caplog: pytest.LogCaptureFixture
) -> None:
    first = await ensure_edge(config)
    second = await ensure_edge(replace(config, public_host="localhost"))
    assert second.instance != first.instance
    assert "another configuration" in caplog.text


async def test_edge_that_ends_at_once_says_why(config: EdgeConfig, tmp_path: Path) -> None:
    result = replace(config, tls_cert=tmp_path / "missing.pem", tls_key=tmp_path / "missing.pem")
    with pytest.raises(EdgeError, match=r"missing\.pem"):
        await ensure_edge(result)


async def test_edge_in_the_foreground(config: EdgeConfig) -> None:
    script = (
        "import sys; from pathlib import Path; from rosetta_hub.edge import *;"
        "run_edge(EdgeConfig(Path(sys.argv[1]), public_host='127.0.0.1'))"
    )
    command = [sys.executable, "-c", script, str(config.state_dir)]
    process = await asyncio.create_subprocess_exec(*command, stderr=subprocess.PIPE, cwd=ROOT)
    assert process.stderr is not None
    assert b"ready" in await asyncio.wait_for(process.stderr.readline(), 20)
    status = await ensure_edge(config)
    assert status.pid == process.pid, "the service adopts the one that an admin started"
    with pytest.raises(EdgeError, match="runs already"):
        edge_process.run_edge(config)
    assert await stop_edge(config)
    assert await asyncio.wait_for(process.wait(), 20) == 0


async def test_edge_that_hangs_is_not_replaced_by_a_second_one(
    config: EdgeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = await ensure_edge(config)
    os.kill(status.pid, signal.SIGSTOP)
    try:
        with monkeypatch.context() as impatient:
            impatient.setattr(edge_process, "START_TIMEOUT", 0.5)
            impatient.setattr(edge_process, "CALL_TIMEOUT", 0.1)
            with pytest.raises(EdgeUnavailable):
                await ensure_edge(config)
    finally:
        os.kill(status.pid, signal.SIGCONT)
    assert await ensure_edge(config) == await EdgeClient(config.socket).status()


def make_program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def empty_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder where programs are looked for."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    return folder


def test_missing_programs_are_named(empty_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"node is not installed: it is not next to .* nor on PATH"
    ):
        edge_process.find_node()
    with pytest.raises(ConfigError, match="configurable-http-proxy is not installed"):
        edge_process.find_chp()


def test_old_programs_are_refused(empty_path: Path) -> None:
    make_program(empty_path / "node", "echo v16.20.0")
    with pytest.raises(ConfigError, match="Node 18 or newer"):
        edge_process.find_node()
    root = empty_path.parent / "lib" / "node_modules" / "configurable-http-proxy"
    make_program(root / "bin" / "configurable-http-proxy", "")
    (empty_path / "configurable-http-proxy").symlink_to(root / "bin" / "configurable-http-proxy")
    with pytest.raises(ConfigError, match="does not belong"):
        edge_process.find_chp()
    package = {"name": "configurable-http-proxy", "version": "4.4.0"}
    (root / "package.json").write_text(json.dumps(package))
    with pytest.raises(ConfigError, match=r"4\.4\.0 is too old: 4\.5 or newer"):
        edge_process.find_chp()
    (root / "package.json").write_text(json.dumps({**package, "version": "4.10.0"}))
    assert edge_process.find_chp() == root


def test_package_behind_a_script_is_found(empty_path: Path) -> None:
    make_program(empty_path / "configurable-http-proxy", "")
    root = empty_path.parent / "lib" / "node_modules" / "configurable-http-proxy"
    root.mkdir(parents=True)
    (root / "package.json").write_text('{"name": "configurable-http-proxy", "version": "5.3.0"}')
    assert edge_process.find_chp() == root


@pytest.mark.parametrize(
    ("text", "version"),
    [("v20.1.0", (20, 1, 0)), ("5.3.0-rc.1\n", (5, 3, 0)), ("4.6", (4, 6)), ("", ()), ("x", ())],
)
def test_parse_version(text: str, version: tuple[int, ...]) -> None:
    assert parse_version(text) == version


def test_command_lines_hold_no_secret() -> None:
    js = Path(edge_process.__file__).parent / "js"
    assert build_edge_command(Path("/n/node")) == [
        "/n/node", "--max-http-header-size=65536", str(js / "main.mjs"),
    ]  # fmt: skip
    assert build_proxy_command(Path("/n/node"), Path("/chp"), None, ["--ip", ""]) == [
        "/n/node", str(js / "hub-proxy.mjs"), "/chp", "null", "--ip", "",
    ]  # fmt: skip
    addresses = HubAddresses("http://localhost:8000", "*.tasks.example.org")
    assert build_proxy_command(Path("/n/node"), Path("/chp"), addresses, ["--ip", ""]) == [
        "/n/node", str(js / "hub-proxy.mjs"), "/chp",
        '{"hub_origin": "http://localhost:8000", "tasks_host": "*.tasks.example.org"}',
        "--ip", "",
    ]  # fmt: skip


async def test_environment_of_the_service_stays_there(
    config: EdgeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "s3cret")
    environ = Path(f"/proc/{(await ensure_edge(config)).pid}/environ")
    assert b"s3cret" not in await asyncio.to_thread(environ.read_bytes)


def test_fingerprint_tells_configurations_apart(tmp_path: Path) -> None:
    config = EdgeConfig(tmp_path, "127.0.0.1")
    others = [
        replace(config, bind_ip="0.0.0.0"),
        replace(config, main_port=1),
        replace(config, tls_cert=tmp_path, tls_key=tmp_path),
        replace(config, hub_cookie_names=("x",)),
        replace(config, tcp_connections_per_address=1),
        replace(config, anonymous_connections_per_address=1),
    ]
    assert len({item.fingerprint for item in [config, *others]}) == 7
    assert config.fingerprint == EdgeConfig(tmp_path, "127.0.0.1").fingerprint
