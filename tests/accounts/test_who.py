"""Who signs in as whom. Each attack succeeds where one check is missing, and is refused with it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from rosetta_hub.accounts import who
from rosetta_hub.accounts.links import Subject, links_of_user, unlink
from rosetta_hub.accounts.merge import merge_users, merged_users, separate_users
from rosetta_hub.accounts.ownership import adopt_rows
from rosetta_hub.accounts.who import Claimant, Decision, check_active, decide, note_refresh
from rosetta_hub.authenticators.method import LoginMethod, SignIn
from rosetta_hub.authenticators.oauth import OAuthMethod
from rosetta_hub.errors import Conflict, NotAllowed, NotFound
from rosetta_hub.users.emails import BY_MAIL, add_email, users_of_email
from tests.support.databases import open_sqlite

ADDRESS = "alice@example.org"
INSTITUTE, ELSEWHERE = "https://institute.example", "https://elsewhere.example"


class World:
    """A hub's users, and a transaction of the accounts."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.users: dict[str, datetime] = {}
        self._time = datetime(2026, 1, 1, tzinfo=UTC)

    def sign_in(self, claimant: Claimant, intent: str | None = None) -> str:
        """As at the hub: it creates users that it has not."""
        decision: Decision = decide(self.session, claimant, self.users.get, intent)
        if decision.other is None and decision.user not in self.users:
            self.create(decision.user)
        return decision.user

    def create(self, user: str) -> None:
        """The hub has a new user."""
        self._time = max(self._time + timedelta(days=1), datetime.now(UTC))
        self.users[user] = self._time
        adopt_rows(self.session, user, self._time)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An empty hub."""
    database = open_sqlite(tmp_path)
    with database.session() as session:
        yield World(session)
    database.close()


def at_institute(subject: str, name: str, email: str | None = None) -> Claimant:
    """Somebody at a provider that is trusted with addresses."""
    return Claimant("institute", Subject(INSTITUTE, subject), name, email, email)


def elsewhere(subject: str, name: str) -> Claimant:
    """Somebody at any other provider."""
    return Claimant("elsewhere", Subject(ELSEWHERE, subject), name)


class Method(LoginMethod):
    """A method that is trusted with addresses of one domain."""

    id, title, trusts_email, email_domains = "institute", "Institute", True, ("example.org",)

    def handlers(self) -> list[tuple[Any, ...]]:
        return []


def claimed(method: LoginMethod, email: str, verified: Any) -> Claimant:
    """What a method makes of a provider's claims about mallory."""
    sign_in = SignIn(Subject(INSTITUTE, "m"), "mallory", email, verified)
    return at_institute("m", "mallory", method.trusted_email(sign_in))


# --- attacks -------------------------------------------------------------------------------------

WEAK = [True, False]


@pytest.mark.parametrize("is_weak", WEAK)
@pytest.mark.parametrize(
    ("trusts", "email", "verified"),
    [(False, ADDRESS, True), (True, ADDRESS, False), (True, "alice@example.com", True)],
    ids=["nOAuth", "unverified", "foreign-domain"],
)
def test_address_without_proof_links_nobody(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    is_weak: bool,
    trusts: bool,
    email: str,
    verified: bool,
) -> None:
    world.sign_in(elsewhere("a", "alice"))
    add_email(world.session, "alice", email, BY_MAIL)
    method = Method()
    monkeypatch.setattr(method, "trusts_email", trusts)
    if is_weak:
        monkeypatch.setattr(Method, "trusted_email", lambda _, sign_in: sign_in.email)
    assert world.sign_in(claimed(method, email, verified)) == ("alice" if is_weak else "mallory")


@pytest.mark.parametrize("is_weak", WEAK)
@pytest.mark.parametrize("verified", ["true", "false", 1, None])
async def test_only_true_is_verified(
    world: World, monkeypatch: pytest.MonkeyPatch, is_weak: bool, verified: Any
) -> None:
    document = {"email": ADDRESS, "email_verified": verified}
    if is_weak:
        monkeypatch.setattr(OAuthMethod, "find_email", _find_email_as_any_truth)
    email = await OAuthMethod.find_email(object.__new__(OAuthMethod), {}, document)
    assert email == (ADDRESS, is_weak and bool(verified))


async def _find_email_as_any_truth(_: Any, __: Any, message: dict[str, Any]) -> tuple[str, bool]:
    return message["email"], bool(message["email_verified"])


@pytest.mark.parametrize("is_weak", WEAK)
def test_name_is_never_taken_over(
    world: World, monkeypatch: pytest.MonkeyPatch, is_weak: bool
) -> None:
    """Pre-hijacking by a trojan name, in both orders of arrival."""
    if is_weak:
        monkeypatch.setattr(who, "_free_name", lambda _session, name, _find: name)
    assert world.sign_in(elsewhere("m", "alice")) == "alice"
    assert world.sign_in(at_institute("a", "alice")) == ("alice" if is_weak else "alice-2")


@pytest.mark.parametrize("is_weak", WEAK)
def test_two_who_come_at_once_do_not_get_one_name(
    world: World, monkeypatch: pytest.MonkeyPatch, is_weak: bool
) -> None:
    if is_weak:
        monkeypatch.setattr(who, "is_reserved", lambda _session, _user: False)
    users = {
        decide(world.session, claimant, world.users.get).user
        for claimant in (elsewhere("m", "alice"), at_institute("a", "alice"))
    }
    # The hub has created neither of them yet. (A weak one deletes the first one's link besides.)
    assert users == ({"alice"} if is_weak else {"alice", "alice-2"})


@pytest.mark.parametrize("is_weak", WEAK)
def test_address_of_a_former_owner_leads_to_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch, is_weak: bool
) -> None:
    """An address at the provider goes to somebody else (pre-hijacking: unexpired change)."""
    world.sign_in(at_institute("a", "alice", ADDRESS))
    if is_weak:
        monkeypatch.setattr(who, "replace_method_email", lambda *_: None)
    world.sign_in(at_institute("a", "alice", "married@example.org"))
    user = world.sign_in(at_institute("b", "bob", ADDRESS))
    assert user == ("alice" if is_weak else "bob")


@pytest.mark.parametrize("is_weak", WEAK)
def test_login_of_a_deleted_user_does_not_lead_to_the_next_one(
    world: World, monkeypatch: pytest.MonkeyPatch, is_weak: bool
) -> None:
    world.sign_in(elsewhere("m", "alice"))
    # Deleted and created anew while another authenticator was in use.
    world.users["alice"] += timedelta(days=30)
    if is_weak:
        monkeypatch.setattr(who, "is_same_time", lambda item, _other: True)
    assert world.sign_in(elsewhere("m", "alice")) == ("alice" if is_weak else "alice-2")


@pytest.mark.parametrize("is_weak", WEAK)
def test_removed_login_is_not_linked_again_by_its_address(
    world: World, monkeypatch: pytest.MonkeyPatch, is_weak: bool
) -> None:
    world.sign_in(elsewhere("a", "alice"))
    add_email(world.session, "alice", ADDRESS, BY_MAIL)
    assert world.sign_in(at_institute("m", "mallory", ADDRESS)) == "alice"
    (link,) = [item for item in links_of_user(world.session, "alice") if item.method == "institute"]
    unlink(world.session, "alice", link.id)
    if is_weak:
        monkeypatch.setattr(who, "was_unlinked", lambda *_: False)
    user = world.sign_in(at_institute("m", "mallory", ADDRESS))
    assert user == ("alice" if is_weak else "mallory")


def test_address_of_two_users_links_neither(world: World) -> None:
    for user in ("alice", "bob"):
        world.sign_in(elsewhere(user, user))
        add_email(world.session, user, f"{user}@example.org", BY_MAIL)
    assert not add_email(world.session, "bob", ADDRESS, BY_MAIL)
    assert world.sign_in(at_institute("m", "mallory", "bob@example.org")) == "bob"
    assert world.sign_in(at_institute("n", "nobody", "who@example.org")) == "nobody"


# --- what users do -------------------------------------------------------------------------------


def test_user_of_another_authenticator_is_adopted_on_request(world: World) -> None:
    world.create("alice")
    claimant = at_institute("a", "alice")
    assert world.sign_in(claimant) == "alice-2"
    other = replace(at_institute("b", "alice"), adopts_users=True)
    assert world.sign_in(other) == "alice"
    # Once: the user has a login now.
    third = replace(at_institute("c", "alice"), adopts_users=True)
    assert world.sign_in(third) == "alice-3"


def test_merged_users_can_be_separated(world: World) -> None:
    world.sign_in(at_institute("a", "alice", ADDRESS))
    world.sign_in(elsewhere("b", "bob"))
    add_email(world.session, "bob", "bob@example.org", BY_MAIL)
    assert decide(world.session, elsewhere("b", "bob"), world.users.get, "alice").other == "bob"
    with pytest.raises(Conflict):
        merge_users(world.session, "alice", "alice")
    merge_users(world.session, "alice", "bob")
    assert world.sign_in(elsewhere("b", "bob")) == "alice"
    assert users_of_email(world.session, "bob@example.org") == ["alice"]
    with pytest.raises(NotAllowed, match="blocked"):
        check_active(world.session, "bob")
    assert merged_users(world.session, "alice") == ["bob"]
    separate_users(world.session, "alice", "bob")
    assert world.sign_in(elsewhere("b", "bob")) == "bob"
    with pytest.raises(NotFound):
        separate_users(world.session, "alice", "bob")


def test_refresh_of_a_removed_login_is_refused(world: World) -> None:
    claimant = elsewhere("a", "alice")
    world.sign_in(claimant)
    note_refresh(world.session, claimant, "alice")
    with pytest.raises(NotAllowed):
        note_refresh(world.session, claimant, "bob")
    world.sign_in(at_institute("x", "x"), intent="alice")
    (link,) = [item for item in links_of_user(world.session, "alice") if item.method == "elsewhere"]
    unlink(world.session, "alice", link.id)
    with pytest.raises(NotAllowed, match="was removed"):
        note_refresh(world.session, claimant, "alice")


def test_rights_of_another_login_are_told(world: World) -> None:
    admin = replace(at_institute("a", "alice"), claims={"admin": True})
    world.sign_in(admin)
    world.sign_in(elsewhere("e", "e"), intent="alice")
    assert decide(world.session, elsewhere("e", "e"), world.users.get).is_admin_elsewhere
    assert not decide(world.session, admin, world.users.get).is_admin_elsewhere
    json.dumps([link.claims for link in links_of_user(world.session, "alice")])
