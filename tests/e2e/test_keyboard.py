"""From the login to the inside of a task with the keyboard alone, and one sees where one is."""

import re

from playwright.async_api import Locator, Page, expect

from tests.support.browsing import visit

from .browser import chromium
from .deployment import Deployment, User

# What is drawn around an element, around the label that holds it, and beside it.
SHOWN = """() => {
  const element = document.activeElement;
  const around = [element, element.closest("label"), element.nextElementSibling].filter(Boolean);
  const look = () => around.map((one) => {
    const {outline, boxShadow, borderColor, backgroundColor, top} = getComputedStyle(one);
    return [outline, boxShadow, borderColor, backgroundColor, top].join();
  }).join(";");
  const focused = look();
  element.blur();
  const left = look();
  element.focus();
  return focused !== left;
}"""
NAME = "() => document.activeElement.outerHTML.slice(0, 120)"
HAS_FOCUS = "element => element === document.activeElement"
# Keys to something that is on the page.
MOST = 40


async def reach(page: Page, target: Locator, key: str = "Tab") -> None:
    """Press the key until the target has the focus; wherever it is on the way, one sees it."""
    await expect(target).to_be_attached()
    for _ in range(MOST):
        if await target.evaluate(HAS_FOCUS):
            return
        await page.keyboard.press(key)
        if await page.evaluate("() => document.activeElement !== document.body"):
            assert await page.evaluate(SHOWN), await page.evaluate(NAME)
    raise AssertionError(f"{target} has no focus after {MOST} times {key}")


async def test_from_login_to_inside(deployment: Deployment, alice: User) -> None:
    async with chromium() as browser:
        context = await browser.new_context(reduced_motion="reduce")
        page = await context.new_page()
        await visit(page, f"{deployment.url}/hub/login")
        await reach(page, page.locator("#username_input"))
        await page.keyboard.type(alice.name)
        await reach(page, page.locator("#password_input"))
        await page.keyboard.type("any")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/services/rosetta/")
        await reach(page, page.get_by_role("link", name="New task").first)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/hub/spawn")
        await reach(page, page.get_by_role("radio").first)
        echo = page.get_by_role("radio", name=re.compile(r"echo\b"))
        await reach(page, echo, "ArrowDown")
        await expect(echo).to_be_checked()
        await reach(page, page.locator("#start"))
        await page.keyboard.press("Enter")
        # The waiting room goes in by itself.
        await page.get_by_text("env:").wait_for(timeout=60_000)
        await visit(page, f"{deployment.url}/services/rosetta/")
        connect = page.get_by_role("link", name="Connect")
        await reach(page, connect)
        await page.keyboard.press("Enter")
        await page.get_by_text("env:").wait_for(timeout=30_000)
