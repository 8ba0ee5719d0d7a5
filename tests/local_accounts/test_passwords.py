"""Passwords: hashed, verified with the same work for nobody, refused when they are weak."""

from typing import Literal

import argon2
import bcrypt
import pytest

from rosetta_hub.accounts.errors import PasswordRefused
from rosetta_hub.accounts.passwords import PasswordCheck, Passwords, check_password

from .bench import CHEAP, STRONG


async def test_a_password_is_verified() -> None:
    passwords = Passwords(CHEAP)
    hashed = await passwords.hash(STRONG)
    assert STRONG not in hashed
    assert hashed.startswith("$argon2id$")
    assert (await passwords.verify(hashed, STRONG)).right
    assert not (await passwords.verify(hashed, STRONG + "x")).right
    assert not (await passwords.verify("not a hash", STRONG)).right


async def test_letters_may_be_composed_in_two_ways() -> None:
    passwords = Passwords(CHEAP)
    hashed = await passwords.hash("caf\N{LATIN SMALL LETTER E WITH ACUTE}")
    assert (await passwords.verify(hashed, "cafe\N{COMBINING ACUTE ACCENT}")).right


async def test_nobody_has_no_password_but_costs_as_much(monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[str] = []

    class Counting(argon2.PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
            verified.append(str(hash))
            return super().verify(hash, password)

    passwords = Passwords(Counting(time_cost=1, memory_cost=8, parallelism=1))
    hashed = await passwords.hash(STRONG)
    for value in (hashed, None):
        assert not (await passwords.verify(value, "wrong")).right
    assert not (await passwords.verify(None, "")).right
    assert not (await passwords.verify(hashed, "x" * 5000)).right
    assert len(verified) == 4
    costs = {item.split("$")[3] for item in verified}
    assert len(costs) == 1


async def test_a_hash_with_other_costs_is_outdated() -> None:
    hashed = await Passwords(CHEAP).hash(STRONG)
    newer = Passwords(argon2.PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    verdict = await newer.verify(hashed, STRONG)
    assert (verdict.right, verdict.outdated) == (True, True)
    assert not (await newer.verify(await newer.hash(STRONG), STRONG)).outdated


async def test_a_hash_of_bcrypt_is_right_and_outdated() -> None:
    passwords = Passwords(CHEAP)
    hashed = bcrypt.hashpw(b"b" * 72, bcrypt.gensalt(4)).decode()
    # What made it has cut the password, as bcrypt's package did before its version 5.
    for length in (72, 100):
        verdict = await passwords.verify(hashed, "b" * length)
        assert (verdict.right, verdict.outdated) == (True, True)
    for wrong in ("b" * 71, "", "\0", "b" * 5000):
        assert await passwords.verify(hashed, wrong) == PasswordCheck(False)
    assert await passwords.verify(hashed[:20], "b" * 72) == PasswordCheck(False)


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("short", "at least 8"),
        ("x" * 1025, "at most 1024"),
        ("password1", "very common"),
        ("qwertyuiop", "common"),
        ("alice.smith", "four words"),
        ("a" * 300, "Repeats"),
    ],
)
def test_weak_passwords_are_refused_with_a_reason(password: str, message: str) -> None:
    with pytest.raises(PasswordRefused, match=message):
        check_password(password, ["alice", "alice.smith@example.org"])


@pytest.mark.parametrize("password", [STRONG, "пять слонов едят зелёный борщ", "x7#Kq9!vTz2m"])
def test_strong_passwords_pass(password: str) -> None:
    check_password(password, ["alice"])
