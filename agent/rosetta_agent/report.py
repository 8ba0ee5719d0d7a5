"""What the agent tells the service: the full state, at each change and at each heartbeat.

A report is idempotent, the answer carries what the service wants: ``desired_state`` and how much
of the log it has. Refusals end the task, no answer does not (until the timeout for that).
"""

import logging
import threading
import time
from typing import Any, Callable, Dict, NamedTuple, Optional, Tuple

from rosetta_agent import logs
from rosetta_agent.progress import Progress
from rosetta_agent.protocol import MAX_DETAIL, MAX_DIGESTS, MAX_LOG_CHUNK, MAX_MESSAGE
from rosetta_agent.report_client import POST_SECONDS, Answer, ReportClient
from rosetta_agent.usage import Usage

LOG = logging.getLogger(__name__)

#: Reports that only carry progress, or log lines while the user waits, are this far apart.
_PACE_SECONDS = 0.5


class ReportedState(NamedTuple):
    """The task as the agent sees it; the field names are those of the report."""

    state: str
    message: str = ""
    progress: Optional[Progress] = None
    interface: Optional[Dict[str, Any]] = None
    exit_code: Optional[int] = None
    reason: Optional[str] = None
    detail: str = ""
    warnings: Tuple[str, ...] = ()
    interfaces: Optional[Tuple[Dict[str, Any], ...]] = None
    image_digests: Tuple[str, ...] = ()


def build_report(
    state: ReportedState,
    sequence: int,
    usage: Optional[Usage],
    log: Tuple[int, str],
    ends_at: Optional[float] = None,
) -> Dict[str, Any]:
    """The report as a JSON object; ``ends_at`` is the time limit of a batch job (epoch)."""
    return {
        "sequence": sequence,
        "state": state.state,
        "progress": None if state.progress is None else dict(state.progress._asdict()),
        "message": state.message[:MAX_MESSAGE],
        "interface": state.interface,
        "interfaces": None if state.interfaces is None else list(state.interfaces),
        "exit_code": state.exit_code,
        "reason": state.reason,
        "detail": state.detail[-MAX_DETAIL:],
        "warnings": list(state.warnings),
        "image_digests": list(state.image_digests[:MAX_DIGESTS]),
        "usage": None if usage is None else build_usage(usage),
        "log": {"offset": log[0], "text": log[1]} if log[1] else None,
        "ends_at": ends_at,
        "clock": time.time(),
    }


def build_usage(usage: Usage) -> Dict[str, Any]:
    """What is used, as a report has it; what is not known is left out."""
    return {key: value for key, value in usage._asdict().items() if value is not None}


def tell_end(
    report_client: ReportClient, last: ReportedState, sequence: int, seconds: float
) -> None:
    """Report the end of a task that has not even begun; tried for so many seconds."""
    deadline = time.monotonic() + seconds
    while report_client.post(build_report(last, sequence, None, (0, ""))).kind == "none":
        if time.monotonic() > deadline:
            LOG.warning("nobody acknowledged the end")
            return
        time.sleep(1.0)


class Reporter:
    """Keeps the service informed from a thread of its own.

    ``on_stop(reason)`` is called when the task shall stop: ``asked``, ``refused`` or
    ``unanswered``. ``measure`` is called before each report of a running task.
    """

    def __init__(
        self,
        report_client: ReportClient,
        state: ReportedState,
        log_path: str,
        first_sequence: int,
        heartbeat: float,
        unanswered: float,
        on_stop: Callable[[str], None],
        measure: Callable[[], Optional[Usage]],
        ends_at: Optional[float] = None,
    ) -> None:
        self._report_client = report_client
        self._log_path = log_path
        self._sequence = first_sequence
        self._heartbeat = heartbeat
        self._unanswered = unanswered
        self._on_stop = on_stop
        self._measure = measure
        self._ends_at = ends_at
        self._changed = threading.Condition()
        self._state = state
        self._urgent = False
        self._pending = False
        self._closed = False
        self._log_offset = 0
        self._heard = time.monotonic()
        self._thread = threading.Thread(target=self._report_loop, name="report", daemon=True)

    def start(self) -> None:
        """Begin to report."""
        self._thread.start()

    def update(self, **changes: Any) -> None:
        """Change fields of the state; all but progress is reported at once."""
        with self._changed:
            new = self._state._replace(**changes)
            if new == self._state:
                return
            self._state = new
            self._pending = True
            self._urgent = self._urgent or set(changes) != {"progress"}
            if self._urgent:
                self._changed.notify()

    def warn(self, warning: str) -> None:
        """Add one of the protocol's warnings, once."""
        with self._changed:
            if warning not in self._state.warnings:
                self.update(warnings=self._state.warnings + (warning,))

    @property
    def state(self) -> ReportedState:
        """The state as it is now."""
        return self._state

    def _report_loop(self) -> None:
        failures = 0
        while True:
            try:
                answer = self._send()
            except Exception:
                LOG.exception("a report could not be made")
                answer = Answer("none", "run", None)
            failures = 0 if answer.kind != "none" else failures + 1
            self._obey(answer)
            if not self._wait(
                min(self._heartbeat, 0.5 * 2 ** min(failures, 6)) if failures else 0.0
            ):
                return

    def _wait(self, retry: float) -> bool:
        """Until the next report is due; False when there is to be none."""
        due = time.monotonic() + (retry or self._heartbeat)
        with self._changed:
            while not self._closed and not (self._urgent and not retry):
                remaining = due - time.monotonic()
                if remaining <= 0 or (not retry and self._is_worth_it()):
                    break
                self._changed.wait(min(remaining, self._pace()))
            return not self._closed

    def _pace(self) -> float:
        running = self._state.state == "running"
        return self._heartbeat if running else min(self._heartbeat, _PACE_SECONDS)

    def _is_worth_it(self) -> bool:
        """Something that is not urgent has changed while the user looks on."""
        behind = logs.size(self._log_path) - self._log_offset
        if self._state.state == "running":
            return behind > MAX_LOG_CHUNK
        return self._pending or behind > 0

    def _send(self) -> Answer:
        with self._changed:
            state, self._urgent, self._pending = self._state, False, False
            self._sequence += 1
            sequence = self._sequence
        usage = self._measure() if state.state in ("starting", "running") else None
        log = logs.read_chunk(self._log_path, self._log_offset)
        answer = self._report_client.post(build_report(state, sequence, usage, log, self._ends_at))
        if answer.kind == "none":
            with self._changed:
                self._urgent = True
        elif answer.log_offset is not None:
            self._log_offset = answer.log_offset
        elif answer.kind == "accepted":
            self._log_offset = log[0] + len(log[1].encode("utf-8"))
        return answer

    def _obey(self, answer: Answer) -> None:
        now = time.monotonic()
        if answer.kind == "none":
            if now - self._heard > self._unanswered:
                self._on_stop("unanswered")
            return
        self._heard = now
        if answer.kind == "refused":
            self._on_stop("refused")
        elif answer.desired_state == "stop":
            self._on_stop("asked")

    def finish(self, seconds: float) -> bool:
        """End the loop, then send the last state until it is acknowledged.

        Returns whether it was, within ``seconds``; a refusal counts, nobody wants to know.
        """
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(POST_SECONDS + 1.0)
        deadline = time.monotonic() + seconds
        pause = 0.2
        while True:
            answer = self._send()
            if answer.kind == "refused":
                return True
            if answer.kind == "accepted" and self._log_offset >= logs.size(self._log_path):
                return True
            if time.monotonic() > deadline:
                return False
            if answer.kind == "none":
                time.sleep(pause)
                pause = min(2 * pause, max(self._heartbeat, 1.0))
