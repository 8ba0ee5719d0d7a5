"""The monitor: the parent of a Singularity container, which has no engine to look after it.

A process of its own, so that the container survives the agent. It makes the namespaces,
starts the container in them, copies its output to the log file, watches its memory, and
leaves the exit status in a file. ``monitor.lock`` is held as long as it lives: no second
container is ever started. What it knows it records in ``monitor.json`` before the container
starts.
"""

import contextlib
import fcntl
import json
import os
import select
import signal
import sys
import time
from typing import Any, Dict, List, NamedTuple, Optional

from rosetta_agent import limits, namespaces, network
from rosetta_agent.image_cache import MARK_SECONDS, mark_used
from rosetta_agent.logs import LogWriter
from rosetta_agent.processes import (
    ProcessId,
    become_subreaper,
    descendants,
    give_up_privileges,
    identify,
    terminate,
)

_TICK_SECONDS = 1.0
_DRAIN_SECONDS = 1.0
_EXEC_FAILED = 127


class MonitorSpec(NamedTuple):
    """What the monitor is to do; ``network`` is private or host, ``tool`` leads out.

    ``memory`` is in bytes, ``grace`` in seconds, ``folder`` is the sandbox, ``image`` an image
    file that is to be marked as used. ``as_root``: the account is root in its private network.
    """

    argv: List[str]
    environment: Dict[str, str]
    folder: str
    network: str
    tool: Optional[str]
    port: int
    cpus: Optional[float]
    memory: Optional[int]
    pids: Optional[int]
    grace: float
    no_new_privileges: bool
    image: Optional[str] = None
    as_root: bool = False

    def file(self, name: str) -> str:
        """Path of a file in the sandbox."""
        return os.path.join(self.folder, name)


class Monitor:
    """Starts one container, and stays until it has ended."""

    def __init__(self, spec: MonitorSpec) -> None:
        self._spec = spec
        self._child = 0
        self._status: Optional[int] = None
        self._out_of_memory = False
        self._force_at: Optional[float] = None
        self._mark_at = 0.0
        self._tool: Optional[ProcessId] = None
        self._output = -1
        self._wake = -1

    def run(self) -> None:
        """The whole life; one line of JSON on standard output tells how the start went."""
        become_subreaper()
        self._catch_signals()
        ready = self._fork()
        problem = ready.readline()
        if problem != b"ready\n":
            self._wait_for_child()
            say(error=problem.decode("utf-8", "replace").strip())
            return
        self._attach_network()
        record = self._record()
        os.write(self._go, b"g")
        os.close(self._go)
        say(**record)
        self._keep()
        self._finish()

    def _catch_signals(self) -> None:
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.signal(signal.SIGTERM, self._on_stop)
        self._wake = reading

    def _on_stop(self, _number: int, _frame: Any) -> None:
        if self._force_at is None:
            self._force_at = time.monotonic() + self._spec.grace
            self._signal_child(signal.SIGTERM)

    def _signal_child(self, number: int) -> None:
        if self._child and self._status is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self._child, number)

    def _fork(self) -> Any:
        """Fork the process that becomes the container; returns what it has to say before."""
        go_reading, self._go = os.pipe()
        ready_reading, ready_writing = os.pipe()
        self._output, output_writing = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            os.close(self._go)
            become_container(self._spec, go_reading, ready_writing, output_writing)
        for descriptor in (go_reading, ready_writing, output_writing):
            os.close(descriptor)
        return open(ready_reading, "rb")

    def _wait_for_child(self) -> None:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._child, 0)

    def _attach_network(self) -> None:
        if self._spec.network == "private" and self._spec.tool is not None:
            self._tool = network.attach(self._spec.tool, self._child)

    def _record(self) -> Dict[str, Any]:
        record = {
            "monitor": list(identify(os.getpid()) or ()),
            "container": list(identify(self._child) or ()),
            "tool": None if self._tool is None else list(self._tool),
            "network": self._spec.network,
            "port": self._spec.port,
        }
        write_json(self._spec.file("monitor.json"), record)
        return record

    def _keep(self) -> None:
        """Copy output and watch, until the container has ended and said its last words."""
        writer = LogWriter(self._spec.file("output.log"))
        watched = [self._output, self._wake]
        next_check = 0.0
        drain_until: Optional[float] = None
        while self._output in watched or self._status is None:
            for descriptor in select.select(watched, [], [], self._pause(drain_until))[0]:
                data = os.read(descriptor, 65536)
                if descriptor == self._output:
                    writer.write(data)
                    if not data:
                        watched.remove(descriptor)
            self._reap()
            now = time.monotonic()
            if self._status is not None:
                drain_until = drain_until or now + _DRAIN_SECONDS
                if now > drain_until:
                    break
            elif now >= next_check:
                next_check = now + _TICK_SECONDS
                self._check(now)
        writer.close()

    def _pause(self, drain_until: Optional[float]) -> float:
        return _TICK_SECONDS if drain_until is None else 0.1

    def _check(self, now: float) -> None:
        """Memory, the patience with a container that is to stop, and the use of the image."""
        if self._spec.image is not None and now >= self._mark_at:
            self._mark_at = now + MARK_SECONDS
            mark_used(self._spec.image)
        limit = self._spec.memory
        if limit is not None and limits.exceeds(self._child, limit):
            self._out_of_memory = True
            self._kill_all()
        elif self._force_at is not None and now >= self._force_at:
            self._kill_all()

    def _kill_all(self) -> None:
        """The container and all that it left; the way out of its network ends on its own."""
        for pid in descendants(os.getpid())[1:]:
            if self._tool is None or pid != self._tool.pid:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            pid, status = os.waitpid(-1, os.WNOHANG)
            while pid:
                if pid == self._child:
                    self._status = parse_wait_status(status)
                pid, status = os.waitpid(-1, os.WNOHANG)

    def _finish(self) -> None:
        self._kill_all()
        result = {"exit_code": self._status, "out_of_memory": self._out_of_memory}
        write_json(self._spec.file("result.json"), result)
        terminate(self._tool, 2.0)


def become_container(spec: MonitorSpec, go: int, ready: int, output: int) -> None:
    """In the forked child: make the namespaces, wait for the word, become the container."""
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        limits.apply_cpus(spec.cpus)
        if spec.network == "private":
            namespaces.make_network(spec.as_root)
            limits.apply_pids(spec.pids)
            if spec.no_new_privileges:  # outside, setuid programs make the namespaces
                give_up_privileges()
        os.write(ready, b"ready\n")
        os.close(ready)
        if not os.read(go, 1):
            os._exit(_EXEC_FAILED)
        _become(spec, output)
    except BaseException as error:  # nothing may return from here into the monitor's code
        message = "{}: {}\n".format(type(error).__name__, error).encode("utf-8", "replace")
        with contextlib.suppress(OSError):
            os.write(ready, message)
        with contextlib.suppress(OSError):
            os.write(output, message)
    os._exit(_EXEC_FAILED)


def _become(spec: MonitorSpec, output: int) -> None:
    nowhere = os.open(os.devnull, os.O_RDONLY)
    for target, source in enumerate((nowhere, output, output)):
        os.dup2(source, target)
    os.umask(0o022)  # Singularity hands it on; the sandbox around it is private all the same
    environment = dict(os.environ, **spec.environment)
    os.execvpe(spec.argv[0], spec.argv, environment)  # noqa: S606 - no shell is the point


def parse_wait_status(status: int) -> int:
    """Exit code of a status of wait(2); 128 and the signal's number for a signal."""
    if os.WIFSIGNALED(status):
        return 128 + os.WTERMSIG(status)
    return os.WEXITSTATUS(status)


def write_json(path: str, document: Dict[str, Any]) -> None:
    """Write atomically, for our own user only."""
    descriptor = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(document, file)
    os.replace(path + ".new", path)


def say(**line: Any) -> None:
    """Tell the agent, which may be gone by now."""
    with contextlib.suppress(OSError):
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def main() -> None:
    """Entry point of the monitor's process: its spec comes as JSON on standard input."""
    os.umask(0o077)
    spec = MonitorSpec(**json.loads(sys.stdin.read()))
    lock = os.open(spec.file("monitor.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        say(error="busy")
        return
    Monitor(spec).run()
