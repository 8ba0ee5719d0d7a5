"""The program of a pod's second container, as it is sent there, and the process that it dials."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from rosetta_hub.agents.bundle import sidecar_program
from rosetta_hub.tunnels import stop_tunnels

from .conftest import SECRET, TASK, Rig


@pytest.fixture
async def sidecar(rig: Rig, tmp_path: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """It runs beside the rig's container, as the one program of an empty machine would."""
    assert rig.config.dial is not None
    program, spec = tmp_path / "program.pyz", tmp_path / "spec.json"
    program.write_bytes(sidecar_program())
    document: dict[str, Any] = {
        "url": f"http://127.0.0.1:{rig.config.dial.port}",
        "ca": None,
        "secret": SECRET,
        "task": TASK,
        "attempt": 1,
        "port": rig.container.port,
        "further": [],
    }
    spec.write_text(json.dumps(document))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-B", str(program), str(spec), cwd="/", env={"PATH": os.defpath}
    )
    yield process
    if process.returncode is None:
        process.kill()
    await process.wait()


async def test_it_carries_connections_until_it_is_told_to_end(
    rig: Rig, sidecar: asyncio.subprocess.Process
) -> None:
    await rig.start()
    await rig.client.put_tunnel(rig.reverse_tunnel())
    data = os.urandom(1 << 20)
    assert await rig.ask(data) == data
    assert (await rig.state())[0] == "open"
    sidecar.terminate()
    assert await asyncio.wait_for(sidecar.wait(), 10) == 0


async def test_it_dials_a_tunnels_process_that_was_restarted(
    rig: Rig, sidecar: asyncio.subprocess.Process
) -> None:
    await rig.start()
    await rig.client.put_tunnel(rig.reverse_tunnel())
    assert await rig.ask() == b"hello"
    await stop_tunnels(rig.config)
    await rig.start()
    await rig.client.put_tunnel(rig.reverse_tunnel())
    assert await rig.ask() == b"hello"
    assert sidecar.returncode is None
