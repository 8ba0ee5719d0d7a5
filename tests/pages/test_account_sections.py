"""The sections of the page Account beside keys, registries and mail."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from .account import (
    URL,
    AccountStub,
    make_identity,
    make_session,
    make_token,
    serve_account,
    with_key,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
LONG = "W" * 80


@pytest_asyncio.fixture(loop_scope="session")
async def stub() -> AsyncIterator[AccountStub]:
    """A service with accounts."""
    async with serve_account() as site:
        yield site


async def test_a_key_is_imported_and_a_refusal_loses_nothing(page: Page, stub: AccountStub) -> None:
    stub.add(make_identity() | with_key("alice", state="works", message="It works."))
    stub.refusals["api/v1/account/identities/cluster/key"] = (422, "The key is too weak.")
    await page.goto(URL)
    await page.get_by_role("button", name="Import a key").click()
    dialog = page.get_by_role("dialog", name="Import a key for The cluster")
    await expect(dialog.get_by_label("Private key")).to_be_focused()
    await page.keyboard.type("a private key")
    await dialog.get_by_label("Passphrase").fill("sesame")
    await dialog.get_by_role("button", name="Use this key").click()
    await expect(dialog.get_by_role("alert")).to_have_text("The key is too weak.")
    await expect(dialog.get_by_label("Private key")).to_have_value("a private key")
    stub.refusals.clear()
    await dialog.get_by_role("button", name="Use this key").click()
    await expect(dialog).to_be_hidden()
    assert stub.bodies[-1] == {"private_key": "a private key", "passphrase": "sesame"}
    await expect(page.locator(".connect-value").first).to_contain_text("alice-3")
    await expect(page.get_by_role("button", name="Import a key")).to_be_focused()


async def test_an_address_waits_for_its_owner(page: Page, stub: AccountStub) -> None:
    stub.mail["pending"] = "<b>new</b>@example.net"
    await page.goto(URL)
    await expect(page.locator("#mail-pending")).to_have_text(
        "A mail with a link was sent to <b>new</b>@example.net. The address counts once the link is"
        " used. Until then, mails go to alice@example.org."
    )
    await page.goto(f"{URL}/confirm?code=c0de")
    # Opening the link has changed nothing.
    assert not stub.bodies
    await page.get_by_role("button", name="Confirm the address").click()
    await expect(page.get_by_text("mails about your tasks are sent to")).to_be_visible()
    assert stub.bodies == [{"code": "c0de"}]


async def test_dates_are_written_as_chosen(page: Page, stub: AccountStub) -> None:
    stub.tokens = [make_token("a1", created="2026-11-01T23:30:00Z")]
    await page.goto(URL)
    await page.get_by_label("Time zone").select_option("Asia/Tokyo")
    await page.get_by_label("Language of dates").select_option("de")
    await expect(page.locator("#date-sample")).to_contain_text("20")
    await page.locator("#dates-form").get_by_role("button", name="Save").click()
    await expect(page.locator("#dates-form [role=status]")).to_have_text("Saved.")
    assert stub.bodies == [{"time_zone": "Asia/Tokyo", "language": "de"}]
    async with page.expect_response("**/account/dates"):
        await page.locator("#dates-form").get_by_role("button", name="Save").click()
    await expect(page.locator("#dates-form [role=status]")).to_have_text("Saved.")
    assert stub.dates["revision"] == "d111"
    # The page has the choice from now on: a token is made, and its times are written so.
    await page.get_by_label("What it is for").fill("x")
    await page.get_by_role("button", name="Make a token").click()
    await expect(page.locator("#token-list")).to_contain_text("01.11.2026, 21:00:00")


async def test_a_token_is_made_shown_once_and_deleted(page: Page, stub: AccountStub) -> None:
    stub.tokens = [
        make_token("a1", note="<i>old</i>", rights=[], all_rights=True),
        make_token("a2", note="", rights=["see"], scopes=["users:activity!user"]),
    ]
    await page.goto(URL)
    rows = page.locator("#token-list li")
    await expect(rows.nth(1)).to_contain_text("<i>old</i>Everything that you may do")
    await expect(rows.nth(0)).to_contain_text("at the hub: users:activity!user")
    form = page.get_by_role("form", name="Make a token")
    await form.get_by_label("What it is for").fill("nightly run")
    await form.get_by_label("See your tasks").uncheck()
    await form.get_by_role("button", name="Make a token").click()
    await expect(page.get_by_text("Select what the token may do.")).to_be_visible()
    await form.get_by_label("Start, stop and delete tasks").check()
    await form.get_by_label("It expires after").select_option("1 day")
    await form.get_by_role("button", name="Make a token").click()
    await expect(page.locator("#new-token")).to_have_text("s3cret-of-a9")
    document = {"note": "nightly run", "rights": ["change"], "seconds": 86400}
    assert stub.bodies == [document]
    await page.get_by_role("button", name="Delete the token “nightly run”").click()
    await page.get_by_role("button", name="Delete the token", exact=True).click()
    await expect(rows).to_have_count(2)
    assert ("DELETE", "api/v1/account/tokens/a9") in stub.calls


async def test_all_sessions_are_ended_after_a_question(page: Page, stub: AccountStub) -> None:
    stub.sessions = [make_session(current=True), make_session(browser="<b>x</b>", first_seen=None)]
    await page.goto(URL)
    rows = page.locator("#session-list li")
    await expect(rows.nth(0)).to_contain_text("Firefox on Linux This browser")
    await expect(rows.nth(1)).to_contain_text("<b>x</b>")
    await page.get_by_role("button", name="Log out everywhere").click()
    await page.get_by_role("button", name="Cancel").click()
    assert ("DELETE", "api/v1/account/sessions") not in stub.calls
    await page.get_by_role("button", name="Log out everywhere").click()
    await page.get_by_role("dialog").get_by_role("button", name="Log out everywhere").click()
    await page.wait_for_url("**/hub/login")
    assert ("DELETE", "api/v1/account/sessions") in stub.calls


async def test_one_session_is_ended(page: Page, stub: AccountStub) -> None:
    stub.sessions = [make_session(current=True), make_session(id="1" * 64, browser="Safari")]
    await page.goto(URL)
    rows = page.locator("#session-list li")
    # This browser's own is ended by "Logout".
    await expect(rows.nth(0).get_by_role("button")).to_have_count(0)
    await rows.nth(1).get_by_role("button", name="Log out Safari").click()
    await expect(rows).to_have_count(1)
    assert ("DELETE", f"api/v1/account/sessions/{'1' * 64}") in stub.calls


async def test_data_is_taken_along_and_deleted(page: Page, stub: AccountStub) -> None:
    await page.goto(URL)
    async with page.expect_download() as started:
        await page.get_by_role("button", name="Download my data").click()
    download = await started.value
    assert download.suggested_filename == "rosetta-data.json"
    assert json.loads(Path(await download.path()).read_text()) == {"user": "alice"}
    remove = page.get_by_role("button", name="Delete my data")
    await expect(remove).to_be_disabled()
    name = page.get_by_label("Type alice to delete it")
    await name.fill("alic")
    await expect(remove).to_be_disabled()
    await name.fill("alice")
    stub.refusals["api/v1/account/data/delete"] = (409, "Your task 'one' has not ended.")
    await remove.click()
    await expect(page.get_by_role("alert")).to_contain_text("Your task 'one' has not ended.")
    stub.refusals.clear()
    await remove.click()
    await expect(name).to_have_value("")
    assert stub.bodies[-1] == {"name": "alice"}


async def test_nothing_scrolls_sideways_at_360_pixels(page: Page, stub: AccountStub) -> None:
    stub.tokens = [make_token("a1", note=LONG, scopes=[LONG])]
    stub.sessions = [make_session(browser=LONG, services=[LONG], current=True)]
    document = {"software": [LONG], "computing": [], "storages": [LONG], "any_protocol": True}
    stub.groups = [{"name": LONG, **document}]
    await page.set_viewport_size({"width": 360, "height": 740})
    await page.goto(URL)
    await expect(page.locator("#group-list")).to_contain_text("interfaces of any protocol")
    assert await page.evaluate(OVERFLOW) <= 0


async def test_login_sections_are_those_of_our_authenticator(page: Page, stub: AccountStub) -> None:
    await page.goto(URL)
    await expect(page.get_by_role("heading", name="Your data")).to_be_visible()
    sections = page.get_by_role("navigation", name="Sections")
    await expect(sections.get_by_role("link", name="Password")).to_have_count(0)
    assert ("GET", "api/v1/account/password") not in stub.calls
