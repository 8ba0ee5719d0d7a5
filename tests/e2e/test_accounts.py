"""Accounts and administration in a browser, on a hub with local accounts and a mail server."""

import asyncio
import json
import re
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.mail.server import Mailbox, serve
from tests.support.browsing import visit
from tests.support.eventually import until

from .browser import chromium
from .conftest import COMPUTING, SOFTWARE
from .deployment import Deployment

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

STRONG = "violet tractor opens seven lakes"
OTHER = "green piano under nine clouds"
ACCOUNTS = """
c.JupyterHub.authenticator_class = "rosetta"
c.RosettaAuthenticator.local_accounts = {{"sign_up": "email", "approval": True}}
c.Rosetta.smtp_host = "127.0.0.1"
c.Rosetta.smtp_port = {port}
c.Rosetta.smtp_security = "none"
c.Rosetta.mail_from = "hub@example.org"
"""
_LINK = re.compile(r"http://\S+")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mailbox() -> AsyncIterator[tuple[Mailbox, int]]:
    """The mail server, and its port."""
    result = Mailbox()
    async with serve(result, None) as port:
        yield result, port


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hub(
    tmp_path_factory: pytest.TempPathFactory, mailbox: tuple[Mailbox, int]
) -> AsyncIterator[Deployment]:
    """A hub with an administrator, `chief`, whom the command line has made."""
    directory = tmp_path_factory.mktemp("users")
    extra = ACCOUNTS.format(port=mailbox[1])
    deployment = Deployment(directory, SOFTWARE[:1], COMPUTING, extra=extra)
    command = [sys.executable, "-m", "rosetta_hub", "account", "--config", str(deployment.config)]
    command += ["create", "chief", "--admin", "--password-stdin"]
    work = subprocess.run
    await asyncio.to_thread(work, command, input=f"{STRONG}\n", text=True, check=True, timeout=60)
    try:
        await deployment.start()
        yield deployment
    finally:
        await deployment.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Chromium."""
    async with chromium() as browser:
        yield browser


async def log_in(page: Page, hub: Deployment, name: str, password: str) -> None:
    """Fill in the form of the login page."""
    await visit(page, f"{hub.url}/hub/login")
    await page.get_by_label("Name or mail address").fill(name)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Log in").click()


async def open_as(browser: Browser, hub: Deployment, name: str, password: str = STRONG) -> Page:
    """The dashboard of a user, in a browser of the user's own."""
    page = await (await browser.new_context()).new_page()
    await log_in(page, hub, name, password)
    await page.wait_for_url("**/services/rosetta/")
    return page


def address_of(name: str) -> str:
    """Where somebody gets mails."""
    return f"{name}@example.org"


async def mailed_link(mailbox: Mailbox, name: str, subject: str) -> str:
    """The link of the mail to somebody with a subject that begins so, once it has come."""

    def mails() -> list[str]:
        return [
            mail.message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
            for mail in mailbox.mails
            if mail.recipients == [address_of(name)]
            and str(mail.message["Subject"]).startswith(subject)
        ]

    await until(mails)
    link = _LINK.search(mails()[-1])
    assert link is not None
    return link[0]


async def sign_up(page: Page, hub: Deployment, mailbox: Mailbox, name: str) -> None:
    """From the login page to an account that waits."""
    await visit(page, f"{hub.url}/hub/login")
    await page.get_by_role("link", name="Sign up").click()
    await page.get_by_label("Mail address").fill(address_of(name))
    await page.get_by_role("button", name="Send the mail").click()
    await expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    await visit(page, await mailed_link(mailbox, name, "Confirm your address"))
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Password").fill(STRONG)
    await page.get_by_role("button", name="Create the account").click()
    waits = page.get_by_role("heading", name="Your account waits for an administrator")
    await expect(waits).to_be_visible()


async def reset(page: Page, hub: Deployment, mailbox: Mailbox, name: str) -> None:
    """From the login page to another password."""
    await visit(page, f"{hub.url}/hub/login")
    await page.get_by_role("link", name="Forgot your password?").click()
    await page.get_by_label("Mail address of your account").fill(address_of(name))
    await page.get_by_role("button", name="Send the mail").click()
    await visit(page, await mailed_link(mailbox, name, "Set a new password"))
    await page.get_by_label("New password").fill(OTHER)
    await page.get_by_role("button", name="Set the password").click()
    await expect(page.get_by_role("heading", name="Your password is set")).to_be_visible()


async def test_from_sign_up_to_another_password(
    hub: Deployment, mailbox: tuple[Mailbox, int], browser: Browser
) -> None:
    # One of each try: a hub keeps its accounts.
    name = f"newcomer-{secrets.token_hex(4)}"
    somebody = await (await browser.new_context()).new_page()
    await sign_up(somebody, hub, mailbox[0], name)
    await log_in(somebody, hub, name, STRONG)
    await expect(somebody.get_by_text("Your account waits for an administrator.")).to_be_visible()
    chief = await open_as(browser, hub, "chief")
    await visit(chief, f"{hub.url}/services/rosetta/admin#accounts")
    await chief.get_by_role("button", name=f"Approve {name}").click()
    await expect(chief.get_by_text("Nobody waits.")).to_be_visible()
    await mailed_link(mailbox[0], name, "Your account")
    await log_in(somebody, hub, name, STRONG)
    await somebody.wait_for_url("**/services/rosetta/")
    # In another browser, as it may be somebody else who asks; the first one is logged out by it.
    other = await (await browser.new_context()).new_page()
    await reset(other, hub, mailbox[0], name)
    await visit(somebody, f"{hub.url}/services/rosetta/account")
    await expect(somebody.get_by_role("heading", name="Log in")).to_be_visible()
    await log_in(other, hub, name, STRONG)
    await expect(other.get_by_role("alert")).to_contain_text("Invalid username or password")
    await log_in(other, hub, name, OTHER)
    await other.wait_for_url("**/services/rosetta/")
    for page in (somebody, chief, other):
        await page.context.close()


async def test_drain_announcement_and_audit_log(hub: Deployment, browser: Browser) -> None:
    chief = await open_as(browser, hub, "chief")
    await visit(chief, f"{hub.url}/services/rosetta/admin#computing")
    await chief.get_by_role("button", name="Drain This machine").click()
    await chief.get_by_label("Message to users").fill("New disks.")
    await chief.get_by_role("dialog").get_by_role("button", name="Drain").click()
    resume = chief.get_by_role("button", name="Resume This machine")
    await expect(resume).to_be_visible()
    await chief.get_by_role("tab", name="Announcements").click()
    await chief.get_by_role("button", name="New announcement").click()
    await chief.get_by_label("Text").fill("The machine rests on Friday.")
    await chief.get_by_role("dialog").get_by_role("button", name="Announce").click()
    announced = chief.get_by_role("region", name="Announcements").locator(".admin-lines")
    await expect(announced).to_have_text(["The machine rests on Friday."])

    # What users see: before the login the announcement, on the dashboard both.
    user = await (await browser.new_context()).new_page()
    await visit(user, f"{hub.url}/hub/login")
    await expect(user.get_by_text("The machine rests on Friday.").first).to_be_visible()
    await user.context.close()
    await visit(chief, f"{hub.url}/services/rosetta/")
    for text in ("The machine rests on Friday.", "New disks."):
        await expect(chief.get_by_text(text).first).to_be_visible()

    await visit(chief, f"{hub.url}/services/rosetta/admin#audit")
    async with chief.expect_download() as started:
        await chief.get_by_role("link", name="Export as JSON lines").click()
    lines = Path(await (await started.value).path()).read_text().splitlines()
    values = {(record["event"], record["actor"]) for record in map(json.loads, lines)}
    assert {("computing.drain", "chief"), ("announcement.change", "chief")} <= values
    await chief.get_by_role("tab", name="Computing").click()
    await resume.click()
    await expect(chief.get_by_role("button", name="Drain This machine")).to_be_visible()
    await chief.context.close()
