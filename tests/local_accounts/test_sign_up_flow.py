"""Signing up: nothing is reserved before the mail is used; mails alone tell who has an address."""

import asyncio
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from rosetta_hub.accounts import invitations, password_records, sign_ups
from rosetta_hub.accounts.errors import LinkInvalid, NameRefused, PasswordRefused
from rosetta_hub.accounts.one_time_links import new_token
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import Base, utc_now
from rosetta_hub.database.models_audit import AuditRecord
from rosetta_hub.database.models_local import Attempts, Invitation, Password, SignUp
from rosetta_hub.errors import Conflict
from rosetta_hub.users.emails import BY_MAIL, add_email, users_of_email

from .bench import HUB, OTHER, STRONG, Bench, make_bench

ADDRESS = "alice@example.org"


async def sign_up(bench: Bench, address: str = ADDRESS, name: str = "alice") -> bool:
    """The whole way."""
    await bench.sign_up.request(address)
    return await bench.sign_up.confirm(bench.token(), name, STRONG, (), ())


def invite(session: Session, **options: Any) -> tuple[Invitation, str]:
    """An invitation of a week, and the token of its link."""
    token = new_token()
    return invitations.invite(session, token, "boss", 7, **options), token


def accounts(bench: Bench) -> list[str]:
    with bench.database.session() as session:
        return sorted(session.scalars(select(Password.login)))


def owners(bench: Bench, address: str) -> list[str]:
    with bench.database.session() as session:
        return users_of_email(session, address)


async def test_a_mailed_link_leads_to_an_account(bench: Bench) -> None:
    await bench.sign_up.request("Alice@Example.org")
    assert bench.mails() == [("confirm", "Alice@Example.org")]
    # The host is the configured one: a request has no say.
    assert f'"{HUB}/hub/sign-up/confirm?token=' in bench.context()
    assert await bench.sign_up.confirm(bench.token(), "Alice", STRONG, (), ())
    assert accounts(bench) == ["alice"]
    assert owners(bench, ADDRESS) == ["alice"]
    with bench.database.session() as session:
        row = password_records.find_password(session, "ALICE")
        events = list(session.scalars(select(AuditRecord.event)))
    assert row is not None
    assert (await bench.local.passwords.verify(row.hash, STRONG)).right
    assert events == ["account.sign_up"]


async def test_no_token_and_no_password_is_stored(bench: Bench, tmp_path: Path) -> None:
    await sign_up(bench)
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("rosetta.sqlite*"))
    assert bench.token().encode() not in stored
    assert STRONG.encode() not in stored


async def test_a_sign_up_that_nobody_confirms_reserves_nothing(bench: Bench) -> None:
    await bench.sign_up.request(ADDRESS)
    with bench.database.session() as session:
        used = [
            (table.name, row)
            for table in Base.metadata.sorted_tables
            if table.name not in ("sign_ups", "account_mails", "throttles", "alembic_version")
            for row in session.execute(select(table))
        ]
        (row,) = session.scalars(select(SignUp))
    assert used == []
    assert (row.name, row.hash) == (None, None)


async def test_somebody_else_cannot_confirm(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pre-hijacking. Shown with tokens that are not compared: it takes the victim's address."""
    await bench.sign_up.request(ADDRESS)
    with monkeypatch.context() as weakened:
        weakened.setattr(sign_ups, "digest", lambda _token: "x")
        await bench.sign_up.request("victim@example.org")
        assert await bench.sign_up.confirm("guess", "mallory", STRONG, (), ())
        assert owners(bench, "victim@example.org") == ["mallory"]
    with pytest.raises(LinkInvalid):
        await bench.sign_up.confirm("guess", "mallory2", STRONG, (), ())
    assert owners(bench, ADDRESS) == []


async def test_the_link_works_once_and_for_a_day(bench: Bench) -> None:
    await sign_up(bench)
    with pytest.raises(LinkInvalid):
        await bench.sign_up.confirm(bench.token(), "alice2", STRONG, (), ())
    await bench.sign_up.request("bob@example.org")
    with bench.database.session() as session:
        session.execute(update(SignUp).values(expires=utc_now() - timedelta(seconds=1)))
    with pytest.raises(LinkInvalid):
        await bench.sign_up.confirm(bench.token(), "bob", STRONG, (), ())


async def test_sign_up_in_two_tabs_ends_in_one_account(bench: Bench) -> None:
    await bench.sign_up.request(ADDRESS)
    await bench.sign_up.request(ADDRESS)
    assert await bench.sign_up.confirm(bench.token(0), "alice", STRONG, (), ())
    with pytest.raises(LinkInvalid):
        await bench.sign_up.confirm(bench.token(1), "alice2", STRONG, (), ())
    assert accounts(bench) == ["alice"]


async def test_two_confirmations_at_once(bench: Bench) -> None:
    await bench.sign_up.request(ADDRESS)
    confirm = partial(bench.sign_up.confirm, bench.token())
    results = await asyncio.gather(
        confirm("alice", STRONG, (), ()), confirm("alice2", STRONG, (), ()), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["LinkInvalid", "bool"]
    assert len(accounts(bench)) == 1


async def test_a_confirmation_that_another_one_overtakes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.sign_up.request(ADDRESS)
    token, find = bench.token(), sign_ups.find

    def find_too_early(session: Session, token: str) -> SignUp:
        row = find(session, token)
        monkeypatch.setattr(sign_ups, "find", find)
        with bench.database.session() as rival:
            sign_ups.confirm(rival, token, "alice", STRONG, approval=False)
        return row

    monkeypatch.setattr(sign_ups, "find", find_too_early)
    with bench.database.session() as session, pytest.raises(LinkInvalid):
        sign_ups.confirm(session, token, "alice2", STRONG, approval=False)
    assert accounts(bench) == ["alice"]


async def test_a_known_address_gets_a_mail_that_says_so(bench: Bench) -> None:
    with bench.database.session() as session:
        add_email(session, "carol", ADDRESS, BY_MAIL)
    await bench.sign_up.request(ADDRESS)
    assert bench.mails() == [("taken", ADDRESS)]
    assert "token" not in bench.context()
    assert f"{HUB}/hub/login" in bench.context()


async def test_an_address_that_became_somebodys_meanwhile(bench: Bench) -> None:
    await bench.sign_up.request(ADDRESS)
    with bench.database.session() as session:
        add_email(session, "carol", ADDRESS, BY_MAIL)
    with pytest.raises(Conflict, match="belongs to an account"):
        await bench.sign_up.confirm(bench.token(), "alice", STRONG, (), ())
    assert accounts(bench) == []


async def test_what_can_be_mended_does_not_use_up_the_link(bench: Bench) -> None:
    await sign_up(bench, "bob@example.org", "bob")
    await bench.sign_up.request(ADDRESS)
    confirm = partial(bench.sign_up.confirm, bench.token(), reserved=("dave",), admins=())
    with pytest.raises(Conflict, match="name is taken"):
        await confirm("bob", STRONG)
    with pytest.raises(NameRefused):
        await confirm("Dave", STRONG)
    with pytest.raises(PasswordRefused):
        await confirm("alice", "alice@example.org")
    assert await confirm("alice", STRONG)


async def test_nobody_is_flooded(bench: Bench) -> None:
    for _ in range(10):
        await bench.sign_up.request(ADDRESS.upper())
    assert len(bench.mails()) == 4
    with bench.database.session() as session:
        session.execute(update(Attempts).values(until=utc_now() - timedelta(seconds=1)))
    await bench.sign_up.request(ADDRESS)
    assert len(bench.mails()) == 5


# --- approval ------------------------------------------------------------------------------------


@pytest.fixture
def careful(database: Database, tmp_path: Path) -> Bench:
    """Accounts need an approval; the administrator has an address."""
    with database.session() as session:
        add_email(session, "boss", "boss@example.org", BY_MAIL)
    return make_bench(database, tmp_path, approval=True)


async def test_an_account_waits_for_approval(careful: Bench) -> None:
    await careful.sign_up.request(ADDRESS)
    token = careful.token()
    assert not await careful.sign_up.confirm(token, "alice", STRONG, (), ("boss", "chief"))
    assert careful.mails()[-1] == ("waiting", "boss@example.org")
    assert accounts(careful) == []
    with pytest.raises(LinkInvalid):
        await careful.sign_up.confirm(token, "alice", STRONG, (), ())
    with careful.database.session() as session:
        (row,) = sign_ups.waiting(session)
        sign_ups.approve(session, row.id)
    assert accounts(careful) == ["alice"]
    assert owners(careful, ADDRESS) == ["alice"]
    with careful.database.session() as session:
        assert sign_ups.waiting(session) == []


async def test_whoever_waits_has_name_and_address_reserved(careful: Bench) -> None:
    await sign_up(careful)
    await careful.sign_up.request(ADDRESS)
    assert careful.mails()[-1] == ("still_waiting", ADDRESS)
    await careful.sign_up.request("other@example.org")
    with pytest.raises(Conflict, match="name is taken"):
        await careful.sign_up.confirm(careful.token(), "alice", STRONG, (), ())


async def test_a_refused_sign_up_leaves_nothing(careful: Bench) -> None:
    await sign_up(careful)
    with careful.database.session() as session:
        (row,) = sign_ups.waiting(session)
        sign_ups.refuse(session, row.id)
    with careful.database.session() as session:
        assert list(session.scalars(select(SignUp))) == []
    await sign_up(careful)


# --- invitations ---------------------------------------------------------------------------------


async def test_an_invitation_of_an_address_needs_no_approval(careful: Bench) -> None:
    with careful.database.session() as session:
        _, token = invite(session, address=ADDRESS)
    assert await careful.sign_up.confirm(token, "alice", STRONG, (), ())
    assert accounts(careful) == ["alice"]
    assert owners(careful, ADDRESS) == ["alice"]
    with careful.database.session() as session:
        assert invitations.open_invitations(session) == []


async def test_a_link_has_a_number_of_uses(careful: Bench) -> None:
    with careful.database.session() as session:
        invitation, token = invite(session, uses=2)
        assert invitations.find_invitation(session, token).id == invitation.id
    tokens = []
    for name in ("alice", "bob", "carol"):
        await careful.sign_up.request(f"{name}@example.org", invitation.id)
        tokens.append((careful.token(), name))
    for used, name in tokens[:2]:
        assert await careful.sign_up.confirm(used, name, STRONG, (), ())
    with pytest.raises(LinkInvalid):
        await careful.sign_up.confirm(*tokens[2], STRONG, (), ())
    assert accounts(careful) == ["alice", "bob"]
    with careful.database.session() as session, pytest.raises(LinkInvalid):
        invitations.find_invitation(session, token)


async def test_a_withdrawn_invitation_ends_what_began_with_it(careful: Bench) -> None:
    with careful.database.session() as session:
        invitation, token = invite(session, uses=2)
    await careful.sign_up.request(ADDRESS, invitation.id)
    with careful.database.session() as session:
        invitations.withdraw(session, invitation.id)
    with pytest.raises(LinkInvalid):
        await careful.sign_up.confirm(careful.token(), "alice", STRONG, (), ())
    with careful.database.session() as session, pytest.raises(LinkInvalid):
        invitations.find_invitation(session, token)


async def test_an_invitation_ends(careful: Bench) -> None:
    with careful.database.session() as session:
        invitation, token = invite(session, uses=2)
        invitation.expires = utc_now() - timedelta(seconds=1)
    with careful.database.session() as session, pytest.raises(LinkInvalid):
        invitations.find_invitation(session, token)


async def test_an_invitation_without_a_mail_server(database: Database, tmp_path: Path) -> None:
    bench = make_bench(database, tmp_path, mail_available=False, sign_up="invitation")
    with database.session() as session:
        invitation, _ = invite(session)
    token = await bench.sign_up.begin_without_mail(invitation.id)
    assert await bench.sign_up.confirm(token, "alice", OTHER, (), ())
    assert accounts(bench) == ["alice"]
    assert bench.mails() == []
