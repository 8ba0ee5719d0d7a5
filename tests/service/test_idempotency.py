"""Requests that are sent again with the same key: carried out once."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from rosetta_hub.database.database import Database
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_user import IdempotentRequest
from rosetta_hub.errors import (
    DatabaseUnavailable,
    IdempotencyKeyReused,
    RequestInProgress,
    UserError,
)
from rosetta_hub.keys import Keys
from rosetta_hub.users.idempotency import (
    KEPT,
    IdempotencyKeys,
    RequestAttempt,
    RequestKey,
    StoredAnswer,
    digest_request,
    new_id,
    parse_key,
)

BODY = '{"invitation": "S3CRET"}'
KEY = RequestKey("alice", "k1", digest_request("POST", "/tasks", b"{}"))


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path)


@pytest.fixture
def store(database: Database, keys: Keys) -> IdempotencyKeys:
    return IdempotencyKeys(database, keys)


def is_begun(store: IdempotencyKeys, key: RequestKey) -> bool:
    """Whether a request is to be carried out."""
    return isinstance(store.begin(key), RequestAttempt)


def make_older(database: Database) -> None:
    with database.session() as session:
        session.execute(update(IdempotentRequest).values(began=utc_now() - KEPT - timedelta(1)))


def test_the_answer_is_given_again_also_by_the_next_service(
    database: Database, keys: Keys, store: IdempotencyKeys
) -> None:
    assert is_begun(store, KEY)
    store.succeed(KEY, StoredAnswer(201, BODY))
    assert store.begin(KEY) == StoredAnswer(201, BODY)
    assert IdempotencyKeys(database, keys).begin(KEY) == StoredAnswer(201, BODY)
    with database.session() as session:
        (row,) = session.scalars(select(IdempotentRequest))
    assert row.answer is not None
    assert b"S3CRET" not in row.answer


def test_keys_belong_to_users(store: IdempotencyKeys) -> None:
    store.begin(KEY)
    store.succeed(KEY, StoredAnswer(201, BODY))
    other = RequestKey("bob", KEY.key, KEY.request)
    assert is_begun(store, other)


def test_a_key_with_another_request_is_refused(store: IdempotencyKeys) -> None:
    store.begin(KEY)
    for method, path, body in (
        ("POST", "/tasks", b'{"software": "casa"}'),
        ("POST", "/builds", b"{}"),
        ("PUT", "/tasks", b"{}"),
    ):
        other = RequestKey(KEY.user, KEY.key, digest_request(method, path, body))
        with pytest.raises(IdempotencyKeyReused, match="a key of its own"):
            store.begin(other)


def test_what_is_being_carried_out_is_not_begun_again(store: IdempotencyKeys) -> None:
    store.begin(KEY)
    with pytest.raises(RequestInProgress, match="in a moment"):
        store.begin(KEY)


def test_what_may_have_taken_effect_is_carried_out_again(
    database: Database, keys: Keys, store: IdempotencyKeys
) -> None:
    first = store.begin(KEY)
    assert isinstance(first, RequestAttempt)
    assert not first.is_repeated
    store.leave(KEY)
    # Also by the service that follows one that was killed.
    for other in (store, IdempotencyKeys(database, keys)):
        again = other.begin(KEY)
        assert isinstance(again, RequestAttempt)
        assert (again.is_repeated, again.began, again.seed) == (True, first.began, first.seed)
        assert new_id(again, 12) == new_id(first, 12)
        other.leave(KEY)


@pytest.mark.parametrize("end", ["succeed", "fail"])
def test_an_answer_that_can_t_be_kept_does_not_hold_the_key(
    store: IdempotencyKeys, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.begin(KEY)

    def refuse() -> None:
        raise DatabaseUnavailable("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(Database, "session", lambda _: refuse())
        with pytest.raises(DatabaseUnavailable):
            store.succeed(KEY, StoredAnswer(201, BODY)) if end == "succeed" else store.fail(KEY)
    again = store.begin(KEY)
    assert isinstance(again, RequestAttempt)
    assert again.is_repeated


def test_two_requests_have_nothing_in_common(database: Database, store: IdempotencyKeys) -> None:
    first = store.begin(KEY)
    make_older(database)
    second = store.begin(KEY)
    other = store.begin(RequestKey("bob", KEY.key, KEY.request))
    assert (
        len({item.seed for item in (first, second, other) if isinstance(item, RequestAttempt)}) == 3
    )


def test_a_refused_request_may_be_sent_again(store: IdempotencyKeys) -> None:
    store.begin(KEY)
    store.fail(KEY)
    assert is_begun(store, KEY)


async def test_keys_are_kept_for_a_day(database: Database, store: IdempotencyKeys) -> None:
    store.begin(KEY)
    store.succeed(KEY, StoredAnswer(201, BODY))
    await store.step()
    assert not is_begun(store, KEY)
    make_older(database)
    assert is_begun(store, KEY)
    store.succeed(KEY, StoredAnswer(201, BODY))
    make_older(database)
    await store.step()
    with database.session() as session:
        assert list(session.scalars(select(IdempotentRequest))) == []


def test_the_keys_of_a_deleted_user_are_gone(store: IdempotencyKeys) -> None:
    store.begin(KEY)
    store.delete_user("alice")
    # The answer comes when the user is gone.
    store.succeed(KEY, StoredAnswer(201, BODY))
    store.fail(KEY)
    assert is_begun(store, KEY)


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ('"8e03978e-40d5-43dd-bc93-6894a57f9324"', "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        (" abc ", "abc"),
        ("x" * 255, "x" * 255),
    ],
)
def test_headers_hold_a_key_with_or_without_quotes(header: str, key: str) -> None:
    assert parse_key(header) == key


@pytest.mark.parametrize("header", ["", '""', '"a', "a b", "ä", "\x80", "a\\b", "x" * 256])
def test_a_header_without_a_key_is_refused(header: str) -> None:
    with pytest.raises(UserError, match="1 to 255"):
        parse_key(header)
