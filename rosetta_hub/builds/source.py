"""From a link to the commit that it means now."""

import re
from dataclasses import dataclass

from rosetta_hub.builds.deposits import Deposits
from rosetta_hub.builds.errors import SourceRefused
from rosetta_hub.builds.git_client import GitClient
from rosetta_hub.builds.links import DOI_KINDS, HEAD, RepositoryLink
from rosetta_hub.builds.providers import repository_url
from rosetta_hub.builds.source_settings import SourceSettings

# Seconds.
TIMEOUT = 40.0
# Branches that a message names.
MOST_NAMED = 12

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.IGNORECASE)
_SHORT_COMMIT = re.compile(r"[0-9a-f]{7,63}", re.IGNORECASE)
_HEADS = "refs/heads/"


@dataclass(frozen=True)
class RepositorySource:
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


async def resolve(link: RepositoryLink, settings: SourceSettings) -> RepositorySource:
    """The commit that a link means now.

    Raises:
        SourceRefused: there is no such repository or ref, or it may not be used.
        SourceUnavailable: its host does not answer.
    """
    if link.kind in DOI_KINDS:
        deposit = await Deposits(settings).find(link)
        return RepositorySource(
            link.provider, deposit.url, deposit.version, "", link.repository, True
        )
    client = GitClient(settings)
    url = repository_url(link, settings)
    refs = await _list_refs(client, url, HEAD, link.ref, f"{link.ref}^{{}}")
    commit = refs.find(link.ref) or await _find_commit(client, refs.url, link.ref)
    ref = refs.default_branch if link.ref == HEAD and refs.default_branch else link.ref
    return RepositorySource(link.provider, refs.url, commit, ref, link.repository)


@dataclass(frozen=True)
class Refs:
    """Branches and tags of a repository, by their full names, and what they point to."""

    url: str
    commits: dict[str, str]
    default_branch: str

    def find(self, ref: str) -> str | None:
        """The commit of a branch or a tag; a branch where both have the name."""
        for prefix in ("", _HEADS, "refs/tags/", "refs/"):
            # Of an annotated tag, the commit that it names.
            for name in (f"{prefix}{ref}^{{}}", f"{prefix}{ref}"):
                if name in self.commits:
                    return self.commits[name]
        return None

    @property
    def branches(self) -> list[str]:
        """The names of the branches."""
        return [name.removeprefix(_HEADS) for name in self.commits if name.startswith(_HEADS)]


def build_ls_remote_arguments(url: str, patterns: tuple[str, ...]) -> list[str]:
    """The command that lists refs; no name of them can be taken for an option."""
    return ["ls-remote", "--symref", "--", url, *patterns]


def parse_ls_remote(url: str, output: bytes) -> Refs:
    """Read what `git ls-remote --symref` prints."""
    commits: dict[str, str] = {}
    default_branch = ""
    for line in output.decode("utf-8", "replace").splitlines():
        value, _, name = line.partition("\t")
        if value.startswith("ref: ") and name == HEAD:
            default_branch = value.removeprefix("ref: ").removeprefix(_HEADS)
        elif _COMMIT.fullmatch(value):
            commits[name] = value
    return Refs(url, commits, default_branch)


async def _list_refs(client: GitClient, url: str, *patterns: str) -> Refs:
    answer = await client.ask(url, lambda at: build_ls_remote_arguments(at, patterns), time=TIMEOUT)
    return parse_ls_remote(answer.url, answer.output)


async def _find_commit(client: GitClient, url: str, ref: str) -> str:
    """The commit of a ref that is no branch and no tag.

    Raises:
        SourceRefused: it is none; the message names the branches that there are.
    """
    if _COMMIT.fullmatch(ref):
        # Whether it is there is seen when it is fetched.
        return ref.lower()
    refs = await _list_refs(client, url)
    if not refs.commits:
        raise SourceRefused(f"The repository {url} is empty: it has no commits yet.")
    commits = {commit for commit in refs.commits.values() if commit.startswith(ref.lower())}
    if _SHORT_COMMIT.fullmatch(ref) and len(commits) == 1:
        return commits.pop()
    raise SourceRefused(_unknown_ref(ref, refs))


def _unknown_ref(ref: str, refs: Refs) -> str:
    names = sorted(refs.branches, key=lambda name: (name != refs.default_branch, name))
    text = f"The repository has no branch or tag {ref!r}."
    if _SHORT_COMMIT.fullmatch(ref):
        text += " A commit is named by all of its digits."
    if names:
        more = len(names) - MOST_NAMED
        text += f" Branches are: {', '.join(names[:MOST_NAMED])}"
        text += f", and {more} more." if more > 0 else "."
    return text
