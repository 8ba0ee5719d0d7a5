"""Does an interface answer? Asked the way that the edge takes, where no agent can ask.

The agent's `readiness.py` decides the same on a node.
"""

import asyncio
import contextlib
import ssl

from rosetta_agent.protocol import GREETINGS
from rosetta_hub.targets import Target, open_target

# Seconds for the whole question: through the tunnel, and until the software says something.
PATIENCE = 5.0
# Of a protocol without a known greeting: the connection is still open after this.
_STILL_OPEN = 0.5


async def answers(target: Target, protocol: str, path: str) -> bool:
    """Whether somebody answers there in this protocol now."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await _ask(target, protocol, path.partition("#")[0])
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False


async def _ask(target: Target, protocol: str, path: str) -> bool:
    context, name = (_build_context(), "localhost") if protocol == "https" else (None, None)
    reader, writer = await open_target(target, context, name)
    try:
        greeting = GREETINGS.get(protocol)
        if greeting is None:
            return await _stays_open(reader)
        if protocol != "ssh":
            writer.write(
                f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n"
                "Connection: close\r\n\r\n".encode()
            )
        return await reader.readexactly(len(greeting)) == greeting
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _stays_open(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(_STILL_OPEN):
            return bool(await reader.read(1))
    except TimeoutError:
        return True


def _build_context() -> ssl.SSLContext:
    """Containers have certificates of their own making: only their presence matters here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
