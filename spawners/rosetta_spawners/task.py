"""A container as a server of the hub."""

import asyncio
import time
from collections.abc import AsyncIterator
from copy import deepcopy
from typing import Any

from jupyterhub.spawner import Spawner
from jupyterhub.utils import url_path_join
from traitlets import Bool, Float, Integer, default, validate

from rosetta_hub.errors import Unavailable
from rosetta_spawners.client import AnswerLost, Record, RequestRefused, ServiceClient
from rosetta_spawners.errors import StartRefused
from rosetta_spawners.hooks import ignored_values, log_ignored, spawner_settings
from rosetta_spawners.settings import Settings, hub_user_fields, load_settings, requester

# Seconds between two attempts to reach a service that does not run (it is being restarted).
_RETRY = 1.0
# Seconds that one request to stop may be held back by the service until the container has ended.
_STOP_ANSWER = 90.0
# Seconds in a week.
_LONG = 7 * 86400


class TaskSpawner(Spawner):
    """Tells the service what should be, and answers from its record; it decides nothing.

    `start` returns as soon as the service has the task on record, long before the container runs:
    a waiting room of the service holds the wait, so a restart of the hub loses nothing. "Running"
    of the hub therefore means: the task is queued, starting or running.

    It keeps no state that matters: user name and server name are the key of the service's record,
    so a hub that was killed in the middle of a start finds its task again.

    Hooks of `c.Spawner` run for containers, too, with this spawner as their argument. The container
    gets the `environment` that they set, and limits (`mem_limit`, `cpu_limit`) that are lower than
    its own; see `rosetta_spawners.hooks`.
    """

    answer_timeout = Float(
        10.0,
        min=0.1,
        help="Seconds to wait for an answer of the service, for a start or a question.",
    ).tag(config=True)

    stop_patience = Integer(
        600,
        min=1,
        help="""Seconds for which a stop is tried while the service does not answer. Until then
        the hub shows the server as stopping; after that it drops the server, because JupyterHub
        drops a server whose stop has failed.""",
    ).tag(config=True)

    refused = Bool(
        False,
        help="""True after a start that has failed: then there is nothing of this start to poll or
        to stop, whatever the service may have under this name.""",
    )

    http_timeout = Integer(
        _LONG,
        help="""Seconds for which the hub asks for the service's waiting room, after a start and
        after its own restart, before it stops the task. Never less than a week: an absence of the
        service ends no task, and `c.Spawner.http_timeout` is meant for other servers.""",
    ).tag(config=True)

    @validate("http_timeout")
    def _validate_http_timeout(self, proposal: Any) -> int:
        return max(int(proposal.value), _LONG)

    unknown = Bool(False, help="True while the service does not answer `poll`.")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._before_hooks = deepcopy(ignored_values(self))

    @default("env_keep")
    def _default_env_keep(self) -> list[str]:
        return []

    @default("poll_interval")
    def _default_poll_interval(self) -> int:
        return 10

    @property
    def settings(self) -> Settings:
        """The configuration that all spawners share."""
        return load_settings(self.config)

    @property
    def client(self) -> ServiceClient:
        """The service, for this server."""
        settings = self.settings
        return ServiceClient(settings.service, settings.spawner_key, self.user.name, self.name)

    async def start(self) -> str:
        """Have the service start the task; returns the address of the service.

        Raises:
            StartRefused: the service said no, or could not be asked before `start_timeout`.
        """
        # Until the service has been asked there is nothing of this start.
        self.refused = True
        request = self._request()
        self.refused = False
        try:
            await self._start(request, time.monotonic() + 0.75 * self.start_timeout)
        except RequestRefused as exc:
            self.refused = True
            raise StartRefused(exc.status, str(exc)) from exc
        except Unavailable as exc:
            self.refused = True
            self.log.error("Can't start %s: %s", self._log_name, exc)
            raise StartRefused(
                503, "The task could not be started: the task service is not running. Try again."
            ) from exc
        return str(self.settings.rosetta.service_url)

    async def _start(self, request: dict[str, Any], deadline: float) -> Record:
        was_lost = False
        while True:
            try:
                return await self.client.start(request, self.answer_timeout)
            except RequestRefused as refused:
                # The answer to an earlier attempt was lost, and that attempt had succeeded.
                record = await self.client.record(self.answer_timeout) if was_lost else None
                if refused.status != 409 or record is None or record.exit_status is not None:
                    raise
                return record
            except Unavailable as exc:
                if time.monotonic() + _RETRY > deadline:
                    raise
                was_lost = was_lost or isinstance(exc, AnswerLost)
            await asyncio.sleep(_RETRY)

    def _request(self) -> dict[str, Any]:
        """What is asked of the service: a copy, so that nothing of a start reaches the next."""
        log_ignored(self, self._before_hooks)
        software = self.settings.version(self.user_options)
        return {
            "options": deepcopy(self.user_options),
            "spawner": spawner_settings(self, software),
            "requester": requester(self.handler, self.settings.rosetta.trusted_proxies),
            **hub_user_fields(self.user),
        }

    async def poll(self) -> int | None:
        """None while the task is active, 0 when stopped or not known, 1 when failed.

        Never raises, because the hub takes an error for an end: "could not ask" is None.
        """
        if self.refused:
            return 1
        try:
            record = await self._record()
        except (Unavailable, RequestRefused) as exc:
            # Once an outage: a hub with many tasks asks often.
            log = self.log.debug if self.unknown else self.log.warning
            log("The state of %s is unknown: %s", self._log_name, exc)
            self.unknown = True
            return None
        self.unknown = False
        return 0 if record is None else record.exit_status

    async def _record(self) -> Record | None:
        """What the service knows; asked for this server alone only where it is not active."""
        active, timeout = self.settings.active_tasks, self.answer_timeout
        max_age = self.poll_interval / 2
        record = await active.find(self.user.name, self.name, timeout, max_age)
        return record or await self.client.record(timeout)

    async def stop(self, now: bool = False) -> None:
        """Have the task stopped, and wait for its end.

        A service that does not answer is asked again until `stop_patience` is over: JupyterHub
        forgets a server whose `stop` raises, and its container would run on.

        Raises:
            Unavailable: the service could not be asked; the task may still run.
        """
        deadline = time.monotonic() + self.stop_patience
        while True:
            try:
                record = await self.client.stop(_STOP_ANSWER)
                if record is None or record.exit_status is not None:
                    return
            except (Unavailable, RequestRefused) as exc:
                self.log.warning("%s could not be stopped yet: %s", self._log_name, exc)
            if time.monotonic() + _RETRY > deadline:
                raise Unavailable(f"{self._log_name} could not be stopped: it may still run.")
            await asyncio.sleep(_RETRY)

    async def get_url(self) -> str:
        """Where the hub's proxy finds the waiting room; asked for after a restart of the hub."""
        return str(url_path_join(self.settings.rosetta.service_url, self.server.base_url))

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """One event: the wait is short, and what follows is shown by the waiting room."""
        yield {"progress": 50, "message": "Handing the task over..."}

    async def rename(self, old_name: str, new_name: str) -> None:
        """Refuse a new name: the record of the service, its logs too, is kept under the old one.

        Raises:
            StartRefused: the service has a record of this server.
        """
        try:
            record = await self.client.record(self.answer_timeout)
        except (Unavailable, RequestRefused) as exc:
            raise StartRefused(503, "The task service does not answer. Try again.") from exc
        if record is not None:
            raise StartRefused(409, "A task keeps its name. Start a new one with the other name.")

    async def delete_forever(self) -> None:
        """Have the service forget the task.

        Raises:
            Unavailable: it could not be asked; the record stays, and can be deleted on its page.
        """
        await self.client.forget(self.answer_timeout)

    def clear_state(self) -> None:
        """Nothing of this start is left in the next."""
        super().clear_state()
        self.refused = False
