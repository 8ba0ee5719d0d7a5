"""Pages of local accounts: by keyboard, for everybody, and what they ask for."""

import json

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from .accessibility import THEMES, Pages, Theme, check_pages, nothing
from .admin import URL as ADMIN
from .local_accounts import CONTEXTS, AccountsStub, EntryStub, PasswordStub, serve
from .stub import PREFIX

pytestmark = pytest.mark.asyncio(loop_scope="session")

WAITING = {
    "id": "a" * 32,
    "name": "alice",
    "address": "alice@example.org",
    "confirmed_at": "2026-11-26T07:00:43+00:00",
}
INVITATION = {
    "id": "b" * 32,
    "address": None,
    "uses_left": 5,
    "created_by": "root",
    "expires": "2026-12-26T07:00:43+00:00",
}
ACCOUNTS = {
    "waiting": [WAITING],
    "invitations": [INVITATION],
    "blocked": ["mallory"],
    "local": True,
    "mail": True,
}


@pytest.mark.parametrize("theme", THEMES)
async def test_everybody_can_use_the_pages(browser: Browser, theme: Theme) -> None:
    entry, accounts, password = EntryStub(), AccountsStub(), PasswordStub()
    accounts.documents["accounts"] = ACCOUNTS
    entries: Pages = {name: (f"/hub/{name}", "main h1", nothing) for name in CONTEXTS}
    async with serve(entry), serve(accounts), serve(password):
        await check_pages(browser, entry.base, entries, theme)
        tab: Pages = {"accounts": (f"{ADMIN}#accounts", "#panel-accounts td", nothing)}
        await check_pages(browser, accounts.base, tab, theme)
        section: Pages = {"password": (f"{PREFIX}account", "#password-form", nothing)}
        await check_pages(browser, password.base, section, theme)


async def test_a_changed_password_logs_this_browser_out(page: Page) -> None:
    stub = PasswordStub()
    async with serve(stub):
        await page.goto(f"{stub.base}{PREFIX}account")
        form = page.locator("#password-form")
        await expect(form).to_contain_text("You log in as alice.")
        stub.refusals["password"] = (422, "The present password is wrong.")
        await form.get_by_label("Present password").fill("wrong")
        await form.get_by_label("New password").fill("violet tractor opens")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("The present password is wrong.")).to_be_visible()
        stub.refusals.clear()
        await form.get_by_label("Present password").fill("right")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    body = json.loads(stub.calls[-1][1])
    assert body == {"current": "right", "new": "violet tractor opens"}


async def test_a_first_password_is_asked_for_by_mail(page: Page) -> None:
    stub = PasswordStub()
    stub.password = {"login": None, "changed": None, "address": "alice@example.org"}
    async with serve(stub):
        await page.goto(f"{stub.base}{PREFIX}account#password")
        await page.get_by_role("button", name="Mail me a link").click()
        await expect(page.get_by_text("on its way to alice@example.org")).to_be_visible()


async def test_logins_are_removed_put_back_and_separated(page: Page) -> None:
    stub = PasswordStub()
    async with serve(stub):
        await page.goto(f"{stub.base}{PREFIX}account#logins")
        logins = page.locator("#logins-list > li")
        await expect(logins).to_have_count(4)
        await page.get_by_role("button", name="Remove GitHub").click()
        await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        await expect(page.get_by_role("button", name="Put back")).to_have_count(2)
        # The last one can't be removed.
        await expect(page.get_by_role("button", name="Remove")).to_have_count(0)
        await page.get_by_role("button", name="Put back GitHub").click()
        await expect(page.get_by_role("button", name="Remove")).to_have_count(2)
        await page.get_by_role("button", name="Separate alice-2").click()
        await expect(logins).to_have_count(3)
        add = page.get_by_role("link", name="Add a login")
        await expect(add).to_have_attribute("href", "/hub/rosetta/logins")


async def press(button: Locator) -> None:
    """Press a button of a list, and wait for the list that is made anew then."""
    await button.evaluate("button => { button.dataset.pressed = ''; }")
    await button.click()
    await expect(button.page.locator("[data-pressed]")).to_have_count(0)


async def test_an_administrator_decides(page: Page) -> None:
    stub = AccountsStub()
    stub.documents["accounts"] = dict(ACCOUNTS)
    async with serve(stub):
        await page.goto(f"{stub.base}{ADMIN}#accounts")
        path = f"accounts/sign-ups/{'a' * 32}"
        for name in ("Approve alice", "Refuse alice", "Withdraw", "Let in again mallory"):
            await press(page.get_by_role("button", name=name))
        stub.documents["accounts/invitations"] = {"link": "https://hub.example.org/x"}
        await page.get_by_label("Uses of the link").fill("5")
        await page.get_by_role("button", name="Invite").click()
        await expect(page.get_by_text("https://hub.example.org/x")).to_be_visible()
        await page.get_by_label("User", exact=True).fill("eve")
        await page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        await dialog.get_by_role("button", name="Block").click()
        await expect(dialog).to_be_hidden()
        await expect(page.get_by_label("User", exact=True)).to_have_value("")
    assert stub.changes == [
        ("POST", path, None),
        ("DELETE", path, None),
        ("DELETE", f"accounts/invitations/{'b' * 32}", None),
        ("PUT", "accounts/users/mallory", {"state": "active"}),
        ("POST", "accounts/invitations", {"address": None, "uses": 5, "days": 7}),
        ("PUT", "accounts/users/eve", {"state": "blocked"}),
    ]
