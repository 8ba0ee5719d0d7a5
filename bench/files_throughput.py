"""Files of a host: a large one up and down, and a large folder, against OpenSSH's `sftp`.

    python -m bench.files_throughput [MEGABYTES [ROUNDS]]

The way is that of the service: a session of `rosetta_hub.files` in this process, the tunnels'
process, one SSH connection to a real sshd, and the files program behind it. `sftp` uses the same
server and the same cipher, has what it sends written to the disk (`put -f`), as a session has, and
keeps nothing of what comes.
Goals: at least 0.8 of the bytes a second of `sftp` in each direction
(2 GB by default), at most 30 MB more of resident memory in the tunnels' process and in this one
than before, and a folder of 10,000 entries in at most 3 times what `sftp ls -l` takes.
"""

import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.common import Goal, alternate, finish, median_ratio, print_row, read_resident_kb
from rosetta_hub.files.channel_ssh import open_ssh_channel
from rosetta_hub.files.entries import ListOptions
from rosetta_hub.files.session import FilesSession
from rosetta_hub.ssh import Endpoint
from rosetta_hub.ssh.keys import generate_key_pair
from rosetta_hub.tunnels import TunnelsClient, TunnelsConfig, ensure_tunnels, stop_tunnels
from tests.support.sshd import Sshd

ENTRIES = 10_000
PAGE = 1000
CHUNK = 1 << 18
CIPHER = "aes128-gcm@openssh.com"


@dataclass
class Site:
    """A server, and the two clients of it."""

    folder: Path
    sshd: Sshd
    tunnels_pid: int
    session: FilesSession
    runner: asyncio.Runner
    most_kb: dict[str, int]

    def run(self, coroutine: Coroutine[Any, Any, None]) -> float:
        """The seconds that it takes."""
        return self.runner.run(self._time(coroutine))

    async def _time(self, coroutine: Coroutine[Any, Any, None]) -> float:
        watching = asyncio.create_task(self._watch(), name="memory")
        start = time.monotonic()
        await coroutine
        seconds = time.monotonic() - start
        watching.cancel()
        return seconds

    async def _watch(self) -> None:
        while True:
            for name, pid in (("tunnels", self.tunnels_pid), ("service", os.getpid())):
                self.most_kb[name] = max(self.most_kb.get(name, 0), read_resident_kb(pid))
            await asyncio.sleep(0.05)

    def sftp(self, command: str) -> float:
        """The seconds that a command of `sftp` takes, its login aside."""
        return max(self._sftp([command]) - self._sftp(["pwd"]), 0.001)

    def _sftp(self, commands: list[str]) -> float:
        argv = ["sftp", "-q", "-F", "none", "-b", "-", "-P", str(self.sshd.port), "-c", CIPHER]
        argv += ["-i", str(self.folder / "key"), "-o", f"UserKnownHostsFile={self.folder}/known"]
        start = time.monotonic()
        subprocess.run(
            [*argv, f"{self.sshd.username}@127.0.0.1"],
            input="\n".join(commands).encode(),
            stdout=subprocess.DEVNULL,
            check=True,
        )
        return time.monotonic() - start


async def upload(session: FilesSession, source: Path) -> None:
    """As an upload of the service: a file that gets its content at once."""

    async def chunks() -> AsyncIterator[bytes]:
        with source.open("rb", buffering=0) as file:
            while chunk := file.read(CHUNK):
                yield chunk

    await session.write(b"up", chunks())


async def download(session: FilesSession) -> None:
    """As a download of the service, whose target is no disk of this machine."""
    async with session.read(b"large") as reading:
        async for _ in reading.chunks:
            pass


async def list_all(session: FilesSession) -> None:
    """All pages of the folder, as the page of files asks for them."""
    for offset in range(0, ENTRIES, PAGE):
        listing = await session.list(b"many", ListOptions(offset=offset, limit=PAGE))
        assert len(listing.entries) == PAGE


@contextlib.contextmanager
def run_site(folder: Path) -> Iterator[Site]:
    """A server with a storage, and an open session on it."""
    pair = generate_key_pair("bench")
    sshd = Sshd(folder / "sshd", Subsystem="sftp internal-sftp")
    sshd.authorize(pair.public_key)
    sshd.start()
    key = folder / "key"
    key.write_text(pair.private_key)
    key.chmod(0o600)
    (folder / "known").write_text(sshd.known_hosts)
    endpoint = Endpoint(
        "bench", "user bench", "127.0.0.1", sshd.port, sshd.username, pair.private_key,
        known_hosts=sshd.known_hosts,
    )  # fmt: skip
    config = TunnelsConfig(folder / "state")
    with asyncio.Runner() as runner:
        status = runner.run(ensure_tunnels(config))
        try:
            session = runner.run(open_session(config, endpoint, folder / "storage"))
            yield Site(folder, sshd, status.pid, session, runner, {})
            runner.run(close(session))
        finally:
            runner.run(stop_tunnels(config))
            sshd.kill()


async def open_session(config: TunnelsConfig, endpoint: Endpoint, root: Path) -> FilesSession:
    """A session on a new storage."""
    channel = await open_ssh_channel(TunnelsClient(config.socket), endpoint, sys.executable)
    session = FilesSession(channel)
    await session.open(os.fsencode(root), create=True)
    return session


async def close(session: FilesSession) -> None:
    """End the session."""
    session.close()
    await session.wait_closed()


def fill(storage: Path, megabytes: int) -> None:
    """A large file, and a folder of many."""
    block = os.urandom(1 << 20)
    with (storage / "large").open("wb") as file:
        for _ in range(megabytes):
            file.write(block)
    (storage / "many").mkdir()
    for number in range(ENTRIES):
        (storage / "many" / f"entry {number:05}.dat").touch()


def main() -> None:
    """Measure and print."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with tempfile.TemporaryDirectory(prefix="rosetta-bench-") as name, run_site(Path(name)) as site:
        storage = site.folder / "storage"
        fill(storage, megabytes)
        idle = {
            "tunnels": read_resident_kb(site.tunnels_pid),
            "service": read_resident_kb(os.getpid()),
        }
        session, large = site.session, storage / "large"
        measures: dict[str, dict[str, Callable[[], float]]] = {
            "up": {
                "session": lambda: site.run(upload(session, large)),
                "sftp": lambda: site.sftp(f"put -f {large} {storage}/up"),
            },
            "down": {
                "session": lambda: site.run(download(session)),
                "sftp": lambda: site.sftp(f"get {large} /dev/null"),
            },
            "list": {
                "session": lambda: site.run(list_all(session)),
                "sftp": lambda: site.sftp(f"ls -l {storage}/many"),
            },
        }
        seconds = {name: alternate(pair, rounds) for name, pair in measures.items()}
    print_row("", "session", "sftp")
    for name, times in seconds.items():
        unit, amount = ("s", 0.0) if name == "list" else ("MB/s", megabytes)
        medians = [statistics.median(times[who]) for who in ("session", "sftp")]
        print_row(
            f"{name}, {unit}",
            *(f"{amount / median if amount else median:.2f}" for median in medians),
        )
    finish(
        *(
            Goal(
                f"{name}: bytes, session / sftp",
                median_ratio(seconds[name]["sftp"], seconds[name]["session"]),
                least=0.8,
            )
            for name in ("up", "down")
        ),
        Goal(
            "list: time, session / sftp",
            median_ratio(seconds["list"]["session"], seconds["list"]["sftp"]),
            most=3.0,
        ),
        *(
            Goal(f"{name}: MB over idle", (site.most_kb[name] - idle[name]) / 1024, most=30.0)
            for name in idle
        ),
    )


if __name__ == "__main__":
    main()
