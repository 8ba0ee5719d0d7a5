"""Room for image files: where they are converted, how many at once, and which ones go.

An image's modification time is that of its last use. Those of running containers are marked
again and again (rosetta_agent.monitor), so that no node removes what another one runs.
"""

import contextlib
import fcntl
import glob
import os
import shutil
from typing import Callable, Iterator, List, NamedTuple, Optional

from rosetta_agent.errors import Cancelled
from rosetta_agent.sandbox import remove_path

#: How often the image of a running container is marked as used.
MARK_SECONDS = 600.0
#: An image that was not marked for so long is unused.
_UNUSED_SECONDS = 3600.0
#: What a killed agent was making is left behind; nothing is made for so long.
_STALE_SECONDS = 86400.0
#: Conversions at once of one account on one node: each takes several times its image's size.
CONVERSIONS = 2
#: Room (bytes) with which the node's own disk is good enough for a conversion.
ENOUGH_ROOM = 20 << 30


class StoredImage(NamedTuple):
    """An image file: seconds of its last use, bytes."""

    used: float
    size: int
    path: str


def mark_used(path: str) -> None:
    """Record that the image is in use now; one that is not ours stays as it is."""
    with contextlib.suppress(OSError):
        os.utime(path)


def choose_scratch(local: str, shared: Optional[str]) -> str:
    """The directory to convert an image in: ``local``, or ``shared`` where that has more room.

    Shared storage is slow for unpacked images, so the node's own disk comes first.
    """
    if shared is None:
        return local
    free = shutil.disk_usage(local).free
    return local if free >= min(ENOUGH_ROOM, shutil.disk_usage(shared).free) else shared


@contextlib.contextmanager
def conversion_slot(folder: str, wait: Callable[[float], bool]) -> Iterator[None]:
    """Wait until fewer than CONVERSIONS images are converted here, and count as one of them.

    ``wait`` sleeps for so many seconds, or until the image is not wanted any more; then it
    returns true.

    Raises:
        Cancelled: the image is not wanted any more.
    """
    descriptors = [
        os.open(os.path.join(folder, "convert-{}.lock".format(slot)), os.O_RDWR | os.O_CREAT, 0o600)
        for slot in range(CONVERSIONS)
    ]
    try:
        while not any(_lock(descriptor) for descriptor in descriptors):
            if wait(0.5):
                raise Cancelled()
        yield
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def prune(folder: str, limit: int, newest: str) -> None:
    """Remove our images that were unused for the longest, until all fit into ``limit`` bytes.

    ``newest`` is an image that was marked just now: it stays, and its time is the storage's.
    """
    now = os.stat(newest).st_mtime
    for part in glob.glob(os.path.join(glob.escape(folder), "*.part*")):
        with contextlib.suppress(OSError):
            if now - os.stat(part).st_mtime > _STALE_SECONDS:
                remove_path(part)
    images = _our_images(folder)
    total = sum(image.size for image in images)
    for image in sorted(images):
        if total <= limit or now - image.used < _UNUSED_SECONDS:
            return
        remove_path(image.path)
        total -= image.size


def _our_images(folder: str) -> List[StoredImage]:
    images = []
    for path in glob.glob(os.path.join(glob.escape(folder), "*.sif")):
        with contextlib.suppress(FileNotFoundError):
            info = os.stat(path)
            if info.st_uid == os.geteuid():
                images.append(StoredImage(info.st_mtime, info.st_size, path))
    return images
