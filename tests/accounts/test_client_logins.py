"""Logins of programs: how long they last, and how many there are."""

import pytest

from rosetta_hub.accounts.client_logins import (
    Agreement,
    AskedTooSoon,
    ClientLogins,
    LoginPending,
    LoginUnknown,
    challenge_of,
)

VERIFIER = "v" * 43
CHALLENGE = challenge_of(VERIFIER)
AGREEMENT = Agreement("alice", "laptop", ("see",), 86400, "token")


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_challenge_is_that_of_rfc_7636() -> None:
    """Appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_a_code_may_be_typed_in_any_way_for_ten_minutes() -> None:
    clock = Clock()
    logins = ClientLogins(clock)
    _, code = logins.begin("laptop", CHALLENGE)
    assert logins.find_client(f" {code[:4].lower()}-{code[4:]} ") == "laptop"
    clock.now = 600.0
    with pytest.raises(LoginUnknown):
        logins.find_client(code)


@pytest.mark.parametrize("seconds", [59, 61])
def test_what_was_agreed_to_is_there_for_a_minute(seconds: float) -> None:
    clock = Clock()
    logins = ClientLogins(clock)
    secret, code = logins.begin("laptop", CHALLENGE)
    logins.agree(code, AGREEMENT)
    at_once = logins.agree_at_once(CHALLENGE, AGREEMENT)
    clock.now = seconds
    for item in (secret, at_once):
        if seconds < 60:
            assert logins.redeem(item, VERIFIER) == AGREEMENT
        with pytest.raises(LoginUnknown):
            logins.redeem(item, VERIFIER)


def test_who_asks_too_often_is_told() -> None:
    clock = Clock()
    logins = ClientLogins(clock)
    secret, _ = logins.begin("laptop", CHALLENGE)
    with pytest.raises(LoginPending):
        logins.redeem(secret, VERIFIER)
    clock.now = 1.0
    with pytest.raises(AskedTooSoon) as error:
        logins.redeem(secret, VERIFIER)
    assert error.value.headers == {"Retry-After": "5"}
    clock.now = 5.0
    with pytest.raises(LoginPending):
        logins.redeem(secret, VERIFIER)


def test_the_oldest_goes_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rosetta_hub.accounts.client_logins.MOST", 3)
    logins = ClientLogins(Clock())
    codes = [logins.begin(f"machine{number}", CHALLENGE)[1] for number in range(4)]
    with pytest.raises(LoginUnknown):
        logins.find_client(codes[0])
    assert logins.find_client(codes[3]) == "machine3"


def test_the_browsers_token_is_in_no_repr() -> None:
    assert "token" not in repr(AGREEMENT).replace("browser_token", "")
