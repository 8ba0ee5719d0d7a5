"""Direct tunnels: TLS to a port of the node, whose key is pinned, then the handshake."""

import asyncio
import hashlib
import hmac
import ssl

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from rosetta_hub.tunnels.client import TunnelState
from rosetta_hub.tunnels.relay import Half
from rosetta_hub.tunnels.routes import DirectRoute
from rosetta_hub.tunnels.transport import CONNECT_TIMEOUT, TransportError, TunnelTransport, greet

# Handshakes with a node at once: more would only make each other wait, and be turned away there.
AT_ONCE = 16


def compute_spki(certificate: bytes) -> str:
    """SHA-256, in hexadecimal, of the public key of a certificate (DER)."""
    key = x509.load_der_x509_certificate(certificate).public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(spki).hexdigest()


def build_context() -> ssl.SSLContext:
    """Of a client that trusts one key, whoever has signed it; `_check_key` does this."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class DirectTransport(TunnelTransport):
    """A TLS connection for each of the browser's."""

    def __init__(self, route: DirectRoute) -> None:
        self._route = route
        self._context = build_context()
        self._failure: str | None = None
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def connect(self, port: int | None = None) -> Half:
        """Raises TransportError."""
        half = Half()
        try:
            async with self._slots, asyncio.timeout(CONNECT_TIMEOUT):
                await self._connect(half, port)
        except (OSError, TransportError) as error:
            half.close()
            self._failure = self._explain(error)
            raise TransportError(self._failure) from error
        self._failure = None
        return half

    async def _connect(self, half: Half, port: int | None) -> None:
        transport, _ = await asyncio.get_running_loop().create_connection(
            lambda: half,
            self._route.host,
            self._route.port,
            ssl=self._context,
            ssl_handshake_timeout=CONNECT_TIMEOUT,
        )
        self._check_key(transport)
        await greet(half, self._route.secret, port)

    def _check_key(self, transport: asyncio.Transport) -> None:
        certificate = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        if not hmac.compare_digest(compute_spki(certificate), self._route.spki):
            raise TransportError(
                f"{self._route.host}, port {self._route.port}, shows another key than the task's:"
                " something else has its port."
            )

    def _explain(self, error: OSError | TransportError) -> str:
        if isinstance(error, TransportError):
            return str(error)
        reason = "it did not answer in time" if isinstance(error, TimeoutError) else error.strerror
        return f"{self._route.host}, port {self._route.port}, can't be reached: {reason}."

    def state(self) -> TunnelState:
        """As the last connection was."""
        return TunnelState("waiting" if self._failure else "open", self._failure)

    def close(self) -> None:
        """Nothing is kept open."""
