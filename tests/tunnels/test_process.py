"""The process: started, adopted, killed; its API, and what nobody may see."""

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from rosetta_hub import sidecar
from rosetta_hub.errors import AuthenticationFailed, HostKeyProblem, ResourceUnavailable
from rosetta_hub.resources.access_ssh import SshAccess
from rosetta_hub.ssh.errors import SshRefused, TimedOut, Unreachable
from rosetta_hub.ssh.keys import generate_key_pair
from rosetta_hub.tunnels import (
    DialListener,
    TunnelsClient,
    TunnelsConfig,
    TunnelsError,
    TunnelsUnavailable,
    ensure_tunnels,
    run_tunnels,
    stop_tunnels,
)
from rosetta_hub.tunnels.dial import DialRequest, parse_request
from rosetta_hub.tunnels.process import build_tunnels_command
from tests.support.eventually import until
from tests.support.processes import is_running
from tests.tunnels.conftest import SECRET, TASK, Rig, call

ROOT = Path(sidecar.__file__).parents[1]


async def test_running_process_is_adopted(rig: Rig) -> None:
    first = await rig.client.status()
    assert await ensure_tunnels(rig.config) == first
    assert await stop_tunnels(rig.config)
    assert not await stop_tunnels(rig.config)
    assert not rig.config.socket.exists()


async def test_it_outlives_who_started_it(tmp_path: Path) -> None:
    script = (
        "import asyncio, os, signal, sys; from pathlib import Path;"
        "from rosetta_hub.tunnels import *;"
        "asyncio.run(ensure_tunnels(TunnelsConfig(Path(sys.argv[1]))));"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    config = TunnelsConfig(tmp_path / "state")
    command = [sys.executable, "-c", script, str(config.state_dir)]
    starts = [await asyncio.create_subprocess_exec(*command, cwd=ROOT) for _ in range(3)]
    assert [await start.wait() for start in starts] == [-signal.SIGKILL] * 3
    status = await TunnelsClient(config.socket).status()
    assert (config.state_dir / "tunnels.log").read_text().count("ready") == 1
    assert await ensure_tunnels(config) == status
    await stop_tunnels(config)


async def test_killed_process_is_replaced_and_told_everything(rig: Rig) -> None:
    await rig.client.put_tunnels([rig.ssh_tunnel()])
    assert await rig.ask() == b"hello"
    before = await rig.client.status()
    os.kill(before.pid, signal.SIGKILL)
    after = await ensure_tunnels(rig.config)
    assert after.instance != before.instance
    assert not rig.config.task_socket(TASK).exists(), "nobody answers there"
    await rig.client.put_tunnels([rig.ssh_tunnel()])
    assert await rig.ask() == b"hello"


async def test_other_configuration_starts_it_again(rig: Rig) -> None:
    before = await rig.client.status()
    other = replace(rig.config, dial=None)
    after = await ensure_tunnels(other)
    assert after.instance != before.instance
    assert other.fingerprint != rig.config.fingerprint


async def test_process_that_nobody_can_reach_ends(rig: Rig) -> None:
    pid = (await rig.client.status()).pid
    rig.config.socket.unlink()
    await until(lambda: not is_running(pid))


async def test_process_in_the_foreground(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from rosetta_hub.tunnels import *;"
        "run_tunnels(TunnelsConfig(Path(sys.argv[1])))"
    )
    config = TunnelsConfig(tmp_path / "state")
    command = [sys.executable, "-c", script, str(config.state_dir)]
    process = await asyncio.create_subprocess_exec(*command, stderr=subprocess.PIPE, cwd=ROOT)
    assert process.stderr is not None
    assert b"ready" in await asyncio.wait_for(process.stderr.readline(), 20)
    assert (await ensure_tunnels(config)).pid == process.pid
    with pytest.raises(TunnelsError, match="runs already"):
        run_tunnels(config)
    assert await stop_tunnels(config)
    assert await asyncio.wait_for(process.wait(), 20) == 0


async def test_process_that_ends_at_once_says_why(tmp_path: Path) -> None:
    missing = tmp_path / "missing.pem"
    config = TunnelsConfig(tmp_path / "state", DialListener(1, "127.0.0.1", missing, missing))
    with pytest.raises(TunnelsError, match="FileNotFoundError"):
        await ensure_tunnels(config)


async def test_sockets_are_private(rig: Rig) -> None:
    await rig.client.put_tunnels([rig.ssh_tunnel()])
    for path in (rig.config.socket, rig.config.task_socket(TASK)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(rig.config.sockets_dir.stat().st_mode) == 0o700


async def test_secrets_are_nowhere(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "s3cret-token")
    await stop_tunnels(rig.config)
    pid = await rig.start()
    key = rig.endpoint.private_key.splitlines()[2]
    port, _ = rig.listen()
    tunnels = [rig.ssh_tunnel(), rig.direct_tunnel(port, "00" * 32)]
    for tunnel in tunnels:
        await rig.client.put_tunnels([tunnel])
        await rig.ask()
        assert key not in repr(tunnel)
        assert SECRET not in repr(tunnel)
    await rig.client.run(rig.endpoint, ["cat"], "s3cret-input", 20)
    bad = json.dumps({"id": TASK, "route": {"kind": "ssh", "endpoint": {"private_key": key}}})
    await call(rig, "PUT", f"/tunnels/{TASK}", json.loads(bad))
    process = Path(f"/proc/{pid}")
    calls = [process.joinpath("cmdline").read_bytes(), process.joinpath("environ").read_bytes()]
    calls.append((rig.config.state_dir / "tunnels.log").read_bytes())
    for text in calls:
        for secret in (key, SECRET, "s3cret-input", "s3cret-token"):
            assert secret.encode() not in text


def test_command_line() -> None:
    assert build_tunnels_command() == [sys.executable, "-I", "-m", "rosetta_hub.tunnels"]


# --- the API -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/tunnels", {}),
        ("PUT", "/tunnels", {"tunnels": [], "kept": [1]}),
        ("PATCH", "/tunnels", {}),
        ("PUT", "/tunnels", {"tunnels": [{"id": "../x", "attempt": 1, "route": {}}]}),
        ("PUT", f"/tunnels/{TASK}", {"id": TASK, "attempt": 1, "route": {"kind": "magic"}}),
        ("POST", "/run", {"endpoint": {}, "argv": ["true"], "timeout": 1}),
        ("POST", "/keys/forget", {}),
    ],
)
async def test_bad_calls_are_refused(
    rig: Rig, method: str, path: str, body: dict[str, object]
) -> None:
    status, answer = await call(rig, method, path, body)
    assert status == 400
    assert isinstance(answer, dict)
    assert answer["message"]


async def test_bad_commands_are_refused(rig: Rig) -> None:
    endpoint = rig.endpoint.to_document()
    for extra in ({"argv": [], "timeout": 1}, {"argv": ["a"]}, {"argv": "ls", "timeout": 1}):
        assert (await call(rig, "POST", "/run", {"endpoint": endpoint, **extra}))[0] == 400


async def test_tunnel_that_is_not_open_is_not_closed(rig: Rig) -> None:
    assert not await rig.client.delete_tunnel("ffffffffffff")
    await rig.client.put_tunnel(rig.ssh_tunnel())
    assert await rig.client.delete_tunnel(TASK)
    assert await rig.client.states() == {}


async def test_full_state_in_pieces(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first piece closes what is in none of them."""
    monkeypatch.setattr("rosetta_hub.tunnels.client.LARGEST_PIECE", 1)
    tunnels = [replace(rig.reverse_tunnel(), id=f"{number:012x}") for number in range(5)]
    for tunnel in tunnels[:3]:
        await rig.client.put_tunnel(tunnel)
    assert await rig.client.put_tunnels(tunnels[2:], kept_ids=[tunnels[0].id]) == {}
    assert set(await rig.client.states()) == {tunnels[n].id for n in (0, 2, 3, 4)}


async def test_nobody_answers(tmp_path: Path, rig: Rig) -> None:
    client = TunnelsClient(tmp_path / "nothing.sock")
    with pytest.raises(TunnelsUnavailable):
        await client.status()
    with pytest.raises(ResourceUnavailable, match="could not be run"):
        await SshAccess(client, rig.endpoint).run(["true"], "", 1)


async def test_commands_and_their_errors(rig: Rig) -> None:
    """Each error of the other process is the same error here."""
    access = SshAccess(rig.client, rig.endpoint)
    assert (await access.run(["sh", "-c", "cat; exit 3"], "grüße", 20)).stdout == "grüße"
    with pytest.raises(TimedOut):
        await access.run(["sleep", "5"], "", 0.2)
    with pytest.raises(SshRefused, match="8 MB"):
        await access.run(["cat", "/dev/zero"], "", 20)
    stranger = replace(rig.endpoint, identity="user eve", private_key=make_key())
    with pytest.raises(AuthenticationFailed, match="authorized_keys"):
        await SshAccess(rig.client, stranger).run(["true"], "", 20)
    unknown = replace(rig.endpoint, identity="user bob", known_hosts="")
    with pytest.raises(HostKeyProblem, match="--accept-host-key"):
        await SshAccess(rig.client, unknown).run(["true"], "", 20)
    rig.sshd.kill()
    await rig.client.forget_key(rig.endpoint)
    with pytest.raises(Unreachable, match="can't be reached"):
        await access.run(["true"], "", 20)


def make_key() -> str:
    return generate_key_pair("eve").private_key


@pytest.mark.parametrize(
    ("head", "request_"),
    [
        (
            "GET /dial/ab/2/control HTTP/1.1\r\nUPGRADE: Rosetta-Tunnel\r\nauthorization: bearer s",
            DialRequest("ab", 2, None, "s"),
        ),
        (
            f"GET /dial/ab/2/stream/{'0a' * 16} HTTP/1.1\r\nUpgrade: rosetta-tunnel\r\n"
            "Authorization: Bearer s",
            DialRequest("ab", 2, "0a" * 16, "s"),
        ),
        ("GET /dial/ab/2/control HTTP/1.1\r\nAuthorization: Bearer s", None),
        ("GET /dial/ab/2/control HTTP/1.1\r\nUpgrade: rosetta-tunnel", None),
        ("POST /dial/ab/2/control HTTP/1.1\r\nUpgrade: rosetta-tunnel", None),
        ("GET /dial/ab/x/control HTTP/1.1\r\nUpgrade: rosetta-tunnel", None),
        ("", None),
    ],
)
def test_parse_request(head: str, request_: DialRequest | None) -> None:
    assert parse_request(head) == request_
