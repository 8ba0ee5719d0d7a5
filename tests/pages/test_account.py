"""The page Account: what users see and set of their own."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from .account import (
    URL,
    AccountStub,
    make_account,
    make_identity,
    serve_account,
    with_key,
)
from .stub import PREFIX

pytestmark = pytest.mark.asyncio(loop_scope="session")

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
LONG = "W" * 80


@pytest_asyncio.fixture(loop_scope="session")
async def stub() -> AsyncIterator[AccountStub]:
    """A service with accounts."""
    async with serve_account() as site:
        yield site


async def test_from_nothing_to_a_key_that_works(page: Page, stub: AccountStub) -> None:
    stub.add(make_identity())
    await page.goto(PREFIX)
    await page.get_by_role("link", name="Account", exact=True).click()
    family = page.locator(".identity")
    await expect(family.locator(".state")).to_have_text("Not set up")
    await expect(family.get_by_role("button", name="Test now")).to_be_hidden()
    await family.get_by_label("Your user name on The cluster").fill(" al1ce ")
    await page.keyboard.press("Enter")
    line = family.locator(".connect-value").first
    await expect(line).to_have_text(str(with_key("al1ce")["paste"]))
    await expect(family.locator(".state")).to_have_text("Not tested")
    assert stub.bodies == [{"remote_user": "al1ce"}]

    stub.let_on.clear()
    await family.get_by_role("button", name="Test now").click()
    await expect(family.get_by_role("button", name="Testing…")).to_be_disabled()
    stub.let_on.set()
    await expect(family.locator(".state")).to_have_text("Works")
    await expect(family.get_by_role("status")).to_have_text("Logged in as alice.")
    await expect(family.get_by_role("button", name="Test now")).to_be_focused()


async def test_the_line_is_copied(page: Page, stub: AccountStub) -> None:
    stub.add(make_identity() | with_key("alice"))
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.goto(URL)
    await page.get_by_role("button", name="Copy the line for The cluster").click()
    await expect(page.get_by_text("Copied")).to_be_visible()
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied == with_key("alice")["paste"]


async def test_a_refusal_is_a_message(page: Page, stub: AccountStub) -> None:
    stub.add(make_identity() | with_key("alice"))
    stub.result = {"state": "refused", "message": "The cluster does not accept the key."}
    await page.goto(URL)
    await page.get_by_role("button", name="Test now").click()
    await expect(page.locator(".identity .state")).to_have_text("Refused")
    await expect(page.get_by_text("does not accept the key")).to_be_visible()
    stub.refusals["api/v1/account/identities/cluster/test"] = (503, "The cluster does not answer.")
    await page.get_by_role("button", name="Test now").click()
    await expect(page.get_by_role("alert")).to_contain_text("The cluster does not answer.")
    await expect(page.locator(".identity .state")).to_have_text("Refused")


async def test_a_new_key_is_asked_about(page: Page, stub: AccountStub) -> None:
    stub.add(make_identity() | with_key("alice", state="works", message="It works."))
    await page.goto(URL)
    renew = page.locator(".identity").get_by_role("button", name="New key")
    await renew.click()
    await page.get_by_role("button", name="Cancel").click()
    assert ("POST", "api/v1/account/identities/cluster/renew") not in stub.calls
    await renew.click()
    await page.get_by_role("button", name="Make a new key").click()
    await expect(page.locator(".connect-value").first).to_contain_text("alice-2")
    await expect(page.locator(".identity .state")).to_have_text("Not tested")


async def test_deleting_a_key_is_asked_about(page: Page, stub: AccountStub) -> None:
    stub.add(make_identity() | with_key("alice", state="works", message="It works."))
    await page.goto(URL)
    remove = page.locator(".identity").get_by_role("button", name="Delete key")
    await remove.click()
    await page.get_by_role("button", name="Cancel").click()
    assert ("DELETE", "api/v1/account/identities/cluster") not in stub.calls
    await remove.click()
    await page.get_by_role("button", name="Delete the key").click()
    await expect(page.locator(".identity .state")).to_have_text("Not set up")
    await expect(remove).to_be_hidden()


async def test_with_certificates_there_is_nothing_to_paste(page: Page, stub: AccountStub) -> None:
    message = "There is nothing to set up: the hub vouches for you."
    state = {"state": "untested", "message": message}
    stub.add(make_identity(fixed=True, remote_user="alice", **state))
    await page.goto(URL)
    user = page.get_by_label("Your user name on The cluster")
    await expect(user).to_have_value("alice")
    await expect(user).not_to_be_editable()
    await expect(page.locator(".connect-line").first).to_be_hidden()
    await expect(page.get_by_role("button", name="New key")).to_be_hidden()
    await expect(page.get_by_role("button", name="Test now")).to_be_visible()


async def test_a_user_name_that_is_none_is_not_sent(page: Page, stub: AccountStub) -> None:
    stub.add(make_identity())
    await page.goto(URL)
    await page.get_by_label("Your user name").fill("-oProxyCommand=x")
    await page.get_by_role("button", name="Make a key").click()
    assert await page.locator(".identity input:invalid").count() == 1
    assert [call for call in stub.calls if call[0] == "PUT"] == []


async def test_names_are_text(page: Page, stub: AccountStub) -> None:
    stub.add(make_identity(name="<b>x</b>", host="<i>y</i>", message="<script>z</script>"))
    await page.goto(URL)
    await expect(page.locator(".identity h3")).to_contain_text("<b>x</b> <i>y</i>")
    await expect(page.locator(".identity-message")).to_have_text("<script>z</script>")


async def test_mails_are_chosen_with_the_keyboard(page: Page, stub: AccountStub) -> None:
    await page.goto(URL)
    await expect(page.get_by_text("No computing resource needs a key of yours.")).to_be_visible()
    address = page.get_by_label("Your mail address")
    await expect(address).to_have_value("alice@example.org")
    await address.focus()
    await page.keyboard.press("Control+A")
    await page.keyboard.type("alice@example.net")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Space")
    await page.keyboard.press("Enter")
    await expect(page.locator("#mail-form [role=status]")).to_have_text("Saved.")
    document = {"started": False, "failed": True, "limit": False, "shared": True}
    assert stub.bodies == [{"address": "alice@example.net", **document}]
    await address.fill("")
    await page.locator("#mail-form").get_by_role("button", name="Save").click()
    await expect(page.locator("#mail-form [role=status]")).to_have_text("Saved. You get no mails.")
    assert stub.bodies[-1]["address"] is None


async def test_a_mail_that_did_not_arrive_is_said(page: Page, stub: AccountStub) -> None:
    stub.mail["problem"] = "The mail server refused the last mail: 550 no such user"
    await page.goto(URL)
    await expect(page.locator("#mail-problem")).to_contain_text("550 no such user")
    stub.refusals["api/v1/account/mail"] = (422, "This is not a mail address.")
    await page.locator("#mail-form").get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_contain_text("This is not a mail address.")


async def test_a_hub_without_mail_says_so(page: Page, stub: AccountStub) -> None:
    stub.mail["available"] = False
    await page.goto(URL)
    await expect(page.get_by_text("This hub sends no mails.")).to_be_visible()
    await expect(page.locator("#mail-form")).to_be_hidden()


async def test_a_service_that_does_not_answer_is_said(page: Page, stub: AccountStub) -> None:
    stub.refusals["api/v1/account/mail"] = (503, "Try again later.")
    await page.goto(URL)
    mail = page.get_by_role("region", name="Mail")
    await expect(mail.get_by_role("alert")).to_have_text("Try again later.")
    # The other sections are there.
    await expect(page.get_by_role("form", name="Add or change an account")).to_be_visible()
    await expect(page.locator(".skeleton")).to_have_count(0)


async def test_nothing_scrolls_sideways_at_360_pixels(page: Page, stub: AccountStub) -> None:
    stub.add(make_identity("one", name=LONG, host=LONG, message=LONG))
    stub.add(make_identity("two") | with_key("alice"))
    stub.mail["problem"] = LONG
    await page.set_viewport_size({"width": 360, "height": 740})
    await page.goto(URL)
    await page.get_by_text("The site takes a key alone").last.click()
    await expect(page.get_by_role("button", name="Copy the key for The cluster")).to_be_visible()
    assert await page.evaluate(OVERFLOW) <= 0


async def test_a_link_leads_to_one_resource(page: Page, stub: AccountStub) -> None:
    stub.add(make_identity("one", name="One"), make_identity("two", name="Two"))
    await page.goto(f"{URL}#key-two")
    await expect(page.locator("#key-two h3")).to_be_focused()


async def test_sections_are_reached_with_the_keyboard(page: Page, stub: AccountStub) -> None:
    stub.add(make_identity("one", name="One"), make_identity("two", name="Two"))
    await page.goto(f"{URL}#mail")
    heading = page.get_by_role("heading", name="Mail", exact=True)
    await expect(heading).to_be_focused()
    links = page.get_by_role("navigation", name="Sections")
    await links.get_by_role("link", name="Registries").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Registries")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.get_by_label("Registry")).to_be_focused()
    await expect(links.locator("[aria-current]")).to_have_text("Registries")


async def test_an_account_at_a_registry_is_added_and_tested(page: Page, stub: AccountStub) -> None:
    await page.goto(URL)
    form = page.get_by_role("form", name="Add or change an account")
    await form.get_by_label("Registry").fill(" registry.example.org:5000 ")
    await form.get_by_label("Account").fill("ada")
    await form.get_by_label("Password").fill(" s3cret ")
    await page.keyboard.press("Enter")
    card = page.locator("#registry-accounts .identity")
    await expect(card.locator("h3")).to_have_text("registry.example.org:5000 ada")
    await expect(card.locator(".state")).to_have_text("Not tested")
    # A password is sent as it was typed, and not kept in the page.
    assert stub.bodies == [{"account": "ada", "password": " s3cret "}]
    await expect(form.get_by_label("Password")).to_have_value("")
    assert ("PUT", "api/v1/registries/registry.example.org%3A5000") in stub.calls
    stub.result = {"state": "refused", "message": "The registry does not accept it."}
    await card.get_by_role("button", name="Test now").click()
    await expect(card.locator(".state")).to_have_text("Refused")
    await expect(card.get_by_role("status")).to_have_text("The registry does not accept it.")
    await card.get_by_role("button", name="Change").click()
    await expect(form.get_by_label("Account")).to_have_value("ada")
    await expect(form.get_by_label("Password")).to_be_focused()


async def test_deleting_an_account_is_asked_about(page: Page, stub: AccountStub) -> None:
    stub.registries["accounts"] = [make_account("<b>x</b>")]
    await page.goto(URL)
    card = page.locator("#registry-accounts .identity")
    await expect(card.locator("h3")).to_contain_text("<b>x</b>")
    await card.get_by_role("button", name="Delete").click()
    await page.get_by_role("button", name="Cancel").click()
    assert not [call for call in stub.calls if call[0] == "DELETE"]
    await card.get_by_role("button", name="Delete").click()
    await page.get_by_role("button", name="Delete the account").click()
    await expect(card).to_have_count(0)


async def test_the_hubs_own_registry_is_explained(page: Page, stub: AccountStub) -> None:
    spaces = ["alice", "groups/" + LONG]
    stub.registries["hub"] = {"host": "images.example.org", "user": "alice", "spaces": spaces}
    stub.registries["site"] = [{"host": "site.example.org"}]
    await page.set_viewport_size({"width": 360, "height": 740})
    await page.goto(URL)
    await expect(page.locator("#hub-login")).to_have_text(
        "docker login images.example.org --username alice"
    )
    await expect(page.locator("#hub-spaces li")).to_have_text(
        [f"images.example.org/{space}/…" for space in spaces]
    )
    await expect(page.locator("#site-registries")).to_contain_text("site.example.org")
    assert await page.evaluate(OVERFLOW) == 0
