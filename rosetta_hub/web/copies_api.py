"""`api/v1/copies`: copies of the principal between storages, as jobs."""

from typing import Any

from tornado.iostream import StreamClosedError

from rosetta_hub.copies.plan import parse_request, plan_copy
from rosetta_hub.copies.view import CopyView, view_copy
from rosetta_hub.errors import NotAllowed, NotFound
from rosetta_hub.jobs.events import Changes
from rosetta_hub.web.event_stream import EventStreamHandler
from rosetta_hub.web.files_base import FilesHandler


class CopiesHandler(FilesHandler):
    """`api/v1/copies`: all copies of the principal, and a new one."""

    def get(self) -> None:
        """All copies, newest first; those that have ended are listed for seven days."""
        copies = self.services.copies.of_user(self.principal.name)
        self.answer({"copies": [_document(view_copy(copy)) for copy in copies]})

    async def post(self) -> None:
        """Begin a copy; 409 with the names that are taken where `conflict` does not say what then.

        Raises:
            NotAllowed: the target is read-only.
        """
        request = parse_request(self.json_body())
        self.storage(request.source_storage)
        if (target := self.storage(request.target_storage)).read_only:
            raise NotAllowed(f"{target.name} can only be read.")
        copy = await plan_copy(self.services.files, self.principal.user, request)
        self.answer(_document(view_copy(self.services.copies.add(copy))), 201)


class CopyHandler(FilesHandler):
    """`api/v1/copies/<id>`."""

    def get(self, copy_id: str) -> None:
        """The copy."""
        copy = self.services.copies.find(copy_id, self.principal.name)
        self.answer(_document(view_copy(copy)))

    def delete(self, copy_id: str) -> None:
        """Cancel the copy, or remove an ended one from the list."""
        copy = self.services.copies.remove(copy_id, self.principal.name)
        if copy is None:
            self.answer({})
        else:
            self.answer(_document(view_copy(copy)), 202)


class CopyEventsHandler(EventStreamHandler, FilesHandler):
    """`GET api/v1/copies/events`: all copies, then each one that changes, as server-sent events."""

    async def get(self) -> None:
        """Stream until the browser goes away."""
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


def copies_routes(prefix: str, arguments: dict[str, Any]) -> list[tuple[str, Any, dict[str, Any]]]:
    """The routes of this module below `prefix`."""
    return [
        (rf"{prefix}api/v1/copies", CopiesHandler, arguments),
        (rf"{prefix}api/v1/copies/events", CopyEventsHandler, arguments),
        (rf"{prefix}api/v1/copies/([0-9a-f]{{12}})", CopyHandler, arguments),
    ]
