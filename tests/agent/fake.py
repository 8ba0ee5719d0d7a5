"""A service that records what agents report, and answers what a test says."""

import json
import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def wait_until(status: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """Poll until something is true, and return it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = status()
        if result:
            return result
        time.sleep(0.02)
    raise TimeoutError(f"not within {seconds} s: {what}")


class FakeService:
    """Takes reports as the service does, records them, and answers what the test says."""

    def __init__(self, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.reports: list[dict[str, Any]] = []
        self.credentials: set[str | None] = set()
        self.desired_state = "run"
        self.status = 200
        self.log = b""
        # What the service knows of the image's registry, and how often it was asked.
        self.access: dict[str, Any] = {"host": "", "account": None, "password": None}
        self.access |= {"certificates": None, "plain_http": False, "scope": ""}
        self.asked = 0
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                fake.credentials.add(self.headers["Authorization"])
                answer = json.dumps(fake.take(json.loads(body))).encode()
                self.send_response(fake.status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def do_GET(self) -> None:
                assert self.path.endswith("/credential"), self.path
                fake.credentials.add(self.headers["Authorization"])
                fake.asked += 1
                self.send_response(fake.status)
                self.end_headers()
                self.wfile.write(json.dumps(fake.access).encode())

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer((host, 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://{host}:{self._server.server_port}/agents/x/1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def take(self, report: dict[str, Any]) -> dict[str, Any]:
        if self.status == 200:
            self.reports.append(report)
            chunk = report["log"]
            if chunk and chunk["offset"] <= len(self.log):
                self.log = self.log[: chunk["offset"]] + chunk["text"].encode()
        refused = self.status in (403, 404)
        return {
            "desired_state": self.desired_state,
            "log_offset": len(self.log),
            "refused": refused,
        }

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def states(self) -> list[str]:
        """The states in the spec they were reported, repetitions left out."""
        states: list[str] = []
        for report in self.reports:
            if not states or states[-1] != report["state"]:
                states.append(report["state"])
        return states

    def wait_for(self, *states: str, seconds: float = 60) -> dict[str, Any]:
        """The first report with one of the states."""
        result: dict[str, Any] = wait_until(
            lambda: next((r for r in list(self.reports) if r["state"] in states), None),
            f"a report of {states}",
            seconds,
        )
        return result

    def wait_for_end(self, seconds: float = 60) -> dict[str, Any]:
        """The last report."""
        return self.wait_for("stopped", "failed", seconds=seconds)
