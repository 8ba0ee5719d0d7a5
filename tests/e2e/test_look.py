"""The look of the site: its own frame around the pages of hub and service."""

from pathlib import Path

from playwright.async_api import Page, expect

from tests.service.test_site_templates import PAGE
from tests.support.browsing import visit

from .browser import chromium, keep_picture, log_in
from .test_modes import running

STYLE = "<style>.navbar { border-top: 4px solid rgb(170, 20, 60); }</style>"
EXTRA = """
c.JupyterHub.template_paths = [{paths!r}]
c.JupyterHub.template_vars = dict(
    motto="Per aspera", announcement="Maintenance on Monday", announcement_spawn="GPUs are back",
    user_of=lambda user: user and user.name,
)
"""


async def framed(page: Page, announcement: str) -> None:
    """What the site has changed is on the page, and the page is ours."""
    await expect(page.locator("#institute")).to_have_text("Institute")
    await expect(page.get_by_text("Per aspera")).to_be_visible()
    await expect(page.locator("footer")).to_have_text("Imprint of alice")
    await expect(page.locator(".announcement")).to_have_text(announcement)
    border = "nav => getComputedStyle(nav).borderTopColor"
    assert await page.locator(".navbar").evaluate(border) == "rgb(170, 20, 60)"
    await expect(page.get_by_role("link", name="Help")).to_be_visible()
    await expect(page.get_by_role("link", name="Account")).to_be_visible()


async def test_pages_have_the_frame_of_the_site(tmp_path: Path) -> None:
    templates = tmp_path / "templates"
    templates.mkdir()
    styled = PAGE.replace("{{ super() }}<link", f"{{{{ super() }}}}{STYLE}<link", 1)
    (templates / "page.html").write_text(styled)
    async with (
        running(tmp_path, extra=EXTRA.format(paths=str(templates))) as deployment,
        chromium() as browser,
    ):
        page = await log_in(await browser.new_context(), deployment, "alice")
        await expect(page.get_by_role("heading", name="No tasks yet")).to_be_visible()
        await framed(page, "Maintenance on Monday")
        await keep_picture(page, "site-dashboard")
        await visit(page, f"{deployment.url}/services/rosetta/account")
        await framed(page, "Maintenance on Monday")
        await visit(page, f"{deployment.url}/hub/spawn")
        await framed(page, "GPUs are back")
        await keep_picture(page, "site-spawn")
