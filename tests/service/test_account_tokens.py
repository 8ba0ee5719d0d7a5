"""Tokens and sessions of the page Account: what the hub is asked for, and on whose behalf."""

from datetime import timedelta
from typing import Any

import pytest

from rosetta_hub.database.models import utc_now
from rosetta_hub.errors import UserError
from rosetta_hub.keys import digest
from rosetta_hub.users.browser_logins import BrowserLogins
from rosetta_hub.users.user_agents import describe_browser

from .account import ACCESS, Site, hub_token
from .account import site as site

DAY = 86400


async def test_a_token_is_made_with_the_rights_that_were_chosen(site: Site) -> None:
    body = {"note": " for cron ", "rights": ["see", "change"], "seconds": DAY}
    status, result = await site.call("POST", "account/tokens", body)
    assert (status, result["token"], result["rights"]) == (201, "made-once", ["see", "change"])
    scopes = [ACCESS, "read:servers!user", "servers!user"]
    assert site.hub.made == [("of-alice", "for cron", scopes, DAY)]
    assert site.audited() == [("token.create", "alice", "a9")]


async def test_no_token_makes_one_that_can_do_more(site: Site) -> None:
    # The user's token has read:servers and servers, not access:servers.
    body = {"note": "x", "rights": ["enter"], "seconds": DAY}
    status, answer = await site.call("POST", "account/tokens", body)
    assert (status, site.hub.made) == (403, [])
    assert "lacks: enter" in answer["detail"]


@pytest.mark.parametrize(
    "changes",
    [
        {"rights": []},
        {"rights": ["admin"]},
        {"rights": ["inherit"]},
        {"note": ""},
        {"note": "x" * 81},
        {"seconds": 60},
        {"seconds": 400 * DAY},
        {"scopes": ["inherit"]},
    ],
)
async def test_what_is_no_token(site: Site, changes: dict[str, Any]) -> None:
    body = {"note": "x", "rights": ["see"], "seconds": DAY} | changes
    assert (await site.call("POST", "account/tokens", body))[0] == 422
    assert site.hub.made == []


async def test_tokens_are_listed_in_words_and_deleted(site: Site) -> None:
    site.hub.listed = [
        hub_token("a1", note="cron", scopes=[ACCESS, "read:servers!user"], current=True),
        hub_token("a2", scopes=["inherit"]),
        hub_token("a3", scopes=["users:activity!user"]),
        hub_token("a4", login=True, client="Service rosetta", session="s"),
    ]
    _, result = await site.call("GET", "account/tokens", token="reads-only")
    values = [
        (item["id"], item["rights"], item["scopes"], item["all_rights"], item["current"])
        for item in result["tokens"]
    ]
    assert values == [
        ("a1", ["see"], [], False, True),
        ("a2", [], [], True, False),
        ("a3", [], ["users:activity!user"], False, False),
    ]
    assert all("token" not in item for item in result["tokens"])
    # A login is ended as a whole, and what is not there can't be deleted.
    for token in ("a4", "a5"):
        assert (await site.call("DELETE", f"account/tokens/{token}"))[0] == 404
    assert (await site.call("DELETE", "account/tokens/a1"))[0] == 204
    assert [item["id"] for item in site.hub.listed] == ["a2", "a3", "a4"]
    assert site.audited() == [("token.delete", "alice", "a1")]


async def test_sessions_are_those_of_the_hub_with_their_browsers(site: Site) -> None:
    browsers = BrowserLogins(site.database)
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
    browsers.note("alice", "here", firefox, "192.0.2.7")
    browsers.note("alice", "ended at the hub", firefox, "192.0.2.8")
    login = {"login": True, "client": "Service rosetta"}
    site.hub.listed = [
        hub_token("a1", **login, session=digest("elsewhere")),
        hub_token("a2", **login, session=digest("here")),
        hub_token("a3", login=True, client="Server at /user/alice/", session=digest("here")),
        hub_token("a4"),
    ]
    _, result = await site.call("GET", "account/sessions")
    values = [
        (session["browser"], session["address"], session["services"])
        for session in result["sessions"]
    ]
    assert values == [
        ("Firefox on Linux", "192.0.2.7", ["Server at /user/alice/", "Service rosetta"]),
        ("A browser that has not been here", "", ["Service rosetta"]),
    ]


@pytest.mark.parametrize(("query", "api_tokens"), [("", False), ("?api_tokens=1", True)])
async def test_all_sessions_are_ended(site: Site, query: str, api_tokens: bool) -> None:
    BrowserLogins(site.database).note("alice", "here", "curl/8", "192.0.2.7")
    assert (await site.call("DELETE", f"account/sessions{query}"))[0] == 204
    assert site.hub.ended == [("alice", api_tokens)]
    assert BrowserLogins(site.database).of("alice") == []


async def test_one_session_is_ended(site: Site) -> None:
    browsers = BrowserLogins(site.database)
    for session in ("here", "there"):
        browsers.note("alice", session, "curl/8", "192.0.2.7")
    there = digest("there")
    # Not with a token that can only read, and not by what is no digest.
    assert (await site.call("DELETE", f"account/sessions/{there}", token="reads-only"))[0] == 403
    assert (await site.call("DELETE", "account/sessions/there"))[0] == 404
    assert (await site.call("DELETE", f"account/sessions/{there}"))[0] == 204
    assert site.hub.ended_alone == [("alice", there, "curl")]
    assert [row.digest for row in browsers.of("alice")] == [digest("here")]


@pytest.mark.parametrize(
    ("token", "renewal", "location"),
    [
        ("of-alice", "code", "/hub/rosetta/login-renewal?code=code&next=%2Fhub%2Fhome"),
        ("of-alice", None, "/hub/login?next=%2Fhub%2Fhome"),
        ("of-alice", UserError("no user's token"), "/hub/login?next=%2Fhub%2Fhome"),
        # Not to the service's own login, which would lead back here.
        ("", "code", "/hub/login?next=%2Fhub%2Fhome"),
    ],
)
async def test_browsers_are_led_to_a_new_cookie(
    site: Site, token: str, renewal: str | UserError | None, location: str
) -> None:
    site.hub.renewal = renewal
    answer = await site.fetch("GET", "login-renewal?next=%2Fhub%2Fhome", None, token)
    assert (answer.code, answer.headers["Location"]) == (302, location)


async def test_a_program_with_a_token_is_no_browser(site: Site) -> None:
    await site.call("GET", "account/mail")
    assert BrowserLogins(site.database).of("alice") == []


def test_a_browser_is_seen_again_without_a_row_for_each_request(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    browsers = BrowserLogins(site.database)
    browsers.note("alice", "one", "curl/8", "192.0.2.7")
    [row] = browsers.of("alice")
    browsers.note("alice", "one", "curl/8", "192.0.2.9")
    assert [item.address for item in browsers.of("alice")] == ["192.0.2.7"]
    later = utc_now() + timedelta(minutes=6)
    monkeypatch.setattr("rosetta_hub.users.browser_logins.utc_now", lambda: later)
    browsers.note("alice", "one", "curl/8", "192.0.2.9")
    [value] = browsers.of("alice")
    assert (value.address, value.first_seen, value.last_seen) == (
        "192.0.2.9",
        row.first_seen,
        later,
    )
    # Another user of the same browser, and a row that is too old to matter.
    much_later = later + timedelta(days=31)
    monkeypatch.setattr("rosetta_hub.users.browser_logins.utc_now", lambda: much_later)
    browsers.note("bob", "one", "curl/8", "192.0.2.9")
    assert (browsers.of("alice"), len(browsers.of("bob"))) == ([], 1)


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:1) Gecko/1 Firefox/128.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64) AppleWebKit/537.36 (KHTML, like Gecko)"
            " Chrome/126.0 Safari/537.36 Edg/126.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) AppleWebKit/605 (KHTML, like Gecko)"
            " Version/17.5 Safari/605",
            "Safari on macOS",
        ),
        (
            "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537 (KHTML, like Gecko) Chrome/126.0"
            " Mobile Safari/537",
            "Chrome on Android",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605"
            " CriOS/126 Mobile/1 Safari/604",
            "Chrome on iPhone",
        ),
        ("python-httpx/0.28", "python-httpx"),
        ("Mozilla/5.0", "An unknown browser"),
        ("<script>", "An unknown browser"),
        ("", "An unknown browser"),
    ],
)
def test_browsers_in_words(user_agent: str, words: str) -> None:
    assert describe_browser(user_agent) == words
