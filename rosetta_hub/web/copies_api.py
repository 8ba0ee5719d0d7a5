"""`api/v1/copies`: copies of the user between storages, as jobs."""

import contextlib
from typing import Any, Literal

from pydantic import Field
from tornado.iostream import StreamClosedError

from rosetta_hub.copies.plan import parse_request, plan_copy
from rosetta_hub.copies.view import CopyView, view_copy
from rosetta_hub.database.models_copies import Copy
from rosetta_hub.database.paging import PageQuery, PageView
from rosetta_hub.errors import NotAllowed, NotFound
from rosetta_hub.jobs.events import Changes
from rosetta_hub.users.idempotency import new_id
from rosetta_hub.web.bodies import RequestModel
from rosetta_hub.web.event_stream import EventStreamHandler
from rosetta_hub.web.files_base import FilesHandler
from rosetta_hub.web.operations import Answer, Content, operation
from rosetta_hub.web.rights import ENTER_OWN, ENTER_OWNED

_ID_DIGITS = 12


class SourceOfCopy(RequestModel):
    """What is copied: files and folders of a storage, by their percent-encoded paths."""

    storage: str
    paths: list[str] = Field(min_length=1)


class TargetOfCopy(RequestModel):
    """A folder of a storage."""

    storage: str
    path: str = ""


class NewCopy(RequestModel):
    """A copy to begin; without `conflict` it is refused where names are taken."""

    source: SourceOfCopy = Field(alias="from")
    target: TargetOfCopy = Field(alias="to")
    conflict: Literal["skip", "overwrite", "rename"] | None = None


class CopyPage(PageView):
    """Copies, newest first."""

    copies: list[CopyView]


class CopiesHandler(FilesHandler):
    """`api/v1/copies`: all copies of the user, and a new one."""

    path = "copies"

    @operation(id="list_copies", right=ENTER_OWN, answer=CopyPage)
    def get(self, query: PageQuery) -> CopyPage:
        """The user's copies, newest first.

        Those that have ended are listed for seven days.
        """
        page = self.services.copies.page(self.principal.name, query)
        views = [view_copy(copy) for copy in page.rows]
        return CopyPage(copies=views, next=page.next)

    @operation(
        id="start_copy",
        right=ENTER_OWN,
        answer=CopyView,
        status=201,
        refuses=(404, 409, 415, 422),
        body=NewCopy,
        idempotent=True,
    )
    async def post(self, body: dict[str, Any]) -> CopyView:
        """Begin a copy between storages.

        Where names are taken, and `conflict` is not said, the refusal has `conflicts` (the first of
        them) and `total`.

        Raises:
            NotAllowed: the target is read-only.
        """
        earlier = self._earlier()
        if earlier is not None:
            return view_copy(earlier)
        request = parse_request(body)
        self.storage(request.source_storage)
        if (target := self.storage(request.target_storage)).read_only:
            raise NotAllowed(f"{target.name} can only be read.")
        copy = await plan_copy(self.services.files, self.principal.user, request)
        copy.id = self._new_id()
        return view_copy(self.services.copies.add(copy))

    def _new_id(self) -> str:
        return new_id(self.attempt, _ID_DIGITS)

    def _earlier(self) -> Copy | None:
        """The copy that an earlier attempt of this request has begun."""
        if self.attempt is not None and self.attempt.is_repeated:
            with contextlib.suppress(NotFound):
                return self.services.copies.find(self._new_id(), self.principal.name)
        return None


class CopyHandler(FilesHandler):
    """`api/v1/copies/<id>`."""

    path = "copies/{copy}"

    @operation(id="get_copy", right=ENTER_OWNED, answer=CopyView)
    def get(self, copy_id: str) -> CopyView:
        """A copy."""
        return view_copy(self.services.copies.find(copy_id, self.principal.name))

    @operation(id="cancel_copy", right=ENTER_OWNED, answer=CopyView, status=202, also=(204,))
    def delete(self, copy_id: str) -> Answer:
        """Cancel a copy, or forget one that has ended, which is answered with 204."""
        copy = self.services.copies.remove(copy_id, self.principal.name)
        return Answer(None, 204) if copy is None else Answer(view_copy(copy))


class CopyEventsHandler(EventStreamHandler, FilesHandler):
    """`GET api/v1/copies/events`: all copies, then each one that changes, as server-sent events."""

    path = "copies/events"

    @operation(id="follow_copies", right=ENTER_OWN, answer=Content("text/event-stream"))
    async def get(self) -> None:
        """All copies, then each one that changes, as server-sent events."""
        user = self.principal.name
        with self.services.copies.events.listen(user) as changes:
            try:
                await self.begin()
                for copy in self.services.copies.of_user(user):
                    await self.send("copy", _document(view_copy(copy)))
                async with self.limited():
                    await self._follow(changes)
            except (StreamClosedError, TimeoutError):
                return

    async def _follow(self, changes: Changes) -> None:
        while True:
            for copy_id in await self.wait_for(changes.take):
                await self._tell(copy_id)

    async def _tell(self, copy_id: str) -> None:
        try:
            copy = self.services.copies.find(copy_id, self.principal.name)
        except NotFound:
            await self.send("gone", {"id": copy_id})
        else:
            await self.send("copy", _document(view_copy(copy)))


def _document(view: CopyView) -> dict[str, Any]:
    return view.model_dump(mode="json", by_alias=True)
