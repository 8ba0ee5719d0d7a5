"""The dashboard: what it shows, live, and what its buttons do."""

import pytest
from playwright.async_api import Page, Route, expect

from .stub import PREFIX, Stub
from .tasks import dashboard, failed, make_task, running

pytestmark = pytest.mark.asyncio(loop_scope="session")

MB = 1 << 20


async def open_dashboard(page: Page) -> None:
    """The dashboard, marked so that a reload would be noticed."""
    await page.goto(PREFIX)
    # Chromium interrupts what it loads when the machine's networks change, and loads it again.
    await page.wait_for_function("!window.sessionStorage.getItem('rosetta-reloads')")
    await page.evaluate("window.mark = 'kept'")


async def assert_not_reloaded(page: Page) -> None:
    """The page is still the one that was opened."""
    assert await page.evaluate("window.mark") == "kept"


async def test_without_tasks_it_leads_to_the_catalogue(page: Page, stub: Stub) -> None:
    await open_dashboard(page)
    empty = page.locator("#empty")
    await expect(empty).to_contain_text("No tasks yet")
    await empty.get_by_role("link", name="New task").click()
    await expect(page).to_have_url(f"{stub.base}/hub/spawn")


async def test_states_change_without_a_reload(page: Page, stub: Stub) -> None:
    task = stub.put(make_task())
    await open_dashboard(page)
    row = page.locator(".task-row")
    await expect(row.locator(".state")).to_have_text("Queued")
    await expect(row.get_by_role("link", name="Connect")).to_be_hidden()

    task = stub.put(task, state="starting", progress={"done": 25 * MB, "total": 100 * MB})
    await expect(row.locator(".state")).to_have_text("Starting")
    await expect(row.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "25")

    task = stub.put(task, **running())
    await expect(row.locator(".state")).to_have_text("Running")
    connect = row.get_by_role("link", name="Connect My CASA")
    await expect(connect).to_have_attribute("href", f"{PREFIX}open/3f9a1c22b7e4")
    await expect(page.locator("#announce")).to_contain_text("My CASA: Running")

    stub.put(task, **failed("The disk of This machine is full.", []))
    await expect(page.locator("#ended .task-row")).to_contain_text("disk of This machine is full")
    await expect(connect).to_be_hidden()
    await assert_not_reloaded(page)


async def test_further_interfaces_are_in_the_row(page: Page, stub: Stub) -> None:
    task = stub.put(make_task(**running(), interfaces=[dashboard(False)]))
    await open_dashboard(page)
    waiting = page.get_by_role("link", name="Dashboard (not answering yet) of My CASA")
    await expect(waiting).to_have_attribute("href", f"{PREFIX}open/3f9a1c22b7e4?interface=8787")
    task = stub.put(task, interfaces=[dashboard(True)])
    ready = page.get_by_role("link", name="Dashboard of My CASA", exact=True)
    await expect(ready).to_be_visible()
    stub.put(task, interfaces=[])
    await expect(ready).to_have_count(0)
    await assert_not_reloaded(page)


async def test_tasks_come_and_go(page: Page, stub: Stub) -> None:
    await open_dashboard(page)
    await expect(page.locator("#empty")).to_be_visible()
    stub.put(make_task("a1", name="One"))
    stub.put(make_task("a2", name="Two", created="2026-01-02T10:00:00Z"))
    await expect(page.locator(".task-name")).to_have_text(["Two", "One"])
    stub.remove("a1")
    await expect(page.locator(".task-name")).to_have_text(["Two"])
    stub.remove("a2")
    await expect(page.locator("#empty")).to_be_visible()
    await assert_not_reloaded(page)


async def test_older_tasks_come_when_they_are_asked_for(page: Page, stub: Stub) -> None:
    ended = failed("The software ended.", [])
    for number in range(60):
        time = f"2026-01-01T10:{number:02}:00Z"
        stub.put(make_task(f"a{number:02}", name=f"Task {number}") | ended | {"ended": time})
    stub.put(make_task("b1", **running()))
    await open_dashboard(page)
    names = page.locator("#ended .task-name")
    await expect(names).to_have_text([f"Task {number}" for number in range(59, 9, -1)])
    await page.get_by_role("button", name="Show older tasks").click()
    await expect(names).to_have_text([f"Task {number}" for number in range(59, -1, -1)])
    await expect(page.get_by_role("button", name="Show older tasks")).to_be_hidden()
    await expect(page.get_by_role("link", name="Task 9", exact=True)).to_be_focused()

    # When it is connected again, it knows what was deleted, and shows as many as before.
    stub.tasks.pop("a05")
    stub.cut()
    stub.streams_open = True
    await expect(names).to_have_count(59)
    await expect(names.last).to_have_text("Task 0")
    await assert_not_reloaded(page)


async def test_the_time_runs(page: Page, stub: Stub) -> None:
    await page.clock.install(time="2026-01-01T10:00:00Z")
    stub.put(make_task(**running()))
    await open_dashboard(page)
    await page.clock.pause_at("2026-01-01T10:03:05Z")
    await expect(page.locator(".task-time")).to_have_text("running 2 min 05 s")
    await page.clock.run_for(1000)
    await expect(page.locator(".task-time")).to_have_text("running 2 min 06 s")


async def test_stop_and_what_the_api_refuses(page: Page, stub: Stub) -> None:
    stub.put(make_task(**running()))
    stub.refusals["POST 3f9a1c22b7e4/stop"] = (503, "The database is locked. Try again.")
    await open_dashboard(page)
    stop = page.get_by_role("button", name="Stop My CASA")
    await stop.click()
    await expect(page.get_by_role("alert")).to_contain_text("The database is locked. Try again.")
    await expect(stop).to_be_enabled()

    stub.refusals.clear()
    async with page.expect_response("**/stop"):
        await stop.click()
    stub.put(stub.tasks["3f9a1c22b7e4"], state="stopping", target="stop")
    await expect(page.locator(".state")).to_have_text("Stopping")
    await expect(stop).to_be_hidden()
    assert stub.calls.count(("POST", "3f9a1c22b7e4/stop")) == 2


async def test_start_again(page: Page, stub: Stub) -> None:
    stub.put(make_task() | failed("The software ended.", []))
    await open_dashboard(page)
    async with page.expect_response("**/start"):
        await page.get_by_role("button", name="Start again My CASA").click()
    stub.put(make_task(attempt=2))
    await expect(page.locator("#active .state")).to_have_text("Queued")
    assert ("POST", "3f9a1c22b7e4/start") in stub.calls


async def test_delete_asks_first(page: Page, stub: Stub) -> None:
    stub.put(make_task() | failed("The software ended.", []))
    await open_dashboard(page)
    delete = page.get_by_role("button", name="Delete My CASA")
    await delete.click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Delete “My CASA”?")
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    assert ("DELETE", "3f9a1c22b7e4") not in stub.calls

    await delete.click()
    await dialog.get_by_role("button", name="Delete").click()
    await expect(page.locator("#empty")).to_be_visible()
    assert ("DELETE", "3f9a1c22b7e4") in stub.calls


async def test_lost_updates_are_said_and_come_back(page: Page, stub: Stub) -> None:
    stub.put(make_task("a1", name="One"))
    stub.put(make_task("a2", name="Two"))
    await open_dashboard(page)
    await expect(page.locator(".task-row")).to_have_count(2)
    stub.cut()
    banner = page.locator("#interrupted")
    await expect(banner).to_have_text("Live updates are interrupted, trying again…")
    # What happens meanwhile is there afterwards, deletions too.
    stub.remove("a2")
    stub.put(stub.tasks["a1"], **running(id="a1"))
    stub.streams_open = True
    await expect(banner).to_be_hidden()
    await expect(page.locator(".task-row .state")).to_have_text(["Running"])
    await assert_not_reloaded(page)


async def test_a_list_that_can_not_be_read_is_asked_for_again(page: Page, stub: Stub) -> None:
    stub.put(make_task("a1", name="First"))
    await open_dashboard(page)
    await expect(page.locator(".task-row")).to_have_count(1)
    refused: list[str] = []

    async def refuse_twice(route: Route) -> None:
        if len(refused) == 2:
            await route.continue_()
        else:
            refused.append(route.request.url)
            await route.abort()

    await page.route("**/api/v1/tasks?state=active*", refuse_twice)
    stub.cut()
    stub.remove("a1")
    stub.put(make_task("a2", name="Second"))
    stub.streams_open = True
    await expect(page.locator("#interrupted")).to_be_visible()
    await expect(page.locator(".task-name")).to_have_text(["Second"])
    await expect(page.locator("#interrupted")).to_be_hidden()
    assert len(refused) == 2
    await assert_not_reloaded(page)


async def test_an_ended_session_is_said(page: Page, stub: Stub) -> None:
    stub.put(make_task())
    await open_dashboard(page)
    await expect(page.locator(".task-row")).to_have_count(1)
    stub.logged_in = False
    stub.cut()
    await expect(page.locator("#interrupted")).to_contain_text("You are logged out")


async def test_what_users_write_stays_text(page: Page, stub: Stub) -> None:
    evil = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>"
    software = {"name": evil, "version": evil, "logo": "", "image": evil}
    stub.put(make_task(name=evil, message=evil, software=software, computing={"name": evil}))
    await open_dashboard(page)
    await expect(page.locator(".task-name")).to_have_text(evil)
    await expect(page.locator(".task-message")).to_have_text(evil)
    await page.locator(".task-name").click()
    await expect(page.locator("h1")).to_have_text(evil)
    await expect(page.locator("#details")).to_contain_text(evil)
    assert await page.evaluate("window.hacked") is None


async def test_the_focus_stays_when_a_task_changes(page: Page, stub: Stub) -> None:
    task = stub.put(make_task())
    await open_dashboard(page)
    cancel = page.get_by_role("button", name="Cancel My CASA")
    await cancel.focus()
    stub.put(make_task("a2", name="Newer", created="2026-02-01T10:00:00Z"))
    stub.put(task, message="Second in the queue.")
    await expect(page.locator(".task-row")).to_have_count(2)
    await expect(cancel).to_be_focused()
    # Where the button goes, the focus goes to the task, not to the top of the page.
    stub.put(task, state="stopping", target="stop")
    await expect(page.get_by_role("link", name="My CASA", exact=True)).to_be_focused()
