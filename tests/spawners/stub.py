"""A stub of the service: the spawners' interface, and the waiting room that the hub asks."""

import asyncio
import json
from dataclasses import dataclass, field, fields
from typing import Any

from tornado import web
from tornado.httpserver import HTTPServer

FINAL = ("stopped", "failed")
KEY_SCHEME = "Rosetta-Hub"


def _passed() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass
class StubService:
    """Records what spawners ask; tests set states and misbehaviour.

    `tasks` is keyed by (user, server name), `families` is everybody's software (None: an error),
    `forms` what forms have asked. `refuse` is the status and message of the next start,
    `lose_answer` has the next start succeed without an answer, the answers to starts wait for
    `open_starts`, those to everything for `open_all`, `raw` answers every question with a status
    and a text.
    """

    key: str
    port: int
    tasks: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    starts: list[dict[str, Any]] = field(default_factory=list)
    families: list[dict[str, Any]] | None = None
    forms: list[dict[str, Any]] = field(default_factory=list)
    stops: list[tuple[str, str]] = field(default_factory=list)
    ended_sessions: list[tuple[str, bool]] = field(default_factory=list)
    polls: int = 0
    records: int = 0
    refuse: tuple[int, str] | None = None
    lose_answer: bool = False
    open_starts: asyncio.Event = field(default_factory=_passed)
    open_all: asyncio.Event = field(default_factory=_passed)
    raw: tuple[int, str] | None = None
    _server: HTTPServer | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def up(self) -> None:
        """Listen."""
        routes: list[Any] = [
            (r"/services/rosetta/hub/tasks", _Active, {"stub": self}),
            (r"/services/rosetta/hub/tasks/([^/]*)/([^/]*)", _Record, {"stub": self}),
            (r"/services/rosetta/hub/tasks/([^/]*)/([^/]*)/stop", _Stop, {"stub": self}),
            (r"/services/rosetta/hub/software/([^/]*)", _Software, {"stub": self}),
            (r"/services/rosetta/hub/users/([^/]*)/sessions/end", _Sessions, {"stub": self}),
            (r"/services/rosetta.*", _Page),
            (r"/user/.*", _WaitingRoom),
        ]
        self._server = HTTPServer(web.Application(routes, log_function=lambda handler: None))
        self._server.listen(self.port, "127.0.0.1")

    def stops_of(self, user: str) -> list[tuple[str, str]]:
        """The user's stops; a server of an earlier test may still be on its way out."""
        return [stop for stop in self.stops if stop[0] == user]

    async def reset(self) -> None:
        """Forget everything, and listen."""
        await self.down()
        fresh = StubService(self.key, self.port)
        for item in fields(fresh):
            if item.name != "tasks":
                setattr(self, item.name, getattr(fresh, item.name))
        # Tasks of earlier tests go on ending, so that their servers are not in the way.
        for record in self.tasks.values():
            record["state"] = "stopped"
        self.up()

    async def down(self) -> None:
        """Refuse connections, and cut those that are open."""
        if self._server:
            self._server.stop()
            await self._server.close_all_connections()
        self._server = None

    def set_state(self, user: str, server: str, state: str) -> None:
        """Have a task be in a state."""
        self.tasks[user, server]["state"] = state


class _Handler(web.RequestHandler):
    stub: StubService

    def initialize(self, stub: StubService) -> None:
        self.stub = stub

    async def prepare(self) -> None:
        await self.stub.open_all.wait()
        if self.request.headers.get("Authorization") != f"{KEY_SCHEME} {self.stub.key}":
            self.set_status(403)
            self.finish({"detail": "This address is for the hub's spawners."})
        elif self.stub.raw:
            self.set_status(self.stub.raw[0])
            self.finish(self.stub.raw[1])

    def check_xsrf_cookie(self) -> None:
        pass

    def error(self, status: int, message: str) -> None:
        self.set_status(status)
        self.finish({"detail": message})


class _Active(_Handler):
    def get(self) -> None:
        self.stub.polls += 1
        tasks = [
            {"id": record["id"], "user": user, "server_name": server, "state": record["state"]}
            for (user, server), record in self.stub.tasks.items()
            if record["state"] not in FINAL
        ]
        self.finish({"tasks": tasks})


class _Record(_Handler):
    async def put(self, user: str, server: str) -> None:
        body = json.loads(self.request.body)
        self.stub.starts.append({"user": user, "server": server} | body)
        if self.stub.refuse:
            (status, message), self.stub.refuse = self.stub.refuse, None
            return self.error(status, message)
        answer = self.stub.tasks.get((user, server))
        if answer and answer["state"] not in FINAL:
            return self.error(409, "This task is running already.")
        attempt = answer["attempt"] + 1 if answer else 1
        record = {"id": f"task-{user}-{server}", "attempt": attempt, "state": "queued"}
        self.stub.tasks[user, server] = record
        if self.stub.lose_answer:
            self.stub.lose_answer = False
            stream = self.detach()
            stream.close()
            return None
        await self.stub.open_starts.wait()
        self.set_status(201)
        self.finish(record)
        return None

    def get(self, user: str, server: str) -> None:
        self.stub.records += 1
        record = self.stub.tasks.get((user, server))
        if record is None:
            return self.error(404, "There is no such task.")
        self.finish(record)
        return None

    def delete(self, user: str, server: str) -> None:
        if self.stub.tasks.pop((user, server), None) is None:
            return self.error(404, "There is no such task.")
        self.finish({})
        return None


class _Sessions(_Handler):
    def post(self, user: str) -> None:
        body = json.loads(self.request.body)
        self.stub.ended_sessions.append((user, body["api_tokens"]))
        self.finish({})


class _Software(_Handler):
    def put(self, user: str) -> None:
        self.stub.forms.append({"user": user} | json.loads(self.request.body))
        if self.stub.families is None:
            return self.error(503, "The service can't use its database now.")
        self.finish({"software": self.stub.families})
        return None

    def post(self, user: str) -> None:
        body = json.loads(self.request.body)
        self.stub.forms.append({"user": user} | body)
        if body["options"]["software"] not in [family["id"] for family in self.stub.families or []]:
            return self.error(422, "There is no such software.")
        self.finish({})
        return None


class _Stop(_Handler):
    def post(self, user: str, server: str) -> None:
        self.stub.stops.append((user, server))
        record = self.stub.tasks.get((user, server))
        if record is None:
            return self.error(404, "There is no such task.")
        if record["state"] not in FINAL:
            record["state"] = "stopped"
        self.finish(record)
        return None


class _Page(web.RequestHandler):
    def get(self) -> None:
        self.finish("the service")


class _WaitingRoom(web.RequestHandler):
    def get(self) -> None:
        # As the service: no cookie, so to the login.
        self.redirect("/hub/login")
