"""Where the interface of a task is reached: by the edge, or by the far end of a tunnel."""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True)
class UnixTarget:
    """A container's interface behind a unix socket."""

    path: str

    def to_document(self) -> Document:
        """As the APIs of edge and tunnels take it."""
        return {"unix": self.path}


@dataclass(frozen=True)
class TcpTarget:
    """A container's interface behind a TCP port."""

    host: str
    port: int

    def to_document(self) -> Document:
        """As the APIs of edge and tunnels take it."""
        return {"host": self.host, "port": self.port}


Target = UnixTarget | TcpTarget


async def open_target(
    target: Target, context: ssl.SSLContext | None = None, name: str | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect, with TLS where there is a context; `name` is whom a certificate has to name.

    Raises:
        OSError: nobody answers.
    """
    if isinstance(target, UnixTarget):
        return await asyncio.open_unix_connection(target.path, ssl=context, server_hostname=name)
    return await asyncio.open_connection(
        target.host, target.port, ssl=context, server_hostname=name
    )


def parse_target(document: Document) -> Target:
    """The inverse of `to_document`.

    Raises:
        KeyError, TypeError, ValueError: it is something else.
    """
    if "unix" in document:
        return UnixTarget(str(document["unix"]))
    return TcpTarget(str(document["host"]), int(document["port"]))
