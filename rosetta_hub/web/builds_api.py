"""`api/v1/builds`: images of repositories, as jobs that users wait for together."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from tornado.iostream import StreamClosedError

from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.builds.builds import Builds
from rosetta_hub.builds.links import parse_link
from rosetta_hub.database.models_builds import Build
from rosetta_hub.errors import NotFound
from rosetta_hub.jobs.events import Changes
from rosetta_hub.web.bodies import parse_body
from rosetta_hub.web.event_stream import EventStreamHandler
from rosetta_hub.web.handlers import HubHandler


class BuildRequest(BaseModel):
    """What is built: `spec` is quoted as in links. `again` repeats a build that has failed."""

    model_config = ConfigDict(extra="forbid")

    provider: str = Field(max_length=40)
    spec: str = Field(max_length=4000)
    urlpath: str = ""
    port: int | None = Field(default=None, ge=1, le=65535)
    again: bool = False


class BuildsBase(HubHandler):
    """What requests about builds share."""

    @property
    def builds(self) -> Builds:
        """The builds.

        Raises:
            NotFound: nothing is built here.
        """
        if self.services.builds is None:
            raise NotFound("Images are not built here. Ask the administrator.")
        return self.services.builds

    def find(self, build_id: str, scope: str) -> Build:
        """A build of the principal, whose token needs the scope.

        Raises:
            NotAllowed: the token lacks it.
            NotFound: the principal has no such build.
        """
        self.principal.check_own(scope)
        return self.builds.get(build_id, self.principal.name)

    def document(self, build: Build) -> dict[str, Any]:
        """The build as JSON."""
        return self.builds.view(build).model_dump(mode="json")


class BuildsHandler(BuildsBase):
    """`api/v1/builds`: what the principal has asked for, and a new request."""

    def get(self) -> None:
        """All builds of the principal, the last one first."""
        self.principal.check_own("read:servers")
        builds = self.builds.of_user(self.principal.name)
        self.answer({"builds": [self.document(build) for build in builds]})

    async def post(self) -> None:
        """Ask for the image of a repository: 201 where it has to be built, 200 if not."""
        self.principal.check_own("servers")
        request = parse_body(BuildRequest, self.json_body())
        query = {"urlpath": request.urlpath, "port": str(request.port or "")}
        kinds = self.builds.settings.kinds
        link = parse_link(request.provider, request.spec, query, kinds)
        build = await self.builds.request(self.principal.user, link, request.again)
        if not build.state.final:
            target, detail = build.repository, {"build": build.id}
            self.audit(AuditEvent.BUILD_START, target=target, detail=detail)
        self.answer(self.document(build), 200 if build.state.final else 201)


class BuildHandler(BuildsBase):
    """`api/v1/builds/<id>`."""

    def get(self, build_id: str) -> None:
        """The build."""
        self.answer(self.document(self.find(build_id, "read:servers")))

    def delete(self, build_id: str) -> None:
        """Stop waiting for it, which cancels it for the last who waits; or forget an ended one."""
        self.principal.check_own("servers")
        build = self.builds.cancel(build_id, self.principal.name)
        if build is None:
            self.answer({})
        else:
            self.answer(self.document(build), 202)


class BuildLogHandler(BuildsBase):
    """`GET api/v1/builds/<id>/log?offset=`."""

    def get(self, build_id: str) -> None:
        """The output from a byte on; `X-Log-Offset` says where it begins."""
        build = self.find(build_id, "read:servers")
        text = self.get_query_argument("offset", "0")
        start, log = self.builds.log(build, int(text) if text.isdecimal() else 0)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.set_header("X-Log-Offset", str(start))
        self.finish(log)


class BuildEventsHandler(EventStreamHandler, BuildsBase):
    """`GET api/v1/builds/<id>/events`: the build and its log, then what changes."""

    async def get(self, build_id: str) -> None:
        """Stream until the browser goes away."""
        with self.builds.events.listen(build_id) as changes:
            build = self.find(build_id, "read:servers")
            try:
                await self.begin()
                async with self.limited():
                    await self._follow(build, changes)
            except (StreamClosedError, TimeoutError):
                return

    async def _follow(self, build: Build, changes: Changes) -> None:
        attempt, offset = build.attempt, 0
        while True:
            await self.send("build", self.document(build))
            if build.attempt != attempt:
                attempt, offset = build.attempt, 0
            start, text = self.builds.log(build, offset)
            if text:
                await self.send("log", {"attempt": attempt, "offset": start, "text": text})
            offset = start + len(text.encode())
            await self.wait_for(changes.take)
            try:
                build = self.builds.get(build.id, self.principal.name)
            except NotFound:
                await self.send("gone", {"id": build.id})
                return


def builds_routes(prefix: str, arguments: dict[str, Any]) -> list[tuple[str, Any, dict[str, Any]]]:
    """The routes of this module below `prefix`."""
    build = rf"{prefix}api/v1/builds/([0-9a-f]{{12}})"
    return [
        (rf"{prefix}api/v1/builds", BuildsHandler, arguments),
        (build, BuildHandler, arguments),
        (rf"{build}/log", BuildLogHandler, arguments),
        (rf"{build}/events", BuildEventsHandler, arguments),
    ]
