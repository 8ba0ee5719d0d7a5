"""`api/v1/builds`: images of repositories, as jobs that users wait for together."""

from pydantic import Field
from tornado.iostream import StreamClosedError

from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.builds.builds import Builds
from rosetta_hub.builds.links import parse_link
from rosetta_hub.builds.view import BuildView
from rosetta_hub.database.models_builds import Build
from rosetta_hub.database.paging import PageQuery, PageView
from rosetta_hub.errors import NotFound
from rosetta_hub.jobs.events import Changes
from rosetta_hub.web.bodies import RequestModel
from rosetta_hub.web.event_stream import EventStreamHandler
from rosetta_hub.web.handlers import HubHandler
from rosetta_hub.web.operations import Answer, Content, operation
from rosetta_hub.web.rights import CHANGE_OWN, CHANGE_OWNED, READ_OWN, READ_OWNED


class BuildRequest(RequestModel):
    """What is built: `spec` is quoted as in links. `again` repeats a build that has failed."""

    provider: str = Field(max_length=40)
    spec: str = Field(max_length=4000)
    urlpath: str = ""
    port: int | None = Field(default=None, ge=1, le=65535)
    again: bool = False


class BuildPage(PageView):
    """Builds, the one that was asked for last first."""

    builds: list[BuildView]


class BuildLogQuery(RequestModel):
    """From which byte on."""

    offset: int = Field(default=0, ge=0, lt=1 << 40)


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
        """A build of the user, whose token needs the scope.

        Raises:
            NotAllowed: the token lacks it.
            NotFound: the user has no such build.
        """
        self.principal.check_own(scope)
        return self.builds.get(build_id, self.principal.name)

    def view(self, build: Build) -> BuildView:
        """The build as its user sees it."""
        return self.builds.view(build)


class BuildsHandler(BuildsBase):
    """`api/v1/builds`: what the user has asked for, and a new request."""

    path = "builds"

    @operation(id="list_builds", right=READ_OWN, answer=BuildPage, refuses=(404,))
    def get(self, query: PageQuery) -> BuildPage:
        """The builds that the user has asked for, the last one first."""
        self.principal.check_own("read:servers")
        page = self.builds.page(self.principal.name, query)
        views = [self.view(build) for build in page.rows]
        return BuildPage(builds=views, next=page.next)

    @operation(
        id="start_build",
        right=CHANGE_OWN,
        answer=BuildView,
        status=201,
        also=(200,),
        refuses=(404, 409),
        idempotent=True,
    )
    async def post(self, body: BuildRequest) -> Answer:
        """Ask for the image of a repository.

        The status is 200 where it is there already, or the build has failed.
        """
        self.principal.check_own("servers")
        query = {"urlpath": body.urlpath, "port": str(body.port or "")}
        kinds = self.builds.settings.kinds
        link = parse_link(body.provider, body.spec, query, kinds)
        attempt = self.attempt
        since = attempt.began if attempt is not None and attempt.is_repeated else None
        build = await self.builds.request(self.principal.user, link, body.again, since)
        if not build.state.final:
            target, detail = build.repository, {"build": build.id}
            self.audit(AuditEvent.BUILD_START, target=target, detail=detail)
        return Answer(self.view(build), 200 if build.state.final else 201)


class BuildHandler(BuildsBase):
    """`api/v1/builds/<id>`."""

    path = "builds/{build}"

    @operation(id="get_build", right=READ_OWNED, answer=BuildView)
    def get(self, build_id: str) -> BuildView:
        """A build."""
        return self.view(self.find(build_id, "read:servers"))

    @operation(id="cancel_build", right=CHANGE_OWNED, answer=BuildView, status=202, also=(204,))
    def delete(self, build_id: str) -> Answer:
        """Stop waiting for a build, or forget one that has ended.

        The last user who waits for it cancels it. The status is 204 where nothing is left to show.
        """
        self.principal.check_own("servers")
        build = self.builds.cancel(build_id, self.principal.name)
        return Answer(None, 204) if build is None else Answer(self.view(build))


class BuildLogHandler(BuildsBase):
    """`GET api/v1/builds/<id>/log?offset=`."""

    path = "builds/{build}/log"

    @operation(id="get_build_log", right=READ_OWNED, answer=Content("text/plain"))
    def get(self, build_id: str, query: BuildLogQuery) -> None:
        """The output of a build from a byte on; `X-Log-Offset` says where it begins."""
        build = self.find(build_id, "read:servers")
        start, log = self.builds.log(build, query.offset)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.set_header("X-Log-Offset", str(start))
        self.finish(log)


class BuildEventsHandler(EventStreamHandler, BuildsBase):
    """`GET api/v1/builds/<id>/events`: the build and its log, then what changes."""

    path = "builds/{build}/events"

    @operation(id="follow_build", right=READ_OWNED, answer=Content("text/event-stream"))
    async def get(self, build_id: str) -> None:
        """A build and its log, then what changes, as server-sent events."""
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
            await self.send("build", self.view(build).model_dump(mode="json"))
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
