"""Links to the hub: what they open, and what they can't start."""

import json
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.browsing import visit

from .browser import chromium, log_in
from .deployment import Deployment, User, eventually

GIT_PULL = "git-pull?repo=https%3A%2F%2Fexample.org%2Fcourse&urlpath=lab%2Ftree%2Fa+b.ipynb"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A browser without a past."""
    async with chromium() as opened:
        yield opened


async def start_echo(page: Page) -> None:
    """Press Start on the form, for the software that shows what it is asked."""
    # Shown by the script, without which the form starts the default server.
    await page.get_by_role("searchbox", name="Search software").wait_for()
    await page.get_by_role("radio", name="echo").check()
    await page.get_by_role("button", name="Start").click()


async def test_a_link_to_the_users_server_reaches_the_container(
    alice: User, deployment: Deployment, browser: Browser
) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    # Whoever is not logged in comes back to the link.
    await visit(page, f"{deployment.url}/hub/user-redirect/{GIT_PULL}")
    await page.fill("#username_input", "alice")
    await page.fill("#password_input", "any")
    await page.click("#login_submit")
    await start_echo(page)
    # By way of the waiting room.
    await page.wait_for_url(f"http://127.0.0.1:*/{GIT_PULL}", timeout=90_000)
    assert (await page.inner_text("body")).startswith(f"/{GIT_PULL}\n")

    # The second time it runs already.
    offer = page.locator("#link-target").get_by_role("link", name="echo")

    async def offered() -> bool:
        await visit(page, f"{deployment.url}/hub/user-redirect/lab/tree/a%20b")
        # Scripts may not arrive where the machine's networks change meanwhile.
        await page.wait_for_load_state("networkidle")
        return await offer.is_visible()

    await eventually(offered, "the running task is offered")
    await offer.click()
    await page.wait_for_url("http://127.0.0.1:*/lab/tree/a%20b", timeout=30_000)
    await visit(page, f"{deployment.url}/user/alice/echo/files/a%2Fb?x=1&x=%26")
    await page.wait_for_url("http://127.0.0.1:*/files/a%2Fb?x=1&x=%26", timeout=30_000)
    # And without a path it opens as always.
    await visit(page, f"{deployment.url}/user/alice/echo/?redirects=1")
    await page.wait_for_url("http://127.0.0.1:*/", timeout=30_000)


async def test_a_link_with_options_starts_nothing(
    alice: User, deployment: Deployment, browser: Browser
) -> None:
    context = await browser.new_context()
    page = await log_in(context, deployment, "alice")
    link = f"{deployment.url}/hub/spawn/alice/hostile?software=echo&memory=64M"
    # A page of another site: 127.0.0.1, where the tasks are, is not localhost.
    await page.route("http://127.0.0.1:1/**", lambda route: route.fulfill(body="<p>hostile</p>"))
    await visit(page, "http://127.0.0.1:1/")
    async with context.expect_page() as opening:
        await page.evaluate("link => { window.open(link) }", link)
    opened = await opening.value
    await expect(opened.get_by_text("A link has filled in this form.")).to_be_visible()
    await expect(opened.get_by_label("Memory")).to_have_value("64M")
    # After a login in between, the request comes from the hub's own page.
    await context.clear_cookies()
    await visit(page, f"{deployment.url}/hub/login?next={quote(link.removeprefix(deployment.url))}")
    await page.fill("#username_input", "alice")
    await page.fill("#password_input", "any")
    await page.click("#login_submit")
    await expect(page.get_by_text("A link has filled in this form.")).to_be_visible()
    tasks = json.loads((await alice.api("GET", "tasks")).body)["tasks"]
    assert tasks == []
    await page.get_by_role("button", name="Start").click()
    await page.wait_for_url("http://127.0.0.1:*/", timeout=90_000)
