"""The second container of a pod: it dials the hub for the software beside it.

The containers of a pod share one network, so the interface is a port of the loopback address, and
nothing has to be entered. It dials until it is told to end: the hub removes the pod when the
software's container has ended. What it imports is packed by rosetta_hub/agents/bundle.py.
"""

import asyncio
import contextlib
import json
import signal
import sys
from typing import Any, Dict, List, Optional

from rosetta_agent.dial_client import Dialer, DialTarget
from rosetta_agent.namespaces import own_addresses
from rosetta_agent.splice import Backend, allow_many_files


def build_dialer(loop: asyncio.AbstractEventLoop, spec: Dict[str, Any]) -> Dialer:
    """What dials as the spec says: ``port`` is the main interface's, ``further`` the others'."""
    ports: Dict[Optional[int], int] = {None: spec["port"]}
    ports.update((port, port) for port in spec["further"])
    backends = {name: Backend(loop, port, _addresses) for name, port in ports.items()}
    target = DialTarget(spec["url"], spec["ca"], spec["secret"], spec["task"], spec["attempt"])
    return Dialer(loop, target, backends)


def _addresses() -> List[str]:
    return ["127.0.0.1", "::1"] + own_addresses()


def serve(spec: Dict[str, Any]) -> None:
    """Dial until SIGTERM comes."""
    allow_many_files()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    dialling = asyncio.ensure_future(build_dialer(loop, spec).run(), loop=loop)
    loop.add_signal_handler(signal.SIGTERM, dialling.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        loop.run_until_complete(dialling)


def main(arguments: List[str]) -> int:
    """Entry point: the one argument is the file of the spec, in JSON."""
    if len(arguments) != 1:
        sys.stderr.write("usage: sidecar SPEC_FILE\n")
        return 2
    with open(arguments[0]) as file:
        serve(json.load(file))
    return 0
