"""The life of a task, under each engine for real."""

import functools
import json
import os
import signal
import socket
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rosetta_agent.protocol import MAX_LOG, MAX_LOG_CHUNK

from .conftest import PASSWORD, SECRET
from .fake import FakeService, wait_until
from .machine import AgentSpec, Machine, is_running, processes

# Images may have to be built first, which takes minutes.
pytestmark = pytest.mark.timeout(func_only=True)

MakeJob = Callable[..., AgentSpec]


def fetch(path: Path, target: str = "/") -> str:
    """What the interface answers through the socket of the sandbox."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(path))
        connection.sendall(f"GET {target} HTTP/1.0\r\n\r\n".encode())
        received = b""
        while data := connection.recv(65536):
            received += data
    return received.decode()


def interface(machine: Machine, spec: AgentSpec) -> Path:
    return machine.sandbox(spec) / "interface.sock"


def is_ready(machine: Machine, spec: AgentSpec) -> bool:
    """Whether the agent has recorded that the interface answered."""
    return "interface" in machine.state(spec)


def test_runs_answers_and_stops(machine: Machine, service: FakeService, make_spec: MakeJob) -> None:
    spec = make_spec(machine)
    assert machine.run(spec)["state"] == "launched"
    report = service.wait_for("running")
    assert report["interface"] == {"kind": "socket"}
    assert report["warnings"] == []
    assert "hello from the task" in fetch(interface(machine, spec))
    assert interface(machine, spec).stat().st_mode & 0o777 == 0o600
    usage = wait_until(lambda: service.reports[-1]["usage"], "usage")
    assert usage["memory"] > 0
    wait_until(lambda: b"serving" in service.log, "the log")
    service.desired_state = "stop"
    report = service.wait_for_end()
    assert (report["state"], report["reason"]) == ("stopped", None)
    assert service.states[-3:] == ["starting", "running", "stopped"]
    wait_until(lambda: machine.leaves_nothing(spec), "nothing is left")
    sequences = [report["sequence"] for report in service.reports]
    assert sequences == sorted(set(sequences))
    assert service.credentials == {f"Bearer {SECRET}"}


def test_secrets_stay_out_of_command_lines_and_files(
    machine: Machine, service: FakeService, make_spec: MakeJob
) -> None:
    spec = make_spec(machine)
    machine.run(spec)
    service.wait_for("running")
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_bytes().decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        assert PASSWORD not in text
        assert SECRET not in text
    for folder, _folders, names in os.walk(machine.sandbox(spec)):
        for name in names:
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                assert SECRET not in path.read_text(errors="replace")
                assert PASSWORD not in path.read_text(errors="replace")


def test_environment_reaches_the_container_as_it_is(
    machine: Machine, service: FakeService, make_spec: MakeJob
) -> None:
    spec = make_spec(
        machine,
        environment={"A": "$(id) `id` \"$HOME\" 'x'", "B": "two\nlines", "DOCKER_HOST": "nowhere"},
        command=["sh", "-c", 'echo "[$A] [$B] [$DOCKER_HOST] [${SECRET:-}]"'],
    )
    machine.run(spec)
    report = service.wait_for_end()
    assert "[$(id) `id` \"$HOME\" 'x'] [two\nlines] [nowhere] []" in report["detail"]


def test_second_start_finds_the_first(
    machine: Machine, service: FakeService, make_spec: MakeJob
) -> None:
    spec = make_spec(machine)
    first = machine.run(spec)
    assert machine.run(spec) == {"state": "already_running", "pid": first["pid"]}
    service.wait_for("running")
    assert machine.run(spec) == {"state": "already_running", "pid": first["pid"]}


def test_killed_agent_is_replaced_and_connections_survive(
    machine: Machine, service: FakeService, make_spec: MakeJob
) -> None:
    spec = make_spec(machine)
    machine.run(spec)
    service.wait_for("running")
    relay = machine.state(spec)["relay"]
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(interface(machine, spec)))
        connection.sendall(b"GET / HTTP/1.0\r\n")
        machine.kill_agent(spec)
        count = len(service.reports)
        assert machine.run(spec)["state"] == "launched"
        wait_until(lambda: len(service.reports) > count, "the new agent reports")
        assert {report["state"] for report in service.reports[count:]} == {"running"}
        connection.sendall(b"\r\n")
        assert connection.recv(5) == b"HTTP/"
    assert machine.state(spec)["relay"] == relay
    assert machine.stop(spec) == {"state": "stopped"}
    assert service.reports[-1]["state"] == "stopped"
    assert service.log.count(b"serving") == 1
    assert machine.leftovers(spec) == []


def test_killed_agent_during_start_goes_on(
    machine: Machine, service: FakeService, make_spec: MakeJob
) -> None:
    spec = make_spec(machine)
    machine.run(spec)
    wait_until(lambda: machine.state(spec).get("starting"), "the start has begun")
    machine.kill_agent(spec)
    machine.run(spec)
    service.wait_for("running")
    assert "hello" in fetch(interface(machine, spec))
    wait_until(lambda: b"serving" in service.log, "the log")
    assert service.log.count(b"serving") == 1
    assert machine.stop(spec) == {"state": "stopped"}
    assert machine.leftovers(spec) == []


def test_stop_without_an_agent(machine: Machine, service: FakeService, make_spec: MakeJob) -> None:
    spec = make_spec(machine)
    assert machine.stop(spec) == {"state": "stopped"}
    machine.run(spec)
    service.wait_for("running")
    machine.kill_agent(spec)
    assert machine.stop(spec) == {"state": "stopped"}
    assert machine.leftovers(spec) == []
    assert machine.stop(spec) == {"state": "stopped"}


def test_stop_while_it_starts(machine: Machine, service: FakeService, make_spec: MakeJob) -> None:
    spec = make_spec(machine, command=["sleep", "1000"])
    machine.run(spec)
    service.wait_for("starting")
    assert machine.stop(spec) == {"state": "stopped"}
    assert machine.leftovers(spec) == []
    assert service.wait_for_end()["state"] == "stopped"


def test_killed_relay_is_replaced(
    machine: Machine, service: FakeService, make_spec: MakeJob
) -> None:
    spec = make_spec(machine)
    machine.run(spec)
    service.wait_for("running")
    pid = machine.state(spec)["relay"][0]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_running(pid), "the relay is gone")
    wait_until(lambda: machine.state(spec)["relay"][0] != pid, "another relay")
    assert "hello" in fetch(interface(machine, spec))


def test_two_tasks_with_the_same_fixed_port(
    machine: Machine, service: FakeService, make_spec: MakeJob
) -> None:
    jobs = [make_spec(machine, environment={"NAME": name}) for name in ("one", "two")]
    for spec in jobs:
        machine.run(spec)
    for spec in jobs:
        wait_until(functools.partial(is_ready, machine, spec), "it answers")
    values = [fetch(interface(machine, spec)).split()[-1] for spec in jobs]
    assert values == ["one", "two"]


def test_another_user_cannot_connect(
    machine: Machine, service: FakeService, make_spec: MakeJob
) -> None:
    spec = make_spec(machine)
    machine.run(spec)
    service.wait_for("running")
    process = subprocess.run(
        ["python3", "-c", TRY_TO_CONNECT, str(interface(machine, spec))],
        user=65534,
        group=65534,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout.split() == ["PermissionError", "ConnectionRefusedError"]


TRY_TO_CONNECT = """
import socket, sys
for family, address in ((socket.AF_UNIX, sys.argv[1]), (socket.AF_INET, ("127.0.0.1", 8888))):
    try:
        socket.socket(family).connect(address)
        print("connected")
    except OSError as error:
        print(type(error).__name__)
"""


def test_outbound_connections_work(
    machine: Machine, service: FakeService, make_spec: MakeJob
) -> None:
    address = own_address()
    with socket.create_server((address, 0)) as listener:
        port = listener.getsockname()[1]
        spec = make_spec(machine, command=["sh", "-c", f"echo hi | nc {address} {port}; sleep 60"])
        machine.run(spec)
        listener.settimeout(30)
        connection, _peer = listener.accept()
        with connection:
            assert connection.recv(2) == b"hi"


def own_address() -> str:
    """An address of this machine that is not loopback."""
    process = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=True)
    return process.stdout.split()[0]


@pytest.mark.parametrize(
    ("changes", "reason", "words"),
    [
        ({"command": ["sh", "-c", "echo the last words; exit 3"]}, "exited", "exit code 3"),
        ({"command": ["nosuchcommand"]}, "exited", ""),
        ({"command": ["tail", "/dev/zero"]}, "out_of_memory", "128 MiB"),
        ({"command": ["sleep", "100"], "timeouts__answer": 0.5}, "no_answer", "port 8888"),
        ({"image__reference": "localhost:1/x:1"}, "registry_unreachable", "cannot be reached"),
        ({"image__reference": "localhost:1/x:1", "image__pull": "never"}, "image_not_found", ""),
    ],
    ids=["exits", "no_command", "memory", "silent", "registry_down", "never"],
)
def test_goes_wrong(
    machine: Machine,
    service: FakeService,
    make_spec: MakeJob,
    changes: dict[str, Any],
    reason: str,
    words: str,
) -> None:
    spec = make_spec(machine, **changes)
    machine.run(spec)
    report = service.wait_for_end()
    assert (report["state"], report["reason"]) == ("failed", reason), report
    assert words in report["message"]
    if "exit 3" in str(changes):
        assert report["exit_code"] == 3
        assert report["detail"].endswith("the last words")
    wait_until(lambda: machine.leaves_nothing(spec), "nothing is left")


def test_refused_claim_stops_the_container(
    machine: Machine, service: FakeService, make_spec: MakeJob
) -> None:
    spec = make_spec(machine)
    machine.run(spec)
    service.wait_for("running")
    service.status = 404
    wait_until(lambda: machine.leaves_nothing(spec), "nothing is left")


def test_task_without_answers_ends_by_itself(
    machine: Machine, service: FakeService, make_spec: MakeJob
) -> None:
    spec = make_spec(machine, timeouts__unanswered=1)
    machine.run(spec)
    service.wait_for("running")
    service.status = 503
    wait_until(lambda: not interface(machine, spec).exists(), "it has stopped")
    service.status = 200
    report = service.wait_for_end()
    assert (report["state"], report["reason"]) == ("failed", "unanswered")
    wait_until(lambda: machine.leaves_nothing(spec), "nothing is left")


def test_service_away_for_a_while(
    machine: Machine, service: FakeService, make_spec: MakeJob
) -> None:
    spec = make_spec(machine)
    service.status = 503
    machine.run(spec)
    wait_until(lambda: "interface" in machine.state(spec), "it answers")
    service.status = 200
    assert service.wait_for("running")["interface"] == {"kind": "socket"}


def test_killed_before_the_last_report(
    machine: Machine, service: FakeService, make_spec: MakeJob
) -> None:
    spec = make_spec(machine)
    machine.run(spec)
    service.wait_for("running")
    service.status = 503
    os.kill(machine.state(spec)["agent"][0], signal.SIGTERM)
    wait_until(lambda: machine.state(spec).get("last"), "the end is recorded")
    machine.kill_agent(spec)
    service.status = 200
    machine.run(spec)
    assert service.wait_for_end()["state"] == "stopped"
    wait_until(lambda: machine.leaves_nothing(spec), "nothing is left")


def test_hardening(machine: Machine, service: FakeService, make_spec: MakeJob) -> None:
    script = "grep -E 'NoNewPrivs|CapEff' /proc/self/status; ulimit -u; touch /x && echo writable"
    spec = make_spec(machine, command=["sh", "-c", script], hardening__read_only=True)
    machine.run(spec)
    report = service.wait_for_end()
    assert "NoNewPrivs:\t1" in report["detail"]
    capabilities = int(report["detail"].split("CapEff:\t")[1].split()[0], 16)
    assert not capabilities & (1 << 13), "NET_RAW"
    assert "writable" not in report["detail"]


def test_binds(machine: Machine, service: FakeService, make_spec: MakeJob) -> None:
    folder = machine.work_dir.parent / "data"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    (folder / "in").write_text("from outside")
    binds = [
        {"source": str(folder), "target": "/tmp/data", "read_only": True},
        {"source": str(folder), "target": "/storage", "read_only": False},
    ]
    script = "cat /tmp/data/in; touch /tmp/data/x || echo 'read only'; echo inside >/storage/out"
    spec = make_spec(machine, command=["sh", "-c", script], binds=binds)
    machine.run(spec)
    report = service.wait_for_end()
    assert "from outside" in report["detail"]
    assert "read only" in report["detail"]
    assert (folder / "out").read_text() == "inside\n"


def test_custom_port(machine: Machine, service: FakeService, make_spec: MakeJob) -> None:
    spec = make_spec(machine, interface__custom_port=True, interface__port=4321)
    machine.run(spec)
    service.wait_for("running")
    assert "hello" in fetch(interface(machine, spec))


def test_long_output_is_cut(machine: Machine, service: FakeService, make_spec: MakeJob) -> None:
    script = "i=0; while [ $i -lt 7000 ]; do printf '%01000d\\n' 1; i=$((i+1)); done; sleep 100"
    spec = make_spec(machine, command=["sh", "-c", script])
    machine.run(spec)
    wait_until(lambda: b"the rest is not shown" in service.log, "the note")
    assert MAX_LOG - 200 < len(service.log) <= MAX_LOG
    assert max(len(r["log"]["text"]) for r in service.reports if r["log"]) <= MAX_LOG_CHUNK


def test_processes_sees_this(machine: Machine) -> None:
    """The check for leftovers can fail."""
    task = uuid.uuid4().hex[:12]
    with subprocess.Popen(["sleep", "60"], env={"TASK": task}) as process:
        result = wait_until(lambda: [p for p in processes() if task in p], "the process")
        assert json.loads(result[0].split()[0]) == process.pid
        process.kill()
