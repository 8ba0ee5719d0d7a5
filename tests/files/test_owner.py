"""The files program runs as the owner of the files: it can do what the owner can, and no more."""

import os
import pwd
import stat
from pathlib import Path

import pytest

from rosetta_hub.files.channel_local import (
    ProgramOwner,
    find_owner_by_uid,
    open_local_channel,
)
from rosetta_hub.files.session import FilesSession
from tests.agent.machine import PYTHONS

from .helpers import chunks, fails, open_session, read_all

ALICE = ProgramOwner(5000, 5001, (5001, 5002))


def open_path(path: Path) -> Path:
    """Let everybody through to a temporary directory."""
    for parent in (path, *path.parents):
        if parent.is_relative_to("/tmp/") and parent != Path("/tmp"):
            parent.chmod(0o755)
    return path


@pytest.mark.system  # only root becomes another account
@pytest.mark.parametrize("python", PYTHONS)
async def test_as_another_account(root: Path, python: str) -> None:
    open_path(root)
    os.chown(root, ALICE.uid, ALICE.gid)
    (root / "of root").write_text("x")
    (root / "of root").chmod(0o600)
    (root / "of the group").write_text("shared")
    (root / "of the group").chmod(0o640)
    os.chown(root / "of the group", 0, 5002)
    (root / "closed").mkdir(mode=0o700)
    async with open_session(root, python, ALICE) as session:
        entry = await session.write(b"mine", chunks(b"x"))
        assert (entry.uid, entry.gid, entry.owner) == (5000, 5001, "5000")
        assert (await session.mkdir(b"d")).uid == 5000
        assert await read_all(session, b"of the group") == b"shared"
        for operation in (
            read_all(session, b"of root"),
            session.write(b"of root", chunks(b"y")),
            session.write(b"of the group", chunks(b"y")),
            session.list(b"closed"),
            session.write(b"closed/x", chunks(b"y")),
            session.chmod(b"of root", 0o666),
            session.summary([b""]),
        ):
            with fails("permission"):
                await operation
        archive = b"".join([chunk async for chunk in session.archive([b"of root"], "tar")])
        assert b"NOT-INCLUDED.txt" in archive
    assert (root / "of root").read_text() == "x"


@pytest.mark.system
async def test_account_and_groups_of_the_process(root: Path) -> None:
    open_path(root)
    channel = await open_local_channel(ALICE)
    status = Path(f"/proc/{channel.pid}/status")
    session = FilesSession(channel)
    try:
        opened = await session.open(os.fsencode(root))
        assert (opened.uid, opened.account) == (5000, "5000")
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        assert lines["Uid"].split() == ["5000"] * 4
        assert lines["Gid"].split() == ["5001"] * 4
        assert lines["Groups"].split() == ["5001", "5002"]
        assert lines["CapEff"].strip("\t0") == ""
        assert lines["CapPrm"].strip("\t0") == ""
    finally:
        session.close()
        await session.wait_closed()


@pytest.mark.system
async def test_nothing_of_the_service_is_in_the_environment(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "secret-of-the-service")
    channel = await open_local_channel(None)
    session = FilesSession(channel)
    try:
        # Only a program that answers has its environment: at its start there is none for a moment.
        await session.open(os.fsencode(root))
        environment = Path(f"/proc/{channel.pid}/environ").read_bytes()
        command = Path(f"/proc/{channel.pid}/cmdline").read_bytes()
        assert b"LANG=C.UTF-8" in environment
        assert b"secret-of-the-service" not in environment + command
    finally:
        session.close()
        await session.wait_closed()


@pytest.mark.system
async def test_root_is_made_by_root_where_nobody_else_may_write(tmp_path: Path) -> None:
    homes = open_path(tmp_path) / "homes"
    homes.mkdir(mode=0o755)
    for _again in range(2):
        async with open_session(homes / "alice", owner=ALICE, create=True) as session:
            await session.write(b"file", chunks(b"x"))
    info = (homes / "alice").stat()
    assert (info.st_uid, info.st_gid, stat.S_IMODE(info.st_mode)) == (5000, 5001, 0o700)
    with fails("not_found"):
        async with open_session(homes / "absent" / "alice", owner=ALICE, create=True):
            pass


@pytest.mark.system
async def test_root_is_made_by_its_owner_elsewhere(tmp_path: Path) -> None:
    homes = open_path(tmp_path) / "homes"
    homes.mkdir()
    homes.chmod(0o775)
    with fails("permission"):
        async with open_session(homes / "alice", owner=ALICE, create=True):
            pass
    os.chown(homes, 0, 5002)
    async with open_session(homes / "alice", owner=ALICE, create=True):
        pass
    assert (homes / "alice").stat().st_uid == 5000


@pytest.mark.system
@pytest.mark.parametrize("create", [True, False])
async def test_root_follows_no_links_of_others(tmp_path: Path, create: bool) -> None:
    (open_path(tmp_path) / "target").mkdir()
    (tmp_path / "target" / "d").mkdir()
    (tmp_path / "of root").symlink_to("target")
    (tmp_path / "of alice").symlink_to("target")
    os.lchown(tmp_path / "of alice", 5000, 5000)
    for owner in (None, ALICE):
        async with open_session(tmp_path / "of root" / "d", owner=owner, create=create):
            pass
    with fails("outside"):
        async with open_session(tmp_path / "of alice" / "d", create=create):
            pass
    # Her own rights are all that she gets there.
    if not create:
        async with open_session(tmp_path / "of alice" / "d", owner=ALICE):
            pass
    assert os.listdir(tmp_path / "target") == ["d"]


def test_accounts_by_number() -> None:
    entry = next(entry for entry in pwd.getpwall() if entry.pw_uid != 0)
    owner = find_owner_by_uid(entry.pw_uid)
    assert (owner.uid, owner.gid) == (entry.pw_uid, entry.pw_gid)
    assert set(owner.groups) == set(os.getgrouplist(entry.pw_name, entry.pw_gid))
    assert find_owner_by_uid(54321) == ProgramOwner(54321, 54321, (54321,))


def test_root_is_refused() -> None:
    with fails("permission"):
        find_owner_by_uid(0)


async def test_service_that_is_not_root_becomes_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    with fails("permission"):
        await open_local_channel(ALICE)
