"""From a link to the commit that it means now."""

from dataclasses import dataclass, field

from rosetta_hub.builds.errors import SourceUnavailable
from rosetta_hub.builds.links import RepositoryLink
from rosetta_hub.builds.source_settings import SourceSettings


@dataclass(frozen=True)
class Source:
    """One version of a repository, for good.

    `url` is what is fetched: the repository's https address, or that of a record. `commit` has 40
    hexadecimal digits (64 with SHA-256); of a record it is the version, `9782777.v1`. `ref` is
    the branch or tag, with the default branch in the place of HEAD where the host tells its name.
    """

    provider: str
    url: str
    commit: str
    ref: str
    name: str
    is_record: bool = False
    files: tuple["RecordFile", ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class RecordFile:
    """A file of a record: where it is fetched from, and its path in the repository."""

    path: str
    url: str


async def resolve(link: RepositoryLink, settings: SourceSettings) -> Source:
    """The commit that a link means now.

    Raises:
        SourceRefused: there is no such repository or ref, or it may not be used.
        SourceUnavailable: its host does not answer.
    """
    raise SourceUnavailable("Repositories can't be looked up yet.")
