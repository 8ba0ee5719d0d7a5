"""What the waiting room of a queue says about a mail."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from .account import AccountStub, serve_account
from .stub import PREFIX
from .tasks import make_task, queued_job, running_job

pytestmark = pytest.mark.asyncio(loop_scope="session")

PAGE = f"{PREFIX}tasks/a1?stay"
STAYS = "You can close this page: the task keeps its place in the queue."


@pytest_asyncio.fixture(loop_scope="session")
async def stub() -> AsyncIterator[AccountStub]:
    """A service with accounts."""
    async with serve_account() as site:
        yield site


async def test_who_gets_a_mail_is_told_where(page: Page, stub: AccountStub) -> None:
    stub.put(make_task("a1"))
    await page.goto(PAGE)
    hint = page.locator("#mail-hint")
    await expect(page.locator("#task-message")).to_be_visible()
    await expect(hint).to_be_hidden()
    stub.put(make_task("a1", **queued_job()))
    await expect(hint).to_have_text(f"{STAYS} A mail to alice@example.org tells you when it runs.")
    stub.put(make_task("a1", **running_job("2100-01-01T00:00:00Z")))
    await expect(hint).to_be_hidden()
    assert stub.calls.count(("GET", "api/v1/account/mail")) == 1


@pytest.mark.parametrize("choice", [{"address": None}, {"started": False}])
async def test_who_gets_none_may_change_that(
    page: Page, stub: AccountStub, choice: dict[str, object]
) -> None:
    stub.mail |= choice
    stub.put(make_task("a1", **queued_job()))
    await page.goto(PAGE)
    await page.locator("#mail-hint").get_by_role("link", name="Get a mail when it runs").click()
    await expect(page.get_by_label("Your mail address")).to_be_visible()


async def test_a_hub_that_sends_none_promises_none(page: Page, stub: AccountStub) -> None:
    stub.mail["available"] = False
    stub.put(make_task("a1", **queued_job()))
    await page.goto(PAGE)
    await expect(page.locator("#mail-hint")).to_have_text(STAYS)


async def test_only_the_own_tasks_are_about_the_own_mail(page: Page, stub: AccountStub) -> None:
    stub.put(make_task("a1", user="bob", **queued_job()))
    await page.goto(PAGE)
    await expect(page.locator("#task-message")).to_have_text("Waits for 64 free cores in main.")
    await expect(page.locator("#mail-hint")).to_be_hidden()
    assert ("GET", "api/v1/account/mail") not in stub.calls
