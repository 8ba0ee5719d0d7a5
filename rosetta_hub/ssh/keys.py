"""Key pairs of users, and certificates by which a site's CA vouches for them."""

import time
from dataclasses import dataclass, field

import asyncssh

# Seconds: the clock of a login node may be behind ours.
_EARLIER = 300


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


def sign_user_key(ca_key: str, public_key: str, principal: str, minutes: int, key_id: str) -> str:
    """A certificate (text) with which the key may log in as `principal` for `minutes` from now.

    Nothing has to be pasted where sshd trusts the CA.

    `ca_key` is the CA's private key, `key_id` is what sshd logs. Forwarding of agents and of X11
    is not permitted.

    Raises:
        ValueError: one of the keys can't be read.
    """
    now = int(time.time())
    certificate = asyncssh.import_private_key(ca_key).generate_user_certificate(
        asyncssh.import_public_key(public_key),
        key_id,
        principals=[principal],
        valid_after=now - _EARLIER,
        valid_before=now + minutes * 60,
        permit_x11_forwarding=False,
        permit_agent_forwarding=False,
        permit_user_rc=False,
    )
    return certificate.export_certificate().decode().strip()
