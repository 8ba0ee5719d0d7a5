"""The Admin page: its tabs by keyboard and address, and what each asks for."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from .admin import URL, AdminStub, make_record, serve_admin

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
