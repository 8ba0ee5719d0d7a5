"""Tasks of a cluster on the pages: why they wait, and when their time is up."""

import pytest
from playwright.async_api import Browser, Page, expect

from rosetta_hub.database.models import Task
from rosetta_hub.tasks.state_messages import warning_messages

from .stub import PREFIX, Stub
from .tasks import failed, in_minutes, make_task, queued_job, running_job

pytestmark = pytest.mark.asyncio(loop_scope="session")

ID = "3f9a1c22b7e4"
PAGE = f"{PREFIX}tasks/{ID}?stay"
SILENT = "The login node of Vega does not answer since 14:02. The task goes on."


async def test_reason_and_expected_start_in_the_users_own_time(
    browser: Browser, stub: Stub
) -> None:
    stub.put(make_task(**queued_job("2030-06-03T12:30:00Z", reason="Other jobs go first.")))
    context = await browser.new_context(
        base_url=stub.base, locale="en-GB", timezone_id="Europe/Rome"
    )
    page = await context.new_page()
    await page.clock.set_fixed_time("2030-06-03T08:00:00Z")
    await page.goto(PAGE)
    await expect(page.locator("#task-message")).to_have_text("Waits for 64 free cores in main.")
    await expect(page.locator("#task-message code")).to_have_text("main")
    await expect(page.locator("#reason")).to_have_text("Other jobs go first.")
    await expect(page.locator("#expected")).to_have_text("Expected 14:30")
    stub.put(make_task(**queued_job("2030-06-05T12:30:00Z")))
    await expect(page.locator("#expected")).to_have_text("Expected Wed 5 Jun, 14:30")
    await expect(page.locator("#reason")).to_be_hidden()
    stub.put(make_task(**queued_job("2030-06-03T07:59:00Z")))
    await expect(page.locator("#expected")).to_have_text("Expected any moment")
    await context.close()


async def test_a_reason_is_not_said_twice(page: Page, stub: Stub) -> None:
    stub.put(make_task(**queued_job(reason="Waits for 64 free cores in `main`")))
    await page.goto(PAGE)
    await expect(page.locator("#task-message")).to_be_visible()
    await expect(page.locator("#reason")).to_be_hidden()
    await expect(page.locator("#queue")).to_be_hidden()


async def test_what_was_asked_and_what_became_of_it(page: Page, stub: Stub) -> None:
    task = stub.put(make_task(**queued_job()))
    task["request"] |= {"qos": "long", "gpus": 2, "gpu_type": "a100", "constraint": "ib"}
    await page.goto(PAGE)
    inventory = page.locator("#details")
    document = {
        "Partition": "main",
        "Account": "astro",
        "QoS": "long",
        "GPUs": "2 a100",
        "Time limit": "8 h",
        "Constraint": "ib",
        "Job": "4711, pending",
    }
    for term, text in document.items():
        entry = inventory.locator("dt", has_text=term).locator("+ dd")
        await expect(entry).to_have_text(text)
    await expect(inventory.get_by_text("Node")).to_be_hidden()
    stub.put(task, **running_job(in_minutes(300)))
    await expect(inventory.locator("dt", has_text="Node").locator("+ dd")).to_have_text("node03")


async def test_cancel_in_the_queue(page: Page, stub: Stub) -> None:
    stub.put(make_task(**queued_job(in_minutes(90))))
    await page.goto(PAGE)
    async with page.expect_response("**/stop"):
        await page.get_by_role("button", name="Cancel").click()
    assert ("POST", f"{ID}/stop") in stub.calls


async def test_time_left_and_its_end(page: Page, stub: Stub) -> None:
    task = stub.put(make_task(**running_job(in_minutes(11.5), condition=SILENT)))
    await page.clock.install()
    await page.goto(PAGE)
    result = page.locator("#time-left")
    await expect(result).to_contain_text("12 min left, until ")
    await expect(page.locator("#time-left-advice")).to_be_hidden()
    await expect(page.locator("#condition")).to_have_text(SILENT)
    await page.clock.fast_forward("04:00")
    await expect(result.get_by_text("The task ends then: save your work.")).to_be_visible()
    await expect(result).to_have_class("time-left time-near")
    await expect(page.locator("#announce")).to_contain_text("save your work")
    await page.clock.fast_forward("10:00")
    await expect(result).to_contain_text("The time limit is reached.")
    stub.put(task, condition=None, **failed("The time limit of 8 h is reached.", []))
    await expect(result).to_be_hidden()
    await expect(page.locator("#condition")).to_be_hidden()


async def test_the_time_limit_is_not_told_twice(page: Page, stub: Stub) -> None:
    other = "The task can't connect to other machines: slirp4netns is not installed."
    warnings = [*warning_messages(Task(warnings=["time_limit_near"])), other]
    stub.put(make_task(**running_job(in_minutes(9), warnings=warnings)))
    await page.goto(PAGE)
    await expect(page.locator("#time-left")).to_contain_text("save your work")
    await expect(page.locator("#warnings li")).to_have_text([other])
    stub.put(make_task(**running_job(in_minutes(11), warnings=warnings)))
    await expect(page.locator("#warnings li")).to_have_text(warnings)


async def test_the_dashboard_has_it_at_a_glance(page: Page, stub: Stub) -> None:
    stub.put(make_task("a1", **queued_job("2030-06-03T12:30:00Z")))
    await page.clock.install()
    await page.goto(PREFIX)
    row = page.locator(".task-row")
    await expect(row).to_contain_text("Waits for 64 free cores in main.")
    await expect(row.locator(".task-left")).to_contain_text("expected ")
    text = "CASA 6.5 · Vega · main, astro, 64 cores, 128 GB, 8 h"
    await expect(row.locator(".task-where")).to_have_text(text)
    task = stub.put(make_task("a1", **running_job(in_minutes(200), condition=SILENT)))
    result = row.locator(".task-left")
    await expect(result).to_have_text("3 h 20 min left")
    await expect(row.locator(".task-condition")).to_have_text(SILENT)
    await page.clock.fast_forward("03:15:00")
    await expect(result).to_have_class("task-left time-near")
    stub.put(task, job=None, condition=None)
    await expect(result).to_be_hidden()
    await expect(row.locator(".task-condition")).to_be_hidden()
