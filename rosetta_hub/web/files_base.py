"""What the handlers of storages share: who may, paths in addresses, entries as JSON."""

import asyncio
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, TypeVar

from pydantic import BaseModel
from tornado.iostream import StreamClosedError

from rosetta_hub.catalogue.storage_paths import check_path, display_name, encode_path
from rosetta_hub.catalogue.storages import Storage
from rosetta_hub.errors import NotAllowed
from rosetta_hub.files.entries import EntryType, FileEntry
from rosetta_hub.files.media_types import media_type
from rosetta_hub.files.session import FilesSession
from rosetta_hub.web.handlers import HubHandler

# Of the hub, for all of the user's own servers: who may enter a task reads its files there.
SCOPE = "access:servers"

Result = TypeVar("Result")


class EntryView(BaseModel):
    """An entry of a storage: `name` is what is shown, `path` what calls take.

    `size` is in bytes, `modified` in seconds since 1970, `mode` has the permission bits. `target`
    is where a link leads, `target_type` what is there; both are null for what is no link.
    """

    name: str
    path: str
    type: EntryType
    size: int
    modified: float
    mode: int
    owner: str
    group: str
    etag: str
    media_type: str
    target: str | None
    target_type: EntryType | None


class FilesHandler(HubHandler):
    """A handler of the user's own files; nobody else's are reached by any of them."""

    async def prepare(self) -> None:
        """Let in users alone, with a token that may enter all of their own tasks.

        Raises:
            NotAllowed: it is a service of the hub, or the token lacks the scope.
            NotFound: the user may not use the storage in the address.
        """
        await super().prepare()
        model = self.get_current_user() or {}
        if model.get("kind", "user") != "user":
            raise NotAllowed("Storages are for users: a service of the hub has no files.")
        self.principal.check_own(SCOPE)
        # Whether it is the user's at all goes before what is wrong with the request.
        if self.path_args and self.request.path.startswith(self._below("storages/")):
            self.storage(self.path_args[0])

    def _below(self, path: str) -> str:
        return f"{self.services.settings.service_prefix}api/v1/{path}"

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        """A part of the address as text that stands for any bytes, as names of files have them."""
        return value.decode("utf-8", "surrogateescape")

    def storage(self, storage_id: str) -> Storage:
        """The storage.

        Raises:
            NotFound: there is none that the user may use.
        """
        return self.services.files.storage(self.principal.user, storage_id)

    def read_path(self, text: str) -> bytes:
        """The path from an address.

        Raises:
            FilesError: it can't be one; see `check_path`.
        """
        return check_path(text.encode("utf-8", "surrogateescape"))

    def open(
        self, storage_id: str, purpose: Literal["browse", "transfer"] = "browse"
    ) -> AbstractAsyncContextManager[FilesSession]:
        """A session with the user's storage."""
        return self.services.files.open(self.principal.user, storage_id, purpose)

    async def until_closed(self, coroutine: Coroutine[Any, Any, Result], name: str) -> Result:
        """What the coroutine returns; it is cancelled when the client goes away.

        Raises:
            StreamClosedError: the client has gone away.
        """
        task = asyncio.create_task(coroutine, name=name)
        self.request.connection.set_close_callback(task.cancel)  # type: ignore[union-attr]
        try:
            return await task
        except asyncio.CancelledError:
            if task.cancelled() and not _is_cancelled():
                raise StreamClosedError from None
            task.cancel()
            raise


def view_entry(entry: FileEntry) -> EntryView:
    """An entry as the API shows it."""
    return EntryView(
        name=display_name(entry.name),
        path=encode_path(entry.path),
        type=entry.type,
        size=entry.size,
        modified=entry.mtime_ns / 10**9,
        mode=entry.mode,
        owner=entry.owner,
        group=entry.group,
        etag=entry.etag,
        media_type=media_type(entry.name),
        target=None if entry.target is None else display_name(entry.target),
        target_type=entry.target_type,
    )


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
