"""The page of a task: waiting room, running, ended."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.support.eventually import until

from .stub import PREFIX, Stub
from .tasks import dashboard, failed, make_task, make_usage, running

pytestmark = pytest.mark.asyncio(loop_scope="session")

MB = 1 << 20
ID = "3f9a1c22b7e4"
PAGE = f"{PREFIX}tasks/{ID}"
INSIDE = f"{PREFIX}open/{ID}"
SSH = {"protocol": "ssh", "url": "ssh -p 7003 metauser@127.0.0.1", "auth": "password"}


async def test_the_waiting_room_tells_and_opens_the_task(page: Page, stub: Stub) -> None:
    task = stub.put(make_task())
    await page.goto(PAGE)
    step = page.locator("[aria-current=step]")
    await expect(step).to_have_text("Queued")
    await expect(page.locator("#task-message")).to_have_text("Waiting for This machine.")

    pulling = {"done": 300 * MB, "total": 1200 * MB}
    task = stub.put(task, state="starting", message="Fetching the image.", progress=pulling)
    await expect(step).to_have_text("Starting")
    bar = page.get_by_role("progressbar")
    await expect(bar).to_have_attribute("aria-valuenow", "25")
    await expect(page.locator("#pull-text")).to_have_text("25 %, 900 MB to go")
    assert await bar.locator(".progress-bar").evaluate("bar => bar.style.width") == "25%"

    task = stub.put(task, progress=None, message="Waiting for the software to answer.")
    await expect(bar).to_be_hidden()
    await expect(page.locator("#opening")).to_contain_text("opens as soon as it is ready")
    stub.put(task, **running())
    await expect(page).to_have_url(stub.base + INSIDE)


async def test_a_pod_has_a_runtime_and_a_pool(page: Page, stub: Stub) -> None:
    request = {"partition": "gpu", "time": 3600}
    stub.put(make_task(engine="internal", runtime="kata", request=request))
    await page.goto(PAGE)
    details = page.locator("#details")
    await expect(details).to_contain_text("Runtimekata")
    await expect(details).to_contain_text("Pool of nodesgpu")
    await expect(details).not_to_contain_text("internal")


async def test_a_task_that_runs_already_waits_to_be_opened(page: Page, stub: Stub) -> None:
    stub.put(make_task(**running()))
    await page.goto(PAGE)
    connect = page.get_by_role("link", name="Connect")
    await expect(connect).to_be_visible()
    await expect(page.locator("#opening")).to_be_hidden()
    await connect.click()
    await expect(page).to_have_url(stub.base + INSIDE)


async def test_who_was_sent_to_wait_is_let_in_once(page: Page, stub: Stub) -> None:
    stub.put(make_task(**running()))
    await page.goto(f"{PAGE}?wait=1")
    await expect(page).to_have_url(stub.base + INSIDE)
    await page.go_back()
    await expect(page.get_by_role("link", name="Connect")).to_be_visible()
    await expect(page.locator("#opening")).to_be_hidden()
    assert page.url == f"{stub.base}{PAGE}?stay"


async def test_further_interfaces_have_buttons(page: Page, stub: Stub) -> None:
    task = stub.put(make_task(interfaces=[dashboard(False) | {"url": None}]))
    await page.goto(f"{PAGE}?stay")
    button = page.get_by_role("link", name="Dashboard")
    await expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    await expect(button).to_have_count(0)
    task = stub.put(task, **running(), interfaces=[dashboard(False)])
    await expect(button).to_have_text("Dashboard (not answering yet)")
    await button.focus()
    task = stub.put(task, interfaces=[dashboard(True)])
    await expect(button).to_have_text("Dashboard")
    await expect(button).to_be_focused()
    await expect(page.get_by_role("link", name="Connect")).to_have_attribute("href", INSIDE)
    await button.click()
    await expect(page).to_have_url(f"{stub.base}{INSIDE}?interface=8787")


async def test_who_waits_for_an_interface_is_let_into_that_one(page: Page, stub: Stub) -> None:
    """Also beside a main interface that is no web page."""
    task = stub.put(make_task(interface=SSH, interfaces=[dashboard(False) | {"url": None}]))
    await page.goto(f"{PAGE}?wait=1&next=%2Fgraph&interface=8787")
    await expect(page.locator("#opening")).to_be_visible()
    stub.put(task, **running(open_url=None), interfaces=[dashboard(True)])
    await expect(page).to_have_url(f"{stub.base}{INSIDE}?interface=8787&next=%2Fgraph")
    await page.go_back()
    await expect(page.get_by_role("link", name="Dashboard")).to_be_visible()
    assert page.url == f"{stub.base}{PAGE}?stay&interface=8787&next=%2Fgraph"


async def test_what_the_task_uses_over_time(page: Page, stub: Stub) -> None:
    task = stub.put(make_task(**running()))
    await page.goto(f"{PAGE}?stay")
    panel = page.get_by_role("region", name="Usage", exact=True)
    # One number is no development.
    await expect(page.get_by_role("link", name="Connect")).to_be_visible()
    await expect(panel).to_be_hidden()

    stub.usage[ID] = make_usage(gpus=False)
    stub.put(task, **failed("The software ended.", []))
    await expect(panel.get_by_role("listitem").first).to_contain_text(
        "1.5 GB of the 2 GB asked for"
    )
    memory = panel.get_by_role("slider", name="Memory over time")
    await expect(panel.get_by_role("slider")).to_have_count(2)
    await expect(memory).to_have_attribute("aria-valuetext", re.compile(r"^.*: 1.5 GB of 2 GB$"))
    # Keys go back in time, and the end of the line is where it began.
    for key, number in {
        "Home": 0,
        "ArrowRight": 1,
        "PageUp": 11,
        "ArrowLeft": 10,
        "End": 59,
    }.items():
        await memory.press(key)
        await expect(memory).to_have_attribute("aria-valuenow", str(number))
    # A gap where nothing is known, and a line with all the rest.
    result = await panel.locator(".usage-line").evaluate_all(
        "all => all.map(one => one.getAttribute('d'))"
    )
    assert [path.count("M") for path in result[:2]] == [1, 1]
    assert [path.count("L") for path in result[:2]] == [58, 59]
    await memory.hover(position={"x": 1, "y": 5})
    await expect(panel.locator(".usage-value").nth(1)).to_have_text("400 MB of 2 GB")
    await expect(panel.locator(".usage-moment").nth(1)).to_be_visible()

    await panel.get_by_text("All numbers").click()
    rows = panel.get_by_role("row")
    await expect(rows).to_have_count(61)
    await expect(rows.nth(0)).to_have_text("UntilCPUsMemory")
    await expect(rows.nth(1)).to_contain_text("400 MB")
    # Another attempt is another story.
    stub.usage[ID] = make_usage(count=1) | {"attempt": 2}
    stub.put(task, **running(), attempt=2)
    await expect(panel).to_be_hidden()


async def test_one_can_stay(page: Page, stub: Stub) -> None:
    task = stub.put(make_task())
    await page.goto(PAGE)
    await page.get_by_role("link", name="Stay here").click()
    await expect(page.locator("#opening")).to_be_hidden()
    assert await page.evaluate("location.search") == "?stay"
    stub.put(task, **running())
    await expect(page.get_by_role("link", name="Connect")).to_be_visible()
    assert page.url == f"{stub.base}{PAGE}?stay"


async def test_a_ready_task_opens_without_delay(page: Page, stub: Stub) -> None:
    task = stub.put(make_task())
    await page.goto(PAGE)
    await page.evaluate("window.setTimeout = () => 0")
    await expect(page.locator("#opening")).to_be_visible()
    stub.put(task, **running())
    await expect(page).to_have_url(stub.base + INSIDE)


async def test_nothing_is_announced_for_a_task_that_ends(page: Page, stub: Stub) -> None:
    task = stub.put(make_task())
    await page.goto(PAGE)
    await expect(page.locator("#opening")).to_be_visible()
    stub.put(task, **failed("The software ended with exit code 3.", ["boom"]))
    await expect(page.locator("#opening")).to_be_hidden()


async def test_a_reconnection_does_not_open_what_was_asked_to_stay(page: Page, stub: Stub) -> None:
    task = stub.put(make_task())
    await page.goto(f"{PAGE}?stay")
    stub.put(task, **running())
    await expect(page.get_by_role("link", name="Connect")).to_be_visible()
    await expect(page.locator("#opening")).to_be_hidden()


async def test_whoever_starts_it_again_waits_for_it(page: Page, stub: Stub) -> None:
    stub.put(make_task() | failed("The software ended.", []))
    await page.goto(f"{PAGE}?stay")
    async with page.expect_response("**/start"):
        await page.get_by_role("button", name="Start again").click()
    task = stub.put(make_task(attempt=2))
    await expect(page.locator("[aria-current=step]")).to_have_text("Queued")
    stub.put(task, **running())
    await expect(page).to_have_url(stub.base + INSIDE)


async def test_the_very_image_is_started_again(page: Page, stub: Stub) -> None:
    digest = f"sha256:{'1' * 64}"
    task = stub.put(make_task(image_digest=digest) | failed("The software ended.", []))
    await page.goto(PAGE)
    details = page.get_by_role("complementary", name="Details")
    await expect(details).to_contain_text("casa:6.5")
    await expect(details).to_contain_text(digest)
    async with page.expect_request("**/start") as request_info:
        await page.get_by_role("button", name="Start again exactly this").click()
    assert (await request_info.value).post_data_json == {"exact": True}
    stub.put(task, exact=True, image=f"casa@{digest}")
    async with page.expect_request("**/start") as request_info:
        await page.get_by_role("button", name="Start again with the present image").click()
    assert (await request_info.value).post_data_json == {"exact": False}
    stub.put(task, exact=False, image_digest=None)
    await page.reload()
    await expect(page.get_by_role("button", name="Start again")).to_have_count(1)


async def test_cancel(page: Page, stub: Stub) -> None:
    task = stub.put(make_task())
    await page.goto(PAGE)
    async with page.expect_response("**/stop"):
        await page.get_by_role("button", name="Cancel").click()
    stub.put(task, state="stopping", target="stop", message="The task is being stopped.")
    await expect(page.locator("#task-message")).to_have_text("The task is being stopped.")
    assert ("POST", f"{ID}/stop") in stub.calls


async def test_an_answer_is_older_than_the_news_before_it(page: Page, stub: Stub) -> None:
    """The task goes on while the answer to an action is on its way."""
    task = stub.put(make_task(**running()))
    await page.goto(f"{PAGE}?stay")
    stub.answers_held.clear()
    async with page.expect_request("**/stop"):
        await page.get_by_role("button", name="Stop").click()
    await until(lambda: ("POST", f"{ID}/stop") in stub.calls)
    stub.put(task, **failed("The software ended meanwhile.", []))
    message = page.locator("#task-message")
    await expect(message).to_have_text("The software ended meanwhile.")
    stub.answers_held.set()
    await expect(page.locator("#actions [aria-busy]")).to_have_count(0)
    await expect(message).to_have_text("The software ended meanwhile.")


async def test_a_failure_shows_cause_and_last_words(page: Page, stub: Stub) -> None:
    task = stub.put(make_task(state="starting"))
    stub.write_log(ID, "all of it\nboom\n")
    await page.goto(PAGE)
    await expect(page.locator("#log-text")).to_contain_text("all of it")
    stub.put(task, **failed("The software ended with exit code 3.", ["boom"]))
    await expect(page.locator("#task-message")).to_have_text("The software ended with exit code 3.")
    await expect(page.locator("#tail-text")).to_have_text("boom")
    await expect(page.locator("#log-text")).to_be_hidden()
    await expect(page).to_have_title("Failed: My CASA")

    async with page.expect_response("**/start"):
        await page.get_by_role("button", name="Start again").click()
    stub.logs[ID] = ""
    stub.put(make_task(attempt=2))
    await expect(page.locator("#task-message")).to_have_text("Waiting for This machine.")
    await expect(page.locator("#log-text")).to_have_text("")
    assert ("POST", f"{ID}/start") in stub.calls


async def test_delete_leads_to_the_dashboard(page: Page, stub: Stub) -> None:
    stub.put(make_task() | failed("The software ended.", []))
    await page.goto(PAGE)
    await page.get_by_role("button", name="Delete").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page).to_have_url(stub.base + PREFIX)


async def test_a_task_deleted_elsewhere_while_the_line_was_down(page: Page, stub: Stub) -> None:
    stub.put(make_task())
    await page.goto(PAGE)
    await expect(page.locator("#task-message")).to_be_visible()
    stub.cut()
    stub.remove(ID)
    await expect(page).to_have_url(stub.base + PREFIX)


async def test_the_log_is_live_and_not_repeated(page: Page, stub: Stub) -> None:
    stub.put(make_task(**running()))
    stub.write_log(ID, "one\n")
    await page.goto(PAGE)
    log = page.locator("#log-text")
    await expect(log).to_have_text("one\n")
    stub.write_log(ID, "two — ünïcode\n")
    await expect(log).to_have_text("one\ntwo — ünïcode\n")
    stub.cut()
    await expect(page.locator("#interrupted")).to_be_visible()
    stub.write_log(ID, "three\n")
    stub.streams_open = True
    await expect(log).to_have_text("one\ntwo — ünïcode\nthree\n")
    stub.write_log(ID, "four\n")
    await expect(log).to_have_text("one\ntwo — ünïcode\nthree\nfour\n")


async def test_the_log_follows_until_one_reads(page: Page, stub: Stub) -> None:
    stub.put(make_task(**running()))
    stub.write_log(ID, "line\n" * 200)
    await page.goto(PAGE)
    log = page.locator("#log-text")
    follow = page.get_by_role("button", name="Follow")
    await expect(follow).to_have_attribute("aria-pressed", "true")
    await expect(log).to_contain_text("line")
    at_end = "log => log.scrollHeight - log.scrollTop - log.clientHeight < 24"
    assert await log.evaluate(at_end)
    await log.evaluate("log => { log.scrollTop = 0; }")
    await expect(follow).to_have_attribute("aria-pressed", "false")
    stub.write_log(ID, "more\n" * 20)
    await expect(log).to_contain_text("more")
    assert await log.evaluate("log => log.scrollTop") == 0
    await follow.click()
    assert await log.evaluate(at_end)


async def test_the_log_can_be_downloaded(page: Page, stub: Stub) -> None:
    stub.put(make_task(**running()))
    stub.write_log(ID, "one\n")
    await page.goto(PAGE)
    async with page.expect_download() as waiting:
        await page.get_by_role("link", name="Download").click()
    download = await waiting.value
    assert download.suggested_filename == f"{ID}.log"
    assert (await download.path()).read_text() == "one\n"


async def test_command_and_one_time_password(page: Page, stub: Stub) -> None:
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    stub.put(make_task(**running(open_url=None, interface=SSH)))
    await page.goto(f"{PAGE}?wait=1")
    await expect(page.locator("#address")).to_contain_text("ssh -p 7003 metauser@127.0.0.1")
    await expect(page.get_by_role("link", name="Connect")).to_be_hidden()
    secret = f"secret-of-{ID}"
    assert secret not in await page.content()

    await page.get_by_role("button", name="Copy the password").click()
    await expect(page.get_by_role("button", name="Copy the password")).to_have_text("Copied")
    assert await page.evaluate("navigator.clipboard.readText()") == secret
    assert secret not in await page.content()

    await page.get_by_role("button", name="Show the password").click()
    await expect(page.locator("#credentials")).to_contain_text(secret)
    await page.get_by_role("button", name="Hide the password").click()
    await expect(page.locator("#credentials")).not_to_contain_text(secret)


async def test_usage_and_warnings(page: Page, stub: Stub) -> None:
    usage = {"cpu_seconds": 10.0, "memory": 700 * MB}
    warning = "The task can't connect to other machines."
    stub.put(make_task(**running(usage=usage, warnings=[warning])))
    await page.goto(PAGE)
    await expect(page.locator("#details")).to_contain_text("700 MB in use of 2 GB")
    await expect(page.locator("#warnings")).to_have_text(warning)


async def test_no_such_task(page: Page, stub: Stub) -> None:
    await page.goto(f"{PREFIX}tasks/000000000000")
    await expect(page.locator("main")).to_contain_text("There is no such task.")
    await page.locator("main").get_by_role("link", name="All tasks").click()
    await expect(page).to_have_url(stub.base + PREFIX)


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_the_theme_follows_the_system_and_the_toggle(
    page: Page, stub: Stub, theme: str
) -> None:
    await page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    stub.put(make_task())
    await page.goto(PAGE)
    root = page.locator("html")
    await expect(root).to_have_attribute("data-bs-theme", theme)
    await page.get_by_role("button", name="Toggle dark mode").click()
    other = "light" if theme == "dark" else "dark"
    await expect(root).to_have_attribute("data-bs-theme", other)
    await page.goto(PREFIX)
    await expect(root).to_have_attribute("data-bs-theme", other)
