"""What is shared with groups: added to what the hub says of a token, where the token reaches."""

import json
from typing import Any

import pytest

from rosetta_hub.errors import UserError
from rosetta_hub.hub.shares import HubShareCalls
from rosetta_hub.tasks.principal import Principal

from .fakes import Office


@pytest.fixture
def shared(office: Office) -> Office:
    """A server of alice's is shared with a group of bob's."""
    office.hub.groups = {"team": ["bob"]}
    office.hub.shares = {("alice", "one", "group", "team")}
    return office


async def enters(office: Office, model: dict[str, Any], renew: bool = False) -> bool:
    """Whether somebody may enter that server."""
    principal = await office.principals.of(model, renew)
    return principal.may("access:servers", "alice", "one")


async def test_a_member_enters(shared: Office) -> None:
    model = shared.hub.model("bob")
    assert not Principal.from_model(model).may("access:servers", "alice", "one")
    assert await enters(shared, model)
    assert not await enters(shared, shared.hub.model("carol"))
    principal = await shared.principals.of(model)
    assert not principal.may("servers", "alice", "one")
    assert not principal.may("access:servers", "alice", "two")


async def test_a_narrow_token_gets_nothing(shared: Office) -> None:
    for scopes in (["read:servers!user=bob"], ["access:servers!server=bob/x"], []):
        assert not await enters(shared, shared.hub.model("bob") | {"scopes": scopes})


async def test_the_hub_is_asked_as_rarely_as_about_tokens(
    shared: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("alice", "bob", "bob", "bob"):
        await shared.principals.of(shared.hub.model(name))
    assert shared.hub.calls == ["shares_with_user"] * 2
    shared.hub.shares.clear()
    assert await enters(shared, shared.hub.model("bob"))
    monkeypatch.setattr("rosetta_hub.sharing.principals.NEW", 0)
    assert not await enters(shared, shared.hub.model("bob"), renew=True)


async def test_a_page_asks_once(shared: Office) -> None:
    for _ in range(3):
        assert await enters(shared, shared.hub.model("bob"), renew=True)
    assert shared.hub.calls == ["shares_with_user"]


async def test_a_browser_that_was_logged_in_before_the_share(shared: Office) -> None:
    """Its token does not change by a share with its user."""
    model = shared.hub.model("carol")
    shared.hub.shares = {("alice", "one", "user", "carol")}
    assert await enters(shared, model)


async def test_an_answer_of_before_the_end_is_not_kept(shared: Office) -> None:
    answer = await shared.hub.shares_with_user("bob")

    async def late(_: str) -> object:
        shared.principals.forget()
        return answer

    shares_with_user, shared.hub.shares_with_user = shared.hub.shares_with_user, late  # type: ignore
    await enters(shared, shared.hub.model("bob"))
    shared.hub.shares_with_user = shares_with_user  # type: ignore[method-assign]
    shared.hub.shares.clear()
    assert not await enters(shared, shared.hub.model("bob"))


async def test_the_end_of_a_share_counts_at_once(shared: Office) -> None:
    assert await enters(shared, shared.hub.model("bob"))
    shared.hub.shares.clear()
    shared.principals.forget()
    assert not await enters(shared, shared.hub.model("bob"))


async def test_a_hub_that_does_not_let_the_service_ask(
    shared: Office, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(_: str) -> None:
        raise UserError("Action is not authorized")

    shared.hub.shares_with_user = refuse  # type: ignore[method-assign,assignment]
    assert not await enters(shared, shared.hub.model("bob"))
    assert "not known" in caplog.text


class Pages(HubShareCalls):
    """A hub with so many shares of one server."""

    def __init__(self, number: int) -> None:
        self.asked: list[str] = []
        self.models = [
            {
                "user": {"name": f"user{item}"},
                "group": None,
                "scopes": ["access:servers!server=alice/one"],
                "server": {"user": {"name": "alice"}, "name": "one"},
            }
            for item in range(number)
        ]

    async def _call(self, method: str, path: str, *_: Any, **__: Any) -> Any:
        self.asked.append(path)
        offset = int(path.partition("offset=")[2].partition("&")[0])
        end = offset + 200
        following = {"offset": end} if end < len(self.models) else None
        page = {"items": self.models[offset:end], "_pagination": {"next": following}}
        return json.loads(json.dumps(page))


async def test_a_thousand_shares_are_five_calls() -> None:
    hub = Pages(1000)
    shares = await hub.shares_of_server("alice", "one")
    assert len({share.name for share in shares}) == 1000
    assert len(hub.asked) == 5


async def test_names_are_quoted() -> None:
    hub = Pages(0)
    await hub.shares_of_server("a/b?", "ö 1")
    assert hub.asked[0].startswith("/shares/a%2Fb%3F/%C3%B6%201?")
