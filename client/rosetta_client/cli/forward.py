"""`rosetta forward`: ports of this machine that lead to interfaces of a task."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Callable

import click

from rosetta_client.async_client import AsyncClient
from rosetta_client.cli.find import find_task
from rosetta_client.cli.peers import is_of_this_account
from rosetta_client.cli.session import Session, pass_session
from rosetta_client.cli.text import clean
from rosetta_client.config import Endpoint
from rosetta_client.connection import CHUNK, carry, open_connection
from rosetta_client.errors import ApiNotFound, ConnectionEnded, NotFound, NotLoggedIn, RosettaError
from rosetta_client.models import TaskView
from rosetta_client.watching import watch_until_over

LOOPBACK = "127.0.0.1"
_PORTS = re.compile(r"(\d{1,5})(?::(\d{1,5}))?")
_HTTP = ("http", "https")


@dataclass(frozen=True)
class Forward:
    """A port of the task, and the one of this machine that leads to it; 0 is any."""

    remote: int
    local: int


def parse_forward(text: str) -> Forward:
    """`8888` or `8888:9000`.

    Raises:
        UsageError: it is something else.
    """
    matched = _PORTS.fullmatch(text)
    ports = [int(port) for port in matched.groups() if port is not None] if matched else []
    if not ports or max(ports) > 65535 or ports[0] == 0:
        raise click.UsageError(f"{text!r} is not PORT or PORT:LOCAL, such as 8888 or 8888:9000.")
    return Forward(ports[0], ports[-1])


def check_ports(forwards: Sequence[Forward], task: TaskView) -> None:
    """See that the task has all these interfaces.

    Raises:
        NotFound: it lacks one.
    """
    own_ports = [task.interface.port, *(interface.port for interface in task.interfaces)]
    missing = [forward.remote for forward in forwards if forward.remote not in own_ports]
    if missing:
        ports = ", ".join(map(str, own_ports))
        raise NotFound(f"{task.name} has no interface with port {missing[0]}. It has: {ports}.")


@click.command("forward")
@click.argument("task", metavar="TASK")
@click.argument("ports", metavar="PORT[:LOCAL]...", nargs=-1)
@pass_session
def forward_command(session: Session, task: str, ports: Sequence[str]) -> None:
    """Let programs of this machine connect to a task, until Ctrl-C.

    PORT is that of an interface in the container, the main one where none is given; LOCAL is one of
    this machine (0: any), the same where it is not given. Only programs of this machine can
    connect, on Linux only those of your account; web pages need no cookie there.
    """
    view = find_task(session.client, task)
    main = view.interface.port
    forwards = [parse_forward(port) for port in ports or [str(main)]]
    check_ports(forwards, view)
    is_http = view.interface.protocol in _HTTP

    def tell(forward: Forward, local: int) -> None:
        # Further interfaces are always web pages.
        scheme = "http://" if is_http or forward.remote != main else ""
        name = clean(view.name)
        click.echo(f"{scheme}localhost:{local} leads to port {forward.remote} of {name}.")

    async def run() -> None:
        await Forwarder(session.endpoint, view).run(forwards, tell)

    asyncio.run(run())


class Forwarder:
    """Accepts connections on a loopback address, and carries each to the task."""

    def __init__(self, endpoint: Endpoint, task: TaskView) -> None:
        self._endpoint = endpoint
        self._task = task
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self, forwards: Sequence[Forward], tell: Callable[[Forward, int], None]) -> None:
        """Serve until the task is over, or not this user's any more.

        Raises:
            RosettaError: always: why it has ended, or which port is taken.
        """
        servers = []
        try:
            for forward in forwards:
                servers.append(await self._listen(forward))
                tell(forward, servers[-1].sockets[0].getsockname()[1])
            watching = asyncio.create_task(self._watch(), name="watch the task")
            try:
                await self._over
            finally:
                watching.cancel()
        finally:
            for server in servers:
                server.close()

    async def _watch(self) -> None:
        """End when the task does, also while nobody is connected."""
        async with AsyncClient(self._endpoint) as client:
            try:
                await watch_until_over(client, self._task)
            except RosettaError as error:
                self._end(error)

    async def _listen(self, forward: Forward) -> asyncio.Server:
        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Awaitable[None]:
            return self._serve(forward.remote, reader, writer)

        try:
            return await asyncio.start_server(accept, LOOPBACK, forward.local, limit=2 * CHUNK)
        except OSError as error:
            raise RosettaError(
                f"Port {forward.local} of this machine can't be used: {error.strerror}. Name"
                f" another one, such as {forward.remote}:0 for any."
            ) from error

    async def _serve(
        self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            if not is_of_this_account(writer.get_extra_info("socket")):
                click.echo("rosetta: a program of another account was refused.", err=True)
                return
            connection = await open_connection(self._endpoint, self._task.id, port)
            await carry(connection, SocketStream(reader, writer))
        except RosettaError as error:
            self._note(error)
        finally:
            writer.close()

    def _note(self, error: RosettaError) -> None:
        """Go on after what may pass; end where every other connection would be refused, too."""
        is_final = isinstance(error, ConnectionEnded) and error.is_final
        if not is_final and not isinstance(error, (ApiNotFound, NotLoggedIn)):
            click.echo(f"rosetta: {clean(str(error))}", err=True)
        else:
            self._end(error)

    def _end(self, error: RosettaError) -> None:
        if not self._over.done():
            self._over.set_exception(error)


@dataclass(frozen=True)
class SocketStream:
    """A program that has connected."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def read(self, size: int) -> bytes:
        """Some bytes, empty at the end."""
        return await self.reader.read(size)

    async def write(self, data: bytes) -> None:
        """Pass bytes on.

        Raises:
            OSError: the program has gone.
        """
        self.writer.write(data)
        await self.writer.drain()

    async def end(self) -> None:
        """Say that no more bytes will come."""
        self.writer.write_eof()
