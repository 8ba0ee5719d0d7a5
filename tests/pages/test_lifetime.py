"""The end of a task by itself: told, put off with one click, and chosen, in the browser's zone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.eventually import until

from .form import open_form, start
from .stub import PREFIX, Stub
from .tasks import lifetime, make_task, running, running_job

pytestmark = pytest.mark.asyncio(loop_scope="session")

ID = "3f9a1c22b7e4"
PAGE = f"{PREFIX}tasks/{ID}?stay"
IDLE = "Nobody uses it, and it computes nothing: after 2 h of that it is stopped."


def asked(**changes: Any) -> dict[str, Any]:
    """An idle task whose user is asked."""
    end = (datetime.now(UTC) + timedelta(minutes=9, seconds=30)).isoformat()
    values = {"ends_at": end, "why": "idle", "message": IDLE, "asks": True, "keepable": True}
    return lifetime(**values, idle_timeout=7200, **changes)


async def test_a_page_asks_and_one_click_keeps_the_task(page: Page, stub: Stub) -> None:
    task = stub.put(make_task(**running()))
    await page.goto(PAGE)
    keep = page.get_by_role("button", name="Keep it running")
    await expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    await expect(keep).to_be_hidden()
    stub.put(task, lifetime=asked())
    line = page.locator("#end .time-left")
    await expect(line).to_contain_text("It is stopped in 9 min")
    await expect(line).to_contain_text(IDLE)
    stub.kept = lifetime(idle_timeout=7200)
    await keep.click()
    await expect(keep).to_be_hidden()
    await expect(line).to_be_hidden()
    assert stub.calls == [("POST", f"{ID}/keep")]


async def test_who_may_not_keep_it_is_told_all_the_same(page: Page, stub: Stub) -> None:
    can = make_task()["can"] | {"keep": False}
    stub.put(make_task(**running(), lifetime=asked() | {"keepable": False}, can=can))
    await page.goto(PAGE)
    await expect(page.locator("#end .time-left")).to_contain_text("It is stopped in 9 min")
    await expect(page.get_by_role("button", name="Keep it running")).to_be_hidden()
    await expect(page.get_by_text("End of the task")).to_be_hidden()


async def test_a_time_is_chosen_in_the_zone_of_the_browser(browser: Browser, stub: Stub) -> None:
    stub.put(make_task(**running(), lifetime=lifetime(longest=43200)))
    context = await browser.new_context(timezone_id="Asia/Tokyo", base_url=stub.base)
    page = await context.new_page()
    await page.goto(PAGE)
    await page.get_by_text("End of the task").click()
    await expect(page.get_by_text("It is stopped after 12 h at the latest.")).to_be_visible()
    await page.get_by_label("Stop the task", exact=True).select_option("In 3 hours")
    stub.kept = lifetime(ends_at="2031-01-02T09:00:00Z", stop_at="2031-01-02T09:00:00Z")
    await page.get_by_role("button", name="Set", exact=True).click()
    await expect(page.locator("#end .time-left")).to_contain_text("06:00 PM")
    await page.get_by_label("Stop the task", exact=True).select_option("At a time…")
    await page.get_by_label("Stop the task at").fill("2031-01-02T18:00")
    async with page.expect_response("**/lifetime"):
        await page.get_by_role("button", name="Set", exact=True).click()
    stub.kept = lifetime()
    await page.get_by_role("button", name="Do not stop it then").click()
    await expect(page.get_by_role("button", name="Do not stop it then")).to_be_hidden()
    assert stub.chosen == [
        {"stop_after": "3h"},
        {"stop_at": "2031-01-02T09:00:00.000Z"},
        {"stop_at": None},
    ]
    await context.close()


async def test_more_time_of_a_job_is_asked_for_or_told_why_not(page: Page, stub: Stub) -> None:
    soon, later = (datetime.now(UTC) + timedelta(hours=hours) for hours in (1, 4))
    task = stub.put(make_task(**running_job(soon.isoformat())))
    await page.goto(PAGE)
    await page.get_by_text("End of the task").click()
    ask = page.get_by_role("button", name="Ask for it")
    why = "Slurm lets its operators alone give a running job more time."
    stub.refusals[f"POST {ID}/time"] = (403, why)
    await ask.click()
    await expect(page.get_by_role("alert")).to_contain_text(why)
    stub.refusals.clear()
    stub.tasks[ID] = task | running_job(later.isoformat())
    await ask.click()
    await expect(page.locator("#time-left-text")).to_contain_text("4 h left")


async def test_the_dashboard_asks_too(page: Page, stub: Stub) -> None:
    stub.put(make_task(**running(), lifetime=asked()))
    await page.goto(PREFIX)
    await expect(page.locator(".task-left")).to_contain_text("stopped in 9 min")
    stub.kept = lifetime()
    keep = page.get_by_role("button", name="Keep it running My CASA")
    await keep.click()
    await expect(keep).to_be_hidden()
    await expect(page.locator(".task-left")).to_be_hidden()
    assert ("POST", f"{ID}/keep") in stub.calls


async def test_the_dashboard_knows_what_was_told_after_the_answer(page: Page, stub: Stub) -> None:
    task = stub.put(make_task(**running(), lifetime=asked()))
    await page.goto(PREFIX)
    stub.kept = lifetime()
    stub.answers_held.clear()
    async with page.expect_request("**/keep"):
        await page.get_by_role("button", name="Keep it running My CASA").click()
    await until(lambda: ("POST", f"{ID}/keep") in stub.calls)
    stub.put(task, lifetime=stub.kept, message="Something else.")
    message = page.locator(".task-message")
    await expect(message).to_have_text("Something else.")
    stub.answers_held.set()
    await expect(page.locator(".task-row [aria-busy]")).to_have_count(0)
    await expect(message).to_have_text("Something else.")


async def test_the_form_sends_what_was_chosen(page: Page, stub: Stub) -> None:
    stub.put(make_task())
    await open_form(page, "local")
    assert not {"stop_at", "stop_after"} & (await start(page, stub)).keys()
    await open_form(page, "local")
    await page.get_by_text("End of the task").click()
    await page.get_by_label("Stop it").select_option("After 3 hours")
    assert (await start(page, stub))["stop_after"] == "3h"
    await open_form(page, "local")
    await page.get_by_text("End of the task").click()
    await page.get_by_label("Stop it").select_option("At a time…")
    await page.get_by_label("At", exact=True).fill("2031-01-02T18:00")
    task = await start(page, stub)
    result = await page.evaluate("new Date('2031-01-02T18:00').toISOString()")
    assert (task["stop_at"], task.get("stop_after")) == (result, None)
