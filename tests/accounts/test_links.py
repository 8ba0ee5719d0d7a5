"""Logins and verified addresses as rows: whose they are, and that nobody inherits them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from rosetta_hub.accounts.links import (
    SIGN_UP,
    Subject,
    add_link,
    find_link,
    links_of_user,
    relink,
    unlink,
    was_unlinked,
)
from rosetta_hub.accounts.ownership import (
    adopt_rows,
    delete_former_rows,
    delete_rows,
    is_reserved,
)
from rosetta_hub.database.models_logins import LoginLink
from rosetta_hub.database.models_user import HubUser, UserState
from rosetta_hub.errors import Conflict, NotFound
from rosetta_hub.users.emails import (
    add_email,
    emails_of_user,
    replace_method_email,
    users_of_email,
)
from tests.support.databases import open_sqlite

ALICE = Subject("https://idp.example.org", "a1")
THEN = datetime(2026, 1, 2, tzinfo=UTC)
LATER = THEN + timedelta(days=1)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A transaction on an empty database."""
    database = open_sqlite(tmp_path)
    with database.session() as session:
        yield session
    database.close()


def test_subjects_of_two_issuers_are_two() -> None:
    subjects = [Subject("a", "bc"), Subject("ab", "c"), Subject("a", "b"), Subject("b", "a")]
    assert len({subject.key for subject in subjects}) == 4


def test_a_subject_leads_to_one_user(session: Session) -> None:
    add_link(session, "alice", "idp", ALICE, SIGN_UP)
    with pytest.raises(Conflict, match="leads to another user already"):
        add_link(session, "mallory", "idp", ALICE, SIGN_UP)
    link = find_link(session, ALICE)
    assert link is not None
    assert link.user == "alice"
    # Not even two hubs at once could.
    session.add(
        LoginLink(
            **{"user": "mallory", "method": "idp", "issuer": "x", "subject": "y"},
            **{"active_key": ALICE.key, "linked_by": "", "linked_at": THEN, "last_ok": THEN},
        )
    )
    with pytest.raises(IntegrityError):
        session.flush()
    session.rollback()


def test_unlinking_can_be_undone(session: Session) -> None:
    first = add_link(session, "alice", "idp", ALICE, SIGN_UP)
    with pytest.raises(Conflict, match="the only login"):
        unlink(session, "alice", first.id)
    add_link(session, "alice", "github", Subject("github", "7"), SIGN_UP)
    with pytest.raises(NotFound):
        unlink(session, "bob", first.id)
    unlink(session, "alice", first.id)
    assert find_link(session, ALICE) is None
    assert was_unlinked(session, ALICE, "alice")
    assert not was_unlinked(session, ALICE, "bob")
    assert [link.method for link in links_of_user(session, "alice")] == ["github"]
    relink(session, first)
    assert find_link(session, ALICE) is first
    unlink(session, "alice", first.id)
    add_link(session, "bob", "idp", ALICE, SIGN_UP)
    with pytest.raises(Conflict, match="another user by now"):
        relink(session, first)


def test_an_address_is_one_users(session: Session) -> None:
    assert add_email(session, "alice", "Alice@Example.org", "idp")
    # The same one: another case, and a full-width letter, which NFKC makes an `a`.
    assert not add_email(
        session, "mallory", "\N{FULLWIDTH LATIN SMALL LETTER A}lice@example.ORG ", "x"
    )
    assert users_of_email(session, "ALICE@EXAMPLE.ORG") == ["alice"]
    assert add_email(session, "alice", "a@example.org", "mail")
    assert [row.address for row in emails_of_user(session, "alice")] == [
        "alice@example.org",
        "a@example.org",
    ]


def test_address_that_a_provider_gave_to_somebody_else_does_not_stay(session: Session) -> None:
    add_email(session, "alice", "own@example.org", "mail")
    replace_method_email(session, "alice", "idp", "old@example.org")
    replace_method_email(session, "alice", "idp", "new@example.org")
    assert users_of_email(session, "old@example.org") == []
    # What was verified by a mail of ours stays, whatever a provider says.
    replace_method_email(session, "alice", "idp", "own@example.org")
    replace_method_email(session, "alice", "idp", None)
    assert [row.address for row in emails_of_user(session, "alice")] == ["own@example.org"]


def test_nobody_inherits_the_rows_of_a_former_user(session: Session) -> None:
    add_link(session, "alice", "idp", ALICE, SIGN_UP)
    add_email(session, "alice", "alice@example.org", "idp")
    assert is_reserved(session, "alice")
    adopt_rows(session, "alice", THEN)
    assert not is_reserved(session, "alice")
    # Again, as at each start of the hub; and a database may keep whole seconds.
    adopt_rows(session, "alice", THEN + timedelta(milliseconds=400))
    assert len(links_of_user(session, "alice")) == 1
    adopt_rows(session, "alice", LATER)
    assert links_of_user(session, "alice") == []
    assert emails_of_user(session, "alice") == []


def test_service_deletes_what_the_former_user_had_alone(session: Session) -> None:
    session.add(HubUser(name="alice", created=THEN))
    add_link(session, "alice", "idp", ALICE, SIGN_UP)
    adopt_rows(session, "alice", THEN)
    # The next one of that name has signed in before the service knows.
    add_link(session, "alice", "github", Subject("github", "7"), SIGN_UP)
    delete_former_rows(session, "alice")
    assert [link.method for link in links_of_user(session, "alice")] == ["github"]
    delete_rows(session, "alice")
    assert session.scalars(select(LoginLink)).all() == []


def test_users_are_active_unless_somebody_blocks_them(session: Session) -> None:
    session.merge(HubUser(name="alice", created=THEN))
    session.flush()
    user = session.get(HubUser, "alice")
    assert user is not None
    assert user.state is UserState.ACTIVE
    user.state = UserState.BLOCKED
    session.flush()
    # What the service notes of users does not unblock them.
    session.merge(HubUser(name="alice", created=LATER))
    session.flush()
    session.refresh(user)
    assert user.state is UserState.BLOCKED
