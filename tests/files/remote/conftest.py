"""A WebDAV server in a thread, with an account for the service, and sessions on it."""

import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cheroot import wsgi
from wsgidav.wsgidav_app import WsgiDAVApp

from rosetta_hub.files.channel_store import open_store_channel
from rosetta_hub.files.session import FilesSession

PASSWORD = "correct horse"


@dataclass
class Dav:
    """A WebDAV server, and the folder that it serves."""

    folder: Path
    server: Any

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server.bind_addr[1]}"

    def settings(self, password: str = PASSWORD) -> dict[str, Any]:
        """What the files program needs."""
        return {"url": self.url, "user": "hub", "password": password, "ca": ""}

    @contextlib.asynccontextmanager
    async def session(
        self, root: bytes = b"/alice", password: str = PASSWORD, **options: bool
    ) -> AsyncIterator[FilesSession]:
        """A session on a folder of the server."""
        session = FilesSession(await open_store_channel(self.settings(password)))
        try:
            await session.open(root, **options)
            yield session
        finally:
            session.close()
            await session.wait_closed()


@pytest.fixture
def dav(tmp_path: Path) -> Iterator[Dav]:
    folder = tmp_path / "dav"
    for name in ("alice", "bob"):
        (folder / name).mkdir(parents=True)
    app = WsgiDAVApp(
        {
            "provider_mapping": {"/": str(folder)},
            "simple_dc": {"user_mapping": {"*": {"hub": {"password": PASSWORD}}}},
            "http_authenticator": {
                "accept_basic": True,
                "accept_digest": False,
                "default_to_digest": False,
            },
            "verbose": 0,
            "logging": {"enable": False},
            "property_manager": True,
            "dir_browser": {"enable": False},
            "lock_storage": False,
        }
    )
    server = wsgi.Server(("127.0.0.1", 0), app)
    server.shutdown_timeout = 1
    server.prepare()
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    yield Dav(folder, server)
    server.stop()
    thread.join()


@pytest.fixture
async def session(dav: Dav) -> AsyncIterator[FilesSession]:
    async with dav.session() as opened:
        yield opened
