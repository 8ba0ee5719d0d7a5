"""With which account a user's images are pulled: the user's own, or one of the site."""

import hashlib
import logging
from collections.abc import Awaitable, Callable, Set
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.fernet import InvalidToken
from pydantic import BaseModel
from sqlalchemy import delete, select

from rosetta_hub.catalogue.registries import Registries, Registry, registry_host
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_registries import LoginState, RegistryCredential
from rosetta_hub.errors import Conflict, InvalidOptions, NotFound, ResourceUnavailable
from rosetta_hub.keys import Keys
from rosetta_hub.registries.errors import RegistryRefused
from rosetta_hub.registries.hub_registry import HubRegistry

log = logging.getLogger(__name__)

# Of each user: more are no user's need.
MOST_ACCOUNTS = 50
LONGEST_PASSWORD = 16384


@dataclass(frozen=True)
class Credential:
    """An account at a registry; `scope` tells who else gets images with the same rights."""

    account: str
    password: str = field(repr=False)
    scope: str


class CredentialView(BaseModel):
    """A user's own account at a registry, as its user sees it."""

    host: str
    account: str
    state: LoginState
    message: str
    updated: datetime


# Tries account and password at a registry. It raises RegistryRefused where they are not accepted.
LoginTester = Callable[[str, Credential], Awaitable[None]]


class RegistryCredentials:
    """The accounts of all users at registries, and those of the site that are meant for them."""

    def __init__(
        self,
        database: Database,
        keys: Keys,
        registries: Registries,
        hub_registry: HubRegistry | None = None,
    ) -> None:
        self._database = database
        self._cipher = keys.database
        self._registries = registries
        self._hub_registry = hub_registry
        self._tested: set[tuple[str, str]] = set()

    def find(
        self, user: str, groups: Set[str], host: str, repository: str = ""
    ) -> Credential | None:
        """The account with which a user pulls from a registry: the user's own goes first.

        At the hub's registry it is a token for what the user may pull there; with `repository`,
        for that one alone.

        Raises:
            ResourceUnavailable: the password of a site's account can't be read now.
        """
        if self._hub_registry is not None and host == self._hub_registry.host:
            login = self._hub_registry.pull_login(user, groups, repository)
            return Credential(user, login, _scope("hub", self._hub_registry.space(repository)))
        with self._database.session() as session:
            row = session.get(RegistryCredential, (user, host))
        own = self._decrypted(row) if row is not None else None
        if row is not None and own is not None:
            return Credential(row.account, own, _scope("user", user, host, row.account))
        entry = self._registries.account(host, user, groups)
        return None if entry is None else _of_site(entry)

    def views(self, user: str) -> list[CredentialView]:
        """The user's own accounts."""
        with self._database.session() as session:
            query = select(RegistryCredential).where(RegistryCredential.user == user)
            rows = list(session.scalars(query.order_by(RegistryCredential.host)))
        return [self._view(row) for row in rows]

    def set(self, user: str, host: str, account: str, password: str) -> CredentialView:
        """Keep an account of the user at a registry, in the place of the one that was there.

        Raises:
            InvalidOptions: this is no registry, no account, or the hub's own registry.
            Conflict: the user has very many.
        """
        host = self._check(host, account)
        with self._database.session() as session:
            row = session.get(RegistryCredential, (user, host))
            if row is None:
                if len(self.views(user)) >= MOST_ACCOUNTS:
                    raise Conflict(f"You have {MOST_ACCOUNTS} accounts here. Delete one first.")
                row = RegistryCredential(user=user, host=host)
                session.add(row)
            row.account, row.password = account, self._cipher.encrypt(password.encode())
            row.state, row.message, row.updated = LoginState.UNTESTED, "", utc_now()
        return self._view(row)

    def delete(self, user: str, host: str) -> None:
        """Delete a user's account at a registry.

        Raises:
            NotFound: there is none.
        """
        self._find(user, host)
        with self._database.session() as session:
            session.execute(
                delete(RegistryCredential).where(
                    RegistryCredential.user == user, RegistryCredential.host == _host(host)
                )
            )

    def delete_user(self, user: str) -> None:
        """Delete all accounts of a user."""
        with self._database.session() as session:
            session.execute(delete(RegistryCredential).where(RegistryCredential.user == user))

    async def test(self, user: str, host: str, tester: LoginTester) -> CredentialView:
        """Log in with a user's account, and keep what came of it; one try at a time.

        Raises:
            NotFound: there is none.
            Conflict: a test goes on (registries lock out who fails often).
            RegistryUnavailable: nothing was found out.
        """
        row = self._find(user, host)
        key, password = (user, row.host), self._decrypted(row)
        if key in self._tested:
            raise Conflict("A test of this account goes on. Wait for its result.")
        if password is None:
            return self._view(row)
        self._tested.add(key)
        try:
            await tester(row.host, Credential(row.account, password, ""))
        except RegistryRefused as error:
            return self._record(row, LoginState.REFUSED, str(error))
        finally:
            self._tested.discard(key)
        return self._record(row, LoginState.WORKS, "")

    def _record(self, used: RegistryCredential, state: LoginState, message: str) -> CredentialView:
        """Keep the result of a test, unless the account is another one by now.

        Raises:
            NotFound: it was deleted meanwhile.
        """
        with self._database.session() as session:
            row = session.get(RegistryCredential, (used.user, used.host))
            if row is None:
                raise NotFound("This account was deleted meanwhile.")
            if row.password == used.password and row.account == used.account:
                row.state, row.message = state, message
        return self._view(row)

    def _check(self, host: str, account: str) -> str:
        try:
            host = registry_host(host)
        except ValueError as error:
            raise InvalidOptions(f"This is no registry: {error}.") from error
        if self._hub_registry is not None and host == self._hub_registry.host:
            raise InvalidOptions(
                f"{host} is the hub's own registry: tasks pull from it without an account of yours."
            )
        if ":" in account:
            raise InvalidOptions("An account of a registry has no colon in its name.")
        return host

    def _find(self, user: str, host: str) -> RegistryCredential:
        with self._database.session() as session:
            row = session.get(RegistryCredential, (user, _host(host)))
        if row is None:
            raise NotFound(f"You have no account for {host[:255]} here.")
        return row

    def _decrypted(self, row: RegistryCredential) -> str | None:
        try:
            return self._cipher.decrypt(row.password).decode()
        except InvalidToken:
            log.warning("the account of %s at %s can't be decrypted any more", row.user, row.host)
            return None

    def _view(self, row: RegistryCredential) -> CredentialView:
        state, message = row.state, row.message
        if self._decrypted(row) is None:
            state = LoginState.REFUSED
            message = "The password can't be read any more. Enter it again."
        return CredentialView(
            host=row.host, account=row.account, state=state, message=message, updated=row.updated
        )


def _of_site(entry: Registry) -> Credential:
    try:
        password = entry.read_password()
    except (OSError, UnicodeDecodeError) as error:
        log.error("c.Rosetta.registries: the password for %s can't be read: %s", entry.host, error)
        raise ResourceUnavailable(
            f"The password of the site's account at {entry.host} can't be read. Tell the"
            " administrator."
        ) from error
    return Credential(entry.user, password, _scope("site", entry.host, entry.user))


def _scope(*parts: str) -> str:
    """Names of files show it: it tells nothing of its parts."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _host(text: str) -> str:
    try:
        return registry_host(text)
    except ValueError:
        return text
