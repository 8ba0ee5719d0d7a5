"""Reports: their form, the answers to them, and the way they travel."""

import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from rosetta_agent.progress import Progress
from rosetta_agent.report import ReportedState, Reporter, build_report
from rosetta_agent.report_client import Answer, ReportClient, build_opener, parse_answer
from rosetta_agent.usage import Usage
from tests.support.certificates import read_certificate

from .fake import FakeService, wait_until


def test_full_report() -> None:
    state = ReportedState(
        "failed",
        "m" * 300,
        Progress(1, 2),
        {"kind": "socket"},
        3,
        "exited",
        "x" * 3000 + "the end",
        ("no_outbound",),
        ({"port": 8787, "published": None, "ready": True},),
        (f"sha256:{'0' * 64}",) * 9,
    )
    report = build_report(state, 7, Usage(1.5, 10), (4, "text"), 99.5)
    assert abs(report["clock"] - time.time()) < 60
    assert len(report["message"]) == 200
    assert len(report["detail"]) == 2000
    assert report["detail"].endswith("the end")
    assert {k: v for k, v in report.items() if k not in ("detail", "message", "clock")} == {
        "image_digests": [f"sha256:{'0' * 64}"] * 8,
        "sequence": 7,
        "state": "failed",
        "progress": {"done": 1, "total": 2},
        "interface": {"kind": "socket"},
        "interfaces": [{"port": 8787, "published": None, "ready": True}],
        "exit_code": 3,
        "reason": "exited",
        "warnings": ["no_outbound"],
        "usage": {"cpu_seconds": 1.5, "memory": 10},
        "log": {"offset": 4, "text": "text"},
        "ends_at": 99.5,
    }


def test_report_without_anything() -> None:
    report = build_report(ReportedState("starting"), 1, None, (4, ""))
    assert {name for name, value in report.items() if value is None} == {
        *("progress", "interface", "interfaces", "exit_code", "reason", "usage", "log", "ends_at")
    }


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b'{"desired_state": "run", "log_offset": 5}', Answer("accepted", "run", 5)),
        (200, b'{"desired_state": "stop"}', Answer("accepted", "stop", None)),
        (200, b'{"desired_state": "run", "log_offset": -1}', Answer("accepted", "run", None)),
        (200, b'{"desired_state": "run", "log_offset": true}', Answer("accepted", "run", None)),
        (200, b'{"desired_state": "explode"}', Answer("none", "run", None)),
        (200, b"[]", Answer("none", "run", None)),
        (200, b"\xff", Answer("none", "run", None)),
        (200, b"<html>", Answer("none", "run", None)),
        (403, b'{"refused": true}', Answer("refused", "run", None)),
        (404, b'{"refused": true}', Answer("refused", "run", None)),
        # Of a proxy, or of a hub whose service has not started yet.
        (403, b"", Answer("none", "run", None)),
        (404, b"<html>", Answer("none", "run", None)),
        (404, b'{"status": 404, "message": "Not Found"}', Answer("none", "run", None)),
        (200, b'{"refused": true}', Answer("none", "run", None)),
        (302, b"", Answer("none", "run", None)),
        (422, b"", Answer("none", "run", None)),
        (500, b'{"desired_state": "stop"}', Answer("none", "run", None)),
    ],
)
def test_answers(status: int, body: bytes, expected: Answer) -> None:
    assert parse_answer(status, body) == expected


def test_proxies_are_not_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    near, far = build_opener("http://127.0.0.1:8000/"), build_opener("http://hub.example.org/")
    assert not _has_proxy(near)
    assert _has_proxy(far)


def _has_proxy(opener: Any) -> bool:
    return any(type(h).__name__ == "ProxyHandler" and h.proxies for h in opener.handlers)


class Redirecting(BaseHTTPRequestHandler):
    seen: list[str | None] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(302)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        Redirecting.seen.append(self.headers["Authorization"])
        self.send_error(404)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def redirecting() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Redirecting)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_redirects_do_not_get_the_secret(redirecting: str) -> None:
    assert ReportClient(redirecting, "secret").post({}) == Answer("none", "run", None)
    assert Redirecting.seen == []


def test_nobody_there() -> None:
    assert ReportClient("http://127.0.0.1:1/", "secret").post({}).kind == "none"


def make_reporter(service: FakeService, log: Path, stops: list[str], **kw: float) -> Reporter:
    values = {"heartbeat": 60.0, "unanswered": 60.0, **kw}
    report_client = ReportClient(service.url, "secret")
    return Reporter(
        *(
            report_client,
            ReportedState("starting"),
            str(log),
            0,
            values["heartbeat"],
            values["unanswered"],
        ),
        *(stops.append, lambda: None),
    )


def test_changes_are_reported_at_once_and_silence_is_not(
    service: FakeService, tmp_path: Path
) -> None:
    reporter = make_reporter(service, tmp_path / "log", [])
    reporter.start()
    service.wait_for("starting")
    reporter.update(state="running", interface={"kind": "socket"})
    service.wait_for("running", seconds=10)
    reporter.update(state="running")
    reporter.warn("no_outbound")
    reporter.warn("no_outbound")
    wait_until(lambda: service.reports[-1]["warnings"] == ["no_outbound"], "the warning")
    assert reporter.finish(5)
    assert [report["sequence"] for report in service.reports] == [1, 2, 3, 4]


def test_log_travels_in_pieces_and_from_where_the_service_wants_it(
    service: FakeService, tmp_path: Path
) -> None:
    text = "".join(f"line {n} of the log: äöü\n" for n in range(9000))
    log = tmp_path / "log"
    log.write_text(text)
    service.log = text.encode()[:1000]
    reporter = make_reporter(service, log, [], heartbeat=0.1)
    reporter.start()
    wait_until(lambda: service.log == text.encode(), "the whole log")
    assert reporter.finish(5)


@pytest.mark.parametrize(
    ("status", "target", "reason"), [(200, "stop", "asked"), (403, "run", "refused")]
)
def test_orders_of_the_service(
    service: FakeService, tmp_path: Path, status: int, target: str, reason: str
) -> None:
    service.status, service.desired_state = status, target
    stops: list[str] = []
    reporter = make_reporter(service, tmp_path / "log", stops)
    reporter.start()
    wait_until(lambda: reason in stops, "the spec")
    assert reporter.finish(5)


def test_unanswered(service: FakeService, tmp_path: Path) -> None:
    service.status = 500
    stops: list[str] = []
    reporter = make_reporter(service, tmp_path / "log", stops, heartbeat=0.1, unanswered=0.3)
    reporter.start()
    wait_until(lambda: "unanswered" in stops, "the unanswered timeout")
    assert not reporter.finish(0.1)


def test_service_with_a_certificate_of_its_own(tmp_path: Path) -> None:
    authority, _key = read_certificate(tmp_path, "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    fake = FakeService(tls=context)
    try:
        report = build_report(ReportedState("starting"), 1, None, (0, ""))
        assert ReportClient(fake.url, "x", authority).post(report).kind == "accepted"
        assert ReportClient(fake.url, "x").post(report).kind == "none"
        assert len(fake.reports) == 1
    finally:
        fake.close()
