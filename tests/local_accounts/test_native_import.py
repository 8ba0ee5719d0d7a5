"""Accounts of nativeauthenticator: imported from tables that its own code has written.

`native.sql` was made with nativeauthenticator's `create_user`; carol is not authorised, dave has a
second factor, and newcomer has never logged in to the hub.
"""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import select

from rosetta_hub.accounts import password_records
from rosetta_hub.accounts.native_import import read_accounts
from rosetta_hub.accounts.who import Claimant, decide
from rosetta_hub.authenticators.local import LocalMethod
from rosetta_hub.authenticators.method import SignIn
from rosetta_hub.database.database import Database
from rosetta_hub.database.models_audit import AuditRecord
from rosetta_hub.database.models_local import Password
from rosetta_hub.errors import ConfigError
from rosetta_hub.users.emails import users_of_email

from .bench import make_bench
from .test_command import config as config
from .test_command import run
from .test_method import Client, form

IMPORTED = {
    "admin": "violet tractor opens",
    "alice": "café tractor opens",
    # nativeauthenticator cuts what bcrypt does not read, silently.
    "bob@example.org": "b" * 72,
    "newcomer": "violet tractor opens",
}


@pytest.fixture
def hub_url(tmp_path: Path) -> str:
    """The hub's database."""
    path = tmp_path / "hub.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(Path(__file__).with_name("native.sql").read_text())
    connection.close()
    return f"sqlite:///{path}"


def account_of(database: Database, name: str) -> Password:
    with database.session() as session:
        account = password_records.find_password(session, name)
    assert account is not None
    return account


async def test_users_log_in_with_the_passwords_that_they_have(
    config: Path, database: Database, hub_url: str, tmp_path: Path
) -> None:
    printed = await asyncio.to_thread(run, config, "import", hub_url)
    assert printed.splitlines() == [
        *(f"Imported: {name}" for name in sorted(IMPORTED)),
        "Left out: carol: no administrator has authorised it",
        "Left out: dave: it has a second factor, which local accounts do not have",
        "4 of 6 accounts were imported.",
    ]
    method = LocalMethod(make_bench(database, tmp_path).local)
    created = {account.name: account.created for account in read_accounts(hub_url)}
    for name, password in IMPORTED.items():
        assert account_of(database, name).hash.startswith("$2b$")
        for wrong in (f"x{password}", "", "\0"):
            assert await method.authenticate(Client(), form(name, wrong)) is None
        # The second time it is the new hash that is right.
        for _ in range(2):
            sign_in = await method.authenticate(Client(), form(name, password))
            assert sign_in == SignIn(password_records.subject_of(account_of(database, name)), name)
            assert account_of(database, name).hash.startswith("$argon2id$")
        # It is the hub's user of that name, who is there already.
        claimant = Claimant("local", password_records.subject_of(account_of(database, name)), name)
        with database.session() as session:
            assert decide(session, claimant, created.get).user == name


async def test_an_import_that_is_repeated_changes_nothing(
    config: Path, database: Database, hub_url: str
) -> None:
    await asyncio.to_thread(run, config, "import", hub_url)
    with database.session() as session:
        row = password_records.find_password(session, "alice")
        assert row is not None
        row.hash = "of a later password"
    printed = await asyncio.to_thread(run, config, "import", hub_url)
    assert "Left out: alice: the user has a login here already" in printed
    assert "0 of 6 accounts were imported." in printed
    assert account_of(database, "alice").hash == "of a later password"
    with database.session() as session:
        audited = list(session.scalars(select(AuditRecord)))
    assert [row.user for row in audited] == sorted(IMPORTED)
    assert audited[0].detail == {"imported": "nativeauthenticator"}


@pytest.mark.parametrize(
    ("arguments", "owners"), [((), []), (("--confirmed-addresses",), ["alice"])]
)
async def test_addresses_count_where_an_administrator_vouches_for_them(
    config: Path, database: Database, hub_url: str, arguments: tuple[str, ...], owners: list[str]
) -> None:
    await asyncio.to_thread(run, config, "import", hub_url, *arguments)
    with database.session() as session:
        # The newcomer has named the same one.
        assert users_of_email(session, "alice@example.org") == owners
        assert users_of_email(session, "carol@example.org") == []


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite:///nowhere.sqlite", "There is no database nowhere.sqlite"),
        ("sqlite:///{config}", "can't be read"),
        ("nonsense://user:s3cret@host", "can't be read"),
        ("", "can't be read"),
    ],
)
def test_what_is_no_database_of_nativeauthenticator(
    config: Path, database: Database, url: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as refused:
        run(config, "import", url.format(config=config))
    assert "s3cret" not in str(refused.value)
    assert not Path("nowhere.sqlite").exists()
