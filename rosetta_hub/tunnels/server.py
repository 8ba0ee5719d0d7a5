"""The tunnels' process from its start to its end."""

import asyncio
import contextlib
import logging
import os
import resource
import signal
import ssl
from pathlib import Path
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_unix_socket

from rosetta_hub.ssh.pool import Pool
from rosetta_hub.tunnels.api import build_application
from rosetta_hub.tunnels.dial import HANDSHAKE_TIMEOUT, DialServer
from rosetta_hub.tunnels.registry import TunnelRegistry

log = logging.getLogger(__name__)

LARGEST_BODY = 256 << 20
CHECK_INTERVAL = 5.0


async def serve(document: dict[str, Any]) -> None:
    """Serve until SIGTERM or SIGINT, or until nobody can reach the socket any more.

    `document` is that of `TunnelsConfig`. Raises OSError when a socket can't be made.
    """
    _raise_file_limit()
    # All sockets are this user's alone.
    os.umask(0o177)
    path, sockets_dir = Path(document["socket"]), Path(document["sockets_dir"])
    _clear(sockets_dir)
    registry = TunnelRegistry(Pool(), sockets_dir)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    dial = await _listen_for_nodes(registry, document["dial"])
    api = HTTPServer(
        build_application(registry, document["fingerprint"]),
        max_body_size=LARGEST_BODY,
        max_buffer_size=LARGEST_BODY,
    )
    api.add_socket(bind_unix_socket(str(path), mode=0o600))
    log.info("ready: process %d", os.getpid())
    await _wait(stop, path, registry.pool)
    api.stop()
    if dial is not None:
        dial.close()
    _remove(path)
    await registry.close()


async def _listen_for_nodes(
    registry: TunnelRegistry, dial: dict[str, Any] | None
) -> asyncio.Server | None:
    if dial is None:
        return None
    context = None
    if dial["tls"]:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(dial["tls"]["cert"], dial["tls"]["key"])
    listener = DialServer(registry)
    return await asyncio.get_running_loop().create_server(
        listener.make_protocol,
        dial["bind_ip"],
        dial["port"],
        ssl=context,
        ssl_handshake_timeout=HANDSHAKE_TIMEOUT if context else None,
        backlog=512,
    )


async def _wait(stop: asyncio.Event, path: Path, pool: Pool) -> None:
    inode = _read_inode(path)
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CHECK_INTERVAL):
                await stop.wait()
        await pool.drop_idle()
        # Its state was removed, say, and another one may start.
        if _read_inode(path) != inode:
            log.warning("%s is gone: nobody can reach this process, which ends", path)
            return


def _read_inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _clear(sockets_dir: Path) -> None:
    """What a killed process has left; the lock says that it is gone."""
    sockets_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    sockets_dir.chmod(0o700)
    for path in sockets_dir.glob("*.sock"):
        path.unlink()


def _raise_file_limit() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
