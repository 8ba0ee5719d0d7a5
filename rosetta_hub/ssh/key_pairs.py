"""Key pairs of users."""

from dataclasses import dataclass, field

import asyncssh


@dataclass(frozen=True)
class KeyPair:
    """An ed25519 key pair."""

    private_key: str = field(repr=False)
    """OpenSSH's format, without a passphrase."""
    public_key: str
    """One line of `authorized_keys`."""


def generate_key_pair(comment: str) -> KeyPair:
    """A new key pair; the comment ends its public line."""
    key = asyncssh.generate_private_key("ssh-ed25519", comment=" ".join(comment.split()))
    return KeyPair(
        private_key=key.export_private_key().decode(),
        public_key=key.export_public_key().decode().strip(),
    )


def read_public_key(private_key: str) -> str:
    """The public line of a private key.

    Raises:
        ValueError: it is no private key, or has a passphrase.
    """
    return asyncssh.import_private_key(private_key).export_public_key().decode().strip()
