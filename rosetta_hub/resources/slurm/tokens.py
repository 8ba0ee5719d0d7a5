"""JSON web tokens for slurmrestd (Slurm's `auth/jwt`; RFC 7519, HS256)."""

import asyncio
import base64
import binascii
import hashlib
import hmac
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.resources.access_local import LocalAccess

# Seconds that a token of ours is good for, and what is left of it when it is replaced.
LIFETIME = 900
RENEW_BEFORE = 300
COMMAND_TIMEOUT = 30
# What `scontrol token` prints before its token.
_PREFIX = "SLURM_JWT="


class Tokens(Protocol):
    """Gives tokens of accounts. No token is in a log or a `repr`."""

    async def token(self, user: str) -> str:
        """A token that is good for minutes.

        Raises:
            ResourceUnavailable: there is none now.
        """

    def forget(self, user: str) -> None:
        """Do not give that token again: it was refused."""


class SignedTokens:
    """Tokens signed with Slurm's own key (`jwt_hs256.key`), read anew each time."""

    def __init__(self, key_file: str) -> None:
        self._key_file = Path(key_file)

    async def token(self, user: str) -> str:
        """See Tokens."""
        try:
            key = self._key_file.read_bytes()
        except OSError as error:
            raise ResourceUnavailable(
                f"the key {self._key_file} can't be read: {error.strerror}"
            ) from error
        return sign_token(key, user, int(time.time()))

    def forget(self, user: str) -> None:
        """See Tokens: each one is new."""


class CommandTokens:
    """Tokens that a command prints, which is given the account as last word."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = list(command)
        self._tokens: dict[str, tuple[float, str]] = {}
        self._lock = asyncio.Lock()

    async def token(self, user: str) -> str:
        """See Tokens. The command is run when less than five minutes are left."""
        async with self._lock:
            if self._tokens.get(user, (0.0, ""))[0] < time.time() + RENEW_BEFORE:
                token = await self._run(user)
                self._tokens[user] = (read_expiry(token), token)
            return self._tokens[user][1]

    def forget(self, user: str) -> None:
        """See Tokens."""
        self._tokens.pop(user, None)

    async def _run(self, user: str) -> str:
        # The administrator's own program: what it needs may be in the service's environment.
        access = LocalAccess(os.environ)
        result = await access.run([*self._command, user], "", COMMAND_TIMEOUT)
        token = result.stdout.strip().rpartition("\n")[2].removeprefix(_PREFIX)
        if result.returncode != 0 or not token:
            # Its output is left out: it may hold a token.
            raise ResourceUnavailable(
                f"{self._command[0]} gave no token for {user} (exit status {result.returncode})"
            )
        return token


def sign_token(key: bytes, user: str, now: int) -> str:
    """A token for the account, good for LIFETIME seconds; `now` is in seconds since the epoch."""
    header = {"alg": "HS256", "typ": "JWT"}
    claims = {"iat": now, "exp": now + LIFETIME, "sun": user}
    signed = ".".join(_encode(json.dumps(part).encode()) for part in (header, claims))
    return f"{signed}.{_encode(hmac.digest(key, signed.encode(), hashlib.sha256))}"


def read_expiry(token: str) -> float:
    """When the token ends, in seconds since the epoch; 0 where it does not say."""
    try:
        claims = token.split(".")[1]
        return float(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return 0


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
