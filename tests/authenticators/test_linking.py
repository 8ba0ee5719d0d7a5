"""One user with two logins, and what others try with that."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from rosetta_hub.accounts import password_records
from rosetta_hub.accounts.links import links_of_user
from rosetta_hub.accounts.passwords import Passwords
from rosetta_hub.database.database import Database
from rosetta_hub.database.models_mail import AccountMail
from rosetta_hub.database.models_user import HubUser, UserState
from rosetta_hub.keys import Keys
from rosetta_hub.users.emails import BY_MAIL, add_email, users_of_email
from tests.spawners.hub import Hub
from tests.support.oidc_provider import Provider

from .hub import Browser

# The database decides, whatever the hub's version is: one of them will do.
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.parametrize("hub", ["newest"], indirect=True, scope="module"),
]


def verify(database: Database, user: str, address: str) -> None:
    """What the mail of the Account page does."""
    with database.session() as session:
        assert add_email(session, user, address, BY_MAIL)


def owner(database: Database, address: str) -> list[str]:
    """Who has verified an address."""
    with database.session() as session:
        return users_of_email(session, address)


async def member(browser: Browser, provider: Provider, name: str, **claims: object) -> str | None:
    """Log in at the institute; returns who that is."""
    defaults = {"preferred_username": name, "groups": ["members"]}
    provider.set_account(name, **{**defaults, **claims})
    await browser.sign_in(provider, "institute", name)
    return await browser.whoami()


async def guest(
    hub: Hub, stranger: Provider, account: str, **claims: object
) -> tuple[Browser, str | None]:
    """Somebody else's browser, logged in at the provider that is not trusted."""
    browser = Browser(hub)
    stranger.set_account(account, **{"preferred_username": account, **claims})
    await browser.sign_in(stranger, "elsewhere", account)
    return browser, await browser.whoami()


async def test_verified_address_links_one_user_who_can_undo_it(
    hub: Hub,
    browser: Browser,
    second: Browser,
    provider: Provider,
    stranger: Provider,
    database: Database,
    name: str,
) -> None:
    address = f"{name}@example.org"
    guest_browser, user = await guest(hub, stranger, name)
    assert user == name
    verify(database, name, address)
    # The institute vouches for the same address: the same user, whose other browsers are out.
    account = f"i-{name}"
    who = await member(second, provider, account, email=address.upper(), email_verified=True)
    assert who == name
    assert await guest_browser.whoami() is None
    # A mail tells, with a link that undoes it.
    with database.session() as session:
        mail = session.scalars(select(AccountMail).where(AccountMail.user == name)).one()
        (link,) = [item for item in links_of_user(session, name) if item.method == "institute"]
    token = Keys(hub.directory / "state").undo_link(link.id, link.linked_at.timestamp())
    assert (mail.template, mail.address) == ("linked", address)
    path = f"/hub/rosetta/undo-link?link={link.id}&token={token}"
    page = await browser.client.get(path)
    assert "Remove the new login?" in page.text
    assert await second.whoami() == name
    wrong = await browser.post("/hub/rosetta/undo-link", link=str(link.id), token="0" * 64)
    assert wrong.status_code == 404
    answer = await browser.post("/hub/rosetta/undo-link", link=str(link.id), token=token)
    assert answer.status_code == 200
    assert await second.whoami() is None
    # The address does not link the same login a second time.
    assert await member(second, provider, account, email=address, email_verified=True) == account
    await guest_browser.client.aclose()


async def test_local_and_external_login_lead_to_one_user(
    browser: Browser, second: Browser, provider: Provider, database: Database, name: str
) -> None:
    address = f"{name}@example.org"
    hashed = await Passwords().hash("violet tractor opens")
    with database.session() as session:
        password_records.create(session, name, hashed, address)
    for wrong in ("wrong", "violet tractor opens"):
        await browser.client.get("/hub/login")
        await browser.post("/hub/login", username=address, password=wrong)
    assert await browser.whoami() == name
    who = await member(second, provider, f"i-{name}", email=address, email_verified=True)
    assert who == name
    model = (await browser.hub.api("GET", f"/users/{name}")).json()
    assert model["groups"] == ["members"]
    # Rights that the provider tells are not there for who signs in with the password.
    await browser.client.get("/hub/login")
    await browser.post("/hub/login", username=name, password="violet tractor opens")
    assert await browser.whoami() == name
    model = (await browser.hub.api("GET", f"/users/{name}")).json()
    assert model["groups"] == []
    assert owner(database, address) == [name]


@pytest.mark.parametrize(
    ("method", "email", "is_verified"),
    [
        ("elsewhere", "{name}@example.org", True),
        ("institute", "{name}@example.org", False),
        ("institute", "{name}@example.org", "true"),
        ("institute", "{name}@example.org", None),
        ("institute", "{name}@example.com", True),
    ],
    ids=["untrusted-method", "unverified", "text", "nothing", "other-domain"],
)
async def test_address_that_nobody_has_verified_links_nobody(
    hub: Hub,
    browser: Browser,
    second: Browser,
    provider: Provider,
    stranger: Provider,
    database: Database,
    name: str,
    method: str,
    email: str,
    is_verified: object,
) -> None:
    address = email.format(name=name)
    assert await member(browser, provider, name) == name
    verify(database, name, address)
    claims: dict[str, object] = {
        "preferred_username": "mallory",
        "groups": ["members"],
        "email": address,
    }
    if is_verified is not None:
        claims["email_verified"] = is_verified
    at = {"elsewhere": stranger, "institute": provider}[method]
    at.set_account(f"m-{name}", **claims)
    await second.sign_in(at, method, f"m-{name}")
    assert (await second.whoami() or "").startswith("mallory")
    assert owner(database, address) == [name]


async def test_address_that_was_given_to_somebody_else(
    browser: Browser, second: Browser, provider: Provider, database: Database, name: str
) -> None:
    address = f"shared-{name}@example.org"
    await member(browser, provider, name, email=address, email_verified=True)
    assert owner(database, address) == [name]
    # The provider gives it to another account; the first one has a new address.
    await member(browser, provider, name, email=f"new-{name}@example.org", email_verified=True)
    who = await member(second, provider, f"b-{name}", email=address, email_verified=True)
    assert who == f"b-{name}"
    assert owner(database, address) == [f"b-{name}"]


async def test_account_that_was_made_in_somebodys_name(
    hub: Hub,
    browser: Browser,
    provider: Provider,
    stranger: Provider,
    database: Database,
    name: str,
) -> None:
    """Pre-hijacking: mallory is there first, with the victim's name and unverified address."""
    address = f"{name}@example.org"
    mallory, user = await guest(
        hub, stranger, f"m-{name}", preferred_username=name, email=address, email_verified=True
    )
    assert user == name
    assert (
        await member(
            browser,
            provider,
            f"v-{name}",
            preferred_username=name,
            email=address,
            email_verified=True,
        )
        == f"{name}-2"
    )
    assert owner(database, address) == [f"{name}-2"]
    assert await mallory.whoami() == name
    await mallory.client.aclose()


async def test_user_adds_a_login(
    browser: Browser,
    second: Browser,
    provider: Provider,
    stranger: Provider,
    database: Database,
    name: str,
) -> None:
    assert await member(browser, provider, name) == name
    page = await browser.client.get("/hub/rosetta/logins")
    assert "Add The elsewhere" in page.text
    stranger.set_account(f"g-{name}", preferred_username=f"g-{name}")
    start = await browser.post("/hub/elsewhere/oauth_login")
    assert start.status_code == 302, start.text
    answer = await stranger.go_through(browser.client, start, f"g-{name}")
    assert answer.headers["Location"] == "/services/rosetta/account#logins"
    await second.sign_in(stranger, "elsewhere", f"g-{name}")
    assert await second.whoami() == name


async def test_login_is_not_added_by_other_pages_or_old_logins(
    browser: Browser, provider: Provider, name: str
) -> None:
    assert await member(browser, provider, name) == name
    forged = await browser.client.post("/hub/elsewhere/oauth_login", follow_redirects=False)
    assert forged.status_code == 403
    browser.client.cookies.delete("rosetta-signed-in")
    page = await browser.client.get("/hub/rosetta/logins")
    assert "Log in once more first" in page.text
    assert (await browser.post("/hub/elsewhere/oauth_login")).status_code == 403


async def test_two_users_become_one_and_two_again(
    hub: Hub,
    browser: Browser,
    second: Browser,
    provider: Provider,
    stranger: Provider,
    database: Database,
    name: str,
) -> None:
    other = f"o-{name}"
    other_browser, who = await guest(hub, stranger, other)
    assert (await member(browser, provider, name), who) == (name, other)
    start = await browser.post("/hub/elsewhere/oauth_login")
    answer = await stranger.go_through(browser.client, start, other)
    assert answer.headers["Location"] == "/hub/rosetta/merge"
    # Nothing has happened yet.
    assert await other_browser.whoami() == other
    assert (
        f"belongs to the user <b>{other}</b>"
        in (await browser.client.get("/hub/rosetta/merge")).text
    )
    assert (await browser.post("/hub/rosetta/merge")).status_code == 302
    assert await other_browser.whoami() is None
    await second.sign_in(stranger, "elsewhere", other)
    assert await second.whoami() == name
    with database.session() as session:
        row = session.get(HubUser, other)
        assert row is not None
        assert row.state is UserState.BLOCKED
    assert (await browser.post("/hub/rosetta/merge")).status_code == 404
    await other_browser.client.aclose()


async def test_answer_of_another_method_is_refused(
    browser: Browser, provider: Provider, stranger: Provider, name: str
) -> None:
    """Mix-up: a code of one provider is delivered to the callback of the other."""
    provider.set_account(name, preferred_username=name, groups=["members"])
    url = "/hub/institute/oauth_login"
    start = await browser.client.get(url, follow_redirects=False)
    callback = await provider.authorise(browser.client, start, name)
    other = callback.replace("/institute/", "/elsewhere/")
    answer = await browser.client.get(other, follow_redirects=False)
    assert answer.status_code == 400
    # Nor is one that another provider claims to have sent (RFC 9207).
    issuer = re.sub(r"([?&])iss=[^&]*", r"\1iss=https%3A%2F%2Fevil.example", callback)
    assert (await browser.client.get(issuer, follow_redirects=False)).status_code == 400
    assert await browser.whoami() is None


async def test_login_that_another_browser_began_is_refused(
    browser: Browser, second: Browser, provider: Provider, name: str
) -> None:
    """Login CSRF: the victim's browser is sent to the callback with the attacker's code."""
    provider.set_account(name, preferred_username=name, groups=["members"])
    answer = await second.client.get("/hub/institute/oauth_login", follow_redirects=False)
    callback = await provider.authorise(second.client, answer, name)
    assert (await browser.client.get(callback, follow_redirects=False)).status_code == 400
    assert await browser.whoami() is None


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example/", "///evil.example"]
)
async def test_login_leads_to_no_other_site(
    browser: Browser, provider: Provider, name: str, target: str
) -> None:
    provider.set_account(name, preferred_username=name, groups=["members"])
    page = await browser.client.get(
        "/hub/institute/oauth_login", params={"next": target}, follow_redirects=False
    )
    answer = await provider.go_through(browser.client, page, name)
    assert answer.status_code == 302
    location = urlsplit(answer.headers["Location"])
    assert (location.scheme, location.netloc) == ("", "")
    assert not answer.headers["Location"].startswith(("//", "/\\"))


async def test_error_of_a_provider_is_told_in_our_words(
    browser: Browser, provider: Provider
) -> None:
    start = await browser.client.get("/hub/institute/oauth_login", follow_redirects=False)
    state = parse_qs(urlsplit(start.headers["Location"]).query)["state"][0]
    path = "/hub/institute/oauth_callback"
    forged = {"error": "access_denied", "error_description": "Call 555 now", "state": state}
    answer = await browser.client.get(path, params=forged)
    assert answer.status_code == 400
    assert "555" not in answer.text
    assert "was cancelled at The institute" in answer.text


async def test_blocked_user_is_out(
    browser: Browser, provider: Provider, database: Database, name: str
) -> None:
    assert await member(browser, provider, name) == name
    with database.session() as session:
        session.merge(HubUser(name=name, created=None, state=UserState.BLOCKED))
    answer = await browser.sign_in(provider, "institute", name)
    assert answer.status_code == 403
    assert "This account is blocked" in answer.text


async def test_new_user_of_the_same_name_is_somebody_else(
    hub: Hub,
    browser: Browser,
    second: Browser,
    provider: Provider,
    stranger: Provider,
    database: Database,
    name: str,
) -> None:
    assert (
        await member(browser, provider, name, email=f"{name}@example.org", email_verified=True)
        == name
    )
    assert (await hub.api("DELETE", f"/users/{name}")).status_code == 204
    assert owner(database, f"{name}@example.org") == []
    # Somebody else takes the name; the former user gets another one.
    guest_browser, who = await guest(hub, stranger, f"g-{name}", preferred_username=name)
    assert who == name
    assert await member(second, provider, name) == f"{name}-2"
    await guest_browser.client.aclose()
