"""The browser of all tests."""

from pathlib import Path

from playwright.async_api import Browser, Playwright

PROGRAM = Path(__file__).with_name("settled_chromium.py")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


async def launch(playwright: Playwright, *arguments: str) -> Browser:
    """Chromium, without its sandbox: tests are run by root."""
    return await playwright.chromium.launch(executable_path=PROGRAM, args=[*ARGUMENTS, *arguments])
