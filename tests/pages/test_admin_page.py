"""The Admin page: its tabs by keyboard and address, and what each asks for."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from .admin import URL, AdminStub, make_announcement, make_computing, make_record, serve_admin
from .families import catalogue
from .stub import PREFIX

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def stub() -> AsyncIterator[AdminStub]:
    """Hub and service, for an administrator."""
    async with serve_admin() as made:
        yield made


async def test_the_audit_log_is_filtered_shown_page_by_page_and_exported(
    page: Page, stub: AdminStub
) -> None:
    stub.documents["audit"] |= {"next": 2}
    await page.goto(f"{URL}#audit")
    rows = page.locator("#panel-audit tbody tr")
    await expect(rows).to_have_count(2)
    await expect(rows.first).to_contain_text("task.stop")
    await expect(rows.first).to_contain_text("computing: vega")
    stub.documents["audit"] |= {"records": [make_record(1, "key.change")], "next": None}
    await page.get_by_role("button", name="Show more").click()
    await expect(rows).to_have_count(3)
    await expect(page.get_by_role("button", name="Show more")).to_be_hidden()
    assert stub.asked_for("audit")[-1] == {"before_id": ["2"]}
    await page.get_by_label("Event", exact=True).select_option("task")
    await page.get_by_label("User", exact=True).fill("alice")
    await expect(rows).to_have_count(1)
    assert stub.asked_for("audit")[-1] == {"event": ["task"], "user": ["alice"]}
    export = page.get_by_role("link", name="Export as JSON lines")
    await expect(export).to_have_attribute(
        "href", "/services/rosetta/api/admin/audit/export?event=task&user=alice"
    )


async def test_tabs_by_keyboard_and_by_address(page: Page, stub: AdminStub) -> None:
    await page.goto(f"{URL}#announcements")
    tab = page.get_by_role("tab", name="Announcements")
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


async def test_a_resource_is_drained_and_resumed(page: Page, stub: AdminStub) -> None:
    await page.goto(f"{URL}#computing")
    card = page.locator("[data-computing=vega]")
    await expect(card).to_contain_text("12 running, 3 queued")
    await expect(card).to_contain_text("1 \N{MULTIPLICATION SIGN} Resources")
    await card.get_by_role("button", name="Drain Vega").click()
    await page.get_by_label("Message to users").fill("New disks.")
    drained = {"by": "root", "since": "2026-11-26T07:00:43+00:00", "message": "New disks."}
    errors = [{"message": "No answer.", "since": drained["since"], "users": ["alice", "bob"]}]
    changed = make_computing(drained=drained, errors=errors)
    stub.documents["computing"] |= {"computing": [changed], "faults": {"edge": "The edge is away."}}
    await page.get_by_role("dialog").get_by_role("button", name="Drain").click()
    await expect(card).to_contain_text("New disks.")
    await expect(card).to_contain_text("tasks of alice, bob")
    await expect(page.get_by_text("The edge is away.")).to_be_visible()
    resume = card.get_by_role("button", name="Resume Vega")
    await expect(resume).to_be_focused()
    await resume.click()
    await expect(resume).to_be_focused()
    assert stub.changes == [
        ("PUT", "computing/vega/drain", {"message": "New disks."}),
        ("DELETE", "computing/vega/drain", None),
    ]


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
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_be_hidden()
    stub.documents["announcements"] = {"announcements": []}
    await page.get_by_role("button", name="Delete <b>Soon</b>").click()
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
    shown = page.locator(".site-announcement")
    await expect(shown.get_by_text("<b>Soon</b>")).to_be_visible()
    await shown.first.get_by_role("button", name="Dismiss this announcement").click()
    await expect(shown).to_have_count(1)
    await page.reload()
    await expect(shown).to_have_count(1)
    # What is changed is another announcement.
    stub.announcements = [make_announcement(version="later", dismissable=False, level="critical")]
    await page.clock.run_for(30000)
    await expect(shown).to_contain_text("New disks tomorrow.")
    await expect(shown.get_by_role("button")).to_have_count(0)
    stub.announcements = []
    await page.clock.run_for(30000)
    await expect(shown).to_have_count(0)


async def test_the_dashboard_tells_what_takes_no_tasks(page: Page, stub: AdminStub) -> None:
    stub.families, stub.drained = catalogue(), {"vega": "It takes no new tasks now. New disks."}
    await page.goto(PREFIX)
    await expect(page.locator("#drained li")).to_have_text(
        ["Vega: It takes no new tasks now. New disks."]
    )
