"""Which further interfaces of a container answer: asked again and again, by a thread.

A dashboard may come up long after the main interface, or never; nothing waits for it.
"""

import threading
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from rosetta_agent.readiness import Address, probe
from rosetta_agent.spec import FurtherInterface

#: Between two questions: to a port that nobody listens on, and to one that has answered.
_SILENT_SECONDS = 2.0
_READY_SECONDS = 15.0
_PATIENCE_SECONDS = 2.0

InterfaceReports = Tuple[Dict[str, Any], ...]


class ReachedInterface(NamedTuple):
    """A further interface, where this machine reaches it, and its published port, if it has one.

    ``address`` is None where it can't be reached at all.
    """

    interface: FurtherInterface
    address: Optional[Address]
    published: Optional[int] = None


class InterfaceProbes:
    """``on_change`` is called with the report on all interfaces, at first and at each change."""

    def __init__(
        self,
        interfaces: List[ReachedInterface],
        on_change: Callable[[InterfaceReports], None],
    ) -> None:
        self._interfaces = interfaces
        self._on_change = on_change
        self._ready: Dict[int, bool] = {}
        self._due: Dict[int, float] = {}
        self._reported: Optional[InterfaceReports] = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._probe_loop, name="probes", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        if self._interfaces:
            self._thread.start()

    def stop(self) -> None:
        """Ask no more; an answer that is waited for is not told any more."""
        self._stop.set()

    def _probe_loop(self) -> None:
        while not self._stop.is_set():
            self.step(time.monotonic())
            self._stop.wait(_SILENT_SECONDS)

    def step(self, now: float) -> None:
        """Ask those whose turn it is."""
        for reached in self._interfaces:
            port = reached.interface.port
            if now >= self._due.get(port, now):
                self._ready[port] = _answers(reached)
                pause = _READY_SECONDS if self._ready[port] else 0.0
                self._due[port] = now + pause
        report = tuple(self._describe(reached) for reached in self._interfaces)
        if report != self._reported and not self._stop.is_set():
            self._reported = report
            self._on_change(report)

    def _describe(self, reached: ReachedInterface) -> Dict[str, Any]:
        port = reached.interface.port
        return {"port": port, "published": reached.published, "ready": self._ready[port]}


def _answers(reached: ReachedInterface) -> bool:
    if reached.address is None:
        return False
    interface = reached.interface
    # Not a GET: rendering a dashboard again and again would cost its container something.
    page = interface.path.partition("#")[0]
    answer = probe(reached.address, interface.protocol, page, _PATIENCE_SECONDS, "HEAD")
    return answer == interface.protocol
