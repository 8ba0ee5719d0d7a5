"""Checks of the network between hub and node, through the listener of the probe."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from rosetta_hub.catalogue.computing_conf import DockerApiConf, SlurmRestConf, SshConf
from rosetta_hub.check.context import CheckFailed, CheckSkipped, Context
from rosetta_hub.errors import RosettaError
from rosetta_hub.targets import Target, TcpTarget, UnixTarget, open_target
from rosetta_hub.tunnels.routes import SshRoute, Tunnel

TUNNEL = "rosettacheck"
CONNECT_TIMEOUT = 20.0
RETRY_INTERVAL = 0.3
AMOUNT = 64 << 20
LONGEST_TRANSFER = 15.0

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def check_interface_access(context: Context) -> str:
    """The hub gets to a port (or socket) of the node as the edge will."""
    if context.computing.tunnel == "reverse":
        raise CheckSkipped("the tunnel is reverse: the hub connects to no node")
    if isinstance(context.computing.conf, SlurmRestConf):
        raise CheckSkipped("the REST API does not tell where the probe listens")
    if isinstance(context.computing.conf, DockerApiConf):
        raise CheckSkipped(f"tasks publish ports at {context.computing.conf.publish_address}")
    tunnel = await _describe(context)
    deadline = time.monotonic() + CONNECT_TIMEOUT
    problem = "nobody answered"
    while time.monotonic() < deadline:
        try:
            context.skew, seconds = await ask_clock(context)
        except (OSError, RosettaError, ValueError, asyncio.IncompleteReadError) as error:
            problem = str(error) or problem
            await asyncio.sleep(RETRY_INTERVAL)
        else:
            return f"{tunnel}: {seconds * 1000:.0f} ms"
    raise CheckFailed(f"{tunnel}: {await _tunnel_error(context) or problem}", _advice(context))


async def check_throughput(context: Context) -> str:
    """Bytes a second from the node to the hub, by the way in."""
    if context.computing.tunnel == "reverse":
        raise CheckSkipped("only the tunnels ssh and direct are measured")
    if isinstance(context.computing.conf, SlurmRestConf | DockerApiConf):
        raise CheckSkipped("there is no port of a task yet")
    received, started = 0, time.monotonic()
    async with _asked(context, f"send {AMOUNT}") as reader:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_TRANSFER):
                while part := await reader.read(1 << 18):
                    received += len(part)
    seconds = time.monotonic() - started
    if received == 0:
        raise CheckFailed("not a byte came through", _advice(context))
    megabytes = received / 1e6
    return f"{megabytes / seconds:.0f} MB/s ({megabytes:.0f} MB in {seconds:.1f} s)"


async def ask_clock(context: Context) -> tuple[float, float]:
    """How far the node's clock is ahead, and how long the question took, in seconds."""
    async with asyncio.timeout(CONNECT_TIMEOUT), _asked(context, "clock") as reader:
        started = time.time()
        line = await reader.readuntil(b"\n")
        ended = time.time()
    return float(line) - (started + ended) / 2, ended - started


@contextlib.asynccontextmanager
async def _asked(context: Context, question: str) -> AsyncIterator[asyncio.StreamReader]:
    reader, writer = await _connect(context)
    try:
        token = context.probe.spec["check"]["token"] if context.probe else ""
        writer.write(f"{token} {question}\n".encode())
        await writer.drain()
        yield reader
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _connect(context: Context) -> Streams:
    target = await find_target(context)
    if context.endpoint is None or context.computing.tunnel == "direct":
        return await open_target(target)
    if context.tunnels is None or context.sockets is None:
        raise CheckFailed("there is no tunnels' process", "Run the check again.")
    await context.tunnels.put_tunnel(Tunnel(TUNNEL, 1, SshRoute(context.endpoint(), target, None)))
    return await open_target(UnixTarget(str(context.sockets / f"{TUNNEL}.sock")))


async def find_target(context: Context) -> Target:
    """Where the probe listens, seen from the end of the tunnel.

    Raises:
        CheckFailed: it does not.
    """
    listens = await context.find("listen")
    if listens and "unix" in listens:
        return UnixTarget(str(listens["unix"]))
    if not listens or "port" not in listens:
        why = (listens or {}).get("error", "it was not asked to")
        raise CheckFailed(f"the probe does not listen: {why}", "See what forbids it on the node.")
    return TcpTarget(context.node, int(listens["port"]))


async def _describe(context: Context) -> str:
    target = await find_target(context)
    address = "a socket" if isinstance(target, UnixTarget) else f"{target.host}:{target.port}"
    tunnel = context.computing.tunnel
    if tunnel == "ssh" and isinstance(context.computing.conf, SshConf):
        return f"{address} through {context.computing.conf.host}"
    return f"{address} directly"


async def _tunnel_error(context: Context) -> str | None:
    if context.tunnels is None:
        return None
    state = (await context.tunnels.states()).get(TUNNEL)
    return state.error if state else None


def _advice(context: Context) -> str:
    if context.computing.tunnel == "direct":
        return (
            "See that the hub's machine may connect to ports of the nodes, and that their names"
            " resolve here; or set 'tunnel' to 'ssh' or 'reverse' in 'conf'."
        )
    if context.computing.tunnel == "ssh":
        return (
            "See that sshd allows forwarding (AllowTcpForwarding, AllowStreamLocalForwarding), and"
            " that the login node may connect to the nodes; or set 'tunnel' to 'reverse' in 'conf'."
        )
    return "See what the probe's machine says."
