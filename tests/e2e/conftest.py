"""A deployment that the tests of this folder share, and the software they start."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncssh
import pytest
import pytest_asyncio

from .deployment import Deployment, User
from .registry import registry_with_images

# Prints each request's headers as the answer: what a hostile image would do to find a secret.
ECHO = """
import http.server, os, sys
class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.log_message()
        lines = [f"{k}: {v}" for k, v in self.headers.items()]
        body = "\\n".join([self.path, *lines, "env:", *map("=".join, os.environ.items())]).encode()
        self.send_response_only(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *what):
        print(self.path, flush=True)
    do_POST = do_GET
print("echo is here", flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", 8888), Echo).serve_forever()
"""

# Sends back what it hears, and says how much that was when the other side is done.
TCP_ECHO = """
import socketserver
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        size = 0
        while data := self.request.recv(65536):
            size += len(data)
            self.request.sendall(data)
        self.request.sendall(b"%d bytes" % size)
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
Server(("127.0.0.1", 8888), Echo).serve_forever()
"""

# Computes beside its answers.
BUSY = """
import threading
def compute():
    while True:
        sum(range(100000))
threading.Thread(target=compute, daemon=True).start()
"""

# A WebSocket that says what it hears.
CHATTY = """
import tornado.ioloop, tornado.web, tornado.websocket
class Chat(tornado.websocket.WebSocketHandler):
    def on_message(self, message):
        self.write_message(message)
tornado.web.Application([("/", Chat)]).listen(8888, "127.0.0.1")
tornado.ioloop.IOLoop.current().start()
"""

JUPYTER_IMAGE = {"image_name": "rosetta/jupyternotebook", "image_tag": "0.1.0", "pull": "never"}


def python_software(name: str, code: str, **keys: Any) -> dict[str, Any]:
    """A catalogue entry that runs a few lines of Python in an image that we have anyway."""
    return {"id": name, "name": name, "command": ["python3", "-c", code], **JUPYTER_IMAGE, **keys}


KEY = asyncssh.generate_private_key("ssh-ed25519")
# An SSH server for whoever has the key of the test; ours takes passwords alone.
KEY_SERVER = """
umask 077
mkdir -p ~/.ssh /tmp/sshd
echo "$PUBLIC_KEY" >~/.ssh/authorized_keys
ssh-keygen -q -t ed25519 -N '' -f /tmp/sshd/key
exec /usr/sbin/sshd -D -e -f /dev/null -p "$BASE_PORT" -h /tmp/sshd/key \\
    -o PidFile=none -o StrictModes=no -o PasswordAuthentication=no
"""
SSH_IMAGE = {
    "image_name": "rosetta/sshserver",
    "image_tag": "0.1.0",
    "pull": "never",
    "interface_port": 2222,
    "interface_protocol": "ssh",
    "interface_auth": "password",
    "supports_interface_auth": True,
    "supports_custom_interface_port": True,
}

SOFTWARE: list[dict[str, Any]] = [
    python_software("echo", ECHO),
    {"id": "jupyter", "name": "Jupyter", "interface_auth": "jupyter", **JUPYTER_IMAGE},
    python_software("exits", "import sys; print('goodbye cruel world'); sys.exit(3)"),
    python_software(
        "silent", "import time; print('no port', flush=True); time.sleep(600)", answer_timeout=3
    ),
    python_software("hungry", "x = bytearray(1 << 30); import time; time.sleep(600)"),
    {"id": "missing", "name": "missing", "image_name": "rosetta/no-such-image", "pull": "never"},
    {
        "id": "nowhere",
        "name": "nowhere",
        "registry": "127.0.0.1:1",
        "image_name": "rosetta/unreachable",
    },
    python_software("slow", "import time; time.sleep(5)\n" + ECHO),
    python_software("chatty", CHATTY),
    python_software("open", ECHO.replace("127.0.0.1", "0.0.0.0")),
    python_software("secret", ECHO, users=["root"]),
    python_software(
        "tcp",
        TCP_ECHO,
        interface_protocol="tcp",
        interface_auth="password",
        supports_interface_auth=True,
    ),
    {"id": "ssh", "name": "SSH", **SSH_IMAGE},
    {
        "id": "key-server",
        "name": "SSH with keys",
        "command": ["bash", "-c", KEY_SERVER],
        "environment": {"PUBLIC_KEY": KEY.export_public_key().decode()},
        **SSH_IMAGE,
    },
    # Both end when they are idle: see LIFETIMES.
    python_software("idle", ECHO),
    python_software("busy", BUSY + ECHO),
]
LIFETIMES = """
c.Rosetta.lifetimes = [{"software": ["idle", "busy"], "idle_timeout": "5s", "notice": "5s"}]
"""
COMPUTING: list[dict[str, Any]] = [
    {
        "id": "local",
        "name": "This machine",
        "container_engines": ["docker", "podman"],
        "max_cpus": 2,
        "max_memory": "2G",
        "default_memory": "512M",
    }
]


@pytest.fixture(scope="package")
def registry() -> Iterator[str]:
    """A registry with the base containers; filling it takes a minute."""
    with registry_with_images() as address:
        yield address


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def deployment(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    """A running hub; what a test starts in it, it stops."""
    directory = tmp_path_factory.mktemp("hub")
    result = Deployment(directory, SOFTWARE, COMPUTING, extra=LIFETIMES)
    try:
        await result.start()
        yield result
    finally:
        await result.stop()
    await asyncio.to_thread(shutil.rmtree, directory)


@pytest.fixture
async def alice(deployment: Deployment) -> AsyncIterator[User]:
    """A user, whose tasks are gone after the test."""
    user = await deployment.user("alice")
    yield user
    await user.clean()


@pytest.fixture
async def bob(deployment: Deployment) -> AsyncIterator[User]:
    """Another user."""
    user = await deployment.user("bob")
    yield user
    await user.clean()
