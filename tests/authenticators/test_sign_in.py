"""Signing in with real providers: who becomes whom, and for how long."""

import pytest

from tests.spawners.hub import Hub, http_client, until
from tests.spawners.stub import StubService
from tests.support.oidc_provider import Provider

from .hub import Browser

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_login_page_offers_all_methods(hub: Hub, browser: Browser) -> None:
    page = (await browser.client.get("/hub/login?next=%2Fhub%2Fhome")).text
    assert "Log in with The institute" in page
    assert "/hub/elsewhere/oauth_login?next=%2Fhub%2Fhome" in page
    assert 'id="password_input"' in page


async def test_groups_and_admins_come_from_claims(
    browser: Browser, provider: Provider, name: str
) -> None:
    claims = {"preferred_username": name, "groups": ["members", "admins"]}
    provider.set_account(name, **claims)
    answer = await browser.sign_in(provider, "institute", name)
    assert (answer.status_code, answer.headers.get("Location")) == (302, "/hub/home"), answer.text
    assert await browser.whoami() == name
    model = (await browser.hub.api("GET", f"/users/{name}")).json()
    assert (sorted(model["groups"]), model["admin"]) == (["admins", "members"], True)
    # While the user is logged in, without a new login.
    provider.set_account(name, preferred_username=name, groups=["members", "physics"])

    async def renewed() -> bool:
        await browser.whoami()
        model = (await browser.hub.api("GET", f"/users/{name}")).json()
        return sorted(model["groups"]) == ["members", "physics"] and not model["admin"]

    await until(renewed, "groups and administrators are those of the provider")


async def test_who_is_not_allowed_does_not_get_in(
    browser: Browser, provider: Provider, name: str
) -> None:
    provider.set_account(name, preferred_username=name, groups=["others"])
    answer = await browser.sign_in(provider, "institute", name)
    assert answer.status_code == 403
    assert "not currently authorized" in answer.text
    assert await browser.whoami() is None
    assert (await browser.hub.api("GET", f"/users/{name}")).status_code == 404


@pytest.mark.parametrize("way", ["group", "account"])
async def test_revocation_at_the_provider_ends_sessions(
    browser: Browser, provider: Provider, service: StubService, name: str, way: str
) -> None:
    provider.set_account(name, preferred_username=name, groups=["members"])
    await browser.sign_in(provider, "institute", name)
    assert await browser.whoami() == name
    token = await browser.token(name)
    if way == "group":
        provider.set_account(name, preferred_username=name, groups=["others"])
    else:
        provider.delete_account(name)

    async def is_out() -> bool:
        return await browser.whoami() is None

    await until(is_out, "the user is logged out")

    async def is_told() -> bool:
        return (name, way == "group") in service.ended_sessions

    await until(is_told, "the service ends its sessions")
    # A provider that only wants a new login can't be told from one without the account.
    assert await browser.status(token) == (403 if way == "group" else 200)
    assert "Traceback" not in browser.hub.log


async def test_nothing_is_started_for_who_was_refused(
    hub: Hub, browser: Browser, provider: Provider, name: str
) -> None:
    provider.set_account(name, preferred_username=name, groups=["members"])
    await browser.sign_in(provider, "institute", name)
    assert await browser.whoami() == name
    provider.set_account(name, preferred_username=name, groups=["others"])
    # On somebody else's request, with what the hub knows of the user since the login.
    for _ in range(2):
        answer = await hub.api("POST", f"/users/{name}/servers/one", {})
        assert answer.status_code == 403, answer.text
    assert await browser.whoami() is None
    assert not (await hub.api("GET", f"/users/{name}")).json()["servers"]


async def test_two_tabs_both_get_in(browser: Browser, provider: Provider, name: str) -> None:
    provider.set_account(name, preferred_username=name, groups=["members"])
    url = "/hub/institute/oauth_login?next=%2Fhub%2Ftoken"
    values = [await browser.client.get(url, follow_redirects=False) for _ in range(2)]
    for tab in values:
        answer = await provider.go_through(browser.client, tab, name)
        assert (answer.status_code, answer.headers["Location"]) == (302, "/hub/token")


async def test_name_that_is_taken_is_not_taken_over(
    browser: Browser, provider: Provider, stranger: Provider, name: str
) -> None:
    provider.set_account(name, preferred_username=name, groups=["members"])
    await browser.sign_in(provider, "institute", name)
    other = Browser(browser.hub)
    stranger.set_account("m1", preferred_username=name)
    await other.sign_in(stranger, "elsewhere", "m1")
    assert (await browser.whoami(), await other.whoami()) == (name, f"{name}-2")
    model = (await browser.hub.api("GET", f"/users/{name}-2")).json()
    assert model["groups"] == ["guests"]
    await other.client.aclose()


async def test_provider_that_hangs_logs_nobody_out(
    browser: Browser, provider: Provider, name: str
) -> None:
    provider.set_account(name, preferred_username=name, groups=["members"])
    await browser.sign_in(provider, "institute", name)
    provider.hang()
    try:

        async def is_asked() -> bool:
            assert await browser.whoami() == name
            return f"{name} is not asked about" in browser.hub.log

        await until(is_asked, "a refresh without an answer")
        assert await browser.whoami() == name
    finally:
        provider.go_on()


async def test_rotated_keys_and_a_wrong_clock(
    browser: Browser, second: Browser, stranger: Provider, name: str
) -> None:
    stranger.set_account(name, preferred_username=name)
    stranger.steer("keys", drop=True)
    assert (await browser.sign_in(stranger, "elsewhere", name)).status_code == 302
    assert await browser.whoami() == name
    # Clocks may differ a little, and not by days.
    stranger.steer("clock", seconds=60)
    assert (await second.sign_in(stranger, "elsewhere", name)).status_code == 302
    stranger.steer("clock", seconds=0)


async def test_form_of_the_login_page_without_a_password(browser: Browser) -> None:
    await browser.client.get("/hub/login")
    answer = await browser.post("/hub/login", username="nobody", password="wrong")
    # Hubs before 6 show the form again with status 200.
    assert answer.status_code in (200, 403)
    assert "Invalid username or password" in answer.text
    async with http_client(base_url=browser.hub.url) as client:
        body = {"auth": {"username": "nobody", "password": "wrong"}}
        answer = await client.post("/hub/api/users/nobody/tokens", json=body)
    assert answer.status_code == 403
