"""The node of the tunnels' benches: the agent's own listener and dialer. Its spec is on stdin."""

import asyncio
import json
import sys

from rosetta_agent.access_options import Tls
from rosetta_agent.dialer import DialerSpec, build_dialer
from rosetta_agent.listener import Guarded, Listener, bind, server_context
from rosetta_agent.splice import Backend


async def serve(spec: dict[str, str]) -> None:
    """Listen, with TLS and without, and dial until killed; prints both ports."""
    loop = asyncio.get_running_loop()
    backends: dict[int | None, Backend] = {
        None: Backend(loop, int(spec["port"]), lambda: ["127.0.0.1"])
    }
    key = bytes.fromhex(spec["secret"])
    ports = []
    for tls in (server_context(Tls(spec["certificate"], spec["key"])), None):
        listening = bind("127.0.0.1", 0)
        Listener(loop, listening, lambda admitted: Guarded(key, admitted, backends), tls).start()
        ports.append(listening.getsockname()[1])
    print(*ports, flush=True)
    dialer = DialerSpec(spec["url"], None, spec["secret"], "agent", 1, spec["backend"], [])
    await build_dialer(loop, dialer).run()


if __name__ == "__main__":
    asyncio.run(serve(json.load(sys.stdin)))
