"""An API server as it is reached: over TLS with an account, or through a `kubectl proxy`."""

import socket
import ssl
import tempfile
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from tornado.netutil import Resolver

Document = dict[str, Any]


# What `kubectl proxy` takes for a name of its own (its option --accept-hosts).
_PROXY_URL = "http://localhost"


@dataclass(frozen=True)
class ApiServer:
    """One API server and one account there: a client certificate, or a token.

    Behind the `socket` of a `kubectl proxy` there is neither TLS nor an account of ours.
    """

    url: str
    ca: str
    """The certificates, in PEM, of which one has to have signed the server's."""
    certificate: str | None = None
    key: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    socket: str | None = None
    """The path of the unix socket of a `kubectl proxy`, which logs in."""

    @classmethod
    def behind_socket(cls, path: Path) -> Self:
        """The server that a `kubectl proxy` listening on this unix socket leads to."""
        return cls(_PROXY_URL, ca="", socket=str(path))

    def to_document(self) -> Document:
        """As the API of the tunnels process takes it."""
        return {
            "url": self.url,
            "ca": self.ca,
            "certificate": self.certificate,
            "key": self.key,
            "token": self.token,
            # A process of the former version refuses keys that it does not know.
            **({"socket": self.socket} if self.socket else {}),
        }

    @property
    def headers(self) -> dict[str, str]:
        """Those of each request."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    @property
    def context(self) -> ssl.SSLContext | None:
        """TLS that checks the server's name and signer, and shows the client's certificate.

        None behind a socket.

        Raises:
            ssl.SSLError, ValueError: a certificate or the key can't be read.
        """
        if self.socket is not None:
            return None
        return _build_context(self.ca, self.certificate, self.key)

    @property
    def resolver(self) -> Resolver | None:
        """What leads tornado's clients to the socket; None: names are looked up as usual."""
        return None if self.socket is None else _SocketResolver(self.socket)


# A context costs a few milliseconds; certificates change once in months.
@lru_cache(maxsize=64)
def _build_context(ca: str, certificate: str | None, key: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=ca)
    if certificate and key:
        # The ssl module takes these from files only.
        with tempfile.TemporaryDirectory(prefix="rosetta-") as folder:
            files = Path(folder, "certificate"), Path(folder, "key")
            for path, text in zip(files, (certificate, key), strict=True):
                path.touch(0o600)
                path.write_text(text)
            context.load_cert_chain(*map(str, files))
    return context


class _SocketResolver(Resolver):
    """Whatever the name, the address is that of one unix socket."""

    def initialize(self, path: str) -> None:
        self._path = path

    async def resolve(
        self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[tuple[int, Any]]:
        """See Resolver."""
        return [(socket.AF_UNIX, self._path)]
