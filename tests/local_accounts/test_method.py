"""The login of local accounts, as the login page and the hub's REST API call it."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from tornado.httputil import HTTPHeaders

from rosetta_hub.accounts import password_records
from rosetta_hub.accounts.login_throttle import LoginThrottle
from rosetta_hub.accounts.passwords import PasswordCheck, Passwords
from rosetta_hub.authenticators import known_browsers
from rosetta_hub.authenticators.local import LocalMethod, TooManyLogins
from rosetta_hub.authenticators.method import SignIn, SignInRefused

from .bench import OTHER, STRONG, Bench

ADDRESS = "alice@example.org"


class Client:
    """A browser, with its cookies, and what the hub's handler does with them."""

    def __init__(self, address: str = "192.0.2.1") -> None:
        headers = HTTPHeaders({"X-Forwarded-For": address})
        self.request = SimpleNamespace(remote_ip="", headers=headers, protocol="https")
        self.settings = {"app": SimpleNamespace(trusted_downstream_ips=[])}
        self.hub = SimpleNamespace(base_url="/hub/")
        self.cookies: dict[str, bytes] = {}
        self.attributes: dict[str, Any] = {}

    def get_secure_cookie(self, name: str, max_age_days: float) -> bytes | None:
        assert max_age_days == known_browsers.DAYS
        return self.cookies.get(name)

    def set_secure_cookie(self, name: str, value: str, **attributes: Any) -> None:
        self.cookies[name], self.attributes = value.encode(), attributes


@pytest.fixture
async def alice(bench: Bench) -> Bench:
    """Alice has a local account."""
    hashed = await bench.local.passwords.hash(STRONG)
    with bench.database.session() as session:
        password_records.create(session, "alice", hashed, ADDRESS)
    return bench


def form(username: Any, password: Any) -> Mapping[str, Any]:
    return {"username": username, "password": password}


@pytest.mark.parametrize("login", ["alice", " ALICE ", ADDRESS, "Alice@Example.org"])
async def test_a_login(alice: Bench, login: str) -> None:
    sign_in = await LocalMethod(alice.local).authenticate(Client(), form(login, STRONG))
    assert isinstance(sign_in, SignIn)
    assert (sign_in.name, sign_in.admin, sign_in.subject.issuer) == ("alice", None, "local")


@pytest.mark.parametrize(
    "data",
    [
        form("alice", OTHER),
        form("alice", ""),
        form("bob", STRONG),
        form("bob@example.org", STRONG),
        form("", ""),
        form("x" * 300, STRONG),
        form(["alice"], STRONG),
        form("alice", None),
        {},
    ],
)
async def test_no_login(alice: Bench, data: Mapping[str, Any]) -> None:
    assert await LocalMethod(alice.local).authenticate(Client(), data) is None


async def test_an_unknown_name_is_as_much_work(
    alice: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shown with a build that does not look at the password of nobody: the work tells."""
    verified: list[str | None] = []
    method, verify = LocalMethod(alice.local), Passwords.verify

    async def count(passwords: Passwords, hashed: str | None, password: str) -> PasswordCheck:
        verified.append(hashed)
        return await verify(passwords, hashed, password)

    async def lazy(passwords: Passwords, hashed: str | None, password: str) -> PasswordCheck:
        return await count(passwords, hashed, password) if hashed else PasswordCheck(False)

    async def works(name: str) -> int:
        verified.clear()
        await method.authenticate(Client(), form(name, OTHER))
        return len(verified)

    with monkeypatch.context() as weakened:
        weakened.setattr(Passwords, "verify", lazy)
        assert (await works("alice"), await works("nobody")) == (1, 0)
    monkeypatch.setattr(Passwords, "verify", count)
    assert (await works("alice"), await works("nobody")) == (1, 1)


async def guess(alice: Bench, client: Client) -> SignIn | None:
    """An attacker's tries, the last of which is right."""
    method = LocalMethod(alice.local)
    for number in range(12):
        await method.authenticate(client, form("alice", f"guess {number}"))
    return await method.authenticate(client, form("alice", STRONG))


async def test_passwords_are_not_guessed(alice: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever calls it, page or API. Shown with a build that does not count: the guess succeeds."""
    with monkeypatch.context() as weakened:
        weakened.setattr(LoginThrottle, "begin", lambda _throttle, _attempt: 0.0)
        assert await guess(alice, Client()) is not None
    with pytest.raises(TooManyLogins) as error:
        await guess(alice, Client())
    assert error.value.status_code == 429
    assert int(error.value.headers["Retry-After"]) > 0
    # An address instead of the name is no second account.
    with pytest.raises(TooManyLogins):
        await LocalMethod(alice.local).authenticate(Client(), form(ADDRESS, STRONG))


async def test_a_known_browser_gets_in_beside_an_attacker_at_its_address(
    alice: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shown with a build that knows no browsers: the owner is locked out."""
    method, owner = LocalMethod(alice.local), Client()
    await method.authenticate(owner, form("alice", STRONG))
    assert owner.attributes["httponly"]
    assert owner.attributes["secure"]
    with pytest.raises(TooManyLogins):
        await guess(alice, Client())
    with monkeypatch.context() as weakened:
        weakened.setattr("rosetta_hub.authenticators.local.known_as", lambda _handler, _row: None)
        with pytest.raises(TooManyLogins):
            await method.authenticate(owner, form("alice", STRONG))
    assert await method.authenticate(owner, form("alice", STRONG)) is not None


async def test_a_browser_is_known_to_its_accounts_until_the_password_changes(alice: Bench) -> None:
    client = Client()
    await LocalMethod(alice.local).authenticate(client, form("alice", STRONG))
    with alice.database.session() as session:
        before = password_records.find_password(session, "alice")
    assert before is not None
    assert known_browsers.known_as(client, before) is not None
    with alice.database.session() as session:
        password_records.set_password(session, "alice", before.hash)
    with alice.database.session() as session:
        after = password_records.find_password(session, "alice")
    assert after is not None
    assert known_browsers.known_as(client, after) is None


async def test_the_first_administrator_is_made_once(bench: Bench) -> None:
    hashed = await bench.local.passwords.hash(STRONG)
    with bench.database.session() as session:
        password_records.create(session, "chief", hashed, make_admin=True)
    method = LocalMethod(bench.local)
    first, second = [await method.authenticate(Client(), form("chief", STRONG)) for _ in range(2)]
    assert first is not None
    assert second is not None
    # Rights that were taken since are not given back.
    assert (first.admin, second.admin) == (True, None)


async def test_who_waits_is_told_so_with_the_right_password_alone(bench: Bench) -> None:
    bench.local.settings = bench.local.settings.model_copy(update={"approval": True})
    await bench.sign_up.request(ADDRESS)
    await bench.sign_up.confirm(bench.token(), "alice", STRONG, (), ())
    method = LocalMethod(bench.local)
    assert await method.authenticate(Client(), form("alice", OTHER)) is None
    with pytest.raises(SignInRefused, match="waits for an administrator"):
        await method.authenticate(Client(), form("alice", STRONG))
