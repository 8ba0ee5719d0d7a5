"""What the spawners ask, proved by their key.

`hub/tasks/<user>/<server name>` is one server, `hub/software/<user>` what the form needs.
The names are percent-encoded in the path; tornado has decoded them.
"""

import asyncio
import secrets
from typing import TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from rosetta_hub.audit.log import HUB, SERVICE, AuditEvent
from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.config import SERVICE_NAME
from rosetta_hub.database.models import DesiredState, Task, TaskState
from rosetta_hub.errors import InvalidOptions, NotAllowed
from rosetta_hub.tasks.spawner_settings import NO_SETTINGS, SpawnerSettings
from rosetta_hub.tasks.task_urls import page_url
from rosetta_hub.web.base_handler import BaseHandler
from rosetta_hub.web.software_api import families_with_uses
from rosetta_hub.web.starters import Starter
from rosetta_hub.web.task_start import check_start

# Seconds that a spawner's stop waits for the container's end before it answers.
STOP_WAIT = 60

Request = TypeVar("Request", bound=BaseModel)


class UserFields(BaseModel):
    """What the hub knows of a user."""

    model_config = ConfigDict(extra="ignore")

    groups: list[str] = []
    admin: bool = False
    created: AwareDatetime | None = None

    def catalogue_user(self, name: str) -> User:
        """The user of that name as the catalogue knows users."""
        return User(name, frozenset(self.groups), self.admin)


class Requester(BaseModel):
    """Who asked the hub, and from where: a user, or a service such as ours."""

    model_config = ConfigDict(extra="ignore")

    name: str
    address: str | None = None
    is_service: bool = False


class StartRequest(UserFields):
    """What a spawner asks to be started."""

    requester: Requester | None = None

    options: dict[str, object]
    spawner: SpawnerSettings = NO_SETTINGS


class AskedOptions(UserFields):
    """Options of a start that are to be checked."""

    options: dict[str, object]


class EndedSessions(BaseModel):
    """Why the hub has ended a user's logins."""

    model_config = ConfigDict(extra="ignore")

    api_tokens: bool = False


class SpawnersHandler(BaseHandler):
    """What all requests of the hub's spawners share."""

    routine = True

    def prepare(self) -> None:
        """Let only the hub's spawners in.

        Raises:
            NotAllowed: the key is missing or wrong.
        """
        scheme, _, key = self.request.headers.get("Authorization", "").partition(" ")
        good = self.services.keys.spawner_key
        if scheme != "Rosetta-Hub" or not secrets.compare_digest(key.encode(), good.encode()):
            raise NotAllowed("This address is for the hub's spawners.")

    def check_xsrf_cookie(self) -> None:
        """No cookie is used here."""

    def parse(self, model: type[Request]) -> Request:
        """The body of the request.

        Raises:
            InvalidOptions: it is something else.
        """
        try:
            return model.model_validate(self.json_body())
        except ValidationError as error:
            raise InvalidOptions("This is not a request of the hub's spawners.") from error


class UserSoftwareHandler(SpawnersHandler):
    """`hub/software/<user>`: what the form of a user needs."""

    async def put(self, name: str) -> None:
        """Tell the families of the user."""
        request = self.parse(UserFields)
        await self.services.users.recognise(name, request.created)
        user = request.catalogue_user(name)
        self.answer({"software": families_with_uses(self.services, user)})

    async def post(self, name: str) -> None:
        """Check options of a start, without starting anything."""
        request = self.parse(AskedOptions)
        await self.services.users.recognise(name, request.created)
        user = request.catalogue_user(name)
        spec = await check_start(self.services, request.options, user)
        self.services.tasks.check_limits(spec, user)
        self.answer({})


class ActiveTasksHandler(SpawnersHandler):
    """The active tasks: one answer for all servers that the hub polls."""

    def get(self) -> None:
        """All of them; what is missing has ended, or is not known."""
        self.answer({"tasks": self.services.tasks.active_records()})


class ServerHandler(SpawnersHandler):
    """What requests about one named server share."""

    def _find(self, user: str, server_name: str) -> Task:
        return self.services.tasks.find_server(user, server_name)

    def record_end(self, event: AuditEvent, task: Task) -> None:
        """Write down what the hub wants by itself: what we have asked it for, we have recorded."""
        self.services.audit.record(event, HUB, user=task.user, task=task.id)

    def _record(self, task: Task) -> dict[str, object]:
        exit_status = {TaskState.STOPPED: 0, TaskState.FAILED: 1}.get(task.state)
        return {
            "id": task.id,
            "attempt": task.attempt,
            "state": task.state.value,
            "desired_state": task.desired_state.value,
            "exit_status": exit_status,
            "page_url": page_url(task, self.services.settings),
        }


class SpawnerHandler(ServerHandler):
    """The record of one named server of the hub."""

    async def put(self, user: str, server_name: str) -> None:
        """Start the server as a task."""
        request = self.parse(StartRequest)
        await self.services.users.recognise(user, request.created)
        owner = request.catalogue_user(user)
        spec = await check_start(self.services, request.options, owner)
        task = self.services.tasks.start(server_name, spec, owner, request.spawner)
        self._record_start(task, request.requester)
        self.answer(self._record(task), 201)

    def _record_start(self, task: Task, requester: Requester | None) -> None:
        starter = Starter(requester.name, requester.address) if requester else Starter(HUB, None)
        if requester and requester.is_service and requester.name == SERVICE_NAME:
            starter = self.services.starters.find(task.user, task.server_name) or starter
        detail = {"name": task.name, "software": task.family, "computing": task.computing}
        self.services.audit.record(
            AuditEvent.TASK_START,
            starter.name,
            user=task.user,
            task=task.id,
            address=starter.address,
            detail={**detail, "attempt": task.attempt},
        )

    def get(self, user: str, server_name: str) -> None:
        """Tell how the server is."""
        self.answer(self._record(self._find(user, server_name)))

    def delete(self, user: str, server_name: str) -> None:
        """Forget the server, once it has stopped."""
        task = self._find(user, server_name)
        if not task.forget:
            self.record_end(AuditEvent.TASK_DELETE, task)
        self.services.tasks.request_stop(task, forget=True)
        self.answer({})


class SessionsEndHandler(SpawnersHandler):
    """`hub/users/<user>/sessions/end`: the hub has ended the user's logins."""

    async def post(self, user: str) -> None:
        """End what the service and the edge have of them."""
        request = self.parse(EndedSessions)
        await self.services.session_ender.end(
            user, actor=SERVICE, api_tokens=request.api_tokens, at_hub=False
        )
        self.answer({})


class SpawnerStopHandler(ServerHandler):
    """Stopping, which a spawner waits for."""

    async def post(self, user: str, server_name: str) -> None:
        """Stop the server; answers when it has, or after a minute."""
        task = self._find(user, server_name)
        if not task.state.final and task.desired_state is not DesiredState.STOP:
            self.record_end(AuditEvent.TASK_STOP, task)
        task = self.services.tasks.request_stop(task)
        with self.services.tasks.events.listen(task.id) as events:
            try:
                async with asyncio.timeout(STOP_WAIT):
                    while not (task := self.services.tasks.find(task.id)).state.final:
                        await events.get()
            except TimeoutError:
                pass
        self.answer(self._record(task))
