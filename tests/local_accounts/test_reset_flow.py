"""A mailed link sets a password: once, the newest one, for half an hour."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from rosetta_hub.accounts import one_time_links, password_records
from rosetta_hub.accounts.errors import LinkInvalid, PasswordRefused
from rosetta_hub.accounts.links import links_of_user, unlink
from rosetta_hub.accounts.ownership import delete_former_rows
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_audit import AuditRecord
from rosetta_hub.database.models_local import OneTimeToken
from rosetta_hub.database.models_user import HubUser, UserState
from rosetta_hub.errors import Conflict
from rosetta_hub.users.emails import BY_MAIL, add_email

from .bench import HUB, OTHER, STRONG, Bench

ADDRESS = "alice@example.org"


@pytest.fixture
async def alice(bench: Bench) -> Bench:
    """Alice has a local account."""
    hashed = await bench.local.passwords.hash(STRONG)
    with bench.database.session() as session:
        password_records.create(session, "alice", hashed, ADDRESS)
    return bench


async def is_right(bench: Bench, login: str, password: str) -> bool:
    with bench.database.session() as session:
        row = password_records.find_password(session, login)
    return (await bench.local.passwords.verify(row.hash if row else None, password)).right


async def test_a_link_sets_another_password(alice: Bench) -> None:
    await alice.reset.request("ALICE@example.org")
    assert alice.mails() == [("reset", "ALICE@example.org")]
    assert f'"{HUB}/hub/password/new?token=' in alice.context()
    token = alice.token()
    assert (await alice.reset.look_up(token)).user == "alice"
    assert await alice.reset.set_password(token, OTHER, "192.0.2.1") == "alice"
    assert await is_right(alice, "alice", OTHER)
    assert not await is_right(alice, "alice", STRONG)
    # The owner is told, with a way to undo what somebody else may have done.
    assert alice.mails()[-1] == ("changed", ADDRESS)
    assert f"{HUB}/hub/password/reset" in alice.context()
    with alice.database.session() as session:
        (record,) = session.scalars(select(AuditRecord))
    assert (record.event, record.user, record.address) == ("password.reset", "alice", "192.0.2.1")


async def test_a_link_works_once(alice: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shown with a build that does not note the use: whoever reads the mail later gets in."""
    await alice.reset.request(ADDRESS)
    token = alice.token()
    with monkeypatch.context() as weakened:
        weakened.setattr(one_time_links, "use", one_time_links.look_up)
        weakened.setattr(one_time_links, "revoke", lambda _session, _user: None)
        await alice.reset.set_password(token, STRONG, None)
        await alice.reset.set_password(token, OTHER, None)
        assert await is_right(alice, "alice", OTHER)
    await alice.reset.set_password(token, STRONG, None)
    with pytest.raises(LinkInvalid):
        await alice.reset.set_password(token, OTHER, None)
    assert await is_right(alice, "alice", STRONG)


async def test_looking_does_not_use_the_link(alice: Bench) -> None:
    """Scanners of mail open every link."""
    await alice.reset.request(ADDRESS)
    for _ in range(3):
        await alice.reset.look_up(alice.token())
    await alice.reset.set_password(alice.token(), OTHER, None)


async def test_only_the_newest_link_works(alice: Bench) -> None:
    await alice.reset.request(ADDRESS)
    await alice.reset.request(ADDRESS)
    with pytest.raises(LinkInvalid):
        await alice.reset.set_password(alice.token(0), OTHER, None)
    await alice.reset.set_password(alice.token(1), OTHER, None)


async def test_a_link_is_for_half_an_hour(alice: Bench) -> None:
    await alice.reset.request(ADDRESS)
    with alice.database.session() as session:
        (row,) = session.scalars(select(OneTimeToken))
        assert row.expires - row.created == timedelta(minutes=30)
        session.execute(update(OneTimeToken).values(expires=utc_now() - timedelta(seconds=1)))
    with pytest.raises(LinkInvalid):
        await alice.reset.look_up(alice.token())
    with pytest.raises(LinkInvalid):
        await alice.reset.set_password(alice.token(), OTHER, None)


async def test_a_weak_password_does_not_use_the_link(alice: Bench) -> None:
    await alice.reset.request(ADDRESS)
    with pytest.raises(PasswordRefused):
        await alice.reset.set_password(alice.token(), "password1", None)
    await alice.reset.set_password(alice.token(), OTHER, None)


async def test_no_mail_goes_to_an_address_that_nobody_has(alice: Bench) -> None:
    await alice.reset.request("nobody@example.org")
    assert alice.mails() == []


async def test_sign_ups_do_not_keep_the_mail_from_the_owner(alice: Bench) -> None:
    for _ in range(10):
        await alice.sign_up.request(ADDRESS)
    await alice.reset.request(ADDRESS)
    assert alice.mails()[-1][0] == "reset"


async def test_whoever_signs_in_elsewhere_is_told_so(bench: Bench) -> None:
    with bench.database.session() as session:
        add_email(session, "bob", "bob@example.org", BY_MAIL)
    await bench.reset.request("bob@example.org")
    assert bench.mails() == [("no_password", "bob@example.org")]
    assert "token" not in bench.context()


async def test_a_login_that_was_removed_does_not_come_back(alice: Bench) -> None:
    await alice.reset.request(ADDRESS)
    with alice.database.session() as session:
        (link,) = links_of_user(session, "alice")
        unlink(session, "alice", link.id, last_ok=True)
    with pytest.raises(LinkInvalid):
        await alice.reset.set_password(alice.token(), OTHER, None)
    assert not await is_right(alice, "alice", STRONG)


async def test_mails_to_a_deleted_user_are_not_sent(alice: Bench) -> None:
    await alice.reset.request(ADDRESS)
    with alice.database.session() as session:
        delete_former_rows(session, "bob")
    assert alice.mails() == [("reset", ADDRESS)]
    with alice.database.session() as session:
        delete_former_rows(session, "alice")
    assert alice.mails() == []


async def test_a_blocked_user_gets_no_link_and_uses_none(alice: Bench) -> None:
    await alice.reset.request(ADDRESS)
    with alice.database.session() as session:
        session.merge(HubUser(name="alice", created=None, state=UserState.BLOCKED))
    await alice.reset.request(ADDRESS)
    assert len(alice.mails()) == 1
    with pytest.raises(LinkInvalid):
        await alice.reset.set_password(alice.token(), OTHER, None)


async def test_a_link_by_an_administrator_sets_the_first_password(bench: Bench) -> None:
    with bench.database.session() as session:
        url = bench.reset.hand_over(session, "bob")
    token = url.partition("token=")[2]
    assert await bench.reset.set_password(token, STRONG, None) == "bob"
    assert await is_right(bench, "bob", STRONG)


async def test_the_first_password_does_not_take_over_an_account_of_that_name(alice: Bench) -> None:
    with alice.database.session() as session:
        # Alice's local account has been merged into another user; the name is somebody else's now.
        (link,) = links_of_user(session, "alice")
        link.user = "alicia"
        url = alice.reset.hand_over(session, "alice")
    with pytest.raises(Conflict):
        await alice.reset.set_password(url.partition("token=")[2], OTHER, None)
    assert await is_right(alice, "alice", STRONG)


async def test_a_merged_account_follows_its_link(alice: Bench) -> None:
    with alice.database.session() as session:
        (link,) = links_of_user(session, "alice")
        link.user = "alicia"
    with alice.database.session() as session:
        row = password_records.find_password(session, "alice")
        assert row is not None
        assert row.user == "alicia"
        assert [item.login for item in password_records.passwords_of(session, "alicia")] == [
            "alice"
        ]
