"""Tickets for archives: a browser follows an address, which has no room for a list of paths."""

import secrets
import time
from dataclasses import dataclass

from rosetta_hub.catalogue.storage_paths import base_name
from rosetta_hub.errors import FilesError
from rosetta_hub.files.entries import ArchiveFormat

# Seconds.
LIFETIME = 60.0
# Tickets of all users together that are kept.
MAX_TICKETS = 10_000


@dataclass(frozen=True)
class Archive:
    """What an archive holds, and who may fetch it."""

    user: str
    storage_id: str
    paths: tuple[bytes, ...]
    format: ArchiveFormat

    def file_name(self, storage_name: str) -> bytes:
        """The name of the download: of the one entry, or of the storage."""
        name = base_name(self.paths[0]) if len(self.paths) == 1 else b""
        return (name or storage_name.encode()) + f".{self.format}".encode()


class ArchiveTickets:
    """One instance a service. A ticket is good for one download, within a minute."""

    def __init__(self) -> None:
        # By age.
        self._archives: dict[str, tuple[float, Archive]] = {}

    def issue(self, archive: Archive) -> str:
        """A new ticket."""
        self._forget_expired()
        ticket = secrets.token_urlsafe(24)
        self._archives[ticket] = (time.monotonic() + LIFETIME, archive)
        return ticket

    def redeem(self, ticket: str, user: str, storage_id: str) -> Archive:
        """The archive of a ticket, which is worth nothing afterwards.

        Raises:
            FilesError: there is no such ticket of this user and storage (any more).
        """
        self._forget_expired()
        _, archive = self._archives.get(ticket, (0.0, None))
        if archive is None or (archive.user, archive.storage_id) != (user, storage_id):
            raise FilesError("not_found", "This download has expired. Begin it again.")
        del self._archives[ticket]
        return archive

    def _forget_expired(self) -> None:
        while self._archives:
            ticket, (expiry, _) = next(iter(self._archives.items()))
            if expiry > time.monotonic() and len(self._archives) <= MAX_TICKETS:
                return
            del self._archives[ticket]
