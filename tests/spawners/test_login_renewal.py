"""One login of a user ends at a real hub, and the user's other browsers stay logged in."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio

from rosetta_hub.errors import UserError
from rosetta_hub.hub.client import HubClient
from rosetta_hub.keys import Keys

from .hub import TOKEN, Hub, User, http_client
from .stub import StubService

pytestmark = pytest.mark.asyncio(loop_scope="module")

CALLBACK = "/services/rosetta/oauth_callback"


@pytest_asyncio.fixture(loop_scope="module")
async def others(hub: Hub, alice: User) -> AsyncIterator[list[User]]:
    """Two more browsers in which Alice is logged in."""
    async with AsyncExitStack() as stack:
        browsers = [User(hub, alice.name) for _ in range(2)]
        for browser in browsers:
            await stack.enter_async_context(browser.client)
            await browser.log_in()
        yield browsers


async def service_login(browser: User, service_token: str) -> str:
    """Log in at the service as its page does, and return the browser's token for it."""
    client_id = "service-rosetta"
    query = {"client_id": client_id, "redirect_uri": CALLBACK, "response_type": "code"}
    answer = await browser.client.get(
        "/hub/api/oauth2/authorize", params=query, follow_redirects=False
    )
    assert answer.status_code == 302, answer.text
    [code] = parse_qs(urlsplit(answer.headers["location"]).query)["code"]
    form = {"code": code, "grant_type": "authorization_code", "redirect_uri": CALLBACK}
    form |= {"client_id": client_id, "client_secret": service_token}
    async with http_client() as client:
        answer = await client.post(f"{browser.hub.url}/hub/api/oauth2/token", data=form)
    return str(answer.json()["access_token"])


def session_of(browser: User) -> str:
    """The digest of the browser's session at the hub."""
    session = str(browser.client.cookies["jupyterhub-session-id"])
    return hashlib.sha256(session.encode()).hexdigest()


async def lead(browser: User, path: str) -> str:
    """Where a page leads to; empty where it is shown."""
    answer = await browser.client.get(path, follow_redirects=False)
    assert answer.status_code in (200, 302)
    return str(answer.headers.get("location", ""))


async def is_good(hub: Hub, token: str) -> bool:
    headers = {"Authorization": f"token {token}"}
    async with http_client(headers=headers) as client:
        return (await client.get(f"{hub.url}/hub/api/user")).is_success


async def test_one_login_ends_and_the_others_get_a_new_cookie(
    hub: Hub, service: StubService, alice: User, others: list[User]
) -> None:
    secret = Keys(hub.directory / "state").service_token
    client = HubClient(f"{hub.url}/hub/api", secret)
    value = others[0]
    here, there = [await service_login(item, secret) for item in (alice, value)]
    assert (await client.login_renewal(here), await lead(value, "/hub/home")) == (None, "")
    # Only the service may ask, and only about a session of the user whose token it shows.
    url, document = (
        f"{hub.url}/hub/rosetta/sessions/{session_of(value)}",
        {"X-Rosetta-Principal": here},
    )
    for token in (TOKEN, here):
        headers = document | {"Authorization": f"token {token}"}
        assert (await alice.client.delete(url, headers=headers)).status_code == 403
    with pytest.raises(UserError, match="no such session"):
        await client.end_session(here, "0" * 64)
    await client.end_session(here, session_of(value))

    # The one browser is out: its cookie, its token, and the way to a new cookie.
    assert [await is_good(hub, token) for token in (here, there)] == [True, False]
    assert await lead(value, "/hub/home") == "/hub/rosetta/login?next=%2Fhub%2Fhome"
    assert await lead(value, "/hub/rosetta/login?next=%2Fhub%2Fhome") == (
        "/hub/login?next=%2Fhub%2Fhome"
    )
    with pytest.raises(UserError):
        await client.login_renewal(there)

    # The other one is led to the service, and comes back with a code, which nobody else can use.
    assert await lead(alice, "/hub/home") == "/hub/rosetta/login?next=%2Fhub%2Fhome"
    assert await lead(alice, "/hub/rosetta/login?next=%2Fhub%2Fhome") == (
        "/services/rosetta/login-renewal?next=%2Fhub%2Fhome"
    )
    renewal = "/hub/rosetta/login-renewal?next=%2Fhub%2Fhome&code="
    code = await client.login_renewal(here)
    assert await lead(value, f"{renewal}{code}") == "/hub/login?next=%2Fhub%2Fhome"
    assert await lead(alice, f"{renewal}{code}") == "/hub/login?next=%2Fhub%2Fhome"
    code = await client.login_renewal(here)
    assert await lead(alice, f"{renewal}{code}") == "/hub/home"
    assert await lead(alice, "/hub/home") == ""
    assert await client.login_renewal(here) is None
    assert await lead(value, f"{renewal}{code}") == "/hub/login?next=%2Fhub%2Fhome"


async def test_the_end_of_all_logins_ends_their_renewal(
    hub: Hub, service: StubService, alice: User, others: list[User]
) -> None:
    secret = Keys(hub.directory / "state").service_token
    client = HubClient(f"{hub.url}/hub/api", secret)
    tokens = [await service_login(item, secret) for item in (alice, *others)]
    # Twice: a browser that has not come back since the first time is still known.
    for other in others[:1], others[1:]:
        await client.end_session(tokens[0], session_of(other[0]))
    code = await client.login_renewal(tokens[0])
    assert code
    await client.end_sessions(alice.name)
    assert await lead(alice, f"/hub/rosetta/login-renewal?code={code}") == "/hub/login"
    assert await lead(alice, "/hub/home") == "/hub/rosetta/login?next=%2Fhub%2Fhome"
    with pytest.raises(UserError):
        await client.login_renewal(tokens[0])
