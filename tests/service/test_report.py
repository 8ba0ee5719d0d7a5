"""Reports of agents: what the service makes of them, odd ones included."""

import json
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from tornado import web
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from rosetta_agent import protocol
from rosetta_hub.database.models import DesiredState, Task, TaskState, utc_now
from rosetta_hub.tasks import report, state_messages
from rosetta_hub.tasks.report import Report, apply_report, parse_report
from rosetta_hub.web.agent_api import ReportHandler
from tests.support.starting import start_task

from .conftest import ALICE, Bench

HUGE = 2**70


def parse(**fields: Any) -> Report:
    """The report with these fields, as it is read."""
    return parse_report(json.dumps({"sequence": 1, "state": "running", **fields}).encode())


def test_each_state_has_one_of_ours() -> None:
    assert set(report._STATES) == set(protocol.STATES)
    assert {state for state in protocol.STATES if report._STATES[state].final} == set(
        protocol.FINAL_STATES
    )
    assert {target.value for target in DesiredState} == set(protocol.DESIRED_STATES)


def test_each_reason_and_warning_has_a_message() -> None:
    # "exited" has its own, made of exit code and time.
    assert set(protocol.REASONS) - set(state_messages._FAILURES) == {"exited"}
    assert set(protocol.WARNINGS) == set(state_messages.WARNINGS)


@pytest.mark.parametrize(("offset", "warned"), [(0, False), (3600, True), (-3600, True)])
def test_a_wrong_clock_is_told(offset: int, warned: bool) -> None:
    task = Task(
        sequence=0, state=TaskState.RUNNING, desired_state=DesiredState.RUN, warnings=[], options={}
    )
    apply_report(task, parse(clock=utc_now().timestamp() + offset))
    assert any("clock" in text for text in state_messages.warning_messages(task)) is warned


def further(port: int, ready: bool = True, **more: Any) -> dict[str, Any]:
    """What agents say of a further interface."""
    return {"port": port, "published": None, "ready": ready, **more}


def test_only_declared_interfaces_are_taken_from_an_agent() -> None:
    """Who has its secret opens no other port with it."""
    software = {"interfaces": [{"name": "Dashboard", "port": 8787}]}
    task = Task(
        sequence=0, state=TaskState.RUNNING, software=software, interface_states=[], options={}
    )
    task.warnings = []
    assert apply_report(task, parse(interfaces=[further(8787, False), further(22), further(8787)]))
    assert task.interface_states == [further(8787)]
    # Another agent does not know yet, and one of the former version never will.
    apply_report(task, parse(sequence=2, interfaces=None))
    assert task.interface_states == [further(8787)]
    assert apply_report(task, parse(sequence=3, interfaces=[further(8787, False)]))
    assert task.interface_states == [further(8787, False)]
    apply_report(task, parse(sequence=4, interfaces=[further(8787, published=HUGE)]))
    assert task.interface_states == [further(8787, False)]


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("sequence", HUGE, 2**63 - 1),
        ("sequence", -1, 0),
        ("exit_code", HUGE, 2**63 - 1),
        ("exit_code", "three", None),
        ("message", "a\0b" + "c" * 300, "a\ufffdb" + "c" * 196 + "…"),
        ("message", None, ""),
        ("detail", "d" * 3000 + "\x1bthe end", "d" * 1992 + "\ufffdthe end"),
        ("detail", ["no text"], ""),
        ("reason", "of a later version", "internal"),
        ("reason", {"no": "text"}, "internal"),
        ("warnings", ["no_outbound", "of a later version", {}, "no_outbound"], ["no_outbound"]),
        ("warnings", "no_outbound", []),
        ("interface", {"kind": "of a later version"}, None),
        ("interface", {"kind": "port", "port": HUGE}, None),
        ("usage", {"cpu_seconds": float("inf"), "memory": 1}, None),
        ("usage", "none", None),
        ("progress", {"done": 1}, None),
        ("log", {"offset": HUGE, "text": "lost"}, None),
        ("log", {"offset": protocol.MAX_LOG + 1, "text": "lost"}, None),
        ("ends_at", float("nan"), None),
        ("clock", "noon", None),
    ],
)
def test_what_makes_no_sense_is_left_out(field: str, value: object, expected: object) -> None:
    assert getattr(parse(**{field: value, "of a later version": [1]}), field) == expected


def test_numbers_are_clamped() -> None:
    usage = parse(usage={"cpu_seconds": 1.5, "memory": HUGE}).usage
    assert usage is not None
    assert usage.memory == 2**63 - 1
    progress = parse(progress={"done": -5, "total": HUGE}).progress
    assert progress is not None
    assert (progress.done, progress.total) == (0, 2**63 - 1)


def test_text_of_a_log_has_the_bytes_that_its_agent_counts() -> None:
    """Offsets count bytes, so nothing is replaced by something of another length."""
    log = parse(log={"offset": 0, "text": "a\0b\x1b[0m\ud800ä"}).log
    assert log is not None
    assert log.text == "a\0b\x1b[0m\ufffdä"


@pytest.fixture
async def agents_url(bench: Bench) -> Any:
    """Address of the agents' API."""
    services = SimpleNamespace(tasks=bench.tasks)
    route = (r"/agents/(\w+)/(\d+)", ReportHandler, {"services": services})
    server = HTTPServer(web.Application([route]))
    socket, port = bind_unused_port()
    server.add_socket(socket)
    yield f"http://127.0.0.1:{port}/agents"
    server.stop()
    await server.close_all_connections()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"a":' * 50_000, 422),
        ("[" * 100_000, 422),
        ('{"sequence": ' + "9" * 5000 + ', "state": "running"}', 422),
        ("[]", 422),
        ('{"sequence": 1, "state": "unheard of"}', 422),
        ('{"sequence": 1, "state": ["running"]}', 422),
        ("\udcff", 422),
        (json.dumps({"sequence": HUGE, "state": "running"}), 200),
        (json.dumps({"sequence": 1, "state": "running", "exit_code": HUGE}), 200),
        (json.dumps({"sequence": 1, "state": "running", "message": "\0" * 500}), 200),
        (json.dumps({"sequence": 1, "state": "failed", "detail": "\0\ud800" * 5000}), 200),
        ('{"sequence": 1, "state": "running", "usage": {"cpu_seconds": 1e999, "memory": 1}}', 200),
        (
            json.dumps({"sequence": 1, "state": "running", "log": {"offset": HUGE, "text": "x"}}),
            200,
        ),
    ],
)
async def test_no_report_is_a_fault_of_the_service(
    bench: Bench, agents_url: str, body: str, status: int
) -> None:
    task = start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    headers = {"Authorization": f"Bearer {bench.keys.agent_secret(task.id, 1)}"}
    content = body.encode("utf-8", "surrogateescape")
    async with httpx.AsyncClient() as client:
        url = f"{agents_url}/{task.id}/1"
        answer = await client.post(url, content=content, headers=headers)
        assert (answer.status_code, answer.json().get("refused", False)) == (status, False)
        after = {"sequence": 2**63 - 1, "state": "running", "log": {"offset": 0, "text": "log\n"}}
        if bench.tasks.find(task.id).state.final:
            return
        answer = await client.post(url, json=after, headers=headers)
        assert answer.json() == {"desired_state": "run", "log_offset": 4}
