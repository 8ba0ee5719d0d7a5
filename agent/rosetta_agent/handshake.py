"""The handshake before a byte reaches the container, where its interface listens on a network.

K is the secret of the attempt (32 bytes), known to the edge's side and to the node.

    client   b"RHUB1" + Nc (32 random bytes)
    server   Ns (32 random bytes) + HMAC-SHA256(K, b"server" + Nc + Ns)
    client   HMAC-SHA256(K, b"client" + Nc + Ns), then the bytes of the connection

Each side proves that it knows K without saying it: a stranger who took the port of an ended
task learns nothing, and a stranger who connects gets nowhere.
"""

import hashlib
import hmac
import os
from typing import Optional

MAGIC = b"RHUB1"
NONCE = 32
PROOF = 32
HELLO = len(MAGIC) + NONCE


class HandshakeError(Exception):
    """The other side does not know the secret."""


def prove(key: bytes, role: bytes, hello: bytes, nonce: bytes) -> bytes:
    """What only somebody who knows the key can say; ``hello`` is the client's nonce."""
    return hmac.new(key, role + hello + nonce, hashlib.sha256).digest()


class ServerHandshake:
    """The side of the node, fed with what arrives."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._received = b""
        self._expected = b""
        self.done = False

    def feed(self, data: bytes) -> bytes:
        """Take bytes; returns those to send. What follows the handshake is ``rest``.

        Raises:
            HandshakeError: this is not somebody who knows the secret.
        """
        self._received += data
        if self._expected:
            self._check()
            return b""
        known = min(len(self._received), len(MAGIC))
        if self._received[:known] != MAGIC[:known]:
            raise HandshakeError("no greeting")
        if len(self._received) < HELLO:
            return b""
        hello, nonce = self._received[len(MAGIC) : HELLO], os.urandom(NONCE)
        self._expected = prove(self._key, b"client", hello, nonce)
        self._received = self._received[HELLO:]
        self._check()
        return nonce + prove(self._key, b"server", hello, nonce)

    def _check(self) -> None:
        if len(self._received) < PROOF:
            return
        if not hmac.compare_digest(self._received[:PROOF], self._expected):
            raise HandshakeError("wrong proof")
        self._received, self.done = self._received[PROOF:], True

    @property
    def rest(self) -> bytes:
        """Bytes that came behind the handshake."""
        return self._received if self.done else b""


class ClientHandshake:
    """The side that connects."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._nonce = os.urandom(NONCE)

    @property
    def hello(self) -> bytes:
        """The first bytes to send."""
        return MAGIC + self._nonce

    def answer(self, received: bytes) -> Optional[bytes]:
        """The proof to send once NONCE + PROOF bytes are there, None before.

        Raises:
            HandshakeError: the server does not know the secret; nothing may be sent to it.
        """
        if len(received) < NONCE + PROOF:
            return None
        nonce, proof = received[:NONCE], received[NONCE : NONCE + PROOF]
        if not hmac.compare_digest(proof, prove(self._key, b"server", self._nonce, nonce)):
            raise HandshakeError("wrong proof")
        return prove(self._key, b"client", self._nonce, nonce)
