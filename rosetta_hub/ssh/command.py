"""One command on a host: what is sent for it, and what comes back."""

import asyncio
import shlex
from collections.abc import Sequence

import asyncssh

from rosetta_hub.access import Completed
from rosetta_hub.ssh.errors import SshRefused, Unreachable

LARGEST_OUTPUT = 8 << 20
# What a shell's exit status says of a command that is nowhere.
NOT_FOUND = 127


def missing_python(host: str, python: str) -> str:
    """What is told where a host has no Python for a program of the agent's."""
    return (
        f"{host} has no program {python!r}. Python 3.6 or newer is needed there; the administrator"
        " names it with the key 'python' of 'conf'."
    )


def build_remote_command(argv: Sequence[str]) -> str:
    """The string that SSH takes: the one place where an argument list becomes one."""
    return shlex.join(argv)


class Command(asyncssh.SSHClientSession[bytes]):
    """Collects the output of a command."""

    def __init__(self) -> None:
        self.out = bytearray()
        self.err = bytearray()
        self.is_too_long = False
        self.ended = asyncio.get_running_loop().create_future()
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._channel = chan

    def data_received(self, data: bytes, datatype: int | None) -> None:
        output = self.err if datatype == asyncssh.EXTENDED_DATA_STDERR else self.out
        if len(output) + len(data) <= LARGEST_OUTPUT:
            output += data
        elif self._channel is not None:
            self.is_too_long = True
            self._channel.close()

    def completed(self, returncode: int | None) -> Completed:
        """What came of it; a signal's number is negative.

        Raises:
            Refused: the output is too long.
            Unreachable: the connection ended before the command did.
        """
        if self.is_too_long:
            raise SshRefused(f"The command printed more than {LARGEST_OUTPUT >> 20} MB.")
        if returncode is None:
            raise Unreachable("The connection was lost while a command ran.")
        return Completed(
            returncode, self.out.decode(errors="replace"), self.err.decode(errors="replace")
        )

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)
