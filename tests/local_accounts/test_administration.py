"""Administrators decide: approve, refuse, invite, block; somebody can always administrate."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select

from rosetta_hub.accounts import password_records
from rosetta_hub.accounts.administration import AccountAdministration
from rosetta_hub.accounts.errors import LinkInvalid
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_audit import AuditRecord
from rosetta_hub.database.models_local import OneTimeToken
from rosetta_hub.database.models_user import HubUser, UserState
from rosetta_hub.errors import Conflict, HubUnavailable, InvalidOptions, NotAllowed, NotFound
from rosetta_hub.users.idempotency import RequestAttempt, RequestKey

from .bench import HUB, STRONG, Bench, make_bench

CREATED = datetime(2026, 11, 1, 12, tzinfo=UTC)
ADDRESS = "alice@example.org"


@dataclass
class Hub:
    """A hub with some users, and what was ended of their sessions."""

    administrators: set[str] = field(default_factory=lambda: {"boss", "chief"})
    users: set[str] = field(default_factory=lambda: {"boss", "chief", "mallory"})
    ended: list[tuple[str, str, bool]] = field(default_factory=list)
    answers: bool = True

    async def admins(self) -> set[str]:
        await asyncio.sleep(0)
        return set(self.administrators)

    async def has_user(self, name: str) -> bool:
        return name in self.users

    async def user_created(self, name: str) -> datetime | None:
        return CREATED if name in self.users else None

    async def end(self, user: str, *, actor: str, api_tokens: bool = False) -> None:
        if not self.answers:
            raise HubUnavailable("no answer")
        self.ended.append((user, actor, api_tokens))


@dataclass
class Office:
    """An administration, its hub, and the flows of users."""

    hub: Hub
    bench: Bench
    accounts: AccountAdministration

    def events(self) -> list[tuple[str, str, str | None]]:
        """Event, actor and user of the audit records."""
        with self.bench.database.session() as session:
            rows = session.scalars(select(AuditRecord).order_by(AuditRecord.id))
            return [(row.event, row.actor, row.user) for row in rows]

    async def sign_up(self, name: str = "alice") -> str:
        """Somebody who waits; the id."""
        await self.bench.sign_up.request(f"{name}@example.org")
        await self.bench.sign_up.confirm(self.bench.token(), name, STRONG, (), ())
        return (await self.accounts.waiting())[-1].id


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Office:
    """Accounts need an approval."""
    hub, bench = Hub(), make_bench(database, tmp_path, approval=True)
    accounts = AccountAdministration(bench.local, cast(Any, hub), cast(Any, hub), has_local=True)
    return Office(hub, bench, accounts)


async def test_an_approved_account_works_and_its_owner_is_told(office: Office) -> None:
    sign_up = await office.sign_up()
    (view,) = await office.accounts.waiting()
    assert (view.name, view.address) == ("alice", ADDRESS)
    await office.accounts.approve(sign_up, "boss")
    assert await office.accounts.waiting() == []
    assert office.bench.mails()[-1] == ("approved", ADDRESS)
    assert f"{HUB}/hub/login" in office.bench.context()
    assert ("account.approve", "boss", "alice") in office.events()
    with office.bench.database.session() as session:
        assert password_records.find_password(session, "alice") is not None
    with pytest.raises(NotFound):
        await office.accounts.approve(sign_up, "chief")


async def test_a_refused_sign_up_is_told_and_gone(office: Office) -> None:
    sign_up = await office.sign_up()
    await office.accounts.refuse(sign_up, "boss")
    assert await office.accounts.waiting() == []
    assert office.bench.mails()[-1] == ("refused", ADDRESS)
    assert ("account.refuse", "boss", "alice") in office.events()
    with office.bench.database.session() as session:
        assert password_records.find_password(session, "alice") is None


async def test_a_name_that_the_hub_has_meanwhile_is_not_approved(office: Office) -> None:
    sign_up = await office.sign_up()
    office.hub.users.add("alice")
    with pytest.raises(Conflict, match="has a user 'alice' by now"):
        await office.accounts.approve(sign_up, "boss")
    assert len(await office.accounts.waiting()) == 1


async def test_an_invited_address_gets_a_link_that_leads_to_an_account(office: Office) -> None:
    view, _ = await office.accounts.invite("boss", 7, 5, ADDRESS)
    assert (view.address, view.uses_left) == (ADDRESS, 1)
    assert office.bench.mails() == [("invitation", ADDRESS)]
    token = office.bench.token()
    assert await office.bench.sign_up.confirm(token, "alice", STRONG, (), ())
    assert await office.accounts.invitations() == []


async def test_all_attempts_of_a_request_make_one_invitation(office: Office) -> None:
    key = RequestKey("boss", "k1", "digest")
    attempt = RequestAttempt(key, utc_now(), is_repeated=True)
    for address in (None, ADDRESS):
        first = await office.accounts.invite("boss", 7, 5, address, attempt)
        assert await office.accounts.invite("boss", 7, 5, address, attempt) == first
        await office.accounts.withdraw(first[0].id, "boss")
    assert office.bench.mails() == [("invitation", ADDRESS)]
    later = replace(attempt, began=attempt.began + timedelta(seconds=1))
    links = [
        (await office.accounts.invite("boss", 7, 5, None, item))[1] for item in (attempt, later)
    ]
    assert links[0] != links[1]
    assert len(await office.accounts.invitations()) == 2


async def test_a_link_is_shown_once_and_can_be_withdrawn(office: Office, tmp_path: Path) -> None:
    view, link = await office.accounts.invite("boss", 7, 5, None)
    assert link.startswith(f"{HUB}/hub/sign-up?token=")
    token = link.partition("token=")[2]
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("rosetta.sqlite*"))
    assert token.encode() not in stored
    assert [invitation.uses_left for invitation in await office.accounts.invitations()] == [5]
    await office.accounts.withdraw(view.id, "chief")
    assert await office.accounts.invitations() == []
    with pytest.raises(NotFound):
        await office.accounts.withdraw(view.id, "chief")


async def test_a_withdrawn_address_has_no_link_any_more(office: Office) -> None:
    view, _ = await office.accounts.invite("boss", 7, 1, ADDRESS)
    await office.accounts.withdraw(view.id, "boss")
    with pytest.raises(LinkInvalid):
        await office.bench.sign_up.confirm(office.bench.token(), "alice", STRONG, (), ())


async def test_an_address_can_only_be_invited_by_mail(database: Database, tmp_path: Path) -> None:
    bench = make_bench(database, tmp_path, mail_available=False)
    hub = Hub()
    accounts = AccountAdministration(bench.local, cast(Any, hub), cast(Any, hub), has_local=True)
    with pytest.raises(Conflict, match="sends no mails"):
        await accounts.invite("boss", 7, 1, ADDRESS)
    await accounts.invite("boss", 7, 1, None)


async def test_no_address(office: Office) -> None:
    with pytest.raises(InvalidOptions, match="mail address"):
        await office.accounts.invite("boss", 7, 1, "alice@example.org\r\nBcc: eve@example.org")


# --- blocking ------------------------------------------------------------------------------------


async def test_a_blocked_user_is_out_at_once(office: Office) -> None:
    with office.bench.database.session() as session:
        office.bench.reset.hand_over(session, "mallory")
    await office.accounts.set_state("mallory", UserState.BLOCKED, "boss")
    assert office.hub.ended == [("mallory", "boss", True)]
    assert await office.accounts.blocked() == ["mallory"]
    assert ("account.block", "boss", "mallory") in office.events()
    with office.bench.database.session() as session:
        row = session.get(HubUser, "mallory")
        assert list(session.scalars(select(OneTimeToken))) == []
    assert row is not None
    assert row.created == CREATED
    await office.accounts.set_state("mallory", UserState.ACTIVE, "boss")
    assert await office.accounts.blocked() == []
    assert len(office.hub.ended) == 1


async def test_sessions_that_could_not_be_ended_are_ended_by_doing_it_again(office: Office) -> None:
    office.hub.answers = False
    with pytest.raises(HubUnavailable):
        await office.accounts.set_state("mallory", UserState.BLOCKED, "boss")
    # Blocked nevertheless: the next login is refused.
    assert await office.accounts.blocked() == ["mallory"]
    office.hub.answers = True
    await office.accounts.set_state("mallory", UserState.BLOCKED, "boss")
    assert office.hub.ended == [("mallory", "boss", True)]


async def test_nobody_blocks_oneself_or_a_user_who_is_not_there(office: Office) -> None:
    with pytest.raises(NotAllowed):
        await office.accounts.set_state("boss", UserState.BLOCKED, "boss")
    with pytest.raises(NotFound):
        await office.accounts.set_state("nobody", UserState.BLOCKED, "boss")


async def test_the_last_administrator_is_not_blocked(office: Office) -> None:
    await office.accounts.set_state("chief", UserState.BLOCKED, "boss")
    # A token of a service, or the one who was blocked a moment ago.
    with pytest.raises(Conflict, match="last administrator"):
        await office.accounts.set_state("boss", UserState.BLOCKED, "chief")
    assert await office.accounts.blocked() == ["chief"]


async def test_of_two_who_block_each_other_one_is_left(office: Office) -> None:
    results = await asyncio.gather(
        office.accounts.set_state("chief", UserState.BLOCKED, "boss"),
        office.accounts.set_state("boss", UserState.BLOCKED, "chief"),
        return_exceptions=True,
    )
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "NoneType"]
    assert len(await office.accounts.blocked()) == 1
