"""A lock for shared storage, where flock(2) may not reach other nodes.

The lock is a file that only one can make (O_EXCL is atomic on NFS since version 3). Its
owner writes a counter into it all the time; a file that stays as it is for a minute belongs
to somebody who is gone, and may be taken away. No clocks are compared. Whoever loses a lease
by mistake does its work twice: what is made under it must appear by a rename.
"""

import contextlib
import json
import os
import threading
import time
from typing import Any, Callable, Dict, Optional

from rosetta_agent.errors import Cancelled
from rosetta_agent.progress import Progress

_HEARTBEAT_SECONDS = 5.0
_STALE_SECONDS = 60.0
_POLL_SECONDS = 0.5


class Lease:
    """One lease; ``owner`` is a name that nobody else has."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.owner = os.urandom(8).hex()
        self._heartbeat = 0
        self._progress: Optional[Progress] = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def take(self, wait: Callable[[float], bool], on_progress: Callable[[Progress], None]) -> bool:
        """Wait until nobody else holds it; what its owner tells meanwhile is handed on.

        Returns whether it had to be waited for.

        Raises:
            Cancelled: ``wait`` said so.
            OSError: the file cannot be made.
        """
        waited = False
        last_lease: Optional[Dict[str, Any]] = None
        since = time.monotonic()
        while not self._create():
            waited = True
            lease = read_lease(self._path)
            if lease != last_lease:
                last_lease, since = lease, time.monotonic()
                tell(lease, on_progress)
            elif time.monotonic() - since > _STALE_SECONDS:
                self._take_away(last_lease)
                last_lease, since = None, time.monotonic()
            if wait(_POLL_SECONDS):
                raise Cancelled()
        self._thread.start()
        return waited

    def _create(self) -> bool:
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return False
        try:
            with open(descriptor, "w", encoding="ascii") as file:
                json.dump(self._content(), file)
        except OSError:
            os.unlink(self._path)
            raise
        return True

    def _content(self) -> Dict[str, Any]:
        progress = self._progress or Progress(0, 0)
        return {"owner": self.owner, "heartbeat": self._heartbeat, "progress": list(progress)}

    def _take_away(self, lease: Optional[Dict[str, Any]]) -> None:
        """Remove the file of an owner who is gone, unless it is another's by now."""
        aside = "{}.{}".format(self._path, self.owner)
        try:
            os.rename(self._path, aside)
        except FileNotFoundError:
            return
        content = read_lease(aside)
        if content != lease:
            with contextlib.suppress(FileExistsError):
                os.link(aside, self._path)
        os.unlink(aside)

    def tell(self, progress: Progress) -> None:
        """Let those who wait know how far it is; with the next heartbeat."""
        self._progress = progress

    def _keep(self) -> None:
        while not self._ended.wait(_HEARTBEAT_SECONDS):
            try:
                self._write()
            except OSError:
                continue  # the storage is away: so it is for those who wait

    def _write(self) -> None:
        lease = read_lease(self._path)
        if lease is None or lease.get("owner") != self.owner:
            return
        self._heartbeat += 1
        part = "{}.{}".format(self._path, self.owner)
        with open(part, "w", encoding="ascii") as file:
            json.dump(self._content(), file)
        os.replace(part, self._path)

    def give_back(self) -> None:
        """Let the next one have it."""
        self._ended.set()
        self._thread.join()
        lease = read_lease(self._path)
        if lease is not None and lease.get("owner") == self.owner:
            os.unlink(self._path)


def read_lease(path: str) -> Optional[Dict[str, Any]]:
    """What the owner wrote; None where there is no file, or half of one."""
    try:
        with open(path, encoding="ascii") as file:
            document = json.load(file)
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def tell(lease: Optional[Dict[str, Any]], on_progress: Callable[[Progress], None]) -> None:
    """Hand on the progress in a lease, if there is any."""
    numbers = (lease or {}).get("progress")
    if not isinstance(numbers, list) or [type(number) for number in numbers] != [int, int]:
        return
    if numbers[1] > 0:
        on_progress(Progress(numbers[0], numbers[1]))
