"""The dialer: carries the interface to the edge where nothing can connect to the node.

A process of its own in the node's network. Each connection that it dials (see dial_client.py) leads
to one of the relay's sockets. It goes on for as long as the container lives.
"""

import asyncio
import contextlib
import json
import signal
import sys
from typing import Any, List, NamedTuple, Optional, Sequence

from rosetta_agent.dial_client import Dialer, DialTarget
from rosetta_agent.errors import TaskFailure
from rosetta_agent.logs import tail
from rosetta_agent.processes import ProcessId, identify, start_helper
from rosetta_agent.relay import say_ready, watch
from rosetta_agent.sandbox import Sandbox
from rosetta_agent.splice import SocketBackend, allow_many_files


class DialerSpec(NamedTuple):
    """Whom to dial on whose behalf; ``socket`` is where the relay listens.

    ``further`` are the ports of further interfaces, and the relay's sockets for them.
    """

    url: str
    ca: Optional[str]
    secret: str
    task: str
    attempt: int
    socket: str
    container: List[int]
    further: Sequence[Sequence[Any]] = ()

    def __repr__(self) -> str:
        """Without the secret."""
        return "<DialerSpec {}-{}>".format(self.task, self.attempt)


def start_dialer(sandbox: Sandbox, spec: DialerSpec) -> ProcessId:
    """Start the dialer; whether it gets through is seen at the edge.

    Raises:
        TaskFailure: it does not start (internal).
    """
    log = sandbox.file("agent.log")
    process = start_helper("dialer", dict(spec._asdict()), log)
    assert process.stdout is not None  # noqa: S101 - tells the type checker what PIPE means
    with process.stdout as output:
        answer = output.readline()
    identity = identify(process.pid)
    if not answer.startswith(b"ready") or identity is None:
        process.kill()
        process.wait()
        raise TaskFailure("internal", "The agent could not dial the hub.", tail(log, 500))
    return identity


def build_dialer(loop: asyncio.AbstractEventLoop, spec: DialerSpec) -> Dialer:
    """What dials as the spec says, towards the relay's sockets."""
    paths = dict([(None, spec.socket)] + [(port, path) for port, path in spec.further])
    backends = {port: SocketBackend(loop, path) for port, path in paths.items()}
    target = DialTarget(spec.url, spec.ca, spec.secret, spec.task, spec.attempt)
    return Dialer(loop, target, backends)


def serve(spec: DialerSpec) -> None:
    """Dial until the container ends or SIGTERM comes."""
    allow_many_files()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    dialling = asyncio.ensure_future(build_dialer(loop, spec).run(), loop=loop)
    watching = asyncio.ensure_future(watch(ProcessId(*spec.container)), loop=loop)
    loop.add_signal_handler(signal.SIGTERM, watching.cancel)
    say_ready()
    with contextlib.suppress(asyncio.CancelledError):
        loop.run_until_complete(watching)
    dialling.cancel()


def main() -> None:
    """Entry point of the dialer's process: its spec comes as JSON on standard input."""
    try:
        serve(DialerSpec(**json.loads(sys.stdin.read())))
    except OSError as error:
        sys.exit("dialer: {}".format(error))
