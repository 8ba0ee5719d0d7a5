"""The Admin page: its tabs by keyboard and address, and what each asks for."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from .accessibility import THEMES, Pages, Theme, check_pages, nothing
from .admin import (
    URL,
    AdminStub,
    make_announcement,
    make_computing,
    make_line,
    make_record,
    make_software,
    serve_admin,
)
from .families import catalogue
from .stub import PREFIX

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def stub() -> AsyncIterator[AdminStub]:
    """Hub and service, for an administrator."""
    async with serve_admin() as site:
        yield site


async def test_the_audit_log_is_filtered_shown_page_by_page_and_exported(
    page: Page, stub: AdminStub
) -> None:
    stub.documents["audit"] |= {"next": "Mg"}
    await page.goto(f"{URL}#audit")
    rows = page.locator("#panel-audit tbody tr")
    await expect(rows).to_have_count(2)
    await expect(rows.first).to_contain_text("task.stop")
    await expect(rows.first).to_contain_text("computing: vega")
    stub.documents["audit"] |= {"records": [make_record(1, "key.change")], "next": None}
    await page.get_by_role("button", name="Show more").click()
    await expect(rows).to_have_count(3)
    await expect(page.get_by_role("button", name="Show more")).to_be_hidden()
    assert stub.asked_for("audit")[-1] == {"after": ["Mg"]}
    # It is read for each of the filters where a while is between them.
    async with page.expect_response("**/audit?*user=alice*"):
        await page.get_by_label("Event", exact=True).select_option("task")
        await page.get_by_label("User", exact=True).fill("alice")
    await expect(rows).to_have_count(1)
    assert stub.asked_for("audit")[-1] == {"event": ["task"], "user": ["alice"]}
    export = page.get_by_role("link", name="Export as JSON lines")
    await expect(export).to_have_attribute(
        "href", "/services/rosetta/api/v1/admin/audit/export?event=task&user=alice"
    )


async def test_tabs_by_keyboard_and_by_address(page: Page, stub: AdminStub) -> None:
    await page.goto(f"{URL}#software")
    tab = page.get_by_role("tab", name="Software")
    await expect(tab).to_have_attribute("aria-selected", "true")
    await expect(page.get_by_role("tabpanel")).to_have_count(1)
    await tab.focus()
    await page.keyboard.press("ArrowRight")
    audit = page.get_by_role("tab", name="Audit log")
    await expect(audit).to_be_focused()
    await expect(page).to_have_url(f"{stub.base}{URL}#audit")
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("tab").first).to_be_focused()
    await page.keyboard.press("End")
    await expect(audit).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("Tab")
    await expect(page.get_by_label("Event", exact=True)).to_be_focused()


async def test_tasks_are_filtered_sorted_and_stopped(page: Page, stub: AdminStub) -> None:
    await page.goto(URL)
    rows = page.locator("#panel-tasks tbody tr[data-task]")
    await expect(rows).to_have_count(2)
    first = {"state": ["active"], "sort": ["newest"], "limit": ["50"]}
    assert stub.asked_for("tasks")[0] == first
    await expect(rows.first).to_contain_text("3 GB used")
    # What is chosen is forgotten when the filters change, which is a while after they are set.
    async with page.expect_response("**/tasks?*computing=perun*"):
        await page.get_by_label("User", exact=True).fill("ali")
        choice = page.locator("#panel-tasks").get_by_label("Computing", exact=True)
        await choice.select_option("perun")
    await page.get_by_role("button", name="CPUs").click()
    await expect(page.get_by_role("columnheader", name="CPUs")).to_have_attribute(
        "aria-sort", "other"
    )
    document = first | {"user": ["ali"], "computing": ["perun"], "sort": ["cpus"]}
    await page.get_by_label("Choose Task 2 of bob").check()
    await page.get_by_role("button", name="Stop the chosen task", exact=True).click()
    stub.documents["tasks"] |= {"tasks": [make_line(2, user="bob", state="stopping")]}
    # The list is read now and then, too.
    async with page.expect_response("**/tasks/stop"):
        await page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("Stopping")
    assert stub.changes == [("POST", "tasks/stop", {"ids": [f"{2:012x}"]})]
    assert stub.asked_for("tasks")[-1] == document
    await expect(page.get_by_text("Starts: 7 today, at most 7")).to_be_visible()
    await page.get_by_text("The numbers by computing resource").click()
    table = page.get_by_role("table", name="Numbers by day and computing resource")
    await expect(table.get_by_role("cell", name="vega")).to_be_visible()


async def test_the_list_of_tasks_is_live_and_keeps_what_is_chosen(
    page: Page, stub: AdminStub
) -> None:
    await page.clock.install()
    await page.goto(URL)
    box = page.get_by_label("Choose Task 1 of alice")
    await box.check()
    lines = [make_line(3), make_line(memory_used=5 << 30), make_line(2, ended="x", state="failed")]
    stub.documents["tasks"] |= {"tasks": lines}
    await page.clock.run_for(10000)
    await expect(page.locator("#panel-tasks tbody tr[data-task]")).to_have_count(3)
    await expect(box).to_be_checked()
    await expect(box).to_be_focused()
    await expect(page.get_by_label("Choose Task 2 of alice")).to_be_disabled()


async def test_sessions_of_a_user_are_ended(page: Page, stub: AdminStub) -> None:
    await page.goto(f"{URL}#users")
    await page.get_by_role("button", name="End sessions of bob").click()
    await page.get_by_label("End API tokens, too").check()
    await page.get_by_role("dialog").get_by_role("button", name="End sessions").click()
    await expect(page.get_by_text("bob is logged out everywhere.")).to_be_visible()
    assert stub.changes == [("POST", "users/bob/sessions/end", {"api_tokens": True})]


async def test_software_is_blocked_with_a_reason(page: Page, stub: AdminStub) -> None:
    await page.goto(f"{URL}#software")
    await expect(page.get_by_role("cell", name="Allowed by the image policy")).to_be_visible()
    await page.get_by_role("button", name="Block Mine of alice").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Block").click()
    await expect(dialog.get_by_role("alert")).to_have_text("Write the reason for its owner.")
    await dialog.get_by_label("Reason").fill("It mines.")
    blocked = make_software(blocked="It mines.", revision="software-2")
    stub.documents["software"] |= {"software": [blocked]}
    await dialog.get_by_role("button", name="Block").click()
    await expect(page.get_by_role("cell", name="Blocked: It mines.")).to_be_visible()
    await page.get_by_role("button", name="Delete Mine of alice").click()
    stub.documents["software"] |= {"software": []}
    await dialog.get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("Users have added no such software.")).to_be_visible()
    assert stub.changes == [
        ("PUT", f"software/{'a' * 12}/block", {"reason": "It mines."}),
        ("DELETE", f"software/{'a' * 12}", None),
    ]
    assert stub.matches == ['"software-1"', '"software-2"']


async def test_a_resource_is_drained_and_resumed(page: Page, stub: AdminStub) -> None:
    await page.goto(f"{URL}#computing")
    card = page.locator("[data-computing=vega]")
    await expect(card).to_contain_text("12 running, 3 queued")
    await expect(card).to_contain_text("1 \N{MULTIPLICATION SIGN} Resources")
    text = "Ended tasks are kept for 90 days, all of each user; the audit log for 365 days."
    await expect(page.get_by_text(text)).to_be_visible()
    await card.get_by_role("button", name="Drain Vega").click()
    await page.get_by_label("Message to users").fill("New disks.")
    drained = {"by": "root", "since": "2026-11-26T07:00:43+00:00", "message": "New disks."}
    errors = [{"message": "No answer.", "since": drained["since"], "users": ["alice", "bob"]}]
    changed = make_computing(drained=drained, errors=errors, revision="vega-2")
    stub.documents["computing"] |= {"computing": [changed], "faults": {"edge": "The edge is away."}}
    await page.get_by_role("dialog").get_by_role("button", name="Drain").click()
    await expect(card).to_contain_text("New disks.")
    await expect(card).to_contain_text("tasks of alice, bob")
    await expect(page.get_by_text("The edge is away.")).to_be_visible()
    resume = card.get_by_role("button", name="Resume Vega")
    await expect(resume).to_be_focused()
    async with page.expect_response("**/drain"):
        await resume.click()
    await expect(resume).to_be_focused()
    assert stub.changes == [
        ("PUT", "computing/vega/drain", {"message": "New disks."}),
        ("DELETE", "computing/vega/drain", None),
    ]
    assert stub.matches == ['"vega-1"', '"vega-2"']


async def test_announcements_are_written_changed_and_deleted(page: Page, stub: AdminStub) -> None:
    await page.goto(f"{URL}#announcements")
    await page.get_by_role("button", name="New announcement").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Announce").click()
    await expect(dialog.get_by_role("alert")).to_have_text("Write what is to be announced.")
    await dialog.get_by_label("Text").fill("<b>Soon</b>")
    await dialog.get_by_label("Level").select_option("critical")
    await dialog.get_by_label("Until").fill("2000-01-01T10:00")
    await dialog.get_by_role("button", name="Announce").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("It ends before it begins")
    await dialog.get_by_label("Until").fill("")
    stub.documents["announcements"] = {"announcements": [make_announcement(text="<b>Soon</b>")]}
    await dialog.get_by_role("button", name="Announce").click()
    await expect(page.get_by_role("cell", name="<b>Soon</b>", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Edit <b>Soon</b>").click()
    await expect(dialog.get_by_label("Text")).to_have_value("<b>Soon</b>")
    await dialog.get_by_label("Users may dismiss it").uncheck()
    stub.documents["announcements"] = {"announcements": [make_announcement(text="Saved")]}
    await dialog.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("cell", name="Saved", exact=True)).to_be_visible()
    stub.documents["announcements"] = {"announcements": []}
    await page.get_by_role("button", name="Delete Saved").click()
    await expect(page.get_by_text("There are no announcements.")).to_be_visible()
    (posted, put, deleted) = stub.changes
    assert posted[2] == {
        **{"text": "<b>Soon</b>", "level": "critical", "dismissable": True, "ends": None}
    }
    assert (put[0], put[1], put[2]["dismissable"]) == ("PUT", "announcements/1", False)
    assert deleted[:2] == ("DELETE", "announcements/1")


@pytest.mark.parametrize("path", [PREFIX, "/hub/login", "/hub/spawn"])
async def test_announcements_come_and_go_on_every_page(
    page: Page, stub: AdminStub, path: str
) -> None:
    await page.clock.install()
    stub.announcements = [make_announcement(text="<b>Soon</b>"), make_announcement(2, text="Two")]
    await page.goto(path)
    result = page.locator(".site-announcement")
    await expect(result.get_by_text("<b>Soon</b>")).to_be_visible()
    await result.first.get_by_role("button", name="Dismiss this announcement").click()
    await expect(result).to_have_count(1)
    await page.reload()
    await expect(result).to_have_count(1)
    # What is changed is another announcement.
    stub.announcements = [make_announcement(version="later", dismissable=False, level="critical")]
    await page.clock.run_for(30000)
    await expect(result).to_contain_text("New disks tomorrow.")
    await expect(result.get_by_role("button")).to_have_count(0)
    stub.announcements = []
    await page.clock.run_for(30000)
    await expect(result).to_have_count(0)


async def test_the_dashboard_tells_what_takes_no_tasks(page: Page, stub: AdminStub) -> None:
    stub.families, stub.drained = catalogue(), {"vega": "It takes no new tasks now. New disks."}
    await page.goto(PREFIX)
    await expect(page.locator("#drained li")).to_have_text(
        ["Vega: It takes no new tasks now. New disks."]
    )


async def choose_task(page: Page) -> None:
    await page.get_by_label("Choose Task 1 of alice").check()


async def write_announcement(page: Page) -> None:
    await page.get_by_role("button", name="New announcement").click()


# Other queries, so that the browser loads the page anew.
PAGES: Pages = {
    "tasks": (URL, "#panel-tasks tbody td", choose_task),
    "users": (f"{URL}?1#users", "#panel-users tbody td", nothing),
    "computing": (f"{URL}?2#computing", ".admin-card", nothing),
    "announcements": (f"{URL}?3#announcements", "#panel-announcements td", nothing),
    "announcement": (f"{URL}?4#announcements", "#panel-announcements td", write_announcement),
    "software": (f"{URL}?6#software", "#panel-software tbody td", nothing),
    "audit": (f"{URL}?5#audit", "#panel-audit tbody td", nothing),
    "announced": ("/hub/login", ".site-announcement", nothing),
}


@pytest.mark.parametrize("theme", THEMES)
async def test_everybody_can_use_the_tabs(browser: Browser, stub: AdminStub, theme: Theme) -> None:
    long = "W" * 80
    drained = {"by": "root", "since": "2026-11-26T07:00:43+00:00", "message": long}
    errors = [{"message": long, "since": drained["since"], "users": ["alice"]}]
    vega = make_computing(drained=drained, errors=errors, name=long)
    stub.documents["computing"] |= {"computing": [vega], "faults": {"edge": long}}
    stub.announcements = [
        make_announcement(number, level=level, text=long)
        for number, level in enumerate(("info", "warning", "critical"))
    ]
    await check_pages(browser, stub.base, PAGES, theme)
