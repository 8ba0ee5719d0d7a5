"""A real program beside a stand-in for kubectl, on this machine and behind a real sshd."""

import os
import signal
import stat
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest
import pytest_asyncio

from rosetta_agent.kubectl_proxy import LIVENESS_TIMEOUT
from rosetta_hub.agents.programs import KUBECTL_PROGRAM
from rosetta_hub.check.context import CheckFailed, Context
from rosetta_hub.check.kubectl import check_login
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task
from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.ingress.api_accounts import ApiAccounts
from rosetta_hub.ingress.tunnel_publisher import TunnelPublisher
from rosetta_hub.kubernetes.api_server import ApiServer
from rosetta_hub.kubernetes.client import KubernetesClient, NotReceived
from rosetta_hub.resources.access_local import LocalAccess
from rosetta_hub.ssh.keys import KeyPair
from rosetta_hub.tasks.manager import TaskManager
from rosetta_hub.tunnels import DialListener, Tunnel
from rosetta_hub.tunnels.process import build_kubectl_id
from rosetta_hub.tunnels.routes import KubectlRoute
from tests.pods.objects import computing
from tests.ssh.conftest import make_endpoint
from tests.support.eventually import until
from tests.support.ports import free_port
from tests.support.processes import find_processes, kill
from tests.support.sshd import Sshd

from .conftest import Rig, build_rig

ID = build_kubectl_id("cloud")
SOCKET = "--unix-socket="
# Answers each request with its process, or fails as kubectl does.
STAND_IN = """#!{python} -IS
import http.server, json, os, pathlib, socketserver, sys
folder = pathlib.Path({folder!r})
if "--help" in sys.argv:
    sys.exit()
if (folder / "fails").exists():
    sys.exit("error: there is no such context")
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({{"pid": os.getpid()}}).encode()
        refuses = (folder / "refuses").exists()
        if refuses:
            print("Your session is over.", file=sys.stderr, flush=True)
            body = b"getting credentials: exec: exit status 1"
        self.send_response(500 if refuses else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
Server(sys.argv[-1].partition("=")[2], Handler).serve_forever()
"""


@dataclass
class Kubectl:
    """The stand-in, and the tunnel that leads to it."""

    rig: Rig
    folder: Path
    tunnel: Tunnel

    @property
    def mark(self) -> str:
        """An argument that no other process has."""
        return f"--kubeconfig={self.folder / 'config'}"

    @property
    def running(self) -> dict[int, list[str]]:
        """Command lines, by process."""
        return find_processes("proxy", self.mark)

    def socket(self) -> Path:
        """What it listens on."""
        (arguments,) = self.running.values()
        (path,) = (word for word in arguments if word.startswith(SOCKET))
        return Path(path.removeprefix(SOCKET))

    def set(self, name: str, value: bool) -> None:
        """Whether it `fails` from its next start on, or `refuses` to log in."""
        mark = self.folder / name
        if value:
            mark.touch()
        else:
            mark.unlink()

    async def ask(self) -> int:
        """Who answers."""
        server = ApiServer.behind_socket(self.rig.config.kubectl_socket("cloud"))
        return int((await KubernetesClient(lambda: server).call("GET", "/version"))["pid"])

    async def answers(self) -> bool:
        """Whether somebody answers now."""
        try:
            await self.ask()
        except ResourceUnavailable:
            return False
        return True


def route(rig: Rig, folder: Path, place: str) -> KubectlRoute:
    kubectl = folder / "kubectl"
    kubectl.write_text(STAND_IN.format(python=sys.executable, folder=str(folder)))
    kubectl.chmod(stat.S_IRWXU)
    arguments = (str(kubectl), str(folder / "config"), "")
    return KubectlRoute(
        tuple(KUBECTL_PROGRAM.command(sys.executable, arguments)),
        KUBECTL_PROGRAM.stdin().decode(),
        rig.endpoint if place == "there" else None,
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def rig(tmp_path_factory: pytest.TempPathFactory, key_pair: KeyPair) -> AsyncIterator[Rig]:
    """One tunnels' process and one sshd for all tests of this file."""
    folder = tmp_path_factory.mktemp("rig")
    sshd = Sshd(folder / "sshd")
    sshd.authorize(key_pair.public_key)
    dial = DialListener(free_port(), "127.0.0.1")
    async for result in build_rig(folder, sshd.start(), key_pair, dial):
        yield result
    sshd.kill()


@pytest.fixture(params=["here", "there"])
async def kubectl(
    request: pytest.FixtureRequest, rig: Rig, tmp_path: Path
) -> AsyncIterator[Kubectl]:
    """On this machine, and on a login node; nothing of it is left after the test."""
    await rig.start()
    result = Kubectl(rig, tmp_path, Tunnel(ID, 1, route(rig, tmp_path, request.param)))
    await rig.client.put_tunnel(result.tunnel)
    yield result
    await rig.start()
    await rig.client.delete_tunnel(ID)
    await until(lambda: not result.running)


async def test_one_kubectl_answers_and_nobody_else_may_ask_it(kubectl: Kubectl) -> None:
    # It starts when it is needed.
    assert not kubectl.running
    pid = await kubectl.ask()
    assert await kubectl.ask() == pid
    assert set(kubectl.running) == {pid}
    assert stat.S_IMODE(kubectl.socket().parent.stat().st_mode) == 0o700
    # An unchanged tunnel is not touched.
    await kubectl.rig.client.put_tunnel(kubectl.tunnel)
    assert await kubectl.ask() == pid


async def test_a_killed_kubectl_is_started_again(kubectl: Kubectl) -> None:
    pid = await kubectl.ask()
    kill([pid])
    await until(kubectl.answers)
    assert pid not in kubectl.running
    assert len(kubectl.running) == 1


async def test_its_last_words_reach_who_asks(kubectl: Kubectl) -> None:
    kubectl.set("fails", True)
    for _ in range(2):
        with pytest.raises(NotReceived, match=r"^kubectl: error: there is no such context$"):
            await kubectl.ask()
    state = (await kubectl.rig.client.states())[ID]
    assert (state.state, "no such context" in str(state.error)) == ("waiting", True)
    kubectl.set("fails", False)
    await until(kubectl.answers)


async def test_nothing_is_left_of_a_tunnel_that_is_closed(kubectl: Kubectl) -> None:
    await kubectl.ask()
    folder = kubectl.socket().parent
    await kubectl.rig.client.delete_tunnel(ID)
    await until(lambda: not kubectl.running and not folder.exists())


async def test_nothing_is_left_of_a_killed_tunnels_process(kubectl: Kubectl) -> None:
    await kubectl.ask()
    folder = kubectl.socket().parent
    os.kill((await kubectl.rig.client.status()).pid, signal.SIGKILL)
    await until(lambda: not kubectl.running and not folder.exists())


@pytest.mark.parametrize("kubectl", ["there"], indirect=True)
async def test_another_connection_has_another_kubectl(kubectl: Kubectl) -> None:
    pid = await kubectl.ask()
    kubectl.rig.sshd.drop_connections()
    await until(kubectl.answers)
    await until(lambda: len(kubectl.running) == 1)
    assert pid not in kubectl.running


@pytest.mark.parametrize("kubectl", ["there"], indirect=True)
async def test_a_login_node_without_python(kubectl: Kubectl) -> None:
    there = kubectl.tunnel.route
    assert isinstance(there, KubectlRoute)
    without = replace(there, argv=("rosetta-no-python", *there.argv[1:]))
    await kubectl.rig.client.put_tunnel(replace(kubectl.tunnel, route=without))
    with pytest.raises(NotReceived, match="has no program 'rosetta-no-python'"):
        await kubectl.ask()


@pytest.mark.parametrize("kubectl", ["there"], indirect=True)
async def test_a_login_node_that_forwards_to_no_sockets(
    kubectl: Kubectl, key_pair: KeyPair, tmp_path: Path
) -> None:
    sshd = Sshd(tmp_path / "shut", AllowStreamLocalForwarding="no")
    sshd.authorize(key_pair.public_key)
    sshd.start()
    endpoint = replace(make_endpoint(sshd, key_pair), resource="shut")
    there = kubectl.tunnel.route
    assert isinstance(there, KubectlRoute)
    shut = replace(there, endpoint=endpoint)
    try:
        await kubectl.rig.client.put_tunnel(replace(kubectl.tunnel, route=shut))
        with pytest.raises(NotReceived, match="AllowStreamLocalForwarding"):
            await kubectl.ask()
    finally:
        sshd.kill()


@pytest.mark.parametrize("kubectl", ["here"], indirect=True)
async def test_missing_heartbeats_end_kubectl(kubectl: Kubectl) -> None:
    """As where the network to a login node fails, and sshd notices nothing."""
    here = kubectl.tunnel.route
    assert isinstance(here, KubectlRoute)
    line, impatient = f"LIVENESS_TIMEOUT = {LIVENESS_TIMEOUT}", "LIVENESS_TIMEOUT = 0.10"
    assert line in here.program
    assert len(line) == len(impatient)
    changed = replace(here, program=here.program.replace(line, impatient))
    await kubectl.rig.client.put_tunnel(replace(kubectl.tunnel, route=changed))
    await kubectl.ask()
    await until(lambda: not kubectl.running)


@pytest.mark.parametrize("kubectl", ["here"], indirect=True)
async def test_the_check_tells_what_the_login_has_printed(kubectl: Kubectl) -> None:
    conf = {
        "kubectl": str(kubectl.folder / "kubectl"),
        "kubeconfig": str(kubectl.folder / "config"),
    }
    context = Context(computing(access_mode="local", conf=conf), Rosetta(), "alice", LocalAccess())
    context.tunnels = kubectl.rig.client
    context.sockets = kubectl.rig.config.sockets_dir
    assert "accepted" in await check_login(context)
    kubectl.set("refuses", True)
    with pytest.raises(
        CheckFailed, match=r"exit status 1. It has printed: Your session is over\.$"
    ):
        await check_login(context)


class NoTasks:
    """A hub without tasks."""

    def active(self) -> list[Task]:
        """See TaskManager."""
        return []


@pytest.mark.parametrize("kubectl", ["here"], indirect=True)
async def test_the_service_opens_the_tunnel_whatever_happens(
    kubectl: Kubectl, caplog: pytest.LogCaptureFixture
) -> None:
    descriptions: list[Tunnel | None] = [kubectl.tunnel]

    def describe() -> Tunnel:
        if (tunnel := descriptions[-1]) is None:
            raise ResourceUnavailable("The file /key can't be read.")
        return tunnel

    settings = Rosetta(manage_edge=False)
    tasks = cast(TaskManager, NoTasks())
    publisher = TunnelPublisher(
        tasks, {}, settings, kubectl.rig.config, {ID: describe}, ApiAccounts({})
    )
    await kubectl.rig.client.delete_tunnel(ID)
    await publisher.sync()
    pid = await kubectl.ask()
    # One without a key for now is kept as it is, and that is told once.
    descriptions.append(None)
    for _ in range(2):
        await publisher.sync()
    assert await kubectl.ask() == pid
    assert [record.getMessage() for record in caplog.records].count(
        "a tunnel to Kubernetes is kept as it is: The file /key can't be read."
    ) == 1
    # A new process knows nothing.
    descriptions.append(kubectl.tunnel)
    os.kill((await kubectl.rig.client.status()).pid, signal.SIGKILL)
    await kubectl.rig.start()
    await publisher.sync()
    assert await kubectl.ask() != pid
