"""A copy from one host to another, against `scp -3`.

    python -m bench.copy_between_hosts [MEGABYTES [ROUNDS]]

The way is that of the service: a copy job in this process, the tunnels' process, a connection to
each of two sshds, and the files programs behind them, which compare checksums at the end. `scp -3`
takes the same way through this machine with the same cipher, and compares nothing; what its logins
take is not counted. Goal: at least 0.7 of the bytes a second of `scp -3` (500 MB by default).
"""

import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.common import Goal, alternate, finish, median_ratio, print_row
from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.config import Rosetta
from rosetta_hub.copies.fetch import Fetcher
from rosetta_hub.copies.job import CopyJobs
from rosetta_hub.copies.records import CopyRecords, new_copy
from rosetta_hub.database.database import Database
from rosetta_hub.database.models_copies import CopyState
from rosetta_hub.files.channel_ssh import open_ssh_channel
from rosetta_hub.files.file_access import Purpose
from rosetta_hub.files.session import FilesSession
from rosetta_hub.jobs.events import JobEvents
from rosetta_hub.ssh import Endpoint
from rosetta_hub.ssh.keys import KeyPair, generate_key_pair
from rosetta_hub.tunnels import TunnelsClient, TunnelsConfig, ensure_tunnels, stop_tunnels
from tests.support.sshd import Sshd

HOSTS = ("one", "two")
CIPHER = "aes128-gcm@openssh.com"
USER = User("bench")


@dataclass
class Hosts:
    """Two hosts, with a storage on each."""

    folder: Path
    sshds: dict[str, Sshd]
    pair: KeyPair
    client: TunnelsClient
    idle: dict[str, list[FilesSession]] = field(default_factory=dict)

    @contextlib.asynccontextmanager
    async def open(
        self, _user: User, storage_id: str, _purpose: Purpose
    ) -> AsyncIterator[FilesSession]:
        """A session on a storage, which is used again."""
        idle = self.idle.setdefault(storage_id, [])
        session = idle.pop() if idle else await self._connect(storage_id)
        yield session
        idle.append(session)

    def shared(self, user: User, storage_id: str) -> tuple[str, str]:
        """Each storage is somewhere else."""
        return storage_id, user.name

    async def _connect(self, host: str) -> FilesSession:
        sshd = self.sshds[host]
        endpoint = Endpoint(
            host, host, "127.0.0.1", sshd.port, sshd.username, self.pair.private_key,
            known_hosts=sshd.known_hosts,
        )  # fmt: skip
        session = FilesSession(await open_ssh_channel(self.client, endpoint, sys.executable))
        await session.open(os.fsencode(self.folder / host), create=True)
        return session

    async def close(self) -> None:
        """End all sessions."""
        for session in [session for sessions in self.idle.values() for session in sessions]:
            session.close()
            await session.wait_closed()

    def scp(self, source: str, target: str) -> float:
        """The seconds that a copy by `scp -3` takes."""
        argv = ["scp", "-3", "-q", "-F", "none", "-c", CIPHER, "-i", str(self.folder / "key")]
        argv += ["-o", f"UserKnownHostsFile={self.folder}/known"]
        ends = zip(HOSTS, (source, target), strict=True)
        urls = [
            f"scp://{self.sshds[host].username}@127.0.0.1:{self.sshds[host].port}"
            f"/{self.folder}/{host}/{name}"
            for host, name in ends
        ]
        start = time.monotonic()
        subprocess.run([*argv, *urls], check=True)
        return time.monotonic() - start


@contextlib.contextmanager
def run_hosts(folder: Path, client: TunnelsClient) -> Iterator[Hosts]:
    """Two servers that know a key."""
    pair = generate_key_pair("bench")
    key = folder / "key"
    key.write_text(pair.private_key)
    key.chmod(0o600)
    with contextlib.ExitStack() as stack:
        sshds = {}
        for host in HOSTS:
            (folder / host).mkdir()
            sshds[host] = sshd = Sshd(folder / f"sshd-{host}", Subsystem="sftp internal-sftp")
            sshd.authorize(pair.public_key)
            sshd.start()
            stack.callback(sshd.kill)
        (folder / "known").write_text("".join(sshd.known_hosts for sshd in sshds.values()))
        yield Hosts(folder, sshds, pair, client)


async def copy_file(hosts: Hosts, records: CopyRecords, jobs: CopyJobs) -> float:
    """The seconds that a copy job takes."""
    (hosts.folder / "two" / "large").unlink(missing_ok=True)
    copy = records.add(new_copy(USER, ("one", ["large"]), ("two", "", ["large"])))
    start = time.monotonic()
    await jobs.work(copy)
    seconds = time.monotonic() - start
    if records.find(copy.id).state is not CopyState.DONE:
        raise RuntimeError(records.find(copy.id).message)
    return seconds


def measure(folder: Path, megabytes: int, rounds: int) -> dict[str, list[float]]:
    """The seconds of both, in turns."""
    config = TunnelsConfig(folder / "state")
    with asyncio.Runner() as runner, run_hosts(folder, TunnelsClient(config.socket)) as hosts:
        runner.run(ensure_tunnels(config))
        database = Database(f"sqlite:///{folder}/rosetta.sqlite")
        records = CopyRecords(database, JobEvents())
        jobs = CopyJobs(records, hosts, Fetcher(Rosetta()))
        block = os.urandom(1 << 20)
        with (folder / "one" / "large").open("wb") as file:
            for _ in range(megabytes):
                file.write(block)
        (folder / "one" / "small").touch()
        try:
            return alternate(
                {
                    "copy": lambda: runner.run(copy_file(hosts, records, jobs)),
                    "scp -3": lambda: hosts.scp("large", "other") - hosts.scp("small", "small"),
                },
                rounds,
            )
        finally:
            runner.run(hosts.close())
            runner.run(stop_tunnels(config))
            database.close()


def main() -> None:
    """Measure and print."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with tempfile.TemporaryDirectory(prefix="rosetta-bench-") as name:
        seconds = measure(Path(name), megabytes, rounds)
    print_row("", *seconds)
    print_row(
        "MB/s", *(f"{megabytes / statistics.median(values):.0f}" for values in seconds.values())
    )
    ratio = median_ratio(seconds["scp -3"], seconds["copy"])
    finish(Goal("bytes, copy / scp -3", ratio, least=0.7))


if __name__ == "__main__":
    main()
