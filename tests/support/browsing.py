"""What a test does with a real browser."""

from playwright.async_api import Error, Page, Response, expect

# Milliseconds that a page has until it shows what a test expects; the default, five seconds, is too
# short where the first look at a cluster's storage opens an SSH connection.
PATIENCE = 20_000

expect.set_options(timeout=PATIENCE)


async def visit(page: Page, url: str) -> Response | None:
    """Go there, again where the machine's networks (of containers, say) change meanwhile."""
    for _ in range(10):
        try:
            return await page.goto(url)
        except Error as error:
            if "ERR_NETWORK_CHANGED" not in error.message:
                raise
    raise TimeoutError("the networks of this machine never rest")
