"""Files of users behind a real sshd and a real tunnels' process, and what goes wrong with them."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models_user import IdentityState
from rosetta_hub.errors import FilesError, NotFound
from rosetta_hub.files.channel import StorageUnavailable
from rosetta_hub.files.entries import ListOptions
from rosetta_hub.files.file_access import SESSIONS, FileAccess, Purpose
from rosetta_hub.keys import Keys
from rosetta_hub.resources.resource_builder import ResourceBuilder
from rosetta_hub.ssh.keys import generate_key_pair
from rosetta_hub.tunnels import TunnelsClient, TunnelsConfig, ensure_tunnels, stop_tunnels
from rosetta_hub.users.identities import Identities
from tests.support.databases import open_sqlite
from tests.support.eventually import until
from tests.support.sshd import Sshd, children_of

from .helpers import chunks, read_all

ALICE, BOB = User("alice"), User("bob")
LARGE = 32 << 20
DEADLINE = 20


@dataclass
class Site:
    """A service's files, and where they are."""

    folder: Path
    sshd: Sshd
    tunnels: TunnelsConfig
    python: str = sys.executable
    stopped: list[int] = field(default_factory=list)

    def build(self, answer_timeout: float = 5) -> None:
        """The parts of the service, with users whose keys are installed."""
        settings = Rosetta(
            state_dir=str(self.folder), computing=[self.cluster()], storages=self.storages()
        )
        self.database = open_sqlite(self.folder)
        keys = Keys(self.folder)
        self.identities = Identities(self.database, keys, settings)
        self.client = TunnelsClient(self.tunnels.socket)
        self.resources = ResourceBuilder(settings, keys, self.identities, self.client).build()
        self.files = FileAccess(
            settings.catalogue(),
            self.resources.endpoints,
            self.client,
            answer_timeout=answer_timeout,
        )
        for user in (ALICE, BOB):
            for point in ("cluster", "storage:archive"):
                self.install_key(user, point)

    def install_key(self, user: User, point: str) -> None:
        """Do what the page of keys asks for."""
        view = self.identities.set_remote_user(user, point, self.sshd.username)
        self.sshd.authorize(str(view.paste).partition(" ")[2])

    def conf(self) -> dict[str, Any]:
        """How the sshd is reached."""
        return {
            "host": "127.0.0.1",
            "port": self.sshd.port,
            "known_hosts": self.sshd.known_hosts,
            "python": self.python,
        }

    def cluster(self) -> dict[str, Any]:
        """A resource on which each user has an account of their own."""
        return {
            "id": "cluster",
            "name": "The cluster",
            "access_mode": "ssh",
            "container_engines": ["podman"],
            "conf": self.conf(),
        }

    def storages(self) -> list[dict[str, Any]]:
        """Through the cluster, over an access of its own, and on this machine."""
        key = self.folder / "platform_key"
        pair = generate_key_pair("platform")
        key.write_text(pair.private_key)
        self.sshd.authorize(pair.public_key)
        users = f"{self.folder}/home/$USER"
        for parent in ("home", "archive"):
            (self.folder / parent).mkdir(exist_ok=True)
        return [
            {"name": "Home", "computing": "cluster", "base_path": users, "create": True},
            {
                "name": "Archive",
                "access_mode": "ssh",
                "conf": self.conf(),
                "base_path": f"{self.folder}/archive/$SSH_USER",
                "create": True,
            },
            {
                "name": "Shared",
                "access_mode": "ssh",
                "auth_mode": "platform_keys",
                "conf": {**self.conf(), "user": self.sshd.username, "key_file": str(key)},
                "base_path": f"{self.folder}/shared",
                "create": True,
                "read_only": False,
            },
            {"name": "Here", "base_path": f"{self.folder}/here", "create": True},
            {"name": "Of Bob", "base_path": f"{self.folder}/here", "users": ["bob"]},
        ]

    def programs(self) -> list[int]:
        """The files programs that run on the host."""
        assert self.sshd._process is not None
        return [
            pid for pid in children_of(self.sshd._process.pid) if self.python in read_command(pid)
        ]

    def stop_program(self, pid: int) -> None:
        """As a file system does to it that does not answer."""
        os.kill(pid, signal.SIGSTOP)
        self.stopped.append(pid)

    def make_large(self, user: User = ALICE) -> Path:
        """A file that no buffer on the way holds."""
        path = self.folder / "home" / user.name / "large"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(1 << 20) * (LARGE >> 20))
        return path


def read_command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
    return ""


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    sshd = Sshd(tmp_path / "sshd")
    yield sshd.start()
    sshd.kill()


@pytest.fixture
async def site(tmp_path: Path, sshd: Sshd) -> AsyncIterator[Site]:
    tunnels = TunnelsConfig(tmp_path / "tunnels")
    await ensure_tunnels(tunnels)
    site = Site(tmp_path, sshd, tunnels)
    site.build()
    yield site
    await site.files.close()
    for pid in site.stopped:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    await stop_tunnels(tunnels)
    site.database.close()
    await asyncio.sleep(0)


async def write(
    site: Site, user: User, storage: str, content: bytes, purpose: Purpose = "transfer"
) -> None:
    async with site.files.open(user, storage, purpose) as session:
        await session.write(b"file", chunks(content))


async def read(site: Site, user: User, storage: str, path: bytes = b"file") -> bytes:
    async with site.files.open(user, storage, "browse") as session:
        return await read_all(session, path)


async def read_and(site: Site, act: Callable[[], Awaitable[None]]) -> None:
    """Read alice's large file, and do something after the beginning."""
    async with (
        site.files.open(ALICE, "home", "transfer") as session,
        session.read(b"large") as reading,
    ):
        await anext(reading.chunks)
        await act()
        async for _ in reading.chunks:
            pass


# --- whose files ---------------------------------------------------------------------------------


async def test_users_have_their_own_files_and_connections(site: Site) -> None:
    await write(site, ALICE, "home", b"of alice")
    await write(site, BOB, "home", b"of bob")
    assert (site.folder / "home" / "alice" / "file").read_bytes() == b"of alice"
    assert await read(site, ALICE, "home") == b"of alice"
    assert await read(site, BOB, "home") == b"of bob"
    (site.folder / "home" / "alice" / "link").symlink_to("../bob/file")
    with pytest.raises(FilesError, check=lambda error: error.code == "outside"):
        await read(site, ALICE, "home", b"link")
    assert site.sshd.log.count("Accepted publickey") == 2


@pytest.mark.parametrize("storage", ["home", "archive", "shared", "here"])
async def test_each_access(site: Site, storage: str) -> None:
    await write(site, ALICE, storage, b"content")
    assert await read(site, ALICE, storage) == b"content"


async def test_storages_are_those_of_the_user(site: Site) -> None:
    assert [storage.id for storage in site.files.storages(ALICE)] == [
        "home",
        "archive",
        "shared",
        "here",
    ]
    with pytest.raises(NotFound):
        await read(site, User("admin", admin=True), "of-bob")
    with pytest.raises(NotFound):
        await read(site, ALICE, "nothing")


async def test_storage_of_its_own_access_is_on_the_page_of_keys(site: Site) -> None:
    views = {view.computing: view for view in site.identities.views(ALICE)}
    assert views["storage:archive"].name == "Archive"
    assert views["storage:archive"].state is IdentityState.UNTESTED
    assert views["storage:archive"].public_key != views["cluster"].public_key
    await write(site, ALICE, "archive", b"content")
    assert (site.folder / "archive" / site.sshd.username / "file").exists()
    view = site.identities.view(ALICE, "storage:archive")
    assert view.state is IdentityState.WORKS


async def test_user_without_a_key_is_told_what_to_do(site: Site) -> None:
    with pytest.raises(StorageUnavailable, match="You have no key for The cluster yet"):
        await read(site, User("eve"), "home")


async def test_refused_key_is_told_and_remembered(site: Site) -> None:
    site.identities.renew(ALICE, "cluster")
    with pytest.raises(StorageUnavailable, match="does not accept the key"):
        await read(site, ALICE, "home")
    assert site.identities.view(ALICE, "cluster").state is IdentityState.REFUSED


# --- sessions ------------------------------------------------------------------------------------


async def test_sessions_are_used_again(site: Site) -> None:
    for _ in range(5):
        await write(site, ALICE, "home", b"content")
    assert len(site.programs()) == 1


async def test_unused_sessions_end(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rosetta_hub.files.pool.IDLE_TIME", 0.1)
    await write(site, ALICE, "home", b"content")
    await until(lambda: not site.programs())
    await write(site, ALICE, "home", b"again")


async def test_transfers_do_not_hold_up_lists(site: Site) -> None:
    """As many of each as there may be; the next one waits for its turn."""
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(SESSIONS):
            await stack.enter_async_context(site.files.open(ALICE, "home", "transfer"))
        waiting = asyncio.create_task(write(site, ALICE, "home", b"content"))
        async with site.files.open(ALICE, "home", "browse") as session:
            assert (await session.list(b"", ListOptions())).total == 0
        assert not waiting.done()
    await asyncio.wait_for(waiting, DEADLINE)


async def test_users_of_one_account_share_its_sessions(site: Site) -> None:
    """An unused session of another user makes room: the limit is the account's."""
    for user in (ALICE, BOB, User("carol"), User("dave")):
        await write(site, user, "shared", b"content")
    await until(lambda: len(site.programs()) <= SESSIONS)


# --- what goes wrong -----------------------------------------------------------------------------


async def test_changed_key_ends_what_is_open(site: Site) -> None:
    """Removed on the page of keys while a file is read; bob's goes on."""
    site.make_large()

    async def remove_key() -> None:
        await site.files.forget("alice", "cluster")
        await site.client.forget_key(site.resources.endpoints["cluster"].endpoint("alice"))
        site.identities.delete("alice", "cluster")

    async with site.files.open(BOB, "home", "browse") as others:
        with pytest.raises(StorageUnavailable):
            await read_and(site, remove_key)
        with pytest.raises(StorageUnavailable, match="no key"):
            await read(site, ALICE, "home")
        await until(lambda: len(site.programs()) == 1)
        await others.usage()


async def test_key_that_changes_while_a_session_is_opened(site: Site) -> None:
    async def change() -> None:
        await until(site.programs)
        await site.files.forget("alice", "cluster")

    changing = asyncio.create_task(change())
    site.files._answer_timeout = DEADLINE
    (site.folder / "sshd" / ".bashrc").write_text("sleep 1\n")
    opening = asyncio.create_task(read(site, ALICE, "home"))
    await asyncio.wait([changing, opening], timeout=DEADLINE)
    with pytest.raises((StorageUnavailable, FilesError)):
        await opening
    await until(lambda: not site.programs())


async def test_connection_that_is_lost_while_reading(site: Site) -> None:
    content = site.make_large().read_bytes()

    async def drop() -> None:
        site.sshd.drop_connections()

    with pytest.raises(StorageUnavailable, match=r"connection to [0-9.]+ has ended"):
        await read_and(site, drop)
    assert await read(site, ALICE, "home", b"large") == content


async def test_connection_that_is_lost_while_writing(site: Site) -> None:
    """The old content stays, and nothing else is left."""
    await write(site, ALICE, "home", b"old")

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(LARGE >> 20):
            if number == 3:
                site.sshd.drop_connections()
            yield bytes(1 << 20)

    with pytest.raises(StorageUnavailable):
        async with site.files.open(ALICE, "home", "transfer") as session:
            await session.write(b"file", pieces())
    assert await read(site, ALICE, "home") == b"old"
    await until(lambda: os.listdir(site.folder / "home" / "alice") == ["file"])


async def test_lost_connection_of_an_unused_session_is_not_noticed(site: Site) -> None:
    await write(site, ALICE, "home", b"content")
    site.sshd.drop_connections()
    await until(lambda: not site.programs())
    assert await read(site, ALICE, "home") == b"content"


async def test_host_that_is_gone(site: Site) -> None:
    site.sshd.kill()
    with pytest.raises(StorageUnavailable, match=r"^Home is not available\. .* can't be reached"):
        await read(site, ALICE, "home")


async def test_tunnels_process_that_is_gone(site: Site) -> None:
    await stop_tunnels(site.tunnels)
    with pytest.raises(StorageUnavailable, match="can't be reached: the tunnels' process"):
        await read(site, ALICE, "home")
    await ensure_tunnels(site.tunnels)
    await write(site, ALICE, "home", b"content")


async def test_storage_that_hangs_holds_up_nobody_else(site: Site) -> None:
    async with site.files.open(ALICE, "home", "browse") as session:
        (hanging,) = site.programs()
        site.stop_program(hanging)
        # Not before: the program may take longer to start.
        session._answer_timeout = 0.5
        listing = asyncio.create_task(session.list(b"", ListOptions()))
        await write(site, ALICE, "home", b"content")
        await write(site, BOB, "home", b"content")
        command = await site.client.run(
            site.resources.endpoints["cluster"].endpoint("alice"), ["echo", "ok"], "", DEADLINE
        )
        assert command.stdout == "ok\n"
        with pytest.raises(StorageUnavailable, match="does not answer"):
            await listing
    assert await read(site, ALICE, "home") == b"content"
    os.kill(hanging, signal.SIGCONT)
    await until(lambda: hanging not in site.programs())


async def test_host_without_python(site: Site) -> None:
    site.python = "python-none"
    site.database.close()
    site.build()
    with pytest.raises(StorageUnavailable, match="has no program 'python-none'"):
        await read(site, ALICE, "home")


async def test_login_shell_that_greets(site: Site) -> None:
    (site.folder / "sshd" / ".bashrc").write_text("echo Just another day; echo oh no >&2\n")
    await write(site, ALICE, "home", b"content")


async def test_program_that_ends_tells_why(site: Site) -> None:
    python = site.folder / "python"
    python.write_text("#!/bin/sh\necho 'No module named json' >&2\nexit 1\n")
    python.chmod(0o755)
    site.python = str(python)
    site.database.close()
    site.build()
    with pytest.raises(StorageUnavailable, match="has ended: No module named json"):
        await read(site, ALICE, "home")


async def test_closed_service_leaves_no_program(site: Site) -> None:
    for user in (ALICE, BOB):
        await write(site, user, "home", b"content")
    assert len(site.programs()) == 2
    await site.files.close()
    await until(lambda: not site.programs())
