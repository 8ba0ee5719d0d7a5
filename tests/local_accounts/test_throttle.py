"""Attempts are counted in the database, and lock nobody else out."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from rosetta_hub.accounts import login_throttle
from rosetta_hub.accounts.errors import TooManyAttempts
from rosetta_hub.accounts.login_throttle import LoginAttempt, LoginThrottle, delay_after
from rosetta_hub.accounts.throttle import Rule, Throttle, address_prefix
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_local import Attempts

RULE = Rule("test", 3, timedelta(minutes=15))


@pytest.mark.parametrize(
    ("address", "prefix"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix", "unix"),
    ],
)
def test_what_one_person_has_of_addresses(address: str, prefix: str) -> None:
    assert address_prefix(address) == prefix


def test_attempts_are_counted_across_restarts(database: Database) -> None:
    for count in (1, 2, 3):
        assert Throttle(database).take(RULE, "alice") == count
    with pytest.raises(TooManyAttempts) as error:
        Throttle(database).take(RULE, "alice")
    assert 0 < error.value.retry_after <= 900
    assert Throttle(database).take(RULE, "bob") == 1


def test_a_span_of_time_ends(database: Database) -> None:
    throttle = Throttle(database)
    for _ in range(3):
        throttle.take(RULE, "alice")
    throttle.take(RULE, "bob")
    with database.session() as session:
        session.execute(update(Attempts).values(until=utc_now() - timedelta(seconds=1)))
    assert throttle.take(RULE, "alice") == 1
    # What is over does not fill the table.
    with database.session() as session:
        assert len(session.scalars(select(Attempts)).all()) == 1


def test_no_name_and_no_address_is_stored(database: Database, tmp_path: Path) -> None:
    LoginThrottle(Throttle(database)).begin(LoginAttempt("mallory", "192.0.2.99"))
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("rosetta.sqlite*"))
    assert b"mallory" not in stored
    assert b"192.0.2.99" not in stored


def fail(throttle: LoginThrottle, attempt: LoginAttempt, times: int) -> None:
    for _ in range(times):
        throttle.begin(attempt)


def test_an_account_is_closed_to_one_address_alone(database: Database) -> None:
    throttle = LoginThrottle(Throttle(database))
    fail(throttle, LoginAttempt("alice", "192.0.2.1"), 10)
    with pytest.raises(TooManyAttempts):
        throttle.begin(LoginAttempt("alice", "192.0.2.1"))
    throttle.begin(LoginAttempt("bob", "192.0.2.1"))
    throttle.begin(LoginAttempt("alice", "192.0.2.2"))


def test_addresses_of_one_network_of_ipv6_are_one(database: Database) -> None:
    throttle = LoginThrottle(Throttle(database))
    for number in range(10):
        throttle.begin(LoginAttempt("alice", f"2001:db8::{number:x}"))
    with pytest.raises(TooManyAttempts):
        throttle.begin(LoginAttempt("alice", "2001:db8::ffff"))


def test_an_address_that_tries_many_accounts_is_closed(database: Database) -> None:
    throttle = LoginThrottle(Throttle(database))
    for number in range(100):
        throttle.begin(LoginAttempt(f"user{number}", "192.0.2.1"))
    with pytest.raises(TooManyAttempts):
        throttle.begin(LoginAttempt("another", "192.0.2.1"))


def attack_from_everywhere(throttle: LoginThrottle) -> None:
    for number in range(60):
        throttle.begin(LoginAttempt("alice", f"198.51.100.{number}"))


def test_an_attack_on_an_account_only_slows_it_down(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shown with a limit for the account: then the owner is out."""
    throttle = LoginThrottle(Throttle(database))
    owner = LoginAttempt("alice", "192.0.2.1")
    with monkeypatch.context() as weakened:
        limit = Rule("weak", 20, timedelta(minutes=15))
        weakened.setattr(login_throttle, "BY_ACCOUNT", limit)
        with pytest.raises(TooManyAttempts):
            attack_from_everywhere(throttle)
        with pytest.raises(TooManyAttempts):
            throttle.begin(owner)
    attack_from_everywhere(LoginThrottle(Throttle(database)))
    assert 0 < throttle.begin(owner) <= login_throttle.LONGEST_DELAY


def test_a_known_browser_passes_an_attacker_at_the_same_address(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    throttle = LoginThrottle(Throttle(database))
    fail(throttle, LoginAttempt("alice", "192.0.2.1"), 10)
    assert throttle.begin(LoginAttempt("alice", "192.0.2.1", "known")) == 0
    # It has a limit of its own: its cookie may have been stolen.
    fail(throttle, LoginAttempt("alice", "192.0.2.1", "known"), 9)
    with pytest.raises(TooManyAttempts):
        throttle.begin(LoginAttempt("alice", "192.0.2.1", "known"))


def test_success_is_not_counted(database: Database) -> None:
    throttle = LoginThrottle(Throttle(database))
    # The highest of the limits.
    assert login_throttle.BY_ADDRESS.most is not None
    for _ in range(login_throttle.BY_ADDRESS.most):
        attempt = LoginAttempt("alice", "192.0.2.1")
        throttle.begin(attempt)
        throttle.succeeded(attempt)
    assert throttle.begin(LoginAttempt("alice", "192.0.2.1")) == 0


def test_an_own_account_does_not_reset_the_count_of_another(database: Database) -> None:
    throttle = LoginThrottle(Throttle(database))
    for _ in range(10):
        throttle.begin(LoginAttempt("alice", "192.0.2.1"))
        own = LoginAttempt("mallory", "192.0.2.1")
        throttle.begin(own)
        throttle.succeeded(own)
    with pytest.raises(TooManyAttempts):
        throttle.begin(LoginAttempt("alice", "192.0.2.1"))


def test_delays_grow_and_end() -> None:
    delays = [delay_after(failures) for failures in (1, 20, 21, 22, 100, 10_000)]
    assert delays[:2] == [0, 0]
    assert delays == sorted(delays)
    assert delays[-1] == login_throttle.LONGEST_DELAY
