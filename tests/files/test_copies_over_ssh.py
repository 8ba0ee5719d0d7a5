"""Copies from one host to another over real sshds, and connections that are lost meanwhile."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from rosetta_hub.config import Rosetta
from rosetta_hub.copies.fetch import Fetcher
from rosetta_hub.copies.job import CopyJobs
from rosetta_hub.copies.records import CopyRecords, new_copy
from rosetta_hub.database.models_copies import Copy, CopyState
from rosetta_hub.files.channel import StorageUnavailable
from rosetta_hub.jobs.events import JobEvents
from tests.copies.storages import part_files, size_of_parts
from tests.copies.test_copies import tree
from tests.support.eventually import until

from . import test_file_access
from .test_file_access import ALICE, Site

site, sshd = test_file_access.site, test_file_access.sshd


@dataclass
class Copies:
    """Copies between the storages of a site."""

    site: Site
    records: CopyRecords
    jobs: CopyJobs

    def add(self, path: str, source: str, target: str) -> Copy:
        return self.records.add(new_copy(ALICE, (source, [path]), (target, "", [path])))

    def root(self, storage: str) -> Path:
        """The directory of one of alice's storages."""
        names = {"home": "home/alice", "archive": f"archive/{self.site.sshd.username}"}
        path = self.site.folder / names.get(storage, storage)
        path.mkdir(parents=True, exist_ok=True)
        return path


@pytest.fixture
async def copies(site: Site) -> Copies:
    """Copies of the site's files."""
    records = CopyRecords(site.database, JobEvents())
    return Copies(site, records, CopyJobs(records, site.files, Fetcher(Rosetta())))


def fill(root: Path) -> None:
    """A tree with a large file."""
    (root / "t" / "sub").mkdir(parents=True)
    for number in range(20):
        (root / "t" / "sub" / f"caf\udce9 {number}").write_bytes(os.urandom(1000))
    (root / "t" / "large").write_bytes(os.urandom(1 << 20) * 64)
    (root / "t" / "link").symlink_to("large")


@pytest.mark.parametrize(
    ("source", "target"),
    [("home", "here"), ("here", "home"), ("home", "archive"), ("home", "shared")],
)
async def test_a_tree_arrives(copies: Copies, source: str, target: str) -> None:
    fill(copies.root(source))
    copy = copies.add("t", source, target)
    await copies.jobs.work(copy)
    copy = copies.records.find(copy.id)
    assert (copy.state, copy.problems) == (CopyState.DONE, [])
    assert tree(copies.root(target)) == tree(copies.root(source))


async def test_a_lost_connection_is_gone_on_from(copies: Copies) -> None:
    fill(copies.root("home"))
    here = copies.root("here")
    copy = copies.add("t", "home", "here")
    work = asyncio.create_task(copies.jobs.work(copy), name="copy")
    await until(lambda: size_of_parts(here) > 1 << 20)
    copies.site.sshd.drop_connections()
    with pytest.raises(StorageUnavailable):
        await work
    (part,) = part_files(here)
    arrived = part.stat().st_size
    assert arrived > 1 << 20
    assert not (here / "t" / "large").exists()
    await copies.jobs.work(copies.records.find(copy.id))
    assert copies.records.find(copy.id).state is CopyState.DONE
    assert tree(here) == tree(copies.root("home"))
