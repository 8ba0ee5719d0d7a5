"""A hub and a service that only look like ours: real templates, real static files, scripted tasks.

What the pages do is tested here, alone and fast; that the real service feeds them is tested end to
end elsewhere.
"""

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader
from jupyterhub._data import DATA_FILES_PATH
from tornado import httpserver, netutil, web
from tornado.httputil import url_concat

import rosetta_templates
from rosetta_hub.static_version import static_version
from rosetta_hub.web.page_templates import module_imports
from rosetta_hub.web.static_files import static_routes
from rosetta_spawners.form import take_preset

TEMPLATES = Path(str(rosetta_templates.__file__)).parent
HUB = Path(DATA_FILES_PATH)
PREFIX = "/services/rosetta/"
XSRF = "2|token|of|this|browser"
# Stricter than JupyterHub's own, and on the hub's pages too.
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: https:;"
    " connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)


class Stub:
    """The state behind the pages, and everything that they have asked for."""

    def __init__(self) -> None:
        self.tasks: dict[str, dict[str, Any]] = {}
        self.logs: dict[str, str] = {}
        self.usage: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, str]] = []
        self.refusals: dict[str, tuple[int, str]] = {}
        self.spawned: list[tuple[str, dict[str, str]]] = []
        self.queries: list[str] = []
        self.spawn_error = ""
        # What the API answers of a task whose end was put off, and what was asked for.
        self.kept: dict[str, Any] = {}
        self.chosen: list[dict[str, Any]] = []
        # While it is cleared, actions are carried out, and their answers wait.
        self.answers_held = asyncio.Event()
        self.answers_held.set()
        self.families: list[dict[str, Any]] = []
        self.taken: list[str] = []
        self.running: list[SimpleNamespace] = []
        self.native: dict[str, bool] = {}
        self.inventory: dict[str, dict[str, Any]] = {}
        self.inventory_ready = asyncio.Event()
        self.inventory_ready.set()
        self.identities: dict[str, bool] = {}
        self.at_service = True
        self.user = "alice"
        self.is_admin = False
        self.announcements: list[dict[str, Any]] = []
        # Why a resource takes no tasks, by its id.
        self.drained: dict[str, str] = {}
        self.hub_calls: list[tuple[str, str, str]] = []
        self.streams_open = True
        self.logged_in = True
        self.streams: set[EventStream] = set()
        self.base = ""

    def put(self, task: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """Keep a task, changed, and tell every page."""
        task = task | changes
        self.tasks[task["id"]] = task
        self.tell("task", task, task["id"])
        return task

    def page(self, state: str, first: int, limit: int) -> dict[str, Any]:
        """Tasks of a list, as the API has them."""
        ended = [task for task in self.tasks.values() if task["state"] in ("stopped", "failed")]
        ended.sort(key=lambda task: str(task["ended"]), reverse=True)
        active = [task for task in self.tasks.values() if task not in ended]
        tasks = {"active": active, "ended": ended}.get(state, [*active, *ended])
        end = first + limit
        return {"tasks": tasks[first:end], "next": str(end) if end < len(tasks) else None}

    def run(self, server: str, **options: Any) -> None:
        """Have the hub say that a server is active, which was started with these options."""
        self.running.append(SimpleNamespace(name=server, active=True, user_options=options))

    def remove(self, task_id: str) -> None:
        """Forget a task and tell every page."""
        self.tasks.pop(task_id, None)
        self.tell("gone", {"id": task_id}, task_id)

    def write_log(self, task_id: str, text: str) -> None:
        """A piece of the log, as the agent relays it."""
        answer = self.logs.get(task_id, "")
        self.logs[task_id] = answer + text
        self.tell("log", {"offset": len(answer.encode()), "text": text}, task_id)

    def tell(self, kind: str, data: dict[str, Any], task_id: str) -> None:
        """Send an event to whoever listens to the task."""
        for stream in list(self.streams):
            if stream.only in (None, task_id) and not (kind == "log" and stream.only is None):
                stream.send(kind, data)

    def cut(self) -> None:
        """End all streams, and refuse new ones."""
        self.streams_open = False
        for stream in list(self.streams):
            stream.ended.set()

    def listen(self) -> httpserver.HTTPServer:
        """Serve on a free port."""
        sockets = netutil.bind_sockets(0, "127.0.0.1")
        server = httpserver.HTTPServer(self._application())
        server.add_sockets(sockets)
        self.base = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
        return server

    def _application(self) -> web.Application:
        mine = {"stub": self}
        task = rf"{PREFIX}api/v1/tasks/([0-9a-f]+)"
        return web.Application(
            [
                *static_routes(PREFIX),
                (r"/hub/static/(.*)", web.StaticFileHandler, {"path": str(HUB / "static")}),
                (r"/hub/logo", Logo),
                (PREFIX, Tasks, mine),
                (rf"{PREFIX}tasks/([0-9a-f]+)", TaskPage, mine),
                (rf"{PREFIX}open/([0-9a-f]+)", Inside, mine),
                (rf"{PREFIX}account", Settings, mine),
                (rf"{PREFIX}api/v1/computing", ComputingList, mine),
                (rf"{PREFIX}api/v1/computing/([a-z]+)/inventory", ComputingInventory, mine),
                (rf"{PREFIX}api/v1/tasks", TaskList, mine),
                (rf"{PREFIX}api/v1/announcements", AnnouncementList, mine),
                (rf"{PREFIX}api/v1/events", Events, mine),
                (rf"{task}(/[a-z]+)?", TaskApi, mine),
                (r"/hub/spawn(?:/([^/]+)(?:/([^/]+))?)?", Spawn, mine),
                (r"/hub/api/users/alice/servers/([^/]+)", HubServer, mine),
                (r"/hub/(home|error|not_running|stop_pending|spawn_pending)", HubPage, mine),
            ]
        )


def service_templates() -> Environment:
    """As the service finds its templates."""
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    environment.globals["module_imports"] = module_imports
    environment.globals["rosetta_static_version"] = static_version()
    environment.globals["static_url"] = lambda path: f"/hub/static/{path}"
    return environment


def hub_templates() -> Environment:
    """As the hub finds its templates: ours first, the stock ones also as `templates/NAME`."""
    stock = FileSystemLoader(HUB / "templates")
    loader = ChoiceLoader([PrefixLoader({"templates": stock}), FileSystemLoader(TEMPLATES), stock])
    return Environment(loader=loader, autoescape=True)


class Handler(web.RequestHandler):
    """What all handlers of the stub share."""

    def initialize(self, stub: Stub) -> None:
        """Keep the stub."""
        self.stub = stub

    def set_default_headers(self) -> None:
        """The policy that no page may break."""
        self.set_header("Content-Security-Policy", POLICY)

    def page(self, name: str, **context: Any) -> None:
        """A page of the service."""
        self.set_cookie("_xsrf", XSRF, path=PREFIX)
        self.finish(
            service_templates()
            .get_template(f"service/{name}")
            .render(
                base_url="/hub/",
                prefix="/",
                user={"name": self.stub.user, "admin": self.stub.is_admin},
                logout_url="/hub/logout",
                **context,
            )
        )

    def allowed(self) -> bool:
        """Whether the request carries the XSRF token, which JupyterHub wants of every script."""
        token = self.get_argument("_xsrf", "") or self.request.headers.get("X-XSRFToken")
        # An image of the same origin, or an address that is opened: JupyterHub wants no token.
        mode, site = (self.request.headers.get(f"Sec-Fetch-{text}") for text in ("Mode", "Site"))
        reads = self.request.method in ("GET", "HEAD")
        plain = reads and (mode == "navigate" or (mode, site) == ("no-cors", "same-origin"))
        if (token == XSRF or plain) and self.stub.logged_in and self.stub.at_service:
            return True
        self.message(403, "Log in to the hub.")
        return False

    def message(self, status: int, text: str) -> None:
        """An error of the API."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps({"detail": text}))


class Logo(web.RequestHandler):
    """The hub's logo."""

    def get(self) -> None:
        """The file."""
        self.set_header("Content-Type", "image/png")
        self.finish((HUB / "static/images/jupyterhub-80.png").read_bytes())


class Tasks(Handler):
    """The dashboard."""

    def get(self) -> None:
        """The page."""
        # Whoever is logged in to the hub is let in, by way of redirections.
        self.stub.at_service = self.stub.logged_in
        lists = {
            "active": self.stub.page("active", 0, 1000)["tasks"],
            "ended": self.stub.page("ended", 0, 50),
        }
        self.page("tasks.html", native=bool(self.stub.native), lists=lists)


class TaskPage(Handler):
    """A task's page."""

    def get(self, task_id: str) -> None:
        """The page, or the one that says that there is none."""
        task = self.stub.tasks.get(task_id)
        if task is None:
            self.set_status(404)
            self.page("error.html", status=404, message="There is no such task.", title="Error")
            return
        self.page("task.html", task=task)


class Inside(Handler):
    """What stands for the task itself."""

    def get(self, task_id: str) -> None:
        """A page that a test can recognise."""
        self.finish(f"<!DOCTYPE html><title>Inside</title><h1>Inside {task_id}</h1>")


class Settings(Handler):
    """What stands for the page of keys."""

    def get(self) -> None:
        """A page with a way back."""
        self.finish('<!DOCTYPE html><title>Keys</title><a href="/hub/spawn">New task</a>')


class ComputingList(Handler):
    """`GET api/v1/computing`."""

    def get(self) -> None:
        """All resources of the catalogue, with the state of the user's identity there."""
        if not self.allowed():
            return
        self.stub.calls.append(("GET", "computing"))
        versions = [version for family in self.stub.families for version in family["versions"]]
        by_name = {
            resource["id"]: resource for version in versions for resource in version["computing"]
        }
        self.finish({"computing": [self.with_identity(item) for item in by_name.values()]})

    def with_identity(self, computing: dict[str, Any]) -> dict[str, Any]:
        """As the service adds it."""
        needed = computing["auth_mode"] == "user_keys"
        ready = self.stub.identities.get(computing["id"], False)
        url = f"{PREFIX}account#key-{computing['id']}"
        drained = {"drained": self.stub.drained.get(computing["id"])}
        return (
            drained
            | computing
            | {"identity": {"needed": needed, "ready": ready, "url": url} if needed else None}
        )


class AnnouncementList(Handler):
    """`GET api/v1/announcements`: for everybody."""

    def get(self) -> None:
        """What the test announces."""
        self.finish({"announcements": self.stub.announcements})


class ComputingInventory(Handler):
    """`GET api/v1/computing/<id>/inventory`."""

    async def get(self, computing: str) -> None:
        """What the test says, when it says so."""
        if not self.allowed():
            return
        self.stub.calls.append(("GET", f"computing/{computing}/inventory"))
        await self.stub.inventory_ready.wait()
        if inventory := self.stub.inventory.get(computing):
            self.finish(inventory)
        else:
            self.message(404, "There is no such computing resource.")


class TaskList(Handler):
    """`GET api/v1/tasks`."""

    def get(self) -> None:
        """A page; its cursor is the number of tasks before the next one."""
        if self.allowed():
            state = self.get_query_argument("state", "")
            first = int(self.get_query_argument("after", "0"))
            limit = int(self.get_query_argument("limit", "100"))
            self.finish(self.stub.page(state, first, limit))


class TaskApi(Handler):
    """`api/v1/tasks/<id>` and what is below."""

    def get(self, task_id: str, what: str | None) -> None:
        """The task, its password, its log."""
        if what == "/log":
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.finish(self.stub.logs.get(task_id, ""))
        elif what == "/usage":
            nothing = {"attempt": 1, "points": [], "summary": [], "asked_for": {}}
            self.finish(self.stub.usage.get(task_id, nothing))
        elif self.answers("GET", task_id, what):
            secret = {"user": "metauser", "password": f"secret-of-{task_id}"}
            self.finish(secret if what == "/password" else self.stub.tasks[task_id])

    async def post(self, task_id: str, what: str | None) -> None:
        """Start, stop, or keep."""
        if self.answers("POST", task_id, what):
            answer = self.keep(task_id) if what == "/keep" else self.stub.tasks[task_id]
            await self.stub.answers_held.wait()
            self.finish(answer)

    def put(self, task_id: str, what: str | None) -> None:
        """Choose when it is stopped."""
        if self.answers("PUT", task_id, what):
            self.stub.chosen.append(json.loads(self.request.body))
            self.finish(self.keep(task_id))

    def keep(self, task_id: str) -> dict[str, Any]:
        """Change when it is stopped as the test says, and tell every page as the service does."""
        self.stub.put(self.stub.tasks[task_id], lifetime=self.stub.kept)
        return self.stub.kept

    def delete(self, task_id: str, what: str | None) -> None:
        """Forget."""
        if self.answers("DELETE", task_id, what):
            self.finish({})
            self.stub.remove(task_id)

    def answers(self, method: str, task_id: str, what: str | None) -> bool:
        """Whether the call goes through; kept for the test to see."""
        if not self.allowed():
            return False
        if task_id not in self.stub.tasks:
            self.message(404, "There is no such task.")
            return False
        call = (method, f"{task_id}{what or ''}")
        self.stub.calls.append(call)
        if refusal := self.stub.refusals.get(" ".join(call)):
            self.message(*refusal)
            return False
        return True


class EventStream(Handler):
    """What streams of events share; a subclass sends what there is when a page connects."""

    only: str | None

    async def stream(self, only: str | None) -> None:
        """Stream until the page goes, or the test cuts it."""
        if not self.allowed():
            return
        if not self.stub.streams_open:
            self.message(503, "Not now.")
            return
        self.only = only
        self.ended = asyncio.Event()
        self.set_header("Content-Type", "text/event-stream")
        self.stub.streams.add(self)
        self.send_present()
        self.write(": here\n\n")
        await self.flush()
        await self.ended.wait()
        self.stub.streams.discard(self)

    def send_present(self) -> None:
        """Send what there is."""

    def on_connection_close(self) -> None:
        """The page is gone."""
        self.ended.set()

    def send(self, kind: str, data: dict[str, Any]) -> None:
        """One event."""
        self.write(f"event: {kind}\ndata: {json.dumps(data)}\n\n")
        flushed = self.flush()
        # A page that leaves meanwhile is no fault.
        flushed.add_done_callback(lambda result: result.exception())


class Events(EventStream):
    """`GET api/v1/events`."""

    async def get(self) -> None:
        """All tasks, or one with its log."""
        await self.stream(self.get_argument("task", None))

    def send_present(self) -> None:
        """The tasks, unless the page wants changes alone, and the log of the one."""
        if self.get_argument("changes", ""):
            return
        for task in self.stub.tasks.values():
            if self.only in (None, task["id"]):
                self.send("task", task)
        if self.only and (text := self.stub.logs.get(self.only)):
            self.send("log", {"offset": 0, "text": text})


def hub_context(stub: Stub) -> dict[str, Any]:
    """What the hub gives to every template."""
    spawners = [SimpleNamespace(name=name, user_options={"software": "x"}) for name in stub.taken]
    spawners += stub.running
    spawners += [
        SimpleNamespace(name=name, active=active, user_options={"spawner_options": {}})
        for name, active in stub.native.items()
    ]
    user = SimpleNamespace(
        name="alice",
        escaped_name="alice",
        base_url="/user/alice/",
        json_escaped_name="alice",
        all_spawners=lambda: spawners,
        server_url=lambda name: f"/user/alice/{name}/",
        spawner=SimpleNamespace(options_form="a form"),
    )
    return {
        "base_url": "/hub/",
        "prefix": "/",
        "user": user,
        "login_url": "/hub/login",
        "logout_url": "/hub/logout",
        "static_url": lambda path, **_: f"/hub/static/{path}",
        "rosetta_static_version": static_version(),
        "services": [],
        "parsed_scopes": {},
        "xsrf": XSRF,
        "xsrf_token": XSRF,
    }


class Spawn(Handler):
    """`/hub/spawn`, as the hub does it."""

    def get(self, user: str | None = None, server: str | None = None) -> None:
        """The catalogue."""
        self.form()

    def post(self, user: str | None = None, server: str | None = None) -> None:
        """Keep what was sent; on to the waiting room, or the catalogue with the error."""
        fields = {key: self.get_body_argument(key) for key in self.request.body_arguments}
        self.stub.spawned.append((self.request.path, fields))
        self.stub.queries.append(self.request.query)
        if self.stub.spawn_error:
            self.set_status(422)
            self.form(self.stub.spawn_error)
            return
        self.redirect(f"{PREFIX}tasks/3f9a1c22b7e4")

    def form(self, error: str = "") -> None:
        """The page."""
        options = service_templates().get_template("options_form.html")
        preset = take_preset(self.request) if self.request.method == "GET" else {}
        form = options.render(
            families=self.stub.families,
            static_url=f"{PREFIX}static/{static_version()}",
            user={"name": "alice"},
            preset=preset,
        )
        context = hub_context(self.stub)
        user = {**vars(context["user"]), "name": self.stub.user}
        page = hub_templates().get_template("spawn.html")
        self.finish(
            page.render(
                **context,
                for_user=SimpleNamespace(**user),
                spawner_options_form=form,
                error_message=error,
                url=url_concat(self.request.uri or "", {"_xsrf": "abc"}),
            )
        )


class HubServer(Handler):
    """The hub's own API of a server."""

    def delete(self, name: str) -> None:
        """Stop, or forget; kept for the test to see."""
        token = self.request.headers.get("X-XSRFToken", "")
        self.stub.hub_calls.append((name, self.request.body.decode(), token))
        self.stub.native[name] = False
        self.set_status(204)


class HubPage(Handler):
    """The hub's other pages that are ours."""

    def get(self, name: str) -> None:
        """The page, with what the hub gives it."""
        page = hub_templates().get_template(f"{name}.html")
        self.finish(
            page.render(
                **hub_context(self.stub),
                status_code=400,
                status_message="Bad Request",
                message="alice:casa is already running",
                server_name="casa",
                spawn_url="/hub/spawn/alice/casa",
                failed=True,
                failed_message="The disk is full.",
                spawner=SimpleNamespace(name="casa"),
                progress_url="/hub/api/users/alice/servers/casa/progress?_xsrf=abc",
            )
        )
