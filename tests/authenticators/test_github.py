"""GitHub, by oauthenticator's class and a server that answers as GitHub documents it."""

import pytest

from tests.spawners.hub import until
from tests.support.github import GitHub
from tests.support.oidc_provider import Provider

from .hub import Browser

pytestmark = pytest.mark.asyncio(loop_scope="module")

URL = "/hub/github/oauth_login?next=%2Fhub%2Fhome"


def entry(address: str, **changes: bool) -> dict[str, object]:
    """An entry of `GET /user/emails`."""
    return {"email": address, "primary": True, "verified": True, "visibility": None, **changes}


async def test_a_member_signs_in_by_a_number_that_stays(
    browser: Browser, second: Browser, github: GitHub, name: str
) -> None:
    account = github.add(name, organizations={"lab"})
    answer = await github.sign_in(browser.client, URL, account)
    assert (answer.status_code, answer.headers.get("Location")) == (302, "/hub/home"), answer.text
    assert await browser.whoami() == name
    # Logins at GitHub are given away: who has this one next is somebody else.
    account.login = f"{name}-x"
    await github.sign_in(second.client, URL, account)
    assert await second.whoami() == name
    heir = github.add(name, organizations={"lab"})
    await github.sign_in(second.client, URL, heir)
    assert await second.whoami() == f"{name}-2"


async def test_who_is_in_no_allowed_organization_does_not_get_in(
    browser: Browser, github: GitHub, name: str
) -> None:
    answer = await github.sign_in(browser.client, URL, github.add(name, organizations={"club"}))
    assert answer.status_code == 403
    assert await browser.whoami() is None


@pytest.mark.parametrize("what", ["organization", "token"])
async def test_the_end_of_membership_and_of_the_token_ends_sessions(
    browser: Browser, github: GitHub, name: str, what: str
) -> None:
    account = github.add(name, organizations={"lab"})
    await github.sign_in(browser.client, URL, account)
    assert await browser.whoami() == name
    github.is_down = True
    assert await browser.whoami() == name
    github.is_down = False
    if what == "organization":
        account.organizations.clear()
    else:
        github.tokens = {token: id_ for token, id_ in github.tokens.items() if id_ != account.id}

    async def is_out() -> bool:
        return await browser.whoami() is None

    await until(is_out, "the user is logged out")


@pytest.mark.parametrize("is_verified", [True, False])
async def test_a_primary_verified_address_leads_to_the_user_who_has_it(
    browser: Browser,
    second: Browser,
    github: GitHub,
    provider: Provider,
    name: str,
    is_verified: bool,
) -> None:
    address = f"{name}@example.org"
    claims = {"email": address, "email_verified": True, "groups": ["members"]}
    provider.set_account(name, preferred_username=name, **claims)
    await browser.sign_in(provider, "institute", name)
    assert await browser.whoami() == name
    emails = [entry(address, verified=is_verified), entry("other@example.org", primary=False)]
    login = f"{name}hub"
    account = github.add(login, email=address, emails=emails, organizations={"lab"})
    await github.sign_in(second.client, URL, account)
    assert await second.whoami() == (name if is_verified else login)
