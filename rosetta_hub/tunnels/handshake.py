"""The handshake on a node's port: each end proves that it knows the attempt's secret.

    client: RHUB1, 32 random bytes             server: 32 random bytes, HMAC("server" ...)
    client: HMAC("client" ...)                 then raw bytes, both ways

HMAC is SHA-256 of the word and both randoms, in this order, client's first. A stranger who took the
port of an ended task learns nothing, and nobody reaches the container without the secret.
"""

import hashlib
import hmac
import os

MAGIC = b"RHUB1"
SIZE = 32
# What the server sends.
ANSWER_SIZE = 2 * SIZE


class WrongSecret(Exception):
    """The other end does not know the secret."""


class ClientHandshake:
    """The client's half, without any input or output."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._nonce = os.urandom(SIZE)

    @property
    def hello(self) -> bytes:
        """What is sent first."""
        return MAGIC + self._nonce

    def reply(self, answer: bytes) -> bytes:
        """What is sent after the server's `ANSWER_SIZE` bytes.

        Raises:
            WrongSecret: nothing may be sent to this server.
        """
        server_nonce, proof = answer[:SIZE], answer[SIZE:]
        if not hmac.compare_digest(proof, self._prove(b"server", server_nonce)):
            raise WrongSecret
        return self._prove(b"client", server_nonce)

    def _prove(self, role: bytes, server_nonce: bytes) -> bytes:
        message = role + self._nonce + server_nonce
        return hmac.new(self._secret, message, hashlib.sha256).digest()
