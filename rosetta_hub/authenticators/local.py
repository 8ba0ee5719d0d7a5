"""The login method of local accounts."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from jupyterhub.apihandlers.base import APIHandler
from sqlalchemy import select
from sqlalchemy.orm import Session
from tornado import web

from rosetta_hub.accounts import password_records
from rosetta_hub.accounts.errors import TooManyAttempts
from rosetta_hub.accounts.local import LocalAccounts
from rosetta_hub.accounts.login_throttle import LoginAttempt, LoginThrottle
from rosetta_hub.accounts.names import normalise_name
from rosetta_hub.authenticators.known_browsers import known_as, remember
from rosetta_hub.authenticators.method import LoginMethod, SignIn, SignInRefused
from rosetta_hub.client_address import hub_client_address
from rosetta_hub.database.models_local import Password, SignUp
from rosetta_hub.users.emails import users_of_email

# Longer than any name or address.
_MAX_LOGIN = 255


class LocalMethod(LoginMethod):
    """Name and password, checked here and nowhere else: the API's logins come this way, too."""

    id = password_records.LOCAL
    title = "Local account"
    has_form = True

    def __init__(self, local: LocalAccounts) -> None:
        self._local = local
        self._throttle = LoginThrottle(local.throttle)

    def handlers(self) -> list[tuple[Any, ...]]:
        """The pages of sign-up and of forgotten passwords."""
        from rosetta_hub.authenticators.local_pages import local_routes  # noqa: PLC0415

        return local_routes(self._local)

    def login_url(self, base_url: str) -> str:
        """The login page itself takes the form."""
        return f"{base_url.rstrip('/')}/login"

    def login_context(self) -> dict[str, Any]:
        """Where somebody goes who can't log in, as far as there is something."""
        mail = self._local.mail_available
        may_sign_up = mail and self._local.settings.sign_up == "email"
        return {"sign_up": may_sign_up, "forgotten": mail}

    async def authenticate(self, handler: Any, data: Mapping[str, str]) -> SignIn | None:
        """Check name (or address) and password; unknown names take as long, and are as wrong.

        Raises:
            SignInRefused: the password is right, but the account waits for an administrator.
            HTTPError: too many attempts, or the database does not answer.
        """
        login, password = data.get("username"), data.get("password")
        if not isinstance(login, str) or not isinstance(password, str) or len(login) > _MAX_LOGIN:
            return None
        account = await self._local.transact(partial(_find, login=login))
        attempt = self._attempt(handler, login, account)
        await self._begin(attempt)
        waiting = await self._local.transact(partial(_waiting_hash, login=login))
        verdict = await self._local.passwords.verify(account.hash if account else waiting, password)
        if not verdict.right:
            return None
        await self._local.run(partial(self._throttle.succeeded, attempt))
        if account is None:
            raise SignInRefused(
                "Your account waits for an administrator. You get a mail when it is decided."
            )
        return await self._accept(handler, account, password, verdict.outdated)

    def _attempt(self, handler: Any, login: str, account: Password | None) -> LoginAttempt:
        name = account.login if account else normalise_name(login)
        browser = known_as(handler, account) if account else None
        return LoginAttempt(name, hub_client_address(handler), browser)

    async def _begin(self, attempt: LoginAttempt) -> None:
        try:
            delay = await self._local.run(partial(self._throttle.begin, attempt))
        except TooManyAttempts as error:
            raise TooManyLogins(error) from error
        await asyncio.sleep(delay)

    async def _accept(
        self, handler: Any, account: Password, password: str, outdated: bool
    ) -> SignIn:
        hashed = await self._local.passwords.hash(password) if outdated else None
        admin = await self._local.transact(partial(_note_login, account=account, hashed=hashed))
        if not isinstance(handler, APIHandler):
            remember(handler, account)
        return SignIn(
            subject=password_records.subject_of(account), name=account.login, admin=admin or None
        )


class TooManyLogins(web.HTTPError):
    """The hub's answer to too many attempts; it sends an error's `headers`."""

    def __init__(self, error: TooManyAttempts) -> None:
        super().__init__(error.status, "%s", str(error))
        self.headers = {"Retry-After": str(error.retry_after)}


def _find(session: Session, login: str) -> Password | None:
    account = password_records.find_password(session, login)
    if account is None and "@" in login:
        accounts = [
            row
            for user in users_of_email(session, login)
            for row in password_records.passwords_of(session, user)
        ]
        account = accounts[0] if len(accounts) == 1 else None
    return account


def _waiting_hash(session: Session, login: str) -> str | None:
    return session.scalar(select(SignUp.hash).where(SignUp.name == normalise_name(login)))


def _note_login(session: Session, account: Password, hashed: str | None) -> bool:
    """Store a hash that was made anew; returns whether the account becomes an administrator's."""
    row = session.get(Password, account.id)
    if row is None:
        return False
    # Not `changed`: the password is the same.
    row.hash = hashed or row.hash
    make_admin, row.make_admin = row.make_admin, False
    return make_admin
