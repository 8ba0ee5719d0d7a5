"""Fetches one commit of a repository into a directory, whatever the repository holds."""

from dataclasses import dataclass
from pathlib import Path

from rosetta_hub.builds.errors import SourceUnavailable
from rosetta_hub.builds.source import Source
from rosetta_hub.builds.source_settings import SourceSettings


@dataclass(frozen=True)
class Checkout:
    """The files of a commit, without `.git`; `notes` tell the user what was left out."""

    folder: Path
    notes: tuple[str, ...] = ()


async def check_out(source: Source, folder: Path, settings: SourceSettings) -> Checkout:
    """Fetch exactly the commit of `source` into `folder`, an empty directory.

    Cancelling it ends the child processes. The caller removes the directory, also after an error.

    Raises:
        CheckoutRefused: it is too large, takes too long, or is not there any more.
        SourceRefused: a submodule may not be fetched.
        SourceUnavailable: the host does not answer.
    """
    raise SourceUnavailable("Repositories can't be fetched yet.")
