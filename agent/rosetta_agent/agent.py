"""The life of one task, from the image to the last report."""

import _thread
import logging
import os
import signal
import threading
import time
from typing import Any, Dict, Optional

from rosetta_agent import logs
from rosetta_agent.batch_job import Batch
from rosetta_agent.engines import create_engine
from rosetta_agent.engines.base import Container, ContainerStatus, Pulling
from rosetta_agent.errors import Cancelled, SpecError, StateUnknown, TaskFailure
from rosetta_agent.exit_causes import failure_of, stopped
from rosetta_agent.gpu_usage import GpuMeter
from rosetta_agent.interface_access import InterfaceAccess
from rosetta_agent.interface_probes import InterfaceProbes, InterfaceReports
from rosetta_agent.mounts import Mounts
from rosetta_agent.processes import identify
from rosetta_agent.progress import Progress
from rosetta_agent.protocol import MAX_DETAIL
from rosetta_agent.readiness import probe, wrong_protocol
from rosetta_agent.registry_access import RegistryAccess, fetch_access
from rosetta_agent.report import ReportedState, Reporter
from rosetta_agent.report_client import ReportClient
from rosetta_agent.sandbox import Sandbox
from rosetta_agent.spec import AgentSpec
from rosetta_agent.usage import Usage, oom_kills

LOG = logging.getLogger(__name__)

RUNNING = "The task is running."

#: Room for the reports of one life of an agent: the next one's sequence starts above.
_SEQUENCES_A_LIFE = 10**7
_POLL_FIRST, _POLL_MOST = 0.05, 0.5
_PROBE_FIRST, _PROBE_MOST = 1.0, 15.0
_WATCH_SECONDS = 1.0
_UNKNOWN_SECONDS = 2.0
_LAST_REPORT_SECONDS = 300.0
_SIGNALLED_REPORT_SECONDS = 3.0  # who sent the signal waits for the end, the service may be gone
_CLEAN_UP_SECONDS = 60.0
#: Schedulers kill what is left of a job some 30 s after their signal (KillWait of Slurm).
_BATCH_GRACE_SECONDS = 10.0
_BATCH_REPORT_SECONDS = 10.0
_SIGNAL_SECONDS = 0.5


class Agent:
    """Looks after one attempt; ``run`` returns when nothing of it is left."""

    def __init__(self, spec: AgentSpec, sandbox: Sandbox, batch: Optional[Batch] = None) -> None:
        self._spec = spec
        self._sandbox = sandbox
        self._batch = batch
        self._oom_kills = oom_kills()
        self._engine = create_engine(spec.attempt, sandbox)
        self._state: Dict[str, Any] = sandbox.read_state()
        self._stop = threading.Event()
        self._stop_reason = ""
        self._signalled = False
        self._container: Optional[Container] = None
        self._follower: Optional[logs.Follower] = None
        self._interface_access = InterfaceAccess(spec, sandbox, self._state, self._record)
        lives = int(self._state.get("lives", 0))
        self._gpu_meter = None if spec.gpus is None else GpuMeter(spec.gpus)
        self._reporter = self._make_reporter(lives)
        self._record(
            lives=lives + 1,
            agent=list(identify(os.getpid()) or ()),
            batch=None if batch is None else os.uname().nodename,
            engine=spec.attempt.engine,
        )

    def _make_reporter(self, lives: int) -> Reporter:
        spec, batch = self._spec, self._batch
        return Reporter(
            ReportClient(spec.report_url, spec.secret, spec.report_ca),
            self._first_state(),
            self._sandbox.file("output.log"),
            lives * _SEQUENCES_A_LIFE if batch is None else batch.first_sequence,
            spec.heartbeat,
            spec.timeouts.unanswered,
            self.ask_to_stop,
            self._measure,
            ends_at=None if batch is None else batch.ends_at,
        )

    def _first_state(self) -> ReportedState:
        """What an earlier agent said last of a running task, so that nobody sees a change."""
        interface = self._state.get("interface")
        if interface is None:
            return ReportedState("starting", "Looking for the image.")
        return ReportedState("running", RUNNING, interface=interface)

    def _record(self, **changes: Any) -> None:
        self._state.update(changes)
        self._sandbox.write_state(self._state)

    def ask_to_stop(self, reason: str) -> None:
        """Stop the task; the first reason counts.

        ``asked``, ``refused`` or ``unanswered``; in a batch job ``time_limit`` or ``cancelled``.
        """
        self._stop_reason = self._stop_reason or reason
        self._stop.set()

    def _on_signal(self, _number: int, _frame: Any) -> None:
        self._signalled = True
        reason = "asked"
        if self._batch is not None:
            reason = "time_limit" if self._batch.is_over() else "cancelled"
        # The signal may have come inside the very event: it is set from a thread of its own.
        _thread.start_new_thread(self.ask_to_stop, (reason,))

    def run(self) -> None:
        """Live: start or adopt the container, look after it, clean up, tell the end."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        # Not SIG_IGN: what is ignored stays ignored in programs that are started.
        signal.signal(signal.SIGHUP, lambda _number, _frame: None)
        self._reporter.start()
        self._warn_in_time()
        last = self._last_state()
        if last is None:
            last = self._outcome()
            LOG.info("the task ends: %s %s %s", last.state, last.reason or "", last.message)
            self._clean_up()
            self._record_last(last)
        self._reporter.update(**last._asdict())
        seconds = _SIGNALLED_REPORT_SECONDS if self._signalled else _LAST_REPORT_SECONDS
        seconds = _BATCH_REPORT_SECONDS if self._signalled and self._batch else seconds
        if not self._reporter.finish(seconds):
            LOG.warning("nobody acknowledged the last report")
        self._sandbox.remove()

    def _warn_in_time(self) -> None:
        """Warn before the time limit of the batch job, from a thread that waits for it."""
        remaining = None if self._batch is None else self._batch.remaining()
        if remaining is not None:
            wait = max(0.0, remaining - self._spec.warn_before)
            timer = threading.Timer(wait, self._reporter.warn, ("time_limit_near",))
            timer.daemon = True
            timer.start()

    def _last_state(self) -> Optional[ReportedState]:
        """The end that an earlier agent recorded, and was killed before it could tell."""
        recorded = self._state.get("last")
        if not isinstance(recorded, dict):
            return None
        fields = dict(recorded, progress=None, warnings=tuple(recorded["warnings"]))
        return ReportedState(**fields)

    def _record_last(self, last: ReportedState) -> None:
        try:
            self._record(last=dict(last._asdict(), progress=None))
        except TaskFailure as failure:
            LOG.warning("the end could not be recorded: %s", failure)

    def _outcome(self) -> ReportedState:
        """Live, and say how it ended."""
        try:
            return self._live()
        except Cancelled:
            return self._stopped()
        except TaskFailure as failure:
            return self._stopped() if self._is_signalled() else self._failed(failure)
        except SpecError as error:
            return self._failed(TaskFailure("unsupported", str(error), str(error)))
        except StateUnknown as error:
            return self._failed(
                TaskFailure(
                    "engine_unavailable", "The container engine does not answer.", str(error)
                )
            )
        except Exception as error:
            LOG.exception("the agent failed")
            return self._failed(TaskFailure("internal", "The agent failed.", repr(error)))

    def _is_signalled(self) -> bool:
        """Whether what has ended was ended by the scheduler.

        It signals all processes of a job at once: a container or a pull may be quicker.
        """
        return self._batch is not None and self._stop.wait(_SIGNAL_SECONDS)

    def _stopped(self) -> ReportedState:
        return stopped(self._stop_reason)._replace(warnings=self._reporter.state.warnings)

    def _failed(self, failure: TaskFailure, exit_code: Optional[int] = None) -> ReportedState:
        detail = failure.detail or logs.tail(self._sandbox.file("output.log"), MAX_DETAIL)
        return ReportedState(
            "failed",
            failure.message,
            exit_code=exit_code,
            reason=failure.reason,
            detail=detail,
            warnings=self._reporter.state.warnings,
        )

    def _live(self) -> ReportedState:
        container = self._find() or self._start()
        self._container = container
        for warning in container.warnings:
            self._reporter.warn(warning)
        self._follower = self._engine.follow_log()
        if self._follower is not None:
            self._follower.start()
        status = None
        if self._state.get("interface") is None:
            status = self._wait_for_answer(container)
        return self._ended(status or self._watch(container))

    def _find(self) -> Optional[Container]:
        """The container of an earlier agent; asked until the engine answers."""
        if not self._state.get("starting"):
            return None
        while True:
            try:
                return self._engine.find(self._spec)
            except StateUnknown as error:
                LOG.warning("the engine could not be asked: %s", error)
                self._reporter.update(message="The container engine does not answer.")
                self._sleep(_UNKNOWN_SECONDS)

    def _start(self) -> Container:
        stop = self._stop
        pulling = Pulling(stop.is_set, stop.wait, self._on_progress, self._on_pull, self._access)
        self._engine.fetch(self._spec, pulling)
        self._check_stop()
        self._reporter.update(
            state="starting",
            message="Starting the container.",
            progress=None,
            image_digests=self._engine.image_digests(self._spec),
        )
        # Recorded first: whatever happens in between, the next agent looks for a container.
        self._record(starting=True)
        return self._engine.start(self._spec)

    def _access(self) -> RegistryAccess:
        """The account at the image's registry, where the service has one."""
        if not self._spec.image.credential:
            return RegistryAccess()
        return fetch_access(self._spec, self._stop.wait)

    def _on_pull(self) -> None:
        self._reporter.update(state="pulling", message="Getting the image.")

    def _on_progress(self, progress: Progress) -> None:
        self._reporter.update(progress=progress)

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise Cancelled()

    def _sleep(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise Cancelled()

    def _wait_for_answer(self, container: Container) -> Optional[ContainerStatus]:
        """None as soon as the interface answers, or the end of the container before that."""
        self._reporter.update(message="Waiting for the interface to answer.")
        interface = self._spec.interface
        deadline = time.monotonic() + self._spec.timeouts.answer
        pause, patience = _POLL_FIRST, _PROBE_FIRST
        while time.monotonic() < deadline:
            self._check_stop()
            ended = self._status_of(container)
            if ended is not None:
                return ended
            self._interface_access.keep(container)
            asked_at = time.monotonic()
            address = self._interface_access.address(container)
            answer = probe(address, interface.protocol, interface.path, patience)
            if answer == interface.protocol:
                return None
            if answer is not None:
                raise wrong_protocol(interface.protocol, answer)
            if time.monotonic() - asked_at >= patience:
                patience = min(2 * patience, _PROBE_MOST)
            self._sleep(pause)
            pause = min(1.1 * pause, _POLL_MOST)
        message = "The interface (port {} of the container) did not answer within {:g} s."
        raise TaskFailure("no_answer", message.format(interface.port, self._spec.timeouts.answer))

    def _status_of(self, container: Container) -> Optional[ContainerStatus]:
        """How the container ended; None while it runs, or when the engine cannot be asked."""
        if container.is_watched():
            return None
        try:
            status = self._engine.inspect()
        except StateUnknown as error:
            LOG.warning("the engine could not be asked: %s", error)
            self._sleep(_UNKNOWN_SECONDS)
            return None
        return None if status.kind == "running" else status

    def _watch(self, container: Container) -> ContainerStatus:
        """Until the container ends."""
        Mounts(self._spec.attempt).release()  # it has them by now: it has answered
        self._interface_access.keep(container)
        probes = InterfaceProbes(self._interface_access.further(container), self._on_interfaces)
        probes.start()
        try:
            return self._watch_to_the_end(container)
        finally:
            probes.stop()

    def _on_interfaces(self, interfaces: InterfaceReports) -> None:
        self._reporter.update(interfaces=interfaces)

    def _watch_to_the_end(self, container: Container) -> ContainerStatus:
        pause = _WATCH_SECONDS if container.process is not None else max(self._spec.heartbeat, 2.0)
        while True:
            interface = self._interface_access.interface(container)
            # Recorded first: an agent that replaces this one says what this one has said.
            if interface != self._state.get("interface"):
                self._record(interface=interface)
            self._reporter.update(state="running", message=RUNNING, interface=interface)
            self._sleep(pause)
            ended = self._status_of(container)
            if ended is not None:
                return ended
            self._interface_access.keep(container)

    def _ended(self, status: ContainerStatus) -> ReportedState:
        if self._follower is not None:
            self._follower.finish(3.0)
        if self._is_signalled():
            raise Cancelled()
        killed = oom_kills() > self._oom_kills
        failure = failure_of(status, self._spec.limits.memory, killed)
        return self._failed(failure, status.exit_code)

    def _measure(self) -> Optional[Usage]:
        container = self._container
        usage = None if container is None else self._engine.measure(container)
        gpus = None if self._gpu_meter is None else self._gpu_meter.read()
        return usage if usage is None or gpus is None else usage._replace(**gpus._asdict())

    def _clean_up(self) -> None:
        """Leave nothing behind: container, relay, files; keeps at it while the engine is away."""
        if self._state.get("starting"):
            self._reporter.update(message="Stopping the container.")
            self._remove_container()
        if self._follower is not None:
            self._follower.finish(0.5)
        self._interface_access.close()
        Mounts(self._spec.attempt).release()
        self._sandbox.clear()

    def _remove_container(self) -> None:
        grace = self._spec.timeouts.stop
        if self._signalled and self._batch is not None:
            grace = min(grace, _BATCH_GRACE_SECONDS)
        deadline = time.monotonic() + grace + _CLEAN_UP_SECONDS
        while True:
            try:
                return self._engine.remove(grace)
            except (StateUnknown, TaskFailure) as error:
                LOG.warning("the container could not be removed: %s", error)
            if time.monotonic() > deadline:
                return None
            time.sleep(_UNKNOWN_SECONDS)
