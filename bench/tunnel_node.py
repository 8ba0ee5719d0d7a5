"""The node of the tunnels' benches: the agent's own listener and dialer. Its order is on stdin."""

import asyncio
import json
import sys

from rosetta_agent.dialer import Dialer, Order
from rosetta_agent.listener import Guarded, Listener, bind, server_context
from rosetta_agent.reach import Tls
from rosetta_agent.splice import Backend


async def serve(order: dict[str, str]) -> None:
    """Listen, with TLS and without, and dial until killed; prints both ports."""
    loop = asyncio.get_running_loop()
    backend = Backend(loop, int(order["port"]), lambda: ["127.0.0.1"])
    key = bytes.fromhex(order["secret"])
    ports = []
    for tls in (server_context(Tls(order["certificate"], order["key"])), None):
        listening = bind("127.0.0.1", 0)
        Listener(loop, listening, lambda admitted: Guarded(key, admitted, backend), tls).start()
        ports.append(listening.getsockname()[1])
    print(*ports, flush=True)
    await Dialer(
        loop, Order(order["url"], None, order["secret"], "agent", 1, order["backend"], [])
    ).run()


if __name__ == "__main__":
    asyncio.run(serve(json.load(sys.stdin)))
