"""The other ends of an agent's tunnels: a client with the handshake, an edge that is dialled."""

import asyncio
import contextlib
import json
import secrets
import ssl
from dataclasses import dataclass, field

from rosetta_agent.protocol import ANSWER_SIZE, ClientHandshake, HandshakeError

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def shake_hands(
    host: str,
    port: int,
    key: bytes,
    tls: ssl.SSLContext | None = None,
    interface: int | None = None,
) -> Streams:
    """Connect as the edge's side does.

    Raises:
        EOFError: the node closed the connection.
        HandshakeError: the node does not know the key.
    """
    name = "node" if tls else None
    reader, writer = await asyncio.open_connection(host, port, ssl=tls, server_hostname=name)
    client = ClientHandshake(key, interface)
    writer.write(client.hello)
    try:
        proof = client.reply(await reader.readexactly(ANSWER_SIZE))
    except (EOFError, HandshakeError):
        writer.close()
        raise
    writer.write(proof)
    return reader, writer


@dataclass
class Edge:
    """Takes what nodes dial, and opens streams; `status` is its answer."""

    secret: str
    tls: ssl.SSLContext | None = None
    status: int = 101
    heads: list[str] = field(default_factory=list)
    controls: "asyncio.Queue[Streams]" = field(default_factory=asyncio.Queue)
    _waiting: "dict[str, asyncio.Future[Streams]]" = field(default_factory=dict)
    _server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> int:
        """Listen; returns the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, ssl=self.tls)
        values: int = self._server.sockets[0].getsockname()[1]
        return values

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.heads.append(head)
            if f"Authorization: Bearer {self.secret}\r\n" not in head or self.status != 101:
                writer.write(f"HTTP/1.1 {min(self.status, 401)} No\r\n\r\n".encode())
                writer.close()
                return
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: rosetta-tunnel\r\n\r\n")
            purpose = head.split()[1].split("/", 4)[4]
            if purpose == "control":
                self.controls.put_nowait((reader, writer))
            else:
                self._waiting.pop(purpose.split("/")[1]).set_result((reader, writer))

    async def control(self) -> Streams:
        """The next control connection."""
        async with asyncio.timeout(30):
            return await self.controls.get()

    async def open(self, control: Streams, port: int | None = None) -> Streams:
        """Have a stream opened, to a further interface where there is a port."""
        name = secrets.token_hex(16)
        self._waiting[name] = asyncio.get_running_loop().create_future()
        line = {"open": name} if port is None else {"open": name, "port": port}
        control[1].write(json.dumps(line).encode() + b"\n")
        async with asyncio.timeout(30):
            return await self._waiting[name]

    def close(self) -> None:
        """Listen no longer."""
        if self._server is not None:
            self._server.close()


def trusting(certificate: str) -> ssl.SSLContext:
    """A client's TLS that trusts this certificate alone."""
    return ssl.create_default_context(cadata=certificate)
