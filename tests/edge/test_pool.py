"""Servers that leave a body unread and take it for the next request of the connection."""

import asyncio
import select
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from rosetta_hub.edge import Session, TcpTarget

if TYPE_CHECKING:
    from tests.edge.conftest import Answer, OpenTask, Rig

ROUNDS = 10
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
OTHER_SESSION = "the-session-of-bob-in-the-same-task"


class SloppyServer(ThreadingHTTPServer):
    """Python's own server, as thousands of programs use it: handlers that read no body."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), SloppyHandler)
        self.release = threading.Event()
        self.paths: list[str] = []
        self.connections: set[int] = set()


class SloppyHandler(BaseHTTPRequestHandler):
    """Answers with the path; to `/hidden` once the next request is there on its connection."""

    protocol_version = "HTTP/1.1"
    server: SloppyServer

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        self.server.connections.add(self.client_address[1])
        if self.path == "/hidden":
            while not self.server.release.is_set():
                if select.select([self.connection], [], [], 0.02)[0]:
                    break
        body = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_POST = do_DELETE = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[SloppyServer]:
    server = SloppyServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.release.set()
    server.shutdown()
    thread.join()
    server.server_close()


async def open_for_two(rig: "Rig", server: SloppyServer) -> "OpenTask":
    """A task that two users share."""
    from tests.edge.conftest import sha256

    task = await rig.open(TcpTarget("127.0.0.1", server.server_address[1]))
    bob = Session("bob", int(time.time()) + 3600)
    await task.update(sessions={**task.listener.sessions, sha256(OTHER_SESSION): bob})
    return task


async def poison(task: "OpenTask", method: str, cookie: str) -> list["Answer"]:
    """The answers to honest requests, each right after a request that hides another one."""
    answers = []
    for number in range(ROUNDS):
        hiding = await task.fetch("/first", task.own, method, HIDDEN)
        assert hiding.status == 200
        honest = task.fetch(f"/honest{number}", {"Cookie": cookie})
        answers.append(await asyncio.wait_for(honest, 10))
    return answers


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
async def test_undefined_body_poisons_no_answer(
    rig: "Rig", server: SloppyServer, method: str
) -> None:
    task = await open_for_two(rig, server)
    answers = await poison(task, method, task.cookie)
    assert [answer.text for answer in answers] == [f"/honest{n}" for n in range(ROUNDS)]
    assert "/hidden" not in server.paths


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
async def test_unread_body_poisons_no_answer_of_another_user(
    rig: "Rig", server: SloppyServer, method: str
) -> None:
    task = await open_for_two(rig, server)
    answers = await poison(task, method, f"{task.cookie_name}={OTHER_SESSION}")
    assert [answer.text for answer in answers] == [f"/honest{n}" for n in range(ROUNDS)]


async def test_requests_of_a_session_share_a_connection(rig: "Rig", server: SloppyServer) -> None:
    task = await rig.open(TcpTarget("127.0.0.1", server.server_address[1]))
    for number in range(3):
        assert (await task.fetch(f"/{number}", task.own)).text == f"/{number}"
    assert len(server.connections) == 1
