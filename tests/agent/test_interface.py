"""Interfaces that are not as their entry says, or not where most are."""

import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rosetta_agent.readiness import probe
from tests.support.certificates import make_pem

from .fake import FakeService
from .machine import AgentSpec, Machine

MakeJob = Callable[..., AgentSpec]


class Hello(BaseHTTPRequestHandler):
    """Answers every GET."""

    def do_GET(self) -> None:
        """An empty page."""
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Says nothing of clients that it does not understand."""

    def handle_error(self, *_: object) -> None:
        """Strangers are part of the test."""


@contextmanager
def server(folder: Path | None) -> Iterator[tuple[str, int]]:
    """A web server on loopback; with TLS, where there is a folder for its certificate."""
    httpd = Server(("127.0.0.1", 0), Hello)
    if folder is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(make_pem(folder))
        httpd.socket = context.wrap_socket(
            httpd.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=httpd.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield ("127.0.0.1", httpd.server_address[1])
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


@pytest.mark.parametrize("protocol", ["http", "https"])
@pytest.mark.parametrize("has_tls", [False, True])
def test_protocol_that_is_spoken(protocol: str, has_tls: bool, tmp_path: Path) -> None:
    with server(tmp_path if has_tls else None) as address:
        assert probe(address, protocol, "/", 5) == ("https" if has_tls else "http")


# --- in containers -------------------------------------------------------------------------------

TLS = """
import http.server, ssl
server = http.server.HTTPServer(("127.0.0.1", 8888), http.server.SimpleHTTPRequestHandler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/tls/both.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""
IPV6 = """
import http.server, socket
class Server(http.server.HTTPServer):
    address_family = socket.AF_INET6
    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        super().server_bind()
Server(("::", 8888), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


@pytest.mark.timeout(func_only=True)
def test_tls_inside_of_an_http_entry(
    base_containers: dict[str, str],
    work_dir: Path,
    service: FakeService,
    make_spec: MakeJob,
) -> None:
    """It is the cause that is told, at once, and not that nothing answered in time."""
    folder = work_dir.parent / "tls"
    folder.mkdir()
    make_pem(folder).chmod(0o644)
    spec = make_spec(
        Machine("docker", work_dir),
        image__reference=base_containers["jupyternotebook"],
        command=["python3", "-c", TLS],
        binds=[{"source": str(folder), "target": "/tls", "read_only": True}],
        timeouts__answer=3600,
    )
    Machine("docker", work_dir).run(spec)
    report = service.wait_for("failed")
    assert report["reason"] == "wrong_protocol"
    assert "speaks https" in report["detail"]


@pytest.mark.timeout(func_only=True)
@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_software_that_listens_on_ipv6_alone(
    engine: str,
    base_containers: dict[str, str],
    work_dir: Path,
    service: FakeService,
    make_spec: MakeJob,
) -> None:
    machine = Machine(engine, work_dir)
    image = base_containers["jupyternotebook"]
    spec = make_spec(machine, image__reference=image, command=["python3", "-c", IPV6])
    machine.run(spec)
    service.wait_for("running")
    path = machine.sandbox(spec) / "interface.sock"
    command = ["curl", "--silent", "--unix-socket", str(path), "http://localhost/"]
    process = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    assert "Directory listing" in process.stdout
