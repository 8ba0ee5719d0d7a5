"""A kubectl on the way to the API server: its command, what it reports, what it refuses."""

import asyncio
import fcntl
import json
import os
from pathlib import Path

import pytest

from rosetta_agent.files.frames import JSON, build_document, build_header
from rosetta_agent.kubectl_proxy import YOUNG, build_proxy_command, remove_left
from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.kubernetes.api_server import ApiServer
from rosetta_hub.kubernetes.client import KubernetesClient, NotReceived
from rosetta_hub.ssh.endpoint import Endpoint
from rosetta_hub.ssh.pool import Pool
from rosetta_hub.tunnels.kubectl_program import _Report
from rosetta_hub.tunnels.routes import KubectlRoute, Tunnel
from rosetta_hub.tunnels.task_tunnel import TaskTunnel
from rosetta_hub.tunnels.transport import TransportError
from rosetta_hub.tunnels.transport_kubectl import KubectlTransport
from tests.support.eventually import until

from .fake_api import FakeApi

ENDPOINT = Endpoint("cloud", "platform", "login", 22, "rosetta", "a key")
COMMANDS = [
    (("", "", False), ["kubectl", "proxy", "--unix-socket=/s"]),
    (
        ("/config", "science", True),
        [
            *("kubectl", "--kubeconfig=/config", "--context=science"),
            *("proxy", "--unix-socket=/s", "--append-server-path=true"),
        ],
    ),
]


@pytest.mark.parametrize(("options", "command"), COMMANDS)
def test_the_command_line(options: tuple[str, str, bool], command: list[str]) -> None:
    kubeconfig, context, appends = options
    assert build_proxy_command("kubectl", kubeconfig, context, "/s", appends) == command


def test_folders_of_killed_programs_are_removed_and_no_others(tmp_path: Path) -> None:
    names = ("killed", "running", "young", "foreign")
    folders = {name: tmp_path / f"rosetta-kubectl-{name}" for name in names}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "lock").touch()
    folders["foreign"].symlink_to(elsewhere)
    old = elsewhere.stat().st_mtime - YOUNG - 1
    for name in ("killed", "running", "young"):
        folders[name].mkdir()
        (folders[name] / "lock").touch()
        if name != "young":
            os.utime(folders[name], (old, old))
    with (folders["running"] / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        remove_left(str(tmp_path))
    assert [name for name in names if folders[name].exists()] == ["running", "young", "foreign"]
    assert (elsewhere / "lock").exists()


def frame(**document: str) -> bytes:
    payload = build_document(document)
    return build_header(JSON, len(payload)) + payload


def test_what_the_program_tells_is_found_behind_a_greeting() -> None:
    report = _Report()
    output = b"Welcome, J. Doe!\n" + frame(words="loading") + frame(socket="/s")
    for byte in output:
        report.feed(bytes([byte]))
    assert (report.words, report.socket, report.error) == ("loading", "/s", None)
    report.feed(frame(error="failed", message="it was killed"))
    assert report.error == "it was killed"


def route(endpoint: Endpoint | None = None) -> KubectlRoute:
    return KubectlRoute(("rosetta-no-such-program",), "print(1)", endpoint)


@pytest.mark.parametrize("endpoint", [None, ENDPOINT])
def test_a_route_travels_to_the_tunnels_process(endpoint: Endpoint | None) -> None:
    tunnel = Tunnel("kubectl0", 1, route(endpoint))
    document = json.loads(json.dumps(tunnel.to_document()))
    assert Tunnel.from_document(document) == tunnel
    assert tunnel.route.is_same(route(endpoint))
    assert "a key" not in repr(tunnel)


def test_a_new_key_cuts_nothing_and_another_login_node_does() -> None:
    renewed = Endpoint("cloud", "platform", "login", 22, "rosetta", "a new key")
    elsewhere = Endpoint("other", "platform", "login2", 22, "rosetta", "a key")
    assert route(ENDPOINT).is_same(route(renewed))
    assert not route(ENDPOINT).is_same(route(elsewhere))
    assert not route(ENDPOINT).is_same(route())


async def test_without_kubectl_callers_are_told_why(tmp_path: Path) -> None:
    tunnel = Tunnel("kubectl0", 1, route())
    opened = TaskTunnel(tunnel, KubectlTransport(Pool(), route()), tmp_path)
    await opened.listen()
    client = KubernetesClient(lambda: ApiServer.behind_socket(tmp_path / "kubectl0.sock"))
    try:
        async with asyncio.timeout(20):
            for _ in range(2):
                with pytest.raises(NotReceived, match=r"^kubectl could not be started: No such"):
                    await client.call("GET", "/version")
        assert "could not be started" in str(opened.state().error)
    finally:
        opened.close()


class Program:
    """One whose kubectl ends, or hangs, and is there again when it is asked for next."""

    def __init__(self, paths: list[str], ends: bool) -> None:
        self.paths = paths
        self.ends = ends

    async def socket(self) -> str:
        """See KubectlProgram."""
        return self.paths.pop(0)

    async def has_ended(self, seconds: float) -> bool:
        """See KubectlProgram."""
        return self.ends


@pytest.mark.parametrize("ends", [True, False])
async def test_a_kubectl_that_has_just_ended_is_no_reason_to_fail(
    tmp_path: Path, ends: bool
) -> None:
    paths = [str(tmp_path / "dead.sock"), str(tmp_path / "living.sock")]
    event = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        event.set()

    server = await asyncio.start_unix_server(serve, paths[1])
    transport = KubectlTransport(Pool(), route())
    transport._program = Program(paths, ends)  # type: ignore[assignment]
    async with server:
        if ends:
            half = await transport.connect()
            half.close()
            await until(lambda: half.is_lost and event.is_set())
        else:
            with pytest.raises(TransportError, match="kubectl can't be reached"):
                await transport.connect()
    assert len(paths) == (0 if ends else 1)


PLAIN = [
    ("getting credentials: exec: executable aws failed with exit code 1\n", True),
    ("dial tcp 10.0.0.1:6443: connect: connection refused\n", True),
    ("unexpected EOF\n", False),
]


@pytest.mark.parametrize(("text", "not_received"), PLAIN)
async def test_what_kubectl_could_not_send_may_be_sent_again(
    api: FakeApi, text: str, not_received: bool
) -> None:
    api.refuse = lambda method, path: (500, {"plain": text})
    with pytest.raises(ResourceUnavailable, match=text.strip()) as raised:
        await api.client().call("GET", "/version")
    assert isinstance(raised.value, NotReceived) is not_received
