"""Passwords: hashed with argon2id, checked in threads, and refused when they are easy to guess."""

import asyncio
import secrets
import unicodedata
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import bcrypt
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn

from rosetta_hub.accounts.errors import PasswordRefused

MIN_LENGTH = 8
MAX_LENGTH = 1024
# Each hash takes 64 MiB and a core.
THREADS = 2
# What zxcvbn reads at most, and the least of its scores: more than 10^8 guesses.
_READ = 72
_SCORE = 3
# Bytes that bcrypt reads of a password. What is longer was cut where the hash was made.
_BCRYPT_READ = 72

Result = TypeVar("Result")


@dataclass(frozen=True)
class PasswordCheck:
    """Whether a password is right, and whether its hash should be made anew."""

    right: bool
    outdated: bool = False


class Passwords:
    """Hashes and verifies, two at a time and beside the event loop.

    The costs are the defaults of argon2-cffi (RFC 9106, low memory). Hashes with others, and those
    of bcrypt that were imported, are right as long as the password is used, and are then made anew.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._pool = ThreadPoolExecutor(THREADS, "argon2")

    @cached_property
    def _nobody(self) -> str:
        """What the password of an account that does not exist is compared with."""
        return self._hasher.hash(secrets.token_urlsafe())

    async def hash(self, password: str) -> str:
        """The hash of a password that `check_password` has let through."""
        return await self._run(lambda: self._hasher.hash(_normalise(password)))

    async def check(self, password: str, hints: Collection[str] = ()) -> None:
        """See `check_password`; this does it beside the event loop."""
        await self._run(lambda: check_password(password, hints))

    async def verify(self, hashed: str | None, password: str) -> PasswordCheck:
        """Compare; None for the hash takes as long as any, and is never right."""
        return await self._run(lambda: self._verify(hashed, password))

    def _verify(self, hashed: str | None, password: str) -> PasswordCheck:
        if len(password) > MAX_LENGTH:
            hashed, password = None, ""
        if hashed is not None and is_bcrypt(hashed):
            right = _is_right_in_bcrypt(hashed, password)
            return PasswordCheck(right, outdated=right)
        try:
            self._hasher.verify(hashed or self._nobody, _normalise(password))
        except (VerificationError, InvalidHashError):
            return PasswordCheck(False)
        if hashed is None:
            return PasswordCheck(False)
        return PasswordCheck(True, self._hasher.check_needs_rehash(hashed))

    async def _run(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


def check_password(password: str, hints: Collection[str] = ()) -> None:
    """Refuse a password that is easy to guess, also by whoever knows the hints: name, address.

    Raises:
        PasswordRefused: why, and what is better.
    """
    if len(password) < MIN_LENGTH:
        raise PasswordRefused(f"Choose a password of at least {MIN_LENGTH} characters.")
    if len(password) > MAX_LENGTH:
        raise PasswordRefused(f"Choose a password of at most {MAX_LENGTH} characters.")
    words = [part for hint in hints for part in (hint, *hint.split("@")) if part]
    estimate = zxcvbn(_normalise(password)[:_READ], user_inputs=words)
    if estimate["score"] < _SCORE:
        warning = str(estimate["feedback"]["warning"] or "This password is easy to guess.")
        raise PasswordRefused(
            f"{warning} Take four words that do not belong together, or let a password manager"
            " choose."
        )


def is_bcrypt(hashed: str) -> bool:
    """Whether a hash is one of bcrypt, which accounts that were imported have."""
    return hashed.startswith(("$2a$", "$2b$", "$2y$"))


def _is_right_in_bcrypt(hashed: str, password: str) -> bool:
    try:
        return bcrypt.checkpw(password.encode()[:_BCRYPT_READ], hashed.encode())
    except ValueError:
        # The hash is damaged.
        return False


def _normalise(password: str) -> str:
    """One password whatever keyboard composed its letters (NIST SP 800-63B, 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)
