"""Users change their own password, which needs the present one."""

import pytest

from rosetta_hub.accounts import password_records
from rosetta_hub.accounts.errors import PasswordRefused, TooManyAttempts
from rosetta_hub.accounts.own_password import OwnPassword
from rosetta_hub.errors import Conflict
from rosetta_hub.users.emails import BY_MAIL, add_email

from .bench import OTHER, STRONG, Bench

ADDRESS = "alice@example.org"
CLIENT = "192.0.2.1"


@pytest.fixture
async def own(bench: Bench) -> OwnPassword:
    """Alice has a local account, bob signs in elsewhere."""
    hashed = await bench.local.passwords.hash(STRONG)
    with bench.database.session() as session:
        password_records.create(session, "alice", hashed, ADDRESS)
        add_email(session, "bob", "bob@example.org", BY_MAIL)
    return OwnPassword(bench.local)


async def test_whoever_knows_the_password_changes_it(bench: Bench, own: OwnPassword) -> None:
    await own.change("alice", STRONG, OTHER, CLIENT)
    account = await own.find("alice")
    assert account is not None
    assert (await bench.local.passwords.verify(account.hash, OTHER)).right
    assert bench.mails() == [("changed", ADDRESS)]


async def test_a_stolen_session_does_not_change_it(bench: Bench, own: OwnPassword) -> None:
    for _ in range(10):
        with pytest.raises(PasswordRefused, match="wrong"):
            await own.change("alice", OTHER, OTHER, CLIENT)
    # Nor does it find it by trying: this counts as a login.
    with pytest.raises(TooManyAttempts):
        await own.change("alice", STRONG, OTHER, CLIENT)
    assert bench.mails() == []


async def test_a_new_password_must_not_be_weak(own: OwnPassword) -> None:
    with pytest.raises(PasswordRefused, match="four words"):
        await own.change("alice", STRONG, "alice@example.org", CLIENT)
    await own.change("alice", STRONG, OTHER, CLIENT)


async def test_the_first_password_comes_by_mail(bench: Bench, own: OwnPassword) -> None:
    with pytest.raises(Conflict, match="no password"):
        await own.change("bob", STRONG, OTHER, CLIENT)
    assert await own.mail_first("bob") == "bob@example.org"
    assert await bench.reset.set_password(bench.token(), STRONG, None) == "bob"
    account = await own.find("bob")
    assert account is not None
    assert account.login == "bob"
    with pytest.raises(Conflict, match="has a password"):
        await own.mail_first("bob")


async def test_without_a_confirmed_address_there_is_no_first_password(own: OwnPassword) -> None:
    with pytest.raises(Conflict, match="Confirm a mail address"):
        await own.mail_first("carol")
