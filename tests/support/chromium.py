"""The browser of all tests."""

from playwright.async_api import Browser, Playwright

# Debian's Chromium without windows. That with windows, where none is shown, takes two to three
# times the processor's time for the same pages.
CHROMIUM = "/usr/bin/chromium-headless-shell"
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
    return await playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *arguments])
