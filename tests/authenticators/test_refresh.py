"""Refreshes without a provider: shared, refused, and given a grace period."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tornado import web

from rosetta_hub.accounts.links import SIGN_UP, Subject, add_link
from rosetta_hub.authenticators import refresh as module
from rosetta_hub.authenticators.accounts import Accounts
from rosetta_hub.authenticators.authenticator import RosettaAuthenticator
from rosetta_hub.authenticators.method import (
    LoginMethod,
    MethodUnavailable,
    SignIn,
    SignInExpired,
    SignInRefused,
)
from rosetta_hub.authenticators.refresh import RECORD, Refresher
from tests.support.databases import open_sqlite

ALICE = Subject("https://idp.example", "a1")


class Method(LoginMethod):
    """Answers what the test says."""

    id, title, manages_groups = "idp", "Provider", True

    def __init__(self) -> None:
        self.answer: SignIn | Exception | None = SignIn(ALICE, "alice", groups=["staff"])
        self.asked = 0

    def handlers(self) -> list[tuple[Any, ...]]:
        return []

    async def refresh(self, user: Any, auth_state: Any, handler: Any) -> SignIn | None:
        self.asked += 1
        await asyncio.sleep(0)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class User:
    """A user of the hub, logged in."""

    name = "alice"
    db = orm_user = None

    def __init__(self, checked: float) -> None:
        record = {"method": "idp", "issuer": ALICE.issuer, "subject": ALICE.subject}
        self.state: dict[str, Any] | None = {RECORD: {**record, "checked": checked}}

    async def get_auth_state(self) -> dict[str, Any] | None:
        return self.state

    async def save_auth_state(self, state: dict[str, Any] | None) -> None:
        self.state = state


class World:
    """A refresher, and what it has ended."""

    def __init__(self, accounts: Accounts) -> None:
        self.method = Method()
        self.accounts = accounts
        self.user = User(time.time())
        self.ended: list[tuple[str, bool]] = []
        self.at_hub: list[bool] = []
        self.authenticator: Any = SimpleNamespace(
            accounts=accounts,
            method_by_id={"idp": self.method},
            refresh_grace=900,
            revoke_api_tokens="refused",
            admin_users=set(),
            manage_groups=True,
            normalize_username=str.lower,
            validate_username=lambda _: True,
        )
        for name in ("claimant", "model"):
            bound = getattr(RosettaAuthenticator, name).__get__(self.authenticator)
            setattr(self.authenticator, name, bound)
        self.refresher = Refresher(self.authenticator, self)  # type: ignore[arg-type]

    async def end_sessions(self, user: str, api_tokens: bool) -> None:
        self.ended.append((user, api_tokens))

    async def refresh(self, handler: Any = None) -> Any:
        return await self.refresher.refresh(self.user, handler or SimpleNamespace())


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Alice has signed in."""
    database = open_sqlite(tmp_path)
    with database.session() as session:
        add_link(session, "alice", "idp", ALICE, SIGN_UP)
    result = World(Accounts(database, lambda: None))  # type: ignore[arg-type, return-value]
    monkeypatch.setattr(module, "server_tokens", lambda *_: frozenset())
    monkeypatch.setattr(
        module, "end_login", lambda _db, _user, api_tokens, _keep: result.at_hub.append(api_tokens)
    )
    yield result
    database.close()


async def test_requests_at_once_share_one_refresh(world: World) -> None:
    results = await asyncio.gather(*(world.refresh() for _ in range(5)))
    assert world.method.asked == 1
    assert [result["groups"] for result in results] == [["staff"]] * 5
    # The hub writes into what it gets.
    assert len({id(result) for result in results}) == 5


@pytest.mark.parametrize(
    ("answer", "revoke", "api_tokens"),
    [
        (SignInRefused("no"), "refused", True),
        (SignInRefused("no"), "never", False),
        (SignInExpired("again"), "refused", False),
        (SignInExpired("again"), "always", True),
        (SignIn(Subject("https://idp.example", "b2"), "alice"), "refused", True),
    ],
    ids=["refused", "never", "expired", "always", "another-subject"],
)
async def test_no_ends_everything_once(
    world: World, answer: Any, revoke: str, api_tokens: bool
) -> None:
    world.method.answer, world.authenticator.revoke_api_tokens = answer, revoke
    handler = SimpleNamespace()
    assert await world.refresh(handler) is False
    # JupyterHub 6.1 reads it of requests that came with a cookie, too.
    assert handler._token_authenticated is False
    assert (world.ended, world.at_hub) == ([("alice", api_tokens)], [api_tokens])
    # Tokens that are left go on; nobody is asked any more, and nothing ends again.
    assert await world.refresh() is True
    assert (world.method.asked, len(world.ended)) == (1, 1)
    if isinstance(answer, SignInExpired):
        await world.refresher.check_start(world.user)
    else:
        with pytest.raises(web.HTTPError) as refused:
            await world.refresher.check_start(world.user)
        assert refused.value.status_code == 403


async def test_provider_that_is_down_is_given_a_grace_period(world: World) -> None:
    world.method.answer = MethodUnavailable("down")
    assert await world.refresh() is True
    assert world.ended == []
    world.user = User(time.time() - 901)
    world.refresher.admitted("alice")
    assert await world.refresh() is False
    assert world.ended == [("alice", False)]


async def test_user_without_a_login_is_not_asked_about(world: World) -> None:
    world.user.name, world.user.state = "token-user", None
    assert await world.refresh() is True
    # Whose login is known, but not how: the hub's key has changed.
    world.user.name, world.user.state = "alice", None
    assert await world.refresh() is False
    assert world.method.asked == 0


async def test_method_that_is_not_offered_any_more(world: World) -> None:
    world.authenticator.method_by_id = {}
    assert await world.refresh() is False
    assert world.ended == [("alice", True)]
