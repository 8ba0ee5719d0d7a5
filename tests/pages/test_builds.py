"""From a link to a repository to a running task: the form, the link's page, the page of a build."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.support.eventually import until

from .builds import (
    BUILD,
    BUILD_PAGE,
    FORM,
    LINK,
    REFUSAL,
    TAIL,
    BuildsStub,
    building,
    failed,
    make_build,
    serve_builds,
)
from .stub import PREFIX

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def stub() -> AsyncIterator[BuildsStub]:
    """A service that builds."""
    async with serve_builds() as site:
        yield site


async def test_from_a_link_to_the_waiting_room(page: Page, stub: BuildsStub) -> None:
    await page.goto(LINK)
    await expect(page.locator("#commit")).to_have_text("0123456")
    await expect(page.get_by_text("Not built yet")).to_be_visible()
    assert stub.asked == []
    assert stub.started == []
    await page.get_by_label("Computing resource").select_option("vega")
    await page.get_by_label("Medium").check()
    await page.get_by_role("button", name="Build and start").click()

    await page.wait_for_url(f"**{BUILD_PAGE}?*")
    assert stub.asked == [{"provider": "gh", "spec": "octo/hello/main"}]
    await expect(page.get_by_text("1 build is before it.")).to_be_visible()
    await expect(page.get_by_text("The task starts as soon as the image is ready.")).to_be_visible()
    stub.put_build(building(waiting=3))
    stub.write_build_log("STEP 7/23\n")
    await expect(page.get_by_text("Step 7 of 23")).to_be_visible()
    await expect(page.get_by_text("2 other users wait for the same image.")).to_be_visible()
    await expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "26")
    await expect(page.locator("#log-text")).to_have_text("STEP 7/23\n")

    stub.put_build(make_build(state="done", message="The image is ready.", position=None))
    await page.wait_for_url(f"**{PREFIX}tasks/a1?*")
    software = {"software": "hello-abcdef", "version": "0123456"}
    assert stub.started == [{**software, "computing": "vega", "size": "medium"}]
    assert "next=%2Fdoc%2Ftree%2Findex.ipynb" in page.url
    assert "wait=1" in page.url


async def test_the_start_survives_a_reload_and_a_service_that_restarts(
    page: Page, stub: BuildsStub
) -> None:
    await page.goto(LINK)
    await page.get_by_role("button", name="Build and start").click()
    await page.wait_for_url(f"**{BUILD_PAGE}?*")
    await page.reload()
    stub.cut()
    await expect(page.get_by_text("Live updates are interrupted")).to_be_visible()
    stub.builds[BUILD] = make_build(state="done", message="The image is ready.")
    stub.streams_open = True
    await page.wait_for_url(f"**{PREFIX}tasks/a1?*")
    assert len(stub.started) == 1


async def test_the_address_of_a_build_starts_nothing(page: Page, stub: BuildsStub) -> None:
    stub.put_build(make_build(state="done", message="The image is ready.", position=None))
    await page.goto(f"{BUILD_PAGE}?computing=local&urlpath=lab")
    await expect(page.get_by_role("button", name="Start")).to_be_visible()
    stub.put_build(make_build(state="done", message="It is still ready.", position=None))
    await expect(page.locator("#build-message")).to_have_text("It is still ready.")
    assert (stub.made, stub.started) == (0, [])
    await page.get_by_role("button", name="Start").click()
    await page.wait_for_url(f"**{PREFIX}tasks/a1?*")
    assert stub.started[0]["computing"] == "local"


async def test_what_is_built_already_starts_at_once(page: Page, stub: BuildsStub) -> None:
    stub.built = True
    stub.builds[BUILD] = make_build(state="done", message="The image is ready.")
    await page.goto(f"{LINK}&computing=vega&size=medium")
    await expect(page.get_by_text("Built already")).to_be_visible()
    await expect(page.get_by_label("Computing resource")).to_have_value("vega")
    await expect(page.get_by_label("Medium")).to_be_checked()
    await page.get_by_role("button", name="Start", exact=True).click()
    await page.wait_for_url(f"**{PREFIX}tasks/a1?*")
    assert (len(stub.asked), stub.made) == (1, 1)
    assert stub.started[0]["size"] == "medium"


async def test_a_branch_that_has_moved_is_shown_before_the_start(
    page: Page, stub: BuildsStub
) -> None:
    await page.goto(LINK)
    act = page.get_by_role("button", name="Build and start")
    await act.wait_for()
    stub.builds[BUILD] = make_build(commit="f" * 40, state="done", message="The image is ready.")
    await act.click()
    await expect(page.get_by_role("alert")).to_contain_text("it is at commit fffffff now")
    await expect(page.locator("#commit")).to_have_text("fffffff")
    assert stub.started == []
    await act.click()
    await page.wait_for_url(f"**{PREFIX}tasks/a1?*")


async def test_a_repository_that_is_not_there(page: Page, stub: BuildsStub) -> None:
    message = "There is no repository octo/hello at GitHub, or it is private."
    stub.fault = (422, message)
    await page.goto(LINK)
    await expect(page.get_by_role("alert")).to_contain_text(message)
    await expect(page.get_by_role("button", name="Build and start")).to_be_hidden()
    stub.fault = None
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_role("button", name="Build and start")).to_be_visible()
    await expect(page.get_by_role("alert")).to_be_hidden()


async def test_a_resource_that_does_not_know_the_user_holds_the_button(
    page: Page, stub: BuildsStub
) -> None:
    await page.goto(f"{LINK}&computing=perun")
    act = page.get_by_role("button", name="Build and start")
    await expect(page.get_by_text("Perun does not know you yet.")).to_be_visible()
    await expect(act).to_be_disabled()
    await page.get_by_label("Computing resource").select_option("local")
    await expect(act).to_be_enabled()


async def test_a_resource_of_the_link_that_the_user_does_not_have(
    page: Page, stub: BuildsStub
) -> None:
    await page.goto(f"{LINK}&computing=mars")
    await expect(page.get_by_text("The link asks for the computing resource mars")).to_be_visible()
    await expect(page.get_by_label("Computing resource")).to_have_value("")


async def test_resources_that_can_not_have_the_image_are_not_offered(
    page: Page, stub: BuildsStub
) -> None:
    stub.places = ["local"]
    await page.goto(f"{LINK}&computing=vega")
    await expect(page.get_by_text("The link asks for the computing resource vega")).to_be_visible()
    offered = page.get_by_label("Computing resource").locator("option")
    await expect(offered).to_have_text(["The first that fits", "This machine"])


async def test_a_build_that_fails(page: Page, stub: BuildsStub) -> None:
    await page.goto(LINK)
    await page.get_by_role("button", name="Build and start").click()
    await page.wait_for_url(f"**{BUILD_PAGE}?*")
    stub.put_build(failed())
    await expect(page.locator("#failed-step-text")).to_have_text(
        "RUN pip install -r requirements.txt"
    )
    await expect(page.locator("#tail-text")).to_have_text("\n".join(TAIL))
    await expect(page.locator("#build-message")).to_contain_text("Correct requirements.txt.")
    await expect(page.get_by_role("button", name="Start")).to_be_hidden()
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_text("1 build is before it.")).to_be_visible()
    assert stub.asked[-1] == {"provider": "gh", "spec": "octo/hello/main", "again": True}
    stub.put_build(make_build(state="done", message="The image is ready."))
    await page.wait_for_url(f"**{PREFIX}tasks/a1?*")


async def test_another_try_is_done_before_its_answer_is_there(page: Page, stub: BuildsStub) -> None:
    """The page that the answer leads to starts the task: a start from the one before is cut off."""
    await page.goto(LINK)
    await page.get_by_role("button", name="Build and start").click()
    await page.wait_for_url(f"**{BUILD_PAGE}?*")
    stub.put_build(failed())
    stub.answers_held.clear()
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator("#state")).to_have_text("Queued")
    stub.software_held.clear()
    stub.put_build(make_build(state="done", message="The image is ready."))
    await expect(page.locator("#state")).to_have_text("Ready")
    async with page.expect_navigation(wait_until="commit"):
        stub.answers_held.set()
    stub.software_held.set()
    await page.wait_for_url(f"**{PREFIX}tasks/a1?*")
    assert len(stub.started) == 1


async def test_a_build_is_cancelled_after_a_question(page: Page, stub: BuildsStub) -> None:
    stub.put_build(building(waiting=2))
    await page.goto(BUILD_PAGE)
    await page.get_by_role("button", name="Cancel").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("The others who wait for the image still get it.")
    await dialog.get_by_role("button", name="Cancel", exact=True).click()
    assert stub.cancelled == []
    await page.get_by_role("button", name="Cancel").click()
    await page.get_by_role("button", name="Cancel the build").click()
    await expect(page.locator("#state")).to_have_text("Cancelled")
    assert stub.cancelled == [BUILD]


async def test_an_answer_is_older_than_the_news_before_it(page: Page, stub: BuildsStub) -> None:
    stub.put_build(building())
    await page.goto(BUILD_PAGE)
    stub.answers_held.clear()
    await page.get_by_role("button", name="Cancel").click()
    await page.get_by_role("button", name="Cancel the build").click()
    await until(lambda: stub.cancelled == [BUILD])
    stub.put_build(failed())
    state = page.locator("#state")
    await expect(state).to_have_text("Failed")
    stub.answers_held.set()
    await expect(page.locator("#actions [aria-busy]")).to_have_count(0)
    await expect(state).to_have_text("Failed")


async def test_a_start_that_is_refused_can_be_tried_again(page: Page, stub: BuildsStub) -> None:
    stub.start_fault = (422, "You have as many tasks as you may have.")
    await page.goto(LINK)
    await page.get_by_role("button", name="Build and start").click()
    await page.wait_for_url(f"**{BUILD_PAGE}?*")
    stub.put_build(make_build(state="done", message="The image is ready."))
    await expect(page.get_by_role("alert")).to_contain_text("as many tasks as you may have")
    stub.start_fault = None
    await page.get_by_role("button", name="Start").click()
    await page.wait_for_url(f"**{PREFIX}tasks/a1?*")
    assert len(stub.started) == 2


async def test_the_form_makes_link_and_badge(page: Page, stub: BuildsStub) -> None:
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.goto(FORM)
    await expect(page.get_by_role("heading", name="Share it")).to_be_hidden()
    await page.get_by_label("Repository", exact=True).fill(
        "https://github.com/octo/hello/blob/main/a b.ipynb"
    )
    await page.keyboard.press("Tab")
    await page.get_by_label("Computing resource").select_option("vega")
    await page.get_by_label("Size").select_option("medium")
    await expect(page.get_by_label("Repository", exact=True)).to_have_value("octo/hello")
    await expect(page.get_by_label("Opens at")).to_have_value("a b.ipynb")
    link = (
        f"{stub.base}{PREFIX}v2/gh/octo/hello/main?labpath=a%20b.ipynb&computing=vega&size=medium"
    )
    await expect(page.get_by_label("Link", exact=True)).to_have_value(link)
    await page.get_by_role("button", name="Copy: Badge in Markdown").click()
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied == f"[![Open in Rosetta Hub]({stub.base}{PREFIX}static/badge.svg)]({link})"
    badge = page.get_by_role("img", name="The badge")
    assert await badge.evaluate("image => image.naturalWidth") == 150

    await page.get_by_role("button", name="Continue").click()
    await page.wait_for_url(link)
    assert stub.asked == []


async def test_the_form_follows_the_provider(page: Page, stub: BuildsStub) -> None:
    await page.goto(FORM)
    await page.get_by_label("Where the repository is").select_option("Zenodo")
    await expect(page.get_by_label("Branch, tag or commit")).to_be_hidden()
    await page.get_by_label("DOI").fill("10.5281/zenodo.3242074")
    link = f"{stub.base}{PREFIX}v2/zenodo/10.5281/zenodo.3242074"
    await expect(page.get_by_label("Link", exact=True)).to_have_value(link)
    await page.get_by_label("Where the repository is").select_option("GitLab")
    await page.get_by_label("Repository", exact=True).fill("group/sub/project")
    await page.get_by_label("Branch, tag or commit").fill("v1")
    link = f"{stub.base}{PREFIX}v2/gl/group%2Fsub%2Fproject/v1"
    await expect(page.get_by_label("Link", exact=True)).to_have_value(link)


async def test_software_is_added_without_a_start(page: Page, stub: BuildsStub) -> None:
    await page.goto(f"{FORM}?add")
    await page.get_by_label("Repository", exact=True).fill("octo/hello")
    await expect(page.get_by_label("Computing resource")).to_have_count(0)
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Build and add to my software").click()
    await page.wait_for_url(f"**{BUILD_PAGE}")
    stub.put_build(make_build(state="done", message="The image is ready."))
    await page.wait_for_url(f"**{PREFIX}software#hello-abcdef")
    assert (stub.made, stub.started) == (1, [])


async def test_whoever_may_not_build_reads_why(page: Page, stub: BuildsStub) -> None:
    for address in (f"{FORM}?refused=1", f"{LINK}&refused=1"):
        await page.goto(address)
        await expect(page.get_by_text(REFUSAL)).to_be_visible()
        await expect(page.get_by_role("main").get_by_role("button")).to_have_count(0)
    assert stub.calls == []
    assert stub.asked == []


async def test_the_list_of_builds(page: Page, stub: BuildsStub) -> None:
    await page.goto(f"{PREFIX}builds")
    await expect(page.get_by_text("No builds yet")).to_be_visible()
    stub.builds[BUILD] = building()
    await page.reload()
    row = page.locator("#builds li")
    await expect(row).to_contain_text("Step 7 of 23")
    stub.builds[BUILD] = failed()
    await expect(row.locator(".state")).to_have_text("Failed", timeout=10_000)
    await page.get_by_role("link", name="octo/hello").click()
    await page.wait_for_url(f"**{BUILD_PAGE}")
