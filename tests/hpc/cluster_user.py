"""What a user of a cluster does in a browser, from the key to the end of a task."""

from dataclasses import dataclass
from email.message import EmailMessage

from playwright.async_api import BrowserContext, Locator, Page

from tests.e2e.browser import keep_picture
from tests.e2e.deployment import User
from tests.support.browsing import visit

RESOURCE = "cluster"


@dataclass
class ClusterUser:
    """A user of the hub, logged in in `page`."""

    user: User
    context: BrowserContext
    page: Page

    @property
    def url(self) -> str:
        """Of the hub."""
        return self.user.deployment.url

    async def make_key(self, account: str) -> str:
        """Tell the hub the account on the cluster; returns the line to paste, as copied."""
        page = await self._visit_account()
        family = page.locator(f"#key-{RESOURCE}")
        await family.get_by_label("Your user name on").fill(account)
        await family.get_by_role("button", name="Make a key").click()
        await family.get_by_role("button", name="Copy the line for").click()
        line: str = await page.evaluate("navigator.clipboard.readText()")
        assert line == await family.locator("code").first.inner_text()
        return line

    async def test_key(self, state: str) -> str:
        """Press "Test now", and wait for that state; returns what is said beside it."""
        family = self.page.locator(f"#key-{RESOURCE}")
        await family.get_by_role("button", name="Test now").click()
        await family.locator(".state", has_text=state).wait_for(timeout=40_000)
        await keep_picture(self.page, f"account-{state.lower()}")
        return await family.locator(".identity-message").inner_text()

    async def give_address(self, address: str) -> None:
        """Have mails sent there."""
        page = await self._visit_account()
        await page.get_by_label("Your mail address").fill(address)
        await page.locator("#mail-form").get_by_role("button", name="Save").click()
        await page.get_by_text("Saved. The address has to be confirmed.").wait_for()

    async def confirm_address(self, mail: EmailMessage) -> None:
        """Use the link of the mail that asks whether the address is right."""
        await visit(self.page, link_of(mail))
        await self.page.get_by_role("button", name="Confirm the address").click()
        await self.page.get_by_text("Confirmed: mails about your tasks").wait_for()

    async def _visit_account(self) -> Page:
        await visit(self.page, f"{self.url}/services/rosetta/account")
        return self.page

    async def choose_size(self, software: str, size: str) -> None:
        """Fill in the form: software, the cluster, and one of its sizes."""
        await self._choose(software)
        await self.page.get_by_label(size).check()

    async def choose_partition(self, software: str, partition: str) -> None:
        """Fill in the advanced form: software, the cluster, and one of its partitions."""
        await self._choose(software)
        await self.page.get_by_role("button", name="Advanced").click()
        # Before the cluster has answered it is a field to write in.
        partitions = self.page.get_by_role("combobox", name="Partition", exact=True)
        await partitions.select_option(partition, timeout=30_000)

    async def _choose(self, software: str) -> None:
        await visit(self.page, f"{self.url}/hub/spawn")
        await self.page.check(f"input[name=software][value={software}]")
        await self.page.get_by_label("Computing resource").select_option(RESOURCE)

    async def start(self) -> str:
        """Send the form; returns the id of the task, whose waiting room is shown."""
        await self.page.get_by_role("button", name="Start").click()
        await self.page.wait_for_url("**/services/rosetta/tasks/*", timeout=30_000)
        return self.page.url.split("/tasks/")[1].split("?")[0]

    async def sees(self, *texts: str) -> None:
        """The status of the task that is shown says all this, sooner or later."""
        status = self.page.locator("#status")
        for text in texts:
            await status.get_by_text(text).wait_for(timeout=60_000)

    async def inside(self) -> str:
        """Wait until the waiting room has let us in; returns the text of the task's page."""
        await self.page.wait_for_url("http://127.0.0.1:*/**", timeout=90_000)
        return await self.page.locator("body").inner_text()

    async def follow(self, mail: EmailMessage) -> Page:
        """Click on the link of a mail: a new tab, which is inside the task."""
        tab = await self.context.new_page()
        await visit(tab, link_of(mail))
        await tab.wait_for_url("http://127.0.0.1:*/**", timeout=30_000)
        return tab

    async def stop(self, task_id: str) -> None:
        """Press Stop on the page of the task, and see that it has stopped."""
        await visit(self.page, f"{self.url}/services/rosetta/tasks/{task_id}?stay")
        await keep_picture(self.page, f"running-{self.user.name}")
        await self.page.get_by_role("button", name="Stop").click()
        await _named(self.page, "Stopped").wait_for(timeout=60_000)


def _named(page: Page, state: str) -> Locator:
    return page.locator("#state", has_text=state)


def link_of(mail: EmailMessage) -> str:
    """The first address in the text of a mail."""
    body = mail.get_body(("plain",))
    assert body is not None
    text: str = body.get_content()
    return next(word for word in text.split() if word.startswith("http"))
