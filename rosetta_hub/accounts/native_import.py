"""Accounts of nativeauthenticator, which a hub has had before, as local accounts.

Its table `users_info` is in the hub's database (nativeauthenticator 1.3.0, `orm.py`). The bcrypt
hashes are taken over as they are, and made anew at each user's first login.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from rosetta_hub.accounts import password_records
from rosetta_hub.accounts.local import LocalAccounts
from rosetta_hub.accounts.names import normalise_name
from rosetta_hub.accounts.ownership import adopt_rows
from rosetta_hub.accounts.passwords import is_bcrypt
from rosetta_hub.audit.log import SERVICE, AuditEvent
from rosetta_hub.database.models_logins import LoginLink
from rosetta_hub.errors import ConfigError
from rosetta_hub.mail_addresses import is_address
from rosetta_hub.users.emails import BY_MAIL, add_email

_INFO = sa.table(
    "users_info",
    *(sa.column(name) for name in ("username", "email")),
    sa.column("password", sa.LargeBinary),
    *(sa.column(name, sa.Boolean) for name in ("is_authorized", "has_2fa")),
)
_USERS = sa.table("users", sa.column("name"), sa.column("created", sa.DateTime))


@dataclass(frozen=True)
class NativeAccount:
    """A row of `users_info`; `created` is when the hub created the user, None where it has not."""

    name: str
    hash: str = field(repr=False)
    address: str | None
    is_authorized: bool
    has_second_factor: bool
    created: datetime | None


@dataclass
class Imported:
    """The names of the accounts that were imported, and of the others with the reason."""

    names: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def read_accounts(url: str) -> list[NativeAccount]:
    """All accounts of the hub's database at `url`, by name.

    Raises:
        ConfigError: there is no such database, or nativeauthenticator has not used it.
    """
    query = sa.select(_INFO, _USERS.c.created)
    query = query.outerjoin_from(_INFO, _USERS, _USERS.c.name == _INFO.c.username)
    with _connect(url) as connection:
        rows = connection.execute(query.order_by(_INFO.c.username)).all()
    return [
        NativeAccount(
            row.username,
            bytes(row.password).decode("ascii", "replace"),
            row.email if row.email and is_address(row.email) else None,
            bool(row.is_authorized),
            bool(row.has_2fa),
            row.created and row.created.replace(tzinfo=UTC),
        )
        for row in rows
    ]


def import_accounts(
    local: LocalAccounts, accounts: list[NativeAccount], confirmed: bool = False
) -> Imported:
    """Make local accounts, each in a transaction; who has a login here already is left out.

    nativeauthenticator does not verify mail addresses: they are left out unless `confirmed`.
    """
    imported = Imported()
    for account in accounts:
        with local.database.session() as session:
            reason = _find_reason(session, account)
            if reason is not None:
                imported.left_out[account.name] = reason
                continue
            _add(session, account, confirmed)
            local.audit.record(
                AuditEvent.ACCOUNT_SIGN_UP,
                SERVICE,
                user=account.name,
                detail={"imported": "nativeauthenticator"},
                session=session,
            )
        imported.names.append(account.name)
    return imported


def _find_reason(session: Session, account: NativeAccount) -> str | None:
    """Why an account is not imported; None where it is."""
    if not account.is_authorized:
        return "no administrator has authorised it"
    if account.has_second_factor:
        return "it has a second factor, which local accounts do not have"
    if not is_bcrypt(account.hash):
        return "its password is not hashed with bcrypt"
    if normalise_name(account.name) != account.name:
        return f"local accounts would write its name {normalise_name(account.name)!r}"
    if session.scalar(sa.select(LoginLink.id).where(LoginLink.user == account.name).limit(1)):
        return "the user has a login here already"
    if password_records.find_password(session, account.name) is not None:
        return "a local account has this name already"
    return None


def _add(session: Session, account: NativeAccount, confirmed: bool) -> None:
    password_records.create(session, account.name, account.hash)
    if confirmed and account.address is not None:
        # Of two accounts with one address it stays the first one's.
        add_email(session, account.name, account.address, BY_MAIL)
    if account.created is not None:
        # The user is there already, with tasks and files.
        adopt_rows(session, account.name, account.created)


@contextmanager
def _connect(url: str) -> Iterator[sa.Connection]:
    try:
        parsed = sa.make_url(url)
        path = parsed.database if parsed.get_backend_name() == "sqlite" else None
        if path is not None and not Path(path).is_file():
            # SQLite would make it.
            raise ConfigError(f"There is no database {path}. Name the one of c.JupyterHub.db_url.")
        engine = sa.create_engine(parsed)
        try:
            with engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()
    except sa.exc.SQLAlchemyError as error:
        # The error's own text holds the address, and may hold a password.
        raise ConfigError(
            "The hub's database can't be read, or holds no accounts of nativeauthenticator"
            f" ({type(error).__name__}). Name it as c.JupyterHub.db_url does."
        ) from error
