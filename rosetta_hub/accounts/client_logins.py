"""Logins of programs outside of a browser, such as the command `rosetta`: in memory, for minutes.

Two ways lead from the page in the browser to the program:

* the program listens on its machine's loopback address, and the page leads there with a code
  (RFC 8252), or
* the program shows a short code, which the user types in at the page, while the program asks again
  and again (RFC 8628).

Either way the program proves that it has begun the login (PKCE with S256, RFC 7636). What is kept
is who agreed to what; the token is made when the program asks for it, so none is left lying about.
A restart of the service ends what is under way: the user begins anew.
"""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rosetta_hub.errors import UserError
from rosetta_hub.keys import digest

# Letters of a code that is typed: no vowels, so no words, and none that looks like a digit.
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
CODE_LENGTH = 8
# Seconds: to type a code in, to fetch what the user has agreed to, and between two questions.
TYPING_TIME, FETCH_TIME, INTERVAL = 600, 60, 5
# Logins under way. Those of one address are limited besides: see `web/client_logins_api.py`.
MOST = 10_000


class LoginPending(UserError):
    """The user has not decided yet."""

    def __init__(self) -> None:
        super().__init__("Nobody has agreed to this login yet. Ask again in some seconds.")


class LoginRefused(UserError):
    """The user has said no."""

    def __init__(self) -> None:
        super().__init__("The login was refused in the browser.")


class LoginUnknown(UserError):
    """There is no such login, whatever the reason."""

    def __init__(self) -> None:
        super().__init__("This login is over, or has never begun. Begin a new one.")


class AskedTooSoon(UserError):
    """The program asks more often than it was told to."""

    status = 429

    def __init__(self) -> None:
        super().__init__(f"Ask no more often than every {INTERVAL} seconds.")

    @property
    def headers(self) -> dict[str, str]:
        """When to ask again."""
        return {"Retry-After": str(INTERVAL)}


@dataclass(frozen=True)
class Agreement:
    """What a user has agreed to: a token with these rights, for so many seconds.

    `browser_token` is the hub's token of the login in the browser, on whose behalf it is made.
    """

    user: str
    client: str
    rights: tuple[str, ...]
    seconds: int
    browser_token: str = field(repr=False)


@dataclass
class _Login:
    """One login. `challenge` is the digest of what only the program knows."""

    client: str
    challenge: str
    ends: float
    typed_code: str | None = None
    agreement: Agreement | None = None
    refused: bool = False
    asked: float = float("-inf")


class ClientLogins:
    """All logins under way, by the digest of the secret that the program has, or will get."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._logins: dict[str, _Login] = {}

    def begin(self, client: str, challenge: str) -> tuple[str, str]:
        """Begin a login with a code to be typed in; returns the program's secret, and that code."""
        secret, code = secrets.token_urlsafe(32), self._new_code()
        self._add(secret, _Login(client, challenge, self._clock() + TYPING_TIME, code))
        return secret, code

    def find_client(self, typed: str) -> str:
        """What the program calls itself that has shown this code.

        Raises:
            LoginUnknown: none has, or its user has decided.
        """
        return self._typed(typed).client

    def agree(self, typed: str, agreement: Agreement) -> None:
        """Let the program have what was agreed to, for a minute.

        Raises:
            LoginUnknown: see `find_client`.
        """
        login = self._typed(typed)
        login.agreement, login.ends = agreement, self._clock() + FETCH_TIME

    def refuse(self, typed: str) -> None:
        """Tell the program that its user does not want this.

        Raises:
            LoginUnknown: see `find_client`.
        """
        self._typed(typed).refused = True

    def agree_at_once(self, challenge: str, agreement: Agreement) -> str:
        """A code for the program that has sent the user here, which works once, for a minute."""
        secret = secrets.token_urlsafe(32)
        ends = self._clock() + FETCH_TIME
        self._add(secret, _Login(agreement.client, challenge, ends, agreement=agreement))
        return secret

    def redeem(self, secret: str, verifier: str) -> Agreement:
        """What was agreed to, once.

        Raises:
            LoginPending: nothing yet.
            LoginRefused: the user has said no.
            AskedTooSoon: see `INTERVAL`.
            LoginUnknown: it is over, or this is not the program that has begun it.
        """
        key, now = digest(secret), self._clock()
        login = self._logins.get(key)
        if login is None or now >= login.ends or not _proves(verifier, login.challenge):
            raise LoginUnknown
        if login.refused:
            del self._logins[key]
            raise LoginRefused
        if login.agreement is not None:
            del self._logins[key]
            return login.agreement
        if now - login.asked < INTERVAL - 1:
            raise AskedTooSoon
        login.asked = now
        raise LoginPending

    def _typed(self, typed: str) -> _Login:
        code, now = normalise_code(typed), self._clock()
        for login in self._logins.values():
            open_ = login.agreement is None and not login.refused and now < login.ends
            if open_ and login.typed_code == code:
                return login
        raise LoginUnknown

    def _add(self, secret: str, login: _Login) -> None:
        now = self._clock()
        self._logins = {key: pending for key, pending in self._logins.items() if now < pending.ends}
        while len(self._logins) >= MOST:
            del self._logins[next(iter(self._logins))]
        self._logins[digest(secret)] = login

    def _new_code(self) -> str:
        codes = {login.typed_code for login in self._logins.values()}
        while True:
            code = "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))
            if code not in codes:
                return code


def normalise_code(typed: str) -> str:
    """A code as it was shown, however it is typed."""
    return "".join(letter for letter in typed.upper() if letter.isalnum())


def show_code(code: str) -> str:
    """A code in two halves, as users read it."""
    half = CODE_LENGTH // 2
    return f"{code[:half]}-{code[half:]}"


def challenge_of(verifier: str) -> str:
    """The challenge of a verifier (RFC 7636, section 4.2: S256)."""
    hashed = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()


def _proves(verifier: str, challenge: str) -> bool:
    return hmac.compare_digest(challenge_of(verifier), challenge)
