"""`rosetta login` with a browser, from the page to the end of the token, narrow and by keyboard."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from playwright.async_api import Page, expect

from tests.support.browsing import visit
from tests.support.eventually import until

from .browser import chromium, keep_picture, log_in
from .deployment import Deployment, User

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
NARROW: Any = {"width": 360, "height": 740}


async def rosetta(folder: Path, *arguments: str, **variables: str) -> tuple[int, str]:
    """Run the command with a configuration of its own; its exit code and what it says."""
    environment = {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder), **variables}
    for name in ("SSH_CONNECTION", "SSH_TTY"):
        environment.pop(name, None)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rosetta_client", *arguments),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    text, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, text.decode()


def browser_command(folder: Path) -> str:
    """A browser for the command, which writes down what it should open."""
    program = folder / "browser.py"
    program.write_text(
        f"import pathlib, sys\npathlib.Path({str(folder / 'address')!r}).write_text(sys.argv[1])\n"
    )
    return f"{sys.executable} {program} %s"


async def agree_by_keyboard(page: Page) -> None:
    """Take the right to change things away, choose a week, and agree; without a mouse."""
    await page.locator("#right-change").focus()
    await page.keyboard.press("Space")
    await page.keyboard.press("Tab")
    await page.keyboard.type("7 d")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")


async def test_login_and_the_end_of_its_token(
    deployment: Deployment, alice: User, tmp_path: Path
) -> None:
    async with chromium() as browser:
        context = await browser.new_context(viewport=NARROW)
        page = await log_in(context, deployment, "alice")
        command = rosetta(tmp_path, "login", deployment.url, BROWSER=browser_command(tmp_path))
        login = asyncio.create_task(command)
        address = tmp_path / "address"
        await until(lambda: address.exists() and address.read_text())
        await visit(page, address.read_text())
        await expect(page.get_by_role("heading", name="act for you?")).to_be_visible()
        assert await page.evaluate(OVERFLOW) == 0
        await keep_picture(page, "login")
        await agree_by_keyboard(page)
        await expect(page.get_by_text("goes on by itself")).to_be_visible()
        assert page.url.startswith("http://127.0.0.1:")
        code, text = await login
        assert (code, "as alice." in text) == (0, True), text
        assert await rosetta(tmp_path, "ls", "--json") == (0, "[]\n")
        code, text = await rosetta(tmp_path, "start", "echo")
        assert (code, "'servers'" in text) == (3, True), text
        # A form of somebody else has no XSRF token: it is as if nobody were logged in.
        forged = await context.request.post(
            f"{deployment.url}/services/rosetta/login",
            form={"code": "BBBB-BBBB", "decision": "allow"},
            max_redirects=0,
        )
        assert (forged.status, "/oauth2/authorize" in forged.headers["location"]) == (302, True)
        await visit(page, f"{deployment.url}/services/rosetta/account#tokens")
        await page.get_by_role("button", name="Delete the token “rosetta on").click()
        await page.get_by_role("button", name="Delete the token", exact=True).click()
        await expect(page.locator("#token-list li", has_text="rosetta on")).to_have_count(0)
        code, text = await rosetta(tmp_path, "ls")
        assert (code, "does not accept the token" in text) == (4, True), text
