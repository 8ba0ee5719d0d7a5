"""`rosetta-hub service`: puts the parts together and runs them."""

import asyncio
import ctypes
import fcntl
import logging
import os
import signal
import sys
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from tornado.httpserver import HTTPServer

from rosetta_hub.background import spawn
from rosetta_hub.config import Rosetta
from rosetta_hub.edge.process import find_chp, find_node, stop_edge
from rosetta_hub.errors import ConfigError, Unavailable
from rosetta_hub.keys import Keys
from rosetta_hub.resources.kubernetes.file_pods import remove_file_pods
from rosetta_hub.service.composition import Parts
from rosetta_hub.service.loops import build_loops
from rosetta_hub.service.services import build_services
from rosetta_hub.service.shutdown import end_all
from rosetta_hub.sidecar_settings import edge_config
from rosetta_hub.tunnels.process import stop_tunnels
from rosetta_hub.web.application import build_application
from rosetta_hub.web.base_handler import MAX_BODY
from rosetta_hub.web.services import Services

log = logging.getLogger(__name__)

# Seconds.
LOCK_TIMEOUT = 15.0
# Beyond what a container has to stop: a lost submission may still reach its scheduler.
SHUTDOWN_MARGIN = 110.0
PR_SET_PDEATHSIG = 1


class Service:
    """One running service.

    Raises:
        ConfigError: the configuration, the database or the address can't be used.
    """

    def __init__(self, settings: Rosetta) -> None:
        self._settings = settings
        self._parts = Parts(settings)
        self._server = _server(build_services(self._parts), self._parts.keys)

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT; tasks, edge and tunnels go on without the service."""
        parts = self._parts
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        self._listen()
        for name, coroutine in build_loops(parts).items():
            spawn(coroutine, name)
        for task_id in parts.unfinished_tasks():
            parts.queue.add(task_id)
        await stopped.wait()
        parts.queue.close()
        parts.copy_queue.close()
        parts.builds.close()
        self._server.stop()
        await parts.files.close()
        await remove_file_pods(parts.resources.file_pods)
        parts.database.close()

    async def shut_down(self) -> None:
        """Stop all tasks, then edge and tunnels, instead of serving.

        Raises:
            Unavailable: a task, the edge or the tunnels could not be stopped.
        """
        parts = self._parts
        if parts.tunnels is not None:
            await parts.tunnels.sync()
        task_lines = await end_all(parts, self._settings.stop_timeout + SHUTDOWN_MARGIN)
        await remove_file_pods(parts.resources.file_pods)
        await stop_edge(edge_config(self._settings))
        await stop_tunnels(parts.tunnels_config)
        if task_lines:
            raise Unavailable(f"{len(task_lines)} tasks did not stop:\n" + "\n".join(task_lines))

    def _listen(self) -> None:
        address = urlsplit(self._settings.service_url)
        try:
            self._server.listen(address.port or 80, address.hostname or "127.0.0.1")
        except OSError as error:
            raise ConfigError(
                f"c.Rosetta.service_url = {self._settings.service_url!r} can't be listened on:"
                f" {error.strerror}. Choose another port."
            ) from error


def run_service(settings: Rosetta) -> None:
    """Run the service in the foreground.

    Raises:
        ConfigError: see `Service`; or another service works on the same state directory.
    """
    _die_with_hub()
    if settings.manage_edge:
        # Found missing now rather than at each try to start the edge.
        find_node()
        find_chp()
    for message in settings.advice():
        log.warning(message)
    with _lock(settings.state_path):
        asyncio.run(_run(settings))


def run_shutdown(settings: Rosetta) -> None:
    """Stop all tasks and the edge; for the end of a demo, or before a machine is taken away.

    Raises:
        ConfigError: the service runs: it has to be stopped before.
        Unavailable: something could not be stopped.
    """
    with _lock(settings.state_path):
        asyncio.run(_shut_down(settings))


async def _shut_down(settings: Rosetta) -> None:
    await Service(settings).shut_down()


async def _run(settings: Rosetta) -> None:
    await Service(settings).run()


def _server(services: Services, keys: Keys) -> HTTPServer:
    application = build_application(services, keys.cookie_secret)
    return HTTPServer(application, xheaders=True, max_body_size=MAX_BODY)


def _die_with_hub() -> None:
    """A service that the hub started ends with it: killed, the hub could not do it itself."""
    if "JUPYTERHUB_SERVICE_NAME" in os.environ and sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _lock(state_path: Path) -> IO[str]:
    """Hold the state directory; waits a little for a service that is just ending."""
    state_path.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.fdopen(os.open(state_path / "service.lock", os.O_RDWR | os.O_CREAT, 0o600), "r+")
    try:
        asyncio.run(_flock(file))
    except TimeoutError as error:
        raise ConfigError(
            f"Another Rosetta service works on {state_path}. Stop it first, or set another"
            " c.Rosetta.state_dir."
        ) from error
    # For the administrator who looks for the process. One write of always one length: whoever reads
    # at the same time finds the former process or this one.
    file.write(f"{os.getpid():<10}\n")
    file.flush()
    return file


async def _flock(file: IO[str]) -> None:
    async with asyncio.timeout(LOCK_TIMEOUT):
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                await asyncio.sleep(0.1)
