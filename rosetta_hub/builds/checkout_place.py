"""Where the service fetches repositories to: where the account without rights gets to, too."""

import hashlib
import os
import shutil
from pathlib import Path

from rosetta_hub.errors import ConfigError

# It is on a disk, unlike /tmp on many machines.
SHARED = Path("/var/tmp")  # noqa: S108 - a directory of ours, made anew


def make_checkout_place(state_path: Path, shared: Path = SHARED) -> Path:
    """An empty directory for checkouts; what an earlier service has left there is removed.

    Nobody but the service can list or write it. A service that is root fetches as somebody else,
    who can't get into the state directory: the place is in `shared` then, one for each service.

    Raises:
        ConfigError: it can't be made, or something of somebody else is in its way.
    """
    place = state_path / "builds"
    if os.geteuid() == 0:
        digest = hashlib.sha256(str(state_path.resolve()).encode()).hexdigest()
        place = shared / f"rosetta-checkouts-{digest[:16]}"
    # Links are not followed, and not removed either.
    shutil.rmtree(place, ignore_errors=True)
    try:
        # Fails where there is something: whoever put it there might own what is fetched.
        place.mkdir(mode=0o700, parents=os.geteuid() != 0)
    except OSError as error:
        raise ConfigError(
            f"Repositories can't be fetched: {place} can't be made ({error.strerror}). Remove what"
            " is in its way."
        ) from error
    place.chmod(0o711)
    return place
