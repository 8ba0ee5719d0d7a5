"""A channel to files on this machine: a child process that runs as the owner of the files."""

import asyncio
import contextlib
import os
import pwd
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rosetta_hub.agents.programs import FILES_PROGRAM
from rosetta_hub.background import spawn
from rosetta_hub.errors import FilesError
from rosetta_hub.files.channel import STREAM_LIMIT, StorageUnavailable, StreamChannel

#: Nothing of the service's environment is a files program's business.
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8"}
_UMASK = 0o022
# Until a program whose channel is closed has ended by itself.
_END_TIMEOUT = 10.0


@dataclass(frozen=True)
class ProgramOwner:
    """The account that a files program becomes."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    """All of them; the first one may be `gid`."""


def find_owner_by_uid(uid: int) -> ProgramOwner:
    """The account of this number; it need not have an entry in passwd(5).

    Raises:
        FilesError: it is root's.
    """
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return _checked(ProgramOwner(uid, uid, (uid,)))
    return _checked(ProgramOwner(uid, entry.pw_gid, _groups(entry.pw_name, entry.pw_gid)))


async def open_local_channel(
    owner: ProgramOwner | None, python: str = sys.executable
) -> "LocalChannel":
    """Start the files program as `owner`, or as the service's own account.

    Raises:
        FilesError: the service is not root, and the owner is another account.
        StorageUnavailable: the program can't be started.
    """
    return await start_program(
        FILES_PROGRAM.command(python, _arguments(owner)), FILES_PROGRAM.stdin()
    )


async def start_program(command: Sequence[str], program: bytes = b"") -> "LocalChannel":
    """Start a program, whose input and output are the channel; it reads `program` first.

    Raises:
        StorageUnavailable: it can't be started.
    """
    mine, theirs = socket.socketpair()
    with contextlib.ExitStack() as stack:
        stack.enter_context(theirs)
        stack.callback(mine.close)
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                cwd="/",
                env=ENVIRONMENT,
                umask=_UMASK,
                start_new_session=True,
            )
        except OSError as error:
            raise StorageUnavailable(f"The program could not be started: {error}") from error
        reader, writer = await asyncio.open_connection(sock=mine, limit=STREAM_LIMIT)
        stack.pop_all()
    theirs.close()
    writer.write(program)
    return LocalChannel(reader, writer, process)


class LocalChannel(StreamChannel):
    """A stream whose other end is a child process; open_local_channel makes it."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        process: asyncio.subprocess.Process,
    ) -> None:
        super().__init__(reader, writer)
        self.pid = process.pid
        """The child process."""
        self._process = process
        self._ending: asyncio.Task[None] | None = None

    def close(self) -> None:
        super().close()
        if self._ending is None:
            self._ending = spawn(self._end(), f"end of files program {self.pid}")

    async def wait_closed(self) -> None:
        await super().wait_closed()
        if self._ending is not None:
            await asyncio.shield(self._ending)

    async def _end(self) -> None:
        """The program ends with its input, and cleans up; a stuck one is killed."""
        if not await self._ends_in_time():
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            # It stays where the kernel waits for a file server.
            await self._ends_in_time()

    async def _ends_in_time(self) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_TIMEOUT):
                await self._process.wait()
                return True
        return False


def _arguments(owner: ProgramOwner | None) -> list[str]:
    if owner is None or (owner.uid, owner.gid) == (os.geteuid(), os.getegid()):
        return []
    if os.geteuid() != 0:
        message = (
            f"The files belong to the account {owner.uid}, and only a service that runs as root"
            " can become it. Ask the administrator."
        )
        raise FilesError("permission", message)
    return [str(owner.uid), str(owner.gid), ",".join(str(group) for group in owner.groups)]


def _checked(owner: ProgramOwner) -> ProgramOwner:
    if owner.uid == 0:
        raise FilesError("permission", "The files of root can't be opened here.")
    return owner


def _groups(account: str, gid: int) -> tuple[int, ...]:
    return tuple(os.getgrouplist(account, gid))
