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

from rosetta_hub.background import every, spawn
from rosetta_hub.config import Rosetta
from rosetta_hub.database.database import Database
from rosetta_hub.database.models_user import IdentityState
from rosetta_hub.edge.process import find_chp, find_node, stop_edge
from rosetta_hub.edge.settings import edge_config
from rosetta_hub.errors import ConfigError, ResourceUnavailable, Unavailable
from rosetta_hub.hub_client import HubClient
from rosetta_hub.identities import Identities
from rosetta_hub.keys import Keys
from rosetta_hub.mail.notifier import Notifier
from rosetta_hub.mail.sender import MailSender
from rosetta_hub.reconciler.activity import ActivityReporter
from rosetta_hub.reconciler.edge_sync import EdgeSync
from rosetta_hub.reconciler.grace import UnopenedStopper
from rosetta_hub.reconciler.reconciler import Reconciler
from rosetta_hub.reconciler.strays import StrayStopper
from rosetta_hub.reconciler.work_queue import WorkQueue
from rosetta_hub.resources.resource import build_resources
from rosetta_hub.service.application import build_application, build_templates
from rosetta_hub.service.auth import build_hub_auth
from rosetta_hub.service.handlers import MAX_BODY, Services
from rosetta_hub.tasks.events import Broadcaster
from rosetta_hub.tasks.logs import Logs
from rosetta_hub.tasks.manager import TaskManager
from rosetta_hub.tasks.troubles import Troubles
from rosetta_hub.tasks.view import Viewer

log = logging.getLogger(__name__)

# Steps that may go on at once: each may wait for an agent that starts.
WORKERS = 16
# Seconds.
EDGE_INTERVAL = 1.0
ACTIVITY_INTERVAL = 15.0
STRAYS_INTERVAL = 60.0
GRACE_INTERVAL = 30.0
MAIL_INTERVAL = 5.0
LOCK_TIMEOUT = 15.0
PR_SET_PDEATHSIG = 1


class Service:
    """One running service.

    Raises:
        ConfigError: the configuration, the database or the address can't be used.
    """

    def __init__(self, settings: Rosetta) -> None:
        settings.check()
        keys = settings.keys()
        self._settings = settings
        self._database = Database(settings.db_url)
        self._queue = WorkQueue(self._reconcile, WORKERS)
        logs = Logs(settings.state_path / "logs", settings.log_limit)
        self._tasks = TaskManager(
            self._database,
            settings.catalogue(),
            keys,
            logs,
            Broadcaster(),
            self._queue.add,
            Notifier(settings).watch,
        )
        self._troubles = Troubles()
        resources = build_resources(settings, keys)
        hub_auth = build_hub_auth(settings, keys)
        self._edge = EdgeSync(self._tasks, resources, settings, keys)
        self._reconciler = Reconciler(self._tasks, resources, self._edge, settings)
        hub = HubClient(hub_auth.api_url, keys.service_token)
        self._activity = ActivityReporter(self._tasks, self._edge, hub, hub_auth, keys)
        self._strays = StrayStopper(self._tasks, hub)
        self._unopened = UnopenedStopper(self._tasks, self._edge, settings)
        self._mails = MailSender(self._database, settings)
        services = Services(
            settings=settings,
            keys=keys,
            tasks=self._tasks,
            viewer=Viewer(settings, logs, self._troubles),
            edge=self._edge,
            hub=hub,
            hub_auth=hub_auth,
            templates=build_templates(),
            identities=Identities(self._database, keys, settings),
            identity_tester=_no_connection,
            identity_changed=_nothing_to_close,
        )
        self._server = _server(services, keys)

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT; tasks and the edge go on without the service."""
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        self._listen()
        spawn(every(EDGE_INTERVAL, self._edge.sync, "edge"), "edge")
        spawn(every(ACTIVITY_INTERVAL, self._activity.step, "activity"), "activity")
        spawn(every(STRAYS_INTERVAL, self._strays.step, "strays"), "strays")
        if self._settings.unopened_grace:
            spawn(every(GRACE_INTERVAL, self._unopened.step, "grace"), "grace")
        if self._settings.mail_available:
            spawn(every(MAIL_INTERVAL, self._mails.step, "mail"), "mail")
        for task_id in self._tasks.active_ids():
            self._queue.add(task_id)
        await stopped.wait()
        self._queue.close()
        self._server.stop()
        self._database.close()

    async def shut_down(self) -> None:
        """Stop all tasks, then the edge, instead of serving.

        Raises:
            Unavailable: a task or the edge could not be stopped.
        """
        ids = self._tasks.active_ids()
        for task_id in ids:
            self._tasks.request_stop(self._tasks.find(task_id))
        # The tasks woke the queue, which is not what works on them here.
        self._queue.close()
        ends = await asyncio.gather(*map(self._end, ids), return_exceptions=True)
        await stop_edge(edge_config(self._settings))
        if errors := [str(end) for end in ends if end is not None]:
            raise Unavailable(f"{len(errors)} of {len(ids)} tasks did not stop: {errors[0]}")

    async def _end(self, task_id: str) -> None:
        # One step stops the task, the other closes its door.
        await self._reconciler.reconcile(task_id)
        await self._reconciler.reconcile(task_id)

    async def _reconcile(self, task_id: str) -> float | None:
        return await self._reconciler.reconcile(task_id)

    def _listen(self) -> None:
        address = urlsplit(self._settings.service_url)
        try:
            self._server.listen(address.port or 80, address.hostname or "127.0.0.1")
        except OSError as error:
            raise ConfigError(
                f"c.Rosetta.service_url = {self._settings.service_url!r} can't be listened on:"
                f" {error.strerror}. Choose another port."
            ) from error


async def _no_connection(_user: str, _computing: str) -> tuple[IdentityState, str]:
    raise ResourceUnavailable("Nothing connects to computing resources over SSH yet.")


async def _nothing_to_close(_user: str, _computing: str) -> None:
    return None


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
    for sentence in settings.advice():
        log.warning(sentence)
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
    file = (state_path / "service.lock").open("a+")
    try:
        asyncio.run(_flock(file))
    except TimeoutError as error:
        raise ConfigError(
            f"Another Rosetta service works on {state_path}. Stop it first, or set another"
            " c.Rosetta.state_dir."
        ) from error
    # For the administrator who looks for the process.
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
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
