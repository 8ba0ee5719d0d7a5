"""The web side of a desktop: its page, and a WebSocket that leads to the VNC server.

Usage: serve.py PORT SOCKET, with the password in AUTH_PASS (none when it is empty).
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import os
import sys
from pathlib import Path

from tornado.web import Application, RequestHandler, StaticFileHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler

WEB = Path(__file__).with_name("web")
USER = "metauser"
CHUNK = 65536
PING_INTERVAL = 30  # seconds: proxies close connections on which nothing moves


class Guarded(RequestHandler):
    """Asks for the user ``metauser`` and the password, when there is one."""

    def prepare(self) -> None:
        """Refuses the request (401) when its credentials are not the expected ones."""
        expected = self.settings["authorization"]
        offered = self.request.headers.get("Authorization", "")
        if expected and not hmac.compare_digest(offered.encode(), expected):
            self.set_header("WWW-Authenticate", 'Basic realm="Desktop", charset="UTF-8"')
            self.set_status(401)
            self.finish("Wrong user or password\n")


class Page(Guarded, StaticFileHandler):
    """The files of the page; browsers ask each time whether they have changed."""

    def set_extra_headers(self, path: str) -> None:
        """An image may be replaced by a newer one under the same address."""
        self.set_header("Cache-Control", "no-cache")


class Vnc(Guarded, WebSocketHandler):
    """Carries bytes between a browser and the VNC server; either side's end is the other's."""

    writer: asyncio.StreamWriter | None = None
    pump: asyncio.Task[None] | None = None

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Some VNC pages insist on the one that websockify had."""
        return "binary" if "binary" in subprotocols else None

    async def open(self, *args: str, **kwargs: str) -> None:
        """Connects to the VNC server; messages that arrive meanwhile wait."""
        self.set_nodelay(True)
        try:
            reader, self.writer = await asyncio.open_unix_connection(self.settings["vnc"])
        except OSError:
            self.close(1011, "The VNC server does not answer")
            return
        self.pump = asyncio.create_task(self.send_screen(reader), name="screen")

    async def send_screen(self, reader: asyncio.StreamReader) -> None:
        """Waits for the browser before it reads more: a slow line must not fill the memory."""
        try:
            while data := await reader.read(CHUNK):
                await self.write_message(data, binary=True)
        except (WebSocketClosedError, ConnectionError):
            pass
        self.close()

    async def on_message(self, message: str | bytes) -> None:
        """The next message is read when this one is on its way."""
        if self.writer is not None and isinstance(message, bytes):
            self.writer.write(message)
            try:
                await self.writer.drain()
            except ConnectionError:
                self.close()

    def on_close(self) -> None:
        """The VNC server learns that its client is gone."""
        if self.writer is not None:
            self.writer.close()


def credentials(password: str) -> bytes:
    """The Authorization header that is expected; empty when everybody may pass."""
    if not password:
        return b""
    return b"Basic " + base64.b64encode(f"{USER}:{password}".encode())


async def main(port: int, vnc: str, password: str) -> None:
    """Serves until the process is ended."""
    application = Application(
        [
            (r"/websockify", Vnc),
            (r"/(.*)", Page, {"path": str(WEB), "default_filename": "index.html"}),
        ],
        vnc=vnc,
        authorization=credentials(password),
        websocket_ping_interval=PING_INTERVAL,
    )
    application.listen(port, "0.0.0.0")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], os.environ.pop("AUTH_PASS", "")))
