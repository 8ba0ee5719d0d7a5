"""Certificates: a site's CA signs a user's key for some minutes, and nothing has to be pasted."""

import time

import asyncssh

# The clock of a login node may be behind ours.
_EARLIER = 300


def sign_user_key(ca_key: str, public_key: str, principal: str, minutes: int, key_id: str) -> str:
    """A certificate (text) with which the key may log in as `principal` for `minutes` from now.

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
