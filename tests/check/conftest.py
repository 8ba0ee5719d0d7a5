"""A context whose resource is this machine, or a fake scheduler on it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from traitlets.config import Config

from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.check.context import Context
from rosetta_hub.config import Rosetta
from rosetta_hub.resources.access_local import LocalAccess
from rosetta_hub.resources.dialects.batch_wms import build_batch_wms
from tests.dialects.cases import CASES
from tests.dialects.conftest import install


@dataclass
class HostInstance:
    """This machine with an empty home, and a service that answers."""

    settings: Rosetta
    home: Path
    scheduler: Path

    def context(self, **computing: Any) -> Context:
        """A resource without a scheduler; `computing` changes keys of its configuration."""
        entry = {"id": "here", "name": "Here", "container_engines": ["docker"], **computing}
        return Context(Computing(**entry), self.settings, "alice", LocalAccess())

    def queue(self, **computing: Any) -> Context:
        """A cluster with a fake Torque, reached as if it were over SSH."""
        conf = {"host": "here", "tunnel": "direct", **computing.pop("conf", {})}
        context = self.context(
            type="cluster", access_mode="ssh", wms="torque", conf=conf, **computing
        )
        # The fake scheduler needs variables that agents do not get.
        context.access = access = LocalAccess(os.environ)
        context.open_wms = lambda account: build_batch_wms("torque", access)
        return context


class Health(BaseHTTPRequestHandler):
    """The service, as far as a node sees it."""

    def do_GET(self) -> None:
        """Answer to `health` alone."""
        self.send_response(200 if self.path.endswith("/services/rosetta/health") else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HostInstance]:
    """See Place."""
    install("torque", tmp_path / "bin", CASES["torque"].commands)
    home, scheduler = tmp_path / "home", tmp_path / "scheduler"
    home.mkdir()
    scheduler.mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("FAKE_SCHEDULER", str(scheduler))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Health)
    Thread(target=server.serve_forever, daemon=True).start()
    settings = Rosetta(config=Config())
    settings.agents_url = f"http://127.0.0.1:{server.server_address[1]}"
    settings.state_dir = str(tmp_path / "state")
    yield HostInstance(settings, home, scheduler)
    server.shutdown()
    server.server_close()
