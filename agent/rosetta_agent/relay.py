"""The relay: a unix socket outside, the interface of the container inside.

A small process of its own, so that connections survive the agent. It listens on the socket
first (as the user, 0600), then enters the network namespace of the container, and connects
to the loopback there: an image that listens on 127.0.0.1 only works unchanged, two tasks
with the same port never meet, and no other user of the machine can connect. Where the spec
says so it listens on a port of the node, too, and asks for the secret there. Further
interfaces of the software have a socket each, and share the port of the node. It ends by
itself when the container does.
"""

import asyncio
import contextlib
import functools
import json
import os
import signal
import socket
import sys
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from rosetta_agent import namespaces
from rosetta_agent.access_options import ListenOptions, Tls
from rosetta_agent.errors import TaskFailure
from rosetta_agent.listener import Guarded, Listener, bind, server_context
from rosetta_agent.logs import tail
from rosetta_agent.processes import ProcessId, identify, is_alive, start_helper
from rosetta_agent.sandbox import Sandbox
from rosetta_agent.splice import Backend, allow_many_files

_WATCH_SECONDS = 2.0


class RelayTarget(NamedTuple):
    """The ports of a container.

    ``further`` are those of further interfaces: as they are declared, and as they are reached.
    ``enter`` is false where the container shares the network of the machine. ``host`` is
    where it answers if the kernel has nothing of its network but the way to it (gVisor).
    """

    port: int
    container: ProcessId
    enter: bool
    host: Optional[str]
    further: Tuple[Tuple[int, int], ...] = ()


class RelayProcess(NamedTuple):
    """A relay, and the port of the node that it listens on, if it does."""

    process: ProcessId
    port: Optional[int]


def start_relay(
    sandbox: Sandbox, target: RelayTarget, listen: Optional[ListenOptions], port: int
) -> RelayProcess:
    """Start the relay towards a container, and wait until it listens.

    ``port`` is the one of the node that it had before, or 0.

    Raises:
        TaskFailure: the namespace cannot be entered, or the node's port not be had (internal).
    """
    spec = build_relay_spec(sandbox, target)
    spec["listen"] = None if listen is None else build_listen_spec(listen, port)
    _remove_sockets(spec["sockets"])
    log = sandbox.file("agent.log")
    process = start_helper("relay", spec, log)
    assert process.stdout is not None  # noqa: S101 - tells the type checker what PIPE means
    with process.stdout as output:
        answer = output.readline().split()
    identity = identify(process.pid)
    if answer[:1] != [b"ready"] or identity is None:
        process.kill()
        process.wait()
        message = "The agent could not reach into the network of the container."
        raise TaskFailure("internal", message, tail(log, 500))
    return RelayProcess(identity, int(answer[1]) or None)


def build_relay_spec(sandbox: Sandbox, target: RelayTarget) -> Dict[str, Any]:
    """What the relay has to know about the container, as JSON can say it.

    ``sockets`` are triples of the declared port (None: the main interface), the port that it is
    reached at, and the path of the socket.
    """
    sockets = [[None, target.port, sandbox.socket]]
    sockets += [
        [declared, port, sandbox.interface_socket(declared)] for declared, port in target.further
    ]
    return {
        "container": list(target.container),
        "enter": target.enter,
        "host": target.host,
        "sockets": sockets,
    }


def build_listen_spec(listen: ListenOptions, port: int) -> Dict[str, Any]:
    """What the relay has to know about its port, as JSON can say it."""
    tls = None if listen.tls is None else list(listen.tls)
    return {"host": listen.host, "port": port, "secret": listen.secret.hex(), "tls": tls}


async def watch(container: ProcessId) -> None:
    """Return when that process has ended."""
    while is_alive(container):  # noqa: ASYNC110 - nothing tells when a process ends
        await asyncio.sleep(_WATCH_SECONDS)


def _listen_locally(path: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listener.bind(path)
    finally:
        os.umask(mask)
    listener.listen(128)
    listener.setblocking(False)
    return listener


def say_ready(port: int = 0) -> None:
    """Tell the agent that we listen, and where; it may be gone afterwards."""
    sys.stdout.write("ready {}\n".format(port))
    sys.stdout.flush()
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def _addresses(host: Optional[str]) -> List[str]:
    """Where the interface may listen: loopback first."""
    return [host] if host else ["127.0.0.1", "::1"] + namespaces.own_addresses()


def serve(spec: Dict[str, Any]) -> None:
    """Relay until the container ends or SIGTERM comes."""
    container = ProcessId(*spec["container"])
    allow_many_files()
    sockets = [(declared, _listen_locally(path)) for declared, _port, path in spec["sockets"]]
    listen = spec["listen"]
    # Before the namespace is left behind: the port is one of the node.
    public = None if listen is None else bind(listen["host"], listen["port"])
    host = spec["host"]
    if spec["enter"] and (host is None or namespaces.has_address(container.pid, host)):
        namespaces.enter_network(container.pid)
        host = None
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    addresses = functools.partial(_addresses, host)
    backends = {
        declared: Backend(loop, port, addresses) for declared, port, _path in spec["sockets"]
    }
    servers = [
        loop.run_until_complete(loop.create_unix_server(backends[declared].accept, sock=local))
        for declared, local in sockets
    ]
    if public is not None:
        _guard(loop, public, backends, listen)
    watching = asyncio.ensure_future(watch(container), loop=loop)
    loop.add_signal_handler(signal.SIGTERM, watching.cancel)
    say_ready(0 if public is None else public.getsockname()[1])
    with contextlib.suppress(asyncio.CancelledError):
        loop.run_until_complete(watching)
    for server in servers:
        server.close()
    _remove_sockets(spec["sockets"])


def _remove_sockets(sockets: List[List[Any]]) -> None:
    for _declared, _port, path in sockets:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def _guard(
    loop: asyncio.AbstractEventLoop,
    public: socket.socket,
    backends: Mapping[Optional[int], Backend],
    listen: Dict[str, Any],
) -> None:
    key = bytes.fromhex(listen["secret"])
    context = None if listen["tls"] is None else server_context(Tls(*listen["tls"]))
    Listener(loop, public, lambda admitted: Guarded(key, admitted, backends), context).start()


def main() -> None:
    """Entry point of the relay's process: its spec comes as JSON on standard input."""
    try:
        serve(json.loads(sys.stdin.read()))
    except OSError as error:
        sys.exit("relay: {}".format(error))
