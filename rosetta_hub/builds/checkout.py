"""Fetches one commit of a repository into a directory, whatever the repository holds."""

import asyncio
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

from rosetta_hub.builds.checkout_tree import (
    Submodule,
    TreeEntry,
    drop_links_out,
    find_lfs_pointers,
    parse_modules,
    parse_tree,
    set_times,
)
from rosetta_hub.builds.confined import find_account
from rosetta_hub.builds.deposit_files import fetch_deposit
from rosetta_hub.builds.disk_use import DiskWatch
from rosetta_hub.builds.errors import (
    BuildRefused,
    CheckoutRefused,
    CommitAbsent,
    SourceUnavailable,
)
from rosetta_hub.builds.git_client import GitClient
from rosetta_hub.builds.source import RepositorySource
from rosetta_hub.builds.source_settings import SourceSettings
from rosetta_hub.catalogue.units import format_duration

# Of a repository, with those of its submodules; and how deep they may be in each other.
MOST_SUBMODULES = 50
DEEPEST = 4
# Names that a note lists.
MOST_NAMED = 5
# Seconds for the commands that only look.
LOOK = 60.0


@dataclass(frozen=True)
class Checkout:
    """The files of a commit, without `.git`; `notes` tell the user what was left out."""

    folder: Path
    notes: tuple[str, ...] = ()


async def check_out(source: RepositorySource, folder: Path, settings: SourceSettings) -> Checkout:
    """Fetch exactly the commit of `source` into `folder`, an empty directory.

    Where the service is root, the directory is given to `settings.account`, which must be able to
    reach it. Cancelling ends the child processes. The caller removes the directory, also after an
    error.

    Raises:
        CheckoutRefused: it is too large, takes too long, or is not there any more.
        SourceRefused: a submodule may not be fetched.
        SourceUnavailable: the host does not answer.
    """
    account = find_account(settings.account)
    if account is not None:
        os.chown(folder, account.uid, account.gid)
    try:
        async with asyncio.timeout(settings.clone_time):
            if source.is_record:
                return Checkout(folder, await fetch_deposit(source, folder, settings))
            return await _Clone(source, folder, settings).make()
    except TimeoutError as error:
        limit = format_duration(settings.clone_time)
        raise CheckoutRefused(f"It takes more than {limit} to fetch the repository.") from error


class _Clone:
    """One checkout with its submodules; a note for each thing that is left out."""

    def __init__(self, source: RepositorySource, folder: Path, settings: SourceSettings) -> None:
        self._source = source
        self._folder = folder
        self._settings = settings
        self._client = GitClient(settings)
        self._watch = DiskWatch(folder, settings.clone_size, settings.clone_files)
        self._submodules = 0
        self._notes: list[str] = []

    async def make(self) -> Checkout:
        """Fetch, and leave files only."""
        source = self._source
        try:
            await self._fetch_commit(source.url, source.commit, self._folder)
        except CommitAbsent:
            if source.ref == source.commit:
                raise
            await self._fetch_ref(source.url, source.ref, source.commit)
        time = await self._check_out(source.url, source.commit, self._folder, 0)
        await self._watch.check()
        await asyncio.to_thread(self._tidy, time)
        return Checkout(self._folder, tuple(self._notes))

    async def _fetch_commit(self, url: str, commit: str, folder: Path) -> None:
        hash_name = "sha256" if len(commit) == 64 else "sha1"
        init = ["init", "--quiet", "--template=", f"--object-format={hash_name}", "."]
        await self._client.run(init, folder, LOOK)
        await self._fetch(url, commit, folder)

    async def _fetch(self, url: str, what: str, folder: Path) -> None:
        await self._client.ask(
            url,
            lambda at: build_fetch_arguments(at, what),
            # The deadline is that of the whole checkout.
            time=self._settings.clone_time + 1,
            folder=folder,
            watch=self._watch.run,
        )

    async def _fetch_ref(self, url: str, ref: str, commit: str) -> None:
        """For hosts that give no commits, only branches and tags."""
        await self._fetch(url, ref, self._folder)
        output = await self._client.run(["rev-parse", "FETCH_HEAD^{commit}"], self._folder, LOOK)
        if output.decode().strip() != commit:
            raise CheckoutRefused(f"{ref} has changed since it was looked up. Try again.")

    async def _check_out(self, url: str, commit: str, folder: Path, depth: int) -> int:
        """Write the files of a fetched commit; returns its time, in seconds since 1970."""
        time = await self._commit_time(commit, folder)
        entries = await self._list_tree(commit, folder)
        checkout = ["checkout", "--quiet", "--force", "--detach", commit, "--"]
        limit = self._settings.clone_time + 1
        await self._client.run(checkout, folder, limit, self._watch.run)
        links = [entry for entry in entries if entry.is_submodule]
        if links:
            modules = await self._list_modules(commit, folder)
            for entry in links:
                await self._add_submodule(entry, modules.get(entry.path), url, folder, depth)
        shutil.rmtree(folder / ".git")
        return time

    async def _commit_time(self, commit: str, folder: Path) -> int:
        command = ["log", "-1", "--format=%H %ct", commit, "--"]
        first, _, time = (await self._client.run(command, folder, LOOK)).decode().partition(" ")
        if first != commit:
            raise CheckoutRefused(f"{commit} is not a commit of the repository.")
        return int(time)

    async def _list_tree(self, commit: str, folder: Path) -> list[TreeEntry]:
        """What the commit holds, before anything is written.

        Raises:
            CheckoutRefused: it is too much.
        """
        output = await self._client.run(["ls-tree", "-r", "-l", "-z", commit], folder, LOOK)
        entries = parse_tree(output)
        if len(entries) > self._settings.clone_files:
            raise self._watch.too_many()
        if sum(entry.size for entry in entries) > self._settings.clone_size:
            raise self._watch.too_large()
        return entries

    # --- submodules ------------------------------------------------------------------------------

    async def _list_modules(self, commit: str, folder: Path) -> dict[str, Submodule]:
        command = ["config", "--null", "--blob", f"{commit}:.gitmodules", "--list"]
        try:
            return parse_modules(await self._client.run(command, folder, LOOK))
        except CheckoutRefused:
            return {}

    async def _add_submodule(
        self, entry: TreeEntry, module: Submodule | None, url: str, folder: Path, depth: int
    ) -> None:
        if module is None or not module.url:
            self._notes.append(f"The submodule {entry.path} has no address: it is left out.")
            return
        self._submodules += 1
        if self._submodules > MOST_SUBMODULES or depth >= DEEPEST:
            raise CheckoutRefused("The repository has too many submodules in each other.")
        target = folder / entry.path
        # What git has made for it, and nothing that another entry has put there.
        if not target.is_dir() or target.resolve() != target or any(target.iterdir()):
            raise CheckoutRefused(f"The repository is damaged at {entry.path}.")
        address = module.url
        if address.startswith(("./", "../")):
            address = urljoin(f"{url}/", address)
        try:
            await self._fetch_commit(address, entry.name, target)
        except (BuildRefused, SourceUnavailable) as error:
            raise type(error)(f"Submodule {entry.path}: {error}") from error
        await self._check_out(address, entry.name, target, depth + 1)

    # --- what is left ----------------------------------------------------------------------------

    def _tidy(self, time: int) -> None:
        if dropped := drop_links_out(self._folder):
            self._notes.append(
                f"Links that lead out of the repository are left out: {_listed(dropped)}."
            )
        if pointers := find_lfs_pointers(self._folder):
            self._notes.append(
                f"Files in Git LFS are not fetched, only what stands for them: {_listed(pointers)}."
                " Download them in postBuild, or put them into the repository itself."
            )
        # Builders look at times when they compare files with a layer.
        set_times(self._folder, time)


def build_fetch_arguments(url: str, what: str) -> list[str]:
    """The command that fetches one commit, or what a ref means."""
    options = ["--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules"]
    return ["fetch", *options, "--", url, what]


def _listed(names: list[str]) -> str:
    text = ", ".join(names[:MOST_NAMED])
    more = len(names) - MOST_NAMED
    return f"{text} and {more} more" if more > 0 else text
