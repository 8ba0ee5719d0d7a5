"""What all pages share: they fit a phone, need no mouse, and keep to a strict policy."""

import pytest
from playwright.async_api import Page, Route, expect

from rosetta_hub.static_version import static_version

from .stub import PREFIX, XSRF, Stub, hub_context, hub_templates
from .tasks import fill, make_task

pytestmark = pytest.mark.asyncio(loop_scope="session")

PAGES = [
    PREFIX,
    f"{PREFIX}tasks/a2?stay",
    f"{PREFIX}tasks/a3?stay",
    f"{PREFIX}tasks/a4?stay",
    f"{PREFIX}tasks/a5?stay",
    f"{PREFIX}tasks/a7?stay",
    f"{PREFIX}tasks/a8?stay",
    f"{PREFIX}tasks/000000000000",
    "/hub/spawn",
    "/hub/error",
    "/hub/not_running",
    "/hub/stop_pending",
]
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
LONG = "W" * 80


@pytest.mark.parametrize("path", PAGES)
async def test_nothing_scrolls_sideways_at_360_pixels(page: Page, stub: Stub, path: str) -> None:
    fill(stub)
    for task in stub.tasks.values():
        task |= {"name": LONG, "message": LONG, "condition": f"{LONG}.", "request": {"qos": LONG}}
        if task["job"]:
            task["job"] |= {"reason": f"Not {LONG}", "node": LONG}
    stub.families[0] |= {"name": LONG, "description": LONG}
    await page.set_viewport_size({"width": 360, "height": 740})
    await page.goto(path)
    await expect(page.locator("#loading")).to_be_hidden()
    if path == "/hub/spawn":
        await page.get_by_role("radio").first.check()
    assert await page.evaluate(OVERFLOW) <= 0
    await page.get_by_role("button", name="Menu").click()
    await expect(page.get_by_role("link", name="Token")).to_be_visible()
    assert await page.evaluate(OVERFLOW) <= 0


async def test_the_form_of_a_cluster_fits_as_well(page: Page, stub: Stub) -> None:
    fill(stub)
    inventory = stub.inventory["vega"]
    inventory["partitions"][0]["name"] = inventory["accounts"][0]["name"] = inventory["error"] = (
        LONG
    )
    for resource in stub.families[0]["versions"][0]["computing"]:
        resource["sizes"] = [size | {"label": LONG, "gpu_type": LONG} for size in resource["sizes"]]
    await page.set_viewport_size({"width": 360, "height": 740})
    await page.goto("/hub/spawn")
    await page.get_by_role("radio").first.check()
    await page.get_by_label("Computing resource").select_option("vega")
    await expect(page.locator(".size-choice").first).to_be_visible()
    assert await page.evaluate(OVERFLOW) <= 0
    await page.get_by_role("button", name="Advanced").click()
    await expect(page.locator("#inventory-line")).to_have_text(LONG)
    assert await page.evaluate(OVERFLOW) <= 0
    await page.get_by_label("Computing resource").select_option("perun")
    await expect(page.locator("#identity")).to_be_visible()
    assert await page.evaluate(OVERFLOW) <= 0


async def test_the_skip_link_is_first(page: Page, stub: Stub) -> None:
    await page.goto(PREFIX)
    await page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    await expect(skip).to_be_focused()
    await expect(skip).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_be_focused()


async def test_home_leads_to_the_tasks(page: Page, stub: Stub) -> None:
    await page.goto("/hub/home")
    await page.wait_for_url(f"**{PREFIX}")


async def test_servers_of_the_hub_itself_are_on_its_home(page: Page, stub: Stub) -> None:
    stub.taken = ["casa"]
    stub.native = {"as-before": True, "older": False}
    await page.goto(PREFIX)
    await page.get_by_role("link", name="on a page of their own").click()
    await expect(page.locator(".server-row .task-name")).to_have_text(["as-before", "older"])
    opened = page.get_by_role("link", name="Open")
    await expect(opened).to_have_attribute("href", "/user/alice/as-before/")
    await page.get_by_role("button", name="Stop").click()
    await expect(opened).to_be_hidden()
    async with page.expect_response("**/servers/older"):
        await page.get_by_role("button", name="Delete").last.click()
    assert stub.hub_calls == [
        ("as-before", '{"remove":false}', XSRF),
        ("older", '{"remove":true}', XSRF),
    ]


async def test_a_start_that_the_hub_refuses_has_a_way_on(page: Page, stub: Stub) -> None:
    await page.goto("/hub/error")
    await expect(page.locator("main")).to_contain_text("alice:casa is already running")
    await page.locator("main").get_by_role("link", name="All tasks").click()
    await expect(page).to_have_url(stub.base + PREFIX)


@pytest.mark.parametrize("name", ["token.html", "404.html", "home.html"])
async def test_stock_pages_render_in_our_frame(name: str) -> None:
    context = hub_context(Stub()) | {"oauth_clients": [], "api_tokens": []}
    page = hub_templates().get_template(name).render(**context, status_code=404)
    assert f'/services/rosetta/static/{static_version()}/rosetta.css"' in page
    assert 'href="/hub/spawn">New task' in page


@pytest.mark.parametrize("scopes", [{}, {"admin-ui": None}])
async def test_only_admins_are_shown_the_admin_page(scopes: dict[str, None]) -> None:
    context = hub_context(Stub()) | {"parsed_scopes": scopes}
    page = hub_templates().get_template("error.html").render(**context, status_code=404)
    assert ("/hub/admin" in page) == bool(scopes)


async def test_pages_of_nobody_show_nothing_of_anybody() -> None:
    context = hub_context(Stub()) | {"user": None}
    page = hub_templates().get_template("error.html").render(**context, status_code=500)
    assert "Logout" not in page
    assert "New task</a>\n</li>" not in page


async def test_a_script_that_did_not_arrive_is_asked_for_again(page: Page, stub: Stub) -> None:
    """As after Chromium's ERR_NETWORK_CHANGED, which a container's start next to it causes."""
    stub.put(make_task("a1", name="Line survey"))
    count = 2

    async def drop(route: Route) -> None:
        nonlocal count
        count -= 1
        await (route.abort() if count >= 0 else route.continue_())

    await page.route("**/static/*/task_row.js", drop)
    await page.goto(PREFIX)
    await page.wait_for_selector("#active .task-row")
    assert count < 0
