"""A service with links to repositories and their builds."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from tornado import web

from .families import LOCAL, PERUN, VEGA
from .stub import PREFIX, EventStream, Handler, Stub
from .tasks import make_task

FORM = f"{PREFIX}v2/"
LINK = f"{PREFIX}v2/gh/octo/hello/main?labpath=index.ipynb"
BUILD = "b" * 12
BUILD_PAGE = f"{PREFIX}builds/{BUILD}"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
TAIL = ["Collecting nothing-like-it", "ERROR: No matching distribution found for nothing-like-it"]

REFUSAL = "You may not build software. Ask the administrators of this hub for it."
BADLY_WRITTEN = "Write USER/REPOSITORY/REF instead of 'octo'."


def provider(name: str, title: str, kind: str, host: str, **more: Any) -> dict[str, Any]:
    """A provider as the service describes it to the form."""
    return {
        "id": name,
        "name": title,
        "kind": kind,
        "host": host,
        "quoted": kind in ("gitlab", "git"),
        "hasRef": kind != "zenodo",
        "repositoryLabel": "Repository",
        "example": "owner/repository",
    } | more


PROVIDERS = [
    provider("gh", "GitHub", "github", "github.com"),
    provider("gl", "GitLab", "gitlab", "gitlab.com", example="group/project"),
    provider("git", "Git repository", "git", "", repositoryLabel="Address"),
    provider("zenodo", "Zenodo", "zenodo", "zenodo.org", repositoryLabel="DOI"),
]


def make_build(**changes: Any) -> dict[str, Any]:
    """A build as the API shows it: in the queue, unless changed."""
    build: dict[str, Any] = {
        "id": BUILD,
        "state": "queued",
        "message": "Waiting for a free place.",
        "provider": "gh",
        "spec": "octo/hello/main",
        "repository": "octo/hello",
        "url": "https://github.com/octo/hello",
        "ref": "main",
        "commit": COMMIT,
        "port": None,
        "step": None,
        "steps": None,
        "position": 2,
        "waiting": 1,
        "failed_step": "",
        "log_tail": [],
        "cancelling": False,
        "created": "2026-01-01T10:00:00+00:00",
        "started": None,
        "ended": None,
    }
    return build | changes


def building(step: int = 7, **changes: Any) -> dict[str, Any]:
    """One that is at a step."""
    text = "Installing what requirements.txt names."
    return make_build(state="building", message=text, position=None, step=step, steps=23) | changes


def failed(**changes: Any) -> dict[str, Any]:
    """One whose step has failed."""
    message = "The command of step 7 failed with exit code 1. Correct requirements.txt."
    step = "RUN pip install -r requirements.txt"
    document = {"state": "failed", "message": message, "failed_step": step, "log_tail": TAIL}
    return building() | document | changes


class BuildsStub(Stub):
    """A service that builds."""

    def __init__(self) -> None:
        super().__init__()
        self.builds: dict[str, dict[str, Any]] = {}
        self.build_log = ""
        self.computing = [LOCAL, VEGA, PERUN]
        self.built = False
        self.places: list[str] | None = None
        self.fault: tuple[int, str] | None = None
        self.asked: list[dict[str, Any]] = []
        self.started: list[dict[str, Any]] = []
        self.cancelled: list[str] = []
        self.start_fault: tuple[int, str] | None = None
        self.made = 0
        # While it is cleared, nobody is told that software was made.
        self.software_held = asyncio.Event()
        self.software_held.set()

    def put_build(self, build: dict[str, Any]) -> None:
        """Keep a build and tell every page that shows it."""
        self.builds[build["id"]] = build
        self.tell("build", build, build["id"])

    def write_build_log(self, text: str) -> None:
        """A piece of the log."""
        offset = len(self.build_log.encode())
        self.build_log += text
        self.tell("log", {"offset": offset, "text": text}, BUILD)

    def _application(self) -> web.Application:
        result = super()._application()
        mine = {"stub": self}
        build = rf"{PREFIX}api/v1/builds/([0-9a-f]+)"
        result.add_handlers(
            ".*",
            [
                (rf"{PREFIX}v2/", Form, mine),
                (rf"{PREFIX}v2/.+", Link, mine),
                (rf"{PREFIX}builds", BuildList, mine),
                (rf"{PREFIX}builds/([0-9a-f]+)", BuildPage, mine),
                (rf"{PREFIX}software", SoftwarePage, mine),
                (rf"{PREFIX}api/v1/links/.+", LinkApi, mine),
                (rf"{PREFIX}api/v1/builds", BuildsApi, mine),
                (build, BuildApi, mine),
                (rf"{build}/software", BuildSoftwareApi, mine),
                (rf"{build}/events", BuildEvents, mine),
                (rf"{PREFIX}api/v1/computing", Computing, mine),
                (rf"{PREFIX}api/v1/tasks", StartApi, mine),
            ],
        )
        return result


class Form(Handler):
    """The form that makes links."""

    stub: BuildsStub

    def get(self) -> None:
        """The page."""
        adds = "add" in self.request.query_arguments or "add" in self.request.query
        refusal = self.get_argument("refused", "") and REFUSAL
        self.page("link_form.html", providers=PROVIDERS, adds=adds, refusal=refusal)


class Link(Handler):
    """The page of a link."""

    stub: BuildsStub

    def get(self) -> None:
        """The page, or the error."""
        path = str(self.request.uri).removeprefix(f"{PREFIX}v2/")
        adds = path.endswith("add")
        link = {
            "provider": "gh",
            "providerName": "GitHub",
            "repository": "octo/hello",
            "ref": "main",
            "urlpath": "doc/tree/index.ipynb",
            "computing": self.get_argument("computing", ""),
            "size": self.get_argument("size", ""),
            "port": None,
        }
        refusal = self.get_argument("refused", "") and REFUSAL
        self.page("link.html", link=link, path=path, adds=adds, refusal=refusal)


class BuildList(Handler):
    """The list of builds."""

    def get(self) -> None:
        """The page."""
        self.page("builds.html")


class BuildPage(Handler):
    """The page of a build."""

    stub: BuildsStub

    def get(self, build_id: str) -> None:
        """The page."""
        self.page("build.html", build=self.stub.builds[build_id])


class SoftwarePage(Handler):
    """What stands for the user's software."""

    def get(self) -> None:
        """A page that a test can recognise."""
        self.finish("<!DOCTYPE html><title>Software</title><h1>Software</h1>")


class LinkApi(Handler):
    """`GET api/v1/links/<provider>/<spec>`."""

    stub: BuildsStub

    def get(self) -> None:
        """What the link stands for."""
        if not self.allowed():
            return
        self.stub.calls.append(("GET", str(self.request.uri).removeprefix(f"{PREFIX}api/v1/")))
        if self.stub.fault:
            self.message(*self.stub.fault)
            return
        keys = ("provider", "spec", "repository", "url", "ref", "commit")
        document = {key: make_build()[key] for key in keys}
        document |= {"urlpath": "doc/tree/index.ipynb", "built": self.stub.built}
        self.finish({**document, "places": self.stub.places})


class BuildsApi(Handler):
    """`api/v1/builds`."""

    stub: BuildsStub

    def get(self) -> None:
        """All builds."""
        if self.allowed():
            self.finish({"builds": list(self.stub.builds.values())})

    async def post(self) -> None:
        """Ask for one."""
        if not self.allowed():
            return
        self.stub.asked.append(json.loads(self.request.body))
        if self.stub.fault:
            self.message(*self.stub.fault)
            return
        if BUILD not in self.stub.builds or self.stub.builds[BUILD]["state"] == "failed":
            self.stub.put_build(make_build())
        await self.stub.answers_held.wait()
        self.finish(self.stub.builds[BUILD])


class BuildApi(Handler):
    """`api/v1/builds/<id>`."""

    stub: BuildsStub

    def get(self, build_id: str) -> None:
        """The build."""
        if self.allowed():
            self.finish(self.stub.builds[build_id])

    async def delete(self, build_id: str) -> None:
        """Cancel."""
        if self.allowed():
            self.stub.cancelled.append(build_id)
            message = "You have cancelled it."
            changes = {"state": "cancelled", "message": message, "position": None}
            build = self.stub.builds[build_id] | changes
            self.stub.put_build(build)
            await self.stub.answers_held.wait()
            self.finish(build)


class BuildSoftwareApi(Handler):
    """`POST api/v1/builds/<id>/software`."""

    stub: BuildsStub

    async def post(self, build_id: str) -> None:
        """Make the user's software."""
        if self.allowed():
            self.stub.made += 1
            await self.stub.software_held.wait()
            self.finish({"family": "hello-abcdef", "version": "0123456", "name": "hello"})


class Computing(Handler):
    """`GET api/v1/computing`."""

    stub: BuildsStub

    def get(self) -> None:
        """The resources; those with keys of the user are ready where the test says so."""
        if self.allowed():
            self.finish(
                {"computing": [self._with_identity(resource) for resource in self.stub.computing]}
            )

    def _with_identity(self, computing: dict[str, Any]) -> dict[str, Any]:
        if computing["auth_mode"] != "user_keys":
            return computing | {"identity": None}
        ready = self.stub.identities.get(computing["id"], False)
        url = f"{PREFIX}account#key-{computing['id']}"
        return computing | {"identity": {"needed": True, "ready": ready, "url": url}}


class StartApi(Handler):
    """`api/v1/tasks`."""

    stub: BuildsStub

    def get(self) -> None:
        """All tasks."""
        if self.allowed():
            self.finish({"tasks": list(self.stub.tasks.values())})

    def post(self) -> None:
        """Start one."""
        if not self.allowed():
            return
        self.stub.started.append(json.loads(self.request.body))
        if self.stub.start_fault:
            self.message(*self.stub.start_fault)
            return
        task = self.stub.put(make_task("a1", name="hello"))
        self.set_status(201)
        self.finish(task)


class BuildEvents(EventStream):
    """`GET api/v1/builds/<id>/events`."""

    stub: BuildsStub

    async def get(self, build_id: str) -> None:
        """The build and its log."""
        await self.stream(build_id)

    def send_present(self) -> None:
        """As it is now."""
        self.send("build", self.stub.builds[str(self.only)])
        if self.stub.build_log:
            self.send("log", {"offset": 0, "text": self.stub.build_log})


@contextlib.asynccontextmanager
async def serve_builds() -> AsyncIterator[BuildsStub]:
    """A service that builds, without builds."""
    stub = BuildsStub()
    server = stub.listen()
    yield stub
    stub.cut()
    server.stop()
    await server.close_all_connections()
